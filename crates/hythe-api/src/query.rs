use http::Uri;

use crate::path::decode_escapes;

/// The parameters of a query, or of a form body: `a=1&b=2`.
///
/// Reading follows Go's `net/url`, which distribution v3 uses: `+` is a space, a pair with a malformed escape
/// or a `;` in it is left out and the others count. Bytes that are no UTF-8 become U+FFFD, so that whoever
/// asks for the value refuses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads what stands behind the `?`.
    pub fn parse(raw: &str) -> Query {
        let pairs = raw
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'));
        Query {
            pairs: pairs.filter_map(decode_pair).collect(),
        }
    }

    /// Reads the query of a request's URI.
    pub fn of(uri: &Uri) -> Query {
        Query::parse(uri.query().unwrap_or_default())
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter, an empty one counting as none.
    pub fn get_nonempty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of a parameter, in the order they were given.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All parameters, in the order they were given.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Adds the parameters of a form body behind these, so that these come first.
    #[must_use]
    pub fn and(mut self, other: Query) -> Query {
        self.pairs.extend(other.pairs);
        self
    }

    /// Writes parameters as Go does: sorted by name, values of one name in the given order.
    pub fn encode(pairs: &[(&str, &str)]) -> String {
        let mut sorted = pairs.to_vec();
        sorted.sort_by_key(|(name, _)| *name);
        let mut encoded = String::new();
        for (name, value) in sorted {
            if !encoded.is_empty() {
                encoded.push('&');
            }
            escape(&mut encoded, name);
            encoded.push('=');
            escape(&mut encoded, value);
        }
        encoded
    }
}

fn decode_pair(pair: &str) -> Option<(String, String)> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    Some((decode(name)?, decode(value)?))
}

fn decode(text: &str) -> Option<String> {
    let bytes = decode_escapes(text.as_bytes(), true)?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn escape(target: &mut String, text: &str) {
    const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => target.push(byte.into()),
            b' ' => target.push('+'),
            _ => {
                target.push('%');
                target.push(HEX_DIGITS[usize::from(byte >> 4)].into());
                target.push(HEX_DIGITS[usize::from(byte & 15)].into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &[(&str, &str)]) {
        assert_eq!(Query::parse(raw).pairs().collect::<Vec<_>>(), expected, "{raw:?}");
    }

    #[test]
    fn queries_are_read_as_go_reads_them() {
        check("", &[]);
        check("a=1&b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]);
        check("a&=b&&c=", &[("a", ""), ("", "b"), ("c", "")]);
        check("a=b+c%2Bd%3D&e=f=g", &[("a", "b c+d="), ("e", "f=g")]);
        check("a=%zz&b=%&c=%ff&d=1;e=2&f=ok", &[("c", "\u{fffd}"), ("f", "ok")]);
        check("%61=%C3%A9", &[("a", "é")]);
    }

    #[test]
    fn the_first_value_counts() {
        let query = Query::parse("tag=a&tag=b&n=&n=7");
        assert_eq!(query.get("tag"), Some("a"));
        assert_eq!(query.get_all("tag").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(query.get("n"), Some(""));
        assert_eq!(query.get_nonempty("n"), None);
        assert_eq!(query.get("x"), None);
        assert_eq!(query.and(Query::parse("x=1&n=8")).get("x"), Some("1"));
    }

    #[test]
    fn the_query_of_a_uri_is_read() {
        assert_eq!(
            Query::of(&Uri::from_static("/v2/_catalog?n=1")).get("n"),
            Some("1")
        );
        assert_eq!(Query::of(&Uri::from_static("/v2/_catalog")), Query::default());
    }

    #[test]
    fn queries_are_written_sorted_and_escaped() {
        assert_eq!(
            Query::encode(&[("n", "2"), ("last", "a/b c"), ("last", "~é")]),
            "last=a%2Fb+c&last=~%C3%A9&n=2"
        );
        assert_eq!(Query::encode(&[]), "");
    }

    proptest! {
        #[test]
        fn parse_inverts_encode(name in "\\PC{1,8}", value in any::<String>()) {
            let query = Query::parse(&Query::encode(&[(&name, &value)]));
            prop_assert_eq!(query.get(&name), Some(value.as_str()));
        }

        #[test]
        fn arbitrary_text_never_panics(raw in "[a-z=&%;+0-9]{0,24}|\\PC{0,16}") {
            Query::parse(&raw);
        }
    }
}
