use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};

/// A name and a password as a client sent them (RFC 7617).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: Vec<u8>,
}

/// Never shows the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// The credentials of a request; `None` when there are none of this kind.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::AUTHORIZATION)?.as_bytes();
        let (scheme, encoded) = value.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&decoded[..colon]).ok()?.to_owned();
        let password = decoded[colon + 1..].to_vec();
        Some(Self { name, password })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(value: &str, expected: Option<(&str, &str)>) {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        let expected = expected.map(|(name, password)| Credentials {
            name: name.to_owned(),
            password: password.into(),
        });
        assert_eq!(Credentials::of(&headers), expected, "{value}");
    }

    #[test]
    fn basic_credentials_are_read_and_nothing_else() {
        check("Basic dXNlcjpwYXNz", Some(("user", "pass")));
        check("bAsIc   dXNlcjpwYXNz", Some(("user", "pass")));
        check("Basic dXNlcjpwOmE6c3M=", Some(("user", "p:a:ss")));
        check("Basic dXNlcjo=", Some(("user", "")));
        check("Basic Og==", Some(("", "")));
        check("Basic dXNlcg==", None);
        check("Basic !", None);
        check("Basic /zpw", None);
        check("Basic", None);
        check("Bearer dXNlcjpwYXNz", None);
        assert_eq!(Credentials::of(&HeaderMap::new()), None);
    }

    #[test]
    fn a_password_is_never_shown() {
        let credentials = Credentials {
            name: "user".to_owned(),
            password: b"secret".to_vec(),
        };
        assert_eq!(format!("{credentials:?}"), "Credentials { name: \"user\", .. }");
    }
}
