//! The `Forwarded` field of proxies ([RFC 7239][rfc]), read as distribution v3 reads it.
//!
//! [rfc]: https://www.rfc-editor.org/rfc/rfc7239

/// What the first proxy says about the request it got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) proto: Option<String>,
    pub(crate) host: Option<String>,
}

/// Reads the first element of a field; `None` if it is malformed.
pub(crate) fn parse(value: &str) -> Option<Forwarded> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut rest = value.trim_start();
    loop {
        if rest.is_empty() || rest.starts_with(',') {
            break;
        }
        let (name, tail) = split_token(rest)?;
        let tail = tail.trim_start().strip_prefix('=')?.trim_start();
        let (value, tail) = match tail.strip_prefix('"') {
            Some(quoted) => split_quoted(quoted)?,
            None => split_token(tail).map(|(token, tail)| (token.to_owned(), tail))?,
        };
        let name = name.to_ascii_lowercase();
        if pairs.iter().any(|(known, _)| *known == name) {
            return None;
        }
        pairs.push((name, value));

        rest = tail.trim_start();
        match rest.strip_prefix(';') {
            Some(tail) => rest = tail.trim_start(),
            None if rest.is_empty() || rest.starts_with(',') => break,
            None => return None,
        }
    }

    let mut take = |name: &str| {
        let index = pairs
            .iter()
            .position(|(known, value)| known == name && !value.is_empty())?;
        Some(pairs.swap_remove(index).1)
    };
    Some(Forwarded {
        proto: take("proto"),
        host: take("host"),
    })
}

fn split_token(text: &str) -> Option<(&str, &str)> {
    let ends = |c: char| "\"(),/:;<=>?@[\\]{}".contains(c) || c.is_whitespace() || c.is_control();
    let end = text.find(ends).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Splits behind the closing quote; a backslash takes the next character as it is.
fn split_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(value: &str, proto: Option<&str>, host: Option<&str>) {
        let expected = Forwarded {
            proto: proto.map(str::to_owned),
            host: host.map(str::to_owned),
        };
        assert_eq!(parse(value), Some(expected), "{value:?}");
    }

    #[test]
    fn the_first_element_counts() {
        check("", None, None);
        check("proto=https;host=example.org", Some("https"), Some("example.org"));
        check(
            "For=192.0.2.43; Proto=https,For=\"[2001:db8::17]\",For=unknown",
            Some("https"),
            None,
        );
        check(
            "for=\"192.0.2.43:443\"; host=\"example.org\", for=\"10.10.5.40:80\"",
            None,
            Some("example.org"),
        );
        check("host=\"example.org:8443\"", None, Some("example.org:8443"));
        check("host=\"a\\\"b\"", None, Some("a\"b"));
        check(" proto = http ; ", Some("http"), None);
        check(",proto=https", None, None);
    }

    #[test]
    fn malformed_fields_are_ignored() {
        for value in [
            "host=example.org:8443",
            "host",
            "host=",
            "=a",
            "a=b c=d",
            "a=\"b",
            "a=\"b\\",
            "a=b;a=c",
            "a=b/c",
        ] {
            assert_eq!(parse(value), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_fields_never_panic(value in "[a-z=;,\" \\\\:]{0,24}|\\PC{0,16}") {
            parse(&value);
        }
    }
}
