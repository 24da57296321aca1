use std::path::PathBuf;

use hythe_driver::{ParameterProblem, Parameters};
use hythe_units::parse_unsigned;
use serde_json::Value;

/// The fewest concurrent blocking operations, as in distribution.
const MINIMUM_THREADS: u64 = 25;
const DEFAULT_THREADS: u64 = 100;
/// More than any machine runs, and far from the limits of a semaphore.
const MAXIMUM_THREADS: u64 = 1 << 20;
const DEFAULT_ROOT: &str = "/var/lib/registry";

/// Where files are kept and how many operations run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesystemParameters {
    /// The directory that holds everything; `rootdirectory` in the configuration.
    pub root_directory: PathBuf,
    /// How many blocking operations run at once; `maxthreads` in the configuration, at least 25.
    pub max_threads: usize,
}

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name}: {reason}, got {value}")]
pub struct ParametersError {
    name: &'static str,
    reason: &'static str,
    value: String,
}

impl From<ParametersError> for ParameterProblem {
    fn from(error: ParametersError) -> Self {
        Self::new(error.name, format!("{}, got {}", error.reason, error.value))
    }
}

impl Default for FilesystemParameters {
    fn default() -> Self {
        Self {
            root_directory: PathBuf::from(DEFAULT_ROOT),
            max_threads: DEFAULT_THREADS as usize,
        }
    }
}

impl FilesystemParameters {
    /// The defaults with another root directory.
    pub fn at(root_directory: impl Into<PathBuf>) -> Self {
        Self {
            root_directory: root_directory.into(),
            ..Self::default()
        }
    }

    /// Reads the parameters as they stand in the configuration. Unknown ones are ignored, `null` is as absent.
    pub fn read(parameters: &Parameters) -> Result<Self, ParametersError> {
        Ok(Self {
            root_directory: root_directory(parameters.get("rootdirectory"))?,
            max_threads: threads(parameters.get("maxthreads"))? as usize,
        })
    }
}

/// Any scalar, as text.
fn root_directory(value: Option<&Value>) -> Result<PathBuf, ParametersError> {
    let text = match value {
        None | Some(Value::Null) => DEFAULT_ROOT.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
        Some(value) => return Err(invalid("rootdirectory", "must be a path", value)),
    };
    if text.is_empty() || text.contains('\0') {
        return Err(invalid("rootdirectory", "must be a path", &Value::String(text)));
    }
    Ok(PathBuf::from(text))
}

/// A number, also as text with one of Go's base prefixes; too small a number is raised to the minimum.
fn threads(value: Option<&Value>) -> Result<u64, ParametersError> {
    const EXPECTED: &str = "must be a whole number";
    let threads = match value {
        None | Some(Value::Null) => DEFAULT_THREADS,
        Some(value @ Value::String(text)) => {
            parse_unsigned(text).ok_or_else(|| invalid("maxthreads", EXPECTED, value))?
        }
        Some(value @ Value::Number(number)) => match (number.as_u64(), number.as_i64()) {
            (Some(threads), _) => threads,
            (None, Some(_negative)) => 0,
            (None, None) => return Err(invalid("maxthreads", EXPECTED, value)),
        },
        Some(value) => return Err(invalid("maxthreads", EXPECTED, value)),
    };
    Ok(threads.clamp(MINIMUM_THREADS, MAXIMUM_THREADS))
}

fn invalid(name: &'static str, reason: &'static str, value: &Value) -> ParametersError {
    ParametersError {
        name,
        reason,
        value: value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<FilesystemParameters, ParametersError> {
        FilesystemParameters::read(value.as_object().unwrap())
    }

    #[test]
    fn parameters_are_read_as_distribution_reads_them() {
        let check = |value: Value, root: &str, max_threads: usize| {
            let expected = FilesystemParameters {
                root_directory: root.into(),
                max_threads,
            };
            assert_eq!(read(&value), Ok(expected), "{value}");
        };
        check(json!({}), "/var/lib/registry", 100);
        check(
            json!({"rootdirectory": null, "maxthreads": null}),
            "/var/lib/registry",
            100,
        );
        check(json!({"rootdirectory": "/x", "unknown": 1}), "/x", 100);
        check(json!({"rootdirectory": 12}), "12", 100);
        check(json!({"maxthreads": 1}), "/var/lib/registry", 25);
        check(json!({"maxthreads": 0}), "/var/lib/registry", 25);
        check(json!({"maxthreads": -7}), "/var/lib/registry", 25);
        check(json!({"maxthreads": 200}), "/var/lib/registry", 200);
        check(json!({"maxthreads": "100"}), "/var/lib/registry", 100);
        check(json!({"maxthreads": "0x40"}), "/var/lib/registry", 64);
        check(json!({"maxthreads": "0100"}), "/var/lib/registry", 64);
        check(
            json!({"maxthreads": u64::MAX}),
            "/var/lib/registry",
            MAXIMUM_THREADS as usize,
        );
    }

    #[test]
    fn unusable_parameters_are_named() {
        for value in [
            json!({"maxthreads": "many"}),
            json!({"maxthreads": "-1"}),
            json!({"maxthreads": "+1"}),
            json!({"maxthreads": ""}),
            json!({"maxthreads": 2.5}),
            json!({"maxthreads": true}),
            json!({"maxthreads": []}),
            json!({"rootdirectory": {}}),
            json!({"rootdirectory": ""}),
        ] {
            let error = read(&value).unwrap_err().to_string();
            let name = value.as_object().unwrap().keys().next().unwrap();
            assert!(error.contains(name.as_str()), "{error}");
        }
    }
}
