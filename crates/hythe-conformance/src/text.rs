//! Patterns and ids in texts that are compared.

/// Whether `text` is `pattern`, in which `*` stands for any characters.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(position) => rest = &rest[position + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A text with every UUID replaced, since ids are drawn anew each time.
pub(crate) fn without_uuids(mut text: String) -> String {
    const LENGTH: usize = 36;
    let mut position = 0;
    while let Some(window) = text.as_bytes().get(position..position + LENGTH) {
        let is_uuid = window.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        if is_uuid {
            text.replace_range(position..position + LENGTH, "UUID");
        }
        position += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters() {
        fn check(pattern: &str, text: &str, expected: bool) {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        check("abc", "abc", true);
        check("abc", "abcd", false);
        check("*", "", true);
        check("a*", "abc", true);
        check("*c", "abc", true);
        check("a*b*c", "aXbYc", true);
        check("a*b*c", "aXc", false);
        check("ab*bc", "abc", false);
    }

    #[test]
    fn uuids_are_replaced() {
        assert_eq!(
            without_uuids("a/01890a5d-ac96-774b-bcce-b302099a8057/b".to_owned()),
            "a/UUID/b"
        );
        assert_eq!(without_uuids("01890a5d-ac96".to_owned()), "01890a5d-ac96");
    }
}
