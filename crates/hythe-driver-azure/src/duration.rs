//! Durations as they stand in distribution's configuration.

use std::time::Duration;

/// The units of Go's `time.ParseDuration`, the longer names first where one begins with another.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("μs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// Reads a duration such as `100ms` or `1h30m`. `None` when it is no such text, or is negative.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        seconds += number * factor;
        rest = &rest[unit.len()..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse(text), expected.map(Duration::from_micros), "{text}");
        };
        check("100ms", Some(100_000));
        check("1h30m", Some(5_400_000_000));
        check("1.5s", Some(1_500_000));
        check("2m0.5s", Some(120_500_000));
        check("20us", Some(20));
        check("20µs", Some(20));
        check("0", Some(0));
        check("+1s", Some(1_000_000));
        for text in ["", "1", "s", "-1s", "1 s", "1d", "..s", "1s2", "ms"] {
            check(text, None);
        }
    }
}
