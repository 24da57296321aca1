use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

/// Where the token server listens when the realm is made of the request.
const DEFAULT_REDIRECT_PATH: &str = "/auth/token";

/// What has to be configured under `auth.token`.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenParameters {
    /// The token server's address, as clients are told.
    pub realm: String,
    /// The name of this registry: the audience of its tokens.
    pub service: String,
    /// Who must have issued the tokens.
    pub issuer: String,
    /// A file of root certificates in PEM; their keys, and those of certificates they issued, are trusted.
    pub root_certificates: Option<PathBuf>,
    /// A file that holds a JWK set (RFC 7517); its keys are trusted under their `kid`.
    pub jwks: Option<PathBuf>,
    /// The path of a token server on the host that the client asked; replaces the realm. `autoredirect` and
    /// `autoredirectpath` in the configuration.
    pub redirect_path: Option<String>,
    /// The algorithms that tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
}

/// A parameter that is missing or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name}: {reason}")]
pub struct ParametersError {
    /// Its name under `auth.token`.
    pub name: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// All that can be verified here. distribution also knows ES512, and lets HS256, HS384 and HS512 be configured but never
/// accepts such tokens.
const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("EdDSA", Algorithm::EdDSA),
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
];
const SHARED_SECRETS: [&str; 3] = ["HS256", "HS384", "HS512"];

impl TokenParameters {
    /// Reads the parameters as they stand in the configuration. All problems are reported at once.
    pub fn read(parameters: &Map<String, Value>) -> Result<Self, Vec<ParametersError>> {
        let mut reader = Reader {
            parameters,
            errors: Vec::new(),
        };
        let read = Self {
            realm: reader.required("realm"),
            service: reader.required("service"),
            issuer: reader.required("issuer"),
            root_certificates: reader.path("rootcertbundle"),
            jwks: reader.path("jwks"),
            redirect_path: reader.redirect_path(),
            algorithms: reader.algorithms(),
        };
        if read.root_certificates.is_none() && read.jwks.is_none() {
            reader.complain("rootcertbundle", "this or jwks must be set");
        }
        if reader.errors.is_empty() {
            Ok(read)
        } else {
            Err(reader.errors)
        }
    }
}

struct Reader<'a> {
    parameters: &'a Map<String, Value>,
    errors: Vec<ParametersError>,
}

impl Reader<'_> {
    fn complain(&mut self, name: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        self.errors.push(ParametersError { name, reason });
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        match self.parameters.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            // What YAML made of an unquoted text.
            Some(value @ (Value::Bool(_) | Value::Number(_))) => Some(value.to_string()),
            Some(_) => {
                self.complain(name, "must be a text");
                None
            }
        }
    }

    fn required(&mut self, name: &'static str) -> String {
        let problems = self.errors.len();
        let text = self.text(name);
        if text.is_none() && self.errors.len() == problems {
            self.complain(name, "must be set");
        }
        text.unwrap_or_default()
    }

    fn path(&mut self, name: &'static str) -> Option<PathBuf> {
        let text = self.text(name).filter(|text| !text.is_empty())?;
        if text.contains('\0') {
            self.complain(name, "must be the path of a file");
            return None;
        }
        Some(PathBuf::from(text))
    }

    fn redirect_path(&mut self) -> Option<String> {
        let is_on = match self.parameters.get("autoredirect") {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(_) => {
                self.complain("autoredirect", "must be true or false");
                false
            }
        };
        if !is_on {
            return None;
        }
        let path = self
            .text("autoredirectpath")
            .unwrap_or_else(|| DEFAULT_REDIRECT_PATH.to_owned());
        if !path.starts_with('/') || path.contains(|character: char| character.is_control()) {
            self.complain("autoredirectpath", "must be a path that begins with a slash");
        }
        Some(path)
    }

    fn algorithms(&mut self) -> Vec<Algorithm> {
        let all = || ALGORITHMS.iter().map(|(_, algorithm)| *algorithm).collect();
        let names = match self.parameters.get("signingalgorithms") {
            None | Some(Value::Null) => return all(),
            Some(Value::Array(names)) => names.clone(),
            // One name, as an environment variable gives it.
            Some(name @ Value::String(_)) => vec![name.clone()],
            Some(_) => {
                self.complain("signingalgorithms", "must be a list of names");
                return Vec::new();
            }
        };
        let mut algorithms = Vec::new();
        for name in names {
            let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
            if let Some((_, algorithm)) = ALGORITHMS.iter().find(|(known, _)| *known == name) {
                algorithms.push(*algorithm);
            } else if SHARED_SECRETS.contains(&name.as_str()) {
                tracing::warn!(
                    algorithm = name,
                    "auth.token.signingalgorithms: tokens signed with a shared secret are never accepted"
                );
            } else {
                let known: Vec<_> = ALGORITHMS.iter().map(|(known, _)| *known).collect();
                let known = known.join(", ");
                self.complain(
                    "signingalgorithms",
                    format!("{name:?} cannot be verified; this build can verify {known}"),
                );
            }
        }
        if algorithms.is_empty() && self.errors.is_empty() {
            self.complain("signingalgorithms", "none is left that could sign a token");
        }
        algorithms
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<TokenParameters, Vec<String>> {
        TokenParameters::read(value.as_object().unwrap())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn everything_but_the_names_and_one_source_of_keys_has_a_default() {
        let parameters = read(&json!({ "realm": "r", "service": "", "issuer": "i", "jwks": "/j" })).unwrap();
        assert_eq!(parameters.service, "");
        assert_eq!(parameters.jwks, Some("/j".into()));
        assert_eq!(parameters.root_certificates, None);
        assert_eq!(parameters.redirect_path, None);
        assert_eq!(parameters.algorithms.len(), 9);
    }

    #[test]
    fn what_is_configured_is_taken() {
        let parameters = read(&json!({
            "realm": "r", "service": "s", "issuer": "i", "rootcertbundle": "/r", "autoredirect": true,
            "signingalgorithms": ["RS256", "HS256", "EdDSA"],
        }))
        .unwrap();
        assert_eq!(parameters.redirect_path.as_deref(), Some("/auth/token"));
        assert_eq!(parameters.algorithms, [Algorithm::RS256, Algorithm::EdDSA]);
    }

    #[test]
    fn all_problems_are_named() {
        let errors = read(&json!({
            "realm": [], "issuer": "i", "autoredirect": "yes", "signingalgorithms": ["ES512", "none", 5],
        }))
        .unwrap_err();
        let expected = [
            "parameter realm: must be a text",
            "parameter service: must be set",
            "parameter autoredirect: must be true or false",
            "parameter signingalgorithms: \"ES512\" cannot be verified",
            "parameter signingalgorithms: \"none\" cannot be verified",
            "parameter signingalgorithms: \"5\" cannot be verified",
            "parameter rootcertbundle: this or jwks must be set",
        ];
        assert_eq!(errors.len(), expected.len(), "{errors:?}");
        for (error, expected) in errors.iter().zip(expected) {
            assert!(error.starts_with(expected), "{error}");
        }
        let errors = read(&json!({
            "realm": "r", "service": "s", "issuer": "i", "jwks": "/j", "signingalgorithms": ["HS256"],
        }));
        let expected = "parameter signingalgorithms: none is left that could sign a token";
        assert_eq!(errors.unwrap_err(), [expected]);
    }
}
