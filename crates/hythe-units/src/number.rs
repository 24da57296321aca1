/// Reads a whole number as Go's `strconv.ParseUint` does with base 0, without underscores: `100`, `0x64`, `0o144`,
/// `0144`, `0b1100100`. `None` for anything else, signs among it, and for what does not fit into 64 bits.
pub fn parse_unsigned(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.as_str() {
        "0" => ("0", 10),
        text if text.starts_with("0x") => (&text[2..], 16),
        text if text.starts_with("0o") => (&text[2..], 8),
        text if text.starts_with("0b") => (&text[2..], 2),
        text if text.starts_with('0') => (&text[1..], 8),
        text => (text, 10),
    };
    // `from_str_radix` would take a sign.
    let has_digits_only = digits.chars().all(|digit| digit.is_digit(radix));
    has_digits_only.then(|| u64::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("100", Some(100)),
            ("0x64", Some(100)),
            ("0X64", Some(100)),
            ("0o144", Some(100)),
            ("0144", Some(100)),
            ("0b1100100", Some(100)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("0x", None),
            ("089", None),
            ("+1", None),
            ("-1", None),
            ("1_000", None),
            ("1.5", None),
            ("\u{661}", None),
        ] {
            assert_eq!(parse_unsigned(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered_without_panic(text in "0?[xob]?[0-9a-f]{0,24}|\\PC{0,24}") {
            let _ = parse_unsigned(&text);
        }
    }
}
