use std::path::PathBuf;

use serde_json::{Map, Value};

/// What has to be configured under `auth.htpasswd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HtpasswdParameters {
    /// What clients are told that they log in to.
    pub realm: String,
    /// The file of names and hashes.
    pub path: PathBuf,
}

/// A parameter that is missing or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name}: {reason}")]
pub struct ParametersError {
    /// Its name under `auth.htpasswd`.
    pub name: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl HtpasswdParameters {
    /// Reads the parameters as they stand in the configuration. All problems are reported at once.
    pub fn read(parameters: &Map<String, Value>) -> Result<Self, Vec<ParametersError>> {
        let realm = text(parameters, "realm");
        let path = text(parameters, "path").and_then(|path| {
            if path.is_empty() || path.contains('\0') {
                return Err(invalid("path", "must be the path of a file"));
            }
            Ok(PathBuf::from(path))
        });
        match (realm, path) {
            (Ok(realm), Ok(path)) => Ok(Self { realm, path }),
            (realm, path) => Err([realm.err(), path.err()].into_iter().flatten().collect()),
        }
    }
}

/// A text; numbers and booleans are what YAML made of an unquoted one.
fn text(parameters: &Map<String, Value>, name: &'static str) -> Result<String, ParametersError> {
    match parameters.get(name) {
        None | Some(Value::Null) => Err(invalid(name, "must be set")),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => Ok(value.to_string()),
        Some(_) => Err(invalid(name, "must be a text")),
    }
}

fn invalid(name: &'static str, reason: &str) -> ParametersError {
    ParametersError {
        name,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<HtpasswdParameters, Vec<String>> {
        let parameters = value.as_object().unwrap();
        HtpasswdParameters::read(parameters)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn realm_and_path_are_read() {
        let expected = HtpasswdParameters {
            realm: "123".to_owned(),
            path: "/etc/htpasswd".into(),
        };
        assert_eq!(
            read(&json!({ "realm": "123", "path": "/etc/htpasswd" })).as_ref(),
            Ok(&expected)
        );
        assert_eq!(
            read(&json!({ "realm": 123, "path": "/etc/htpasswd" })),
            Ok(expected)
        );
    }

    #[test]
    fn all_problems_are_named() {
        assert_eq!(
            read(&json!({ "path": null })),
            Err(vec![
                "parameter realm: must be set".to_owned(),
                "parameter path: must be set".to_owned()
            ])
        );
        assert_eq!(
            read(&json!({ "realm": ["a"], "path": "" })),
            Err(vec![
                "parameter realm: must be a text".to_owned(),
                "parameter path: must be the path of a file".to_owned()
            ])
        );
    }
}
