//! Reading `WWW-Authenticate` (RFC 9110, section 11.6.1).

/// What a registry asks for before it lets a client in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Challenge {
    /// A name and a password with each request.
    Basic,
    /// A token from elsewhere.
    Bearer {
        realm: String,
        service: String,
        /// One for each resource; none on the base route.
        scopes: Vec<String>,
    },
}

impl Challenge {
    /// Reads the value of the field; `None`: it is of no kind that is known here.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (scheme, rest) = value.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest)?;
        let named = |name: &str| {
            let found = parameters.iter().find(|(found, _)| found == name);
            found.map(|(_, value)| value.clone())
        };
        let scopes = named("scope").unwrap_or_default();
        Some(Self::Bearer {
            realm: named("realm")?,
            service: named("service").unwrap_or_default(),
            scopes: scopes.split_ascii_whitespace().map(str::to_owned).collect(),
        })
    }
}

/// `name="value"` pairs with commas between them; in a value a backslash stands before what it means literally.
fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = quoted.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => value.push(characters.next()?),
                character => value.push(character),
            }
        }
        found.push((name.trim().to_ascii_lowercase(), value));
        rest = characters.as_str().trim_start_matches([',', ' ']);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_of_both_kinds_are_read() {
        fn check(value: &str, expected: Option<&Challenge>) {
            assert_eq!(Challenge::parse(value).as_ref(), expected, "{value}");
        }
        check("Basic realm=\"x\"", Some(&Challenge::Basic));
        check(
            r#"Bearer realm="http://a/t\"x",service="s",scope="repository:a:pull,push repository:b:pull",error="e""#,
            Some(&Challenge::Bearer {
                realm: "http://a/t\"x".to_owned(),
                service: "s".to_owned(),
                scopes: vec![
                    "repository:a:pull,push".to_owned(),
                    "repository:b:pull".to_owned(),
                ],
            }),
        );
        check(
            "bearer realm=\"r\", service=\"s\"",
            Some(&Challenge::Bearer {
                realm: "r".to_owned(),
                service: "s".to_owned(),
                scopes: Vec::new(),
            }),
        );
        for other in [
            "",
            "Basic",
            "Digest realm=\"x\"",
            "Bearer realm=\"open",
            "Bearer service=\"s\"",
        ] {
            check(other, None);
        }
    }
}
