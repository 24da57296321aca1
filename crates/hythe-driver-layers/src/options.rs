use hythe_driver::Parameters;
use serde_json::Value;

/// An option of a middleware that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("option {option}: {reason}")]
pub struct OptionError {
    /// Its name.
    pub option: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl OptionError {
    pub(crate) fn new(option: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { option, reason }
    }
}

/// A text; `None` when the option is absent, null or empty.
pub(crate) fn text<'a>(
    options: &'a Parameters,
    option: &'static str,
) -> Result<Option<&'a str>, OptionError> {
    match options.get(option) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(OptionError::new(option, "must be a text")),
    }
}
