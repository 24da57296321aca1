//! Durations as Go writes them: `1h30m`, `250ms`, `-1.5s`.
//!
//! Every duration of the configuration is in this form, so files of the original keep their meaning. The grammar
//! and the printed form are those of `time.ParseDuration` and `time.Duration.String`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// A signed span of time in whole nanoseconds, at most about 292 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoDuration(i64);

impl GoDuration {
    /// The duration of so many nanoseconds; a bare integer in the configuration means this.
    pub fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// The duration in nanoseconds.
    pub fn as_nanoseconds(self) -> i64 {
        self.0
    }

    /// The same span as an unsigned [`Duration`]; `None` when it is negative.
    pub fn to_duration(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }
}

impl FromStr for GoDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, ParseDurationError> {
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        // Zero is the one number that needs no unit.
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(ParseDurationError::NotADuration);
        }
        let mut total: u128 = 0;
        while !rest.is_empty() {
            let (nanoseconds, after) = parse_part(rest)?;
            total = total.saturating_add(nanoseconds);
            rest = after;
        }
        let total = i128::try_from(total).map_err(|_| ParseDurationError::TooLong)?;
        let signed = if negative { -total } else { total };
        i64::try_from(signed)
            .map(Self)
            .map_err(|_| ParseDurationError::TooLong)
    }
}

/// Prints as Go does: `1h30m0s`, `250ms`, `0s`.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanoseconds {
            0 => f.write_str("0s"),
            1..MICROSECOND => write!(f, "{nanoseconds}ns"),
            MICROSECOND..MILLISECOND => write!(f, "{}µs", decimal(nanoseconds, MICROSECOND)),
            MILLISECOND..SECOND => write!(f, "{}ms", decimal(nanoseconds, MILLISECOND)),
            _ => {
                if nanoseconds >= HOUR {
                    write!(f, "{}h", nanoseconds / HOUR)?;
                }
                if nanoseconds >= MINUTE {
                    write!(f, "{}m", nanoseconds % HOUR / MINUTE)?;
                }
                write!(f, "{}s", decimal(nanoseconds % MINUTE, SECOND))
            }
        }
    }
}

impl From<Duration> for GoDuration {
    /// Spans beyond 292 years become the longest that can be written.
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// Why a text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseDurationError {
    /// It does not have the form of numbers with units.
    #[error("not a duration such as 1h30m or 250ms")]
    NotADuration,
    /// A number stands without its unit.
    #[error("the unit is missing; write for example 30s")]
    MissingUnit,
    /// The unit is none of `ns`, `us`, `ms`, `s`, `m`, `h`.
    #[error("unknown unit; the units are ns, us, ms, s, m and h")]
    UnknownUnit,
    /// It is longer than 292 years.
    #[error("longer than 292 years")]
    TooLong,
}

/// Reads one number with its unit; answers its nanoseconds and what follows.
fn parse_part(text: &str) -> Result<(u128, &str), ParseDurationError> {
    let (whole, rest) = split_while(text, |c| c.is_ascii_digit());
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_while(rest, |c| c.is_ascii_digit()),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(ParseDurationError::NotADuration);
    }
    let (unit, rest) = split_while(rest, |c| c != '.' && !c.is_ascii_digit());
    let unit = u128::from(match unit {
        "" => return Err(ParseDurationError::MissingUnit),
        "ns" => 1,
        // The micro sign and the Greek letter look the same; Go takes both.
        "us" | "\u{b5}s" | "\u{3bc}s" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return Err(ParseDurationError::UnknownUnit),
    });
    let whole = match whole {
        "" => 0,
        digits => u128::from(digits.parse::<u64>().map_err(|_| ParseDurationError::TooLong)?),
    };
    // Digits after the eighteenth are below a nanosecond for every unit.
    let fraction = &fraction[..fraction.len().min(18)];
    let numerator = fraction.parse::<u128>().unwrap_or(0);
    let denominator = fraction.bytes().fold(1_u128, |power, _| power * 10);
    Ok((whole * unit + numerator * unit / denominator, rest))
}

/// Splits behind the longest start whose characters all satisfy `belongs`.
fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// Writes `value / unit` in decimal, without trailing zeros; `unit` is a power of ten.
fn decimal(value: u64, unit: u64) -> String {
    let (whole, fraction) = (value / unit, value % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    let fraction = format!("{fraction:0digits$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Nanoseconds and the printed form, from Go's own documentation and tests.
    fn check(text: &str, nanoseconds: i64, printed: &str) {
        let parsed: GoDuration = text.parse().unwrap();
        assert_eq!(parsed.as_nanoseconds(), nanoseconds, "{text}");
        assert_eq!(parsed.to_string(), printed, "{text}");
    }

    #[test]
    fn durations_read_and_print_as_in_go() {
        check("0", 0, "0s");
        check("0s", 0, "0s");
        check("-0", 0, "0s");
        check("5s", 5_000_000_000, "5s");
        check("1478s", 1_478_000_000_000, "24m38s");
        check("1h30m", 5_400_000_000_000, "1h30m0s");
        check("168h", 604_800_000_000_000, "168h0m0s");
        check("250ms", 250_000_000, "250ms");
        check(".5s", 500_000_000, "500ms");
        check("5.s", 5_000_000_000, "5s");
        check("-1.5h", -5_400_000_000_000, "-1h30m0s");
        check("+5.6s", 5_600_000_000, "5.6s");
        check("11us", 11_000, "11µs");
        check("12µs12ns", 12_012, "12.012µs");
        check("12\u{3bc}s", 12_000, "12µs");
        check("39h9m14.425s", 140_954_425_000_000, "39h9m14.425s");
        check("0.100000000000000000000h", 360_000_000_000, "6m0s");
        check("9223372036854775807ns", i64::MAX, "2562047h47m16.854775807s");
        check("-9223372036854775808ns", i64::MIN, "-2562047h47m16.854775808s");
    }

    fn check_refused(text: &str, expected: ParseDurationError) {
        assert_eq!(text.parse::<GoDuration>(), Err(expected), "{text}");
    }

    #[test]
    fn malformed_durations_are_refused() {
        use ParseDurationError::*;
        for text in [
            "", "-", "+", "s", ".", "-.", ".s", "-.s", " 1s", "1s ", "--1s", "1h-30m",
        ] {
            let error = text.parse::<GoDuration>().unwrap_err();
            assert!(matches!(error, NotADuration | UnknownUnit), "{text}: {error}");
        }
        check_refused("3", MissingUnit);
        check_refused("1m30", MissingUnit);
        check_refused("1d", UnknownUnit);
        check_refused("1H", UnknownUnit);
        check_refused("3000000h", TooLong);
        check_refused("9223372036854775808ns", TooLong);
        check_refused("99999999999999999999999999999999999999h", TooLong);
    }

    proptest! {
        #[test]
        fn printing_and_parsing_give_the_duration_back(nanoseconds: i64) {
            let duration = GoDuration::from_nanoseconds(nanoseconds);
            prop_assert_eq!(duration.to_string().parse::<GoDuration>(), Ok(duration));
        }

        #[test]
        fn any_text_is_answered_without_panic(text in "[-+0-9.a-zµ ]{0,24}|\\PC{0,24}") {
            if let Ok(duration) = text.parse::<GoDuration>() {
                prop_assert_eq!(duration.to_string().parse::<GoDuration>(), Ok(duration));
            }
        }
    }
}
