//! Numbers of bytes as people write them: `24MiB`, `500kB`, `65536`.
//!
//! `Ki`, `Mi`, `Gi`, `Ti` are powers of 1024; `k`, `M`, `G`, `T` powers of 1000, as in Kubernetes. A trailing `B` and
//! upper or lower case change nothing.

use std::fmt;
use std::str::FromStr;

const BINARY_UNITS: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many mebibytes (1024 × 1024 bytes).
    pub const fn from_mebibytes(mebibytes: u32) -> Self {
        Self((mebibytes as u64) << 20)
    }

    /// The number of bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ParseSizeError;

    fn from_str(text: &str) -> Result<Self, ParseSizeError> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(ParseSizeError::NotASize);
        }
        let unit = unit.trim_start().to_ascii_lowercase();
        let factor: u64 = match unit.strip_suffix('b').unwrap_or(&unit) {
            "" => 1,
            "k" => 1_000,
            "m" => 1_000_000,
            "g" => 1_000_000_000,
            "t" => 1_000_000_000_000,
            "ki" => 1 << 10,
            "mi" => 1 << 20,
            "gi" => 1 << 30,
            "ti" => 1 << 40,
            _ => return Err(ParseSizeError::UnknownUnit),
        };
        let number: u64 = number.parse().map_err(|_| ParseSizeError::TooLarge)?;
        number
            .checked_mul(factor)
            .map(Self)
            .ok_or(ParseSizeError::TooLarge)
    }
}

/// Prints in the largest binary unit that leaves no remainder: `24MiB`, `1000`.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = BINARY_UNITS
            .iter()
            .find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        match unit {
            Some((name, factor)) => write!(f, "{}{name}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Why a text is not a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseSizeError {
    /// It does not begin with digits.
    #[error("not a number of bytes such as 24MiB")]
    NotASize,
    /// The unit is not known.
    #[error("unknown unit; the units are KiB, MiB, GiB, TiB, kB, MB, GB and TB")]
    UnknownUnit,
    /// It does not fit into 64 bits.
    #[error("too large")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, bytes: u64, printed: &str) {
        let size: ByteSize = text.parse().unwrap();
        assert_eq!(size.as_bytes(), bytes, "{text}");
        assert_eq!(size.to_string(), printed, "{text}");
    }

    #[test]
    fn sizes_read_with_binary_and_decimal_units() {
        check("0", 0, "0");
        check("1000", 1000, "1000");
        check("1024", 1024, "1KiB");
        check("24MiB", 24 << 20, "24MiB");
        check("24 mi", 24 << 20, "24MiB");
        check("2kB", 2000, "2000");
        check("2K", 2000, "2000");
        check("3GB", 3_000_000_000, "3000000000");
        check("1tib", 1 << 40, "1TiB");
        check("512B", 512, "512");
    }

    #[test]
    fn malformed_sizes_are_refused() {
        for (text, expected) in [
            ("", ParseSizeError::NotASize),
            ("MiB", ParseSizeError::NotASize),
            ("-1", ParseSizeError::NotASize),
            ("1.5MiB", ParseSizeError::UnknownUnit),
            ("1XiB", ParseSizeError::UnknownUnit),
            ("18446744073709551616", ParseSizeError::TooLarge),
            ("18446744073709551615k", ParseSizeError::TooLarge),
        ] {
            assert_eq!(text.parse::<ByteSize>(), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_give_the_size_back(bytes: u64, shift in 0_u32..64) {
            let size = ByteSize::from_bytes(bytes >> shift << (shift / 2));
            prop_assert_eq!(size.to_string().parse::<ByteSize>(), Ok(size));
        }

        #[test]
        fn any_text_is_answered_without_panic(text in "[0-9]{0,24}[ a-zA-Z]{0,5}|\\PC{0,24}") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
