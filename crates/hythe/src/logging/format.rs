//! One event as a line of text or of JSON, under the field names of distribution's log.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Formatter {
    /// `time="…" level=info msg="…" key=value`
    Text,
    /// One JSON object a line, keys sorted; distribution 3.1.2's `json` and `logstash`.
    Json,
}

/// One event to be written.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// RFC 3339, nanoseconds.
    pub(crate) time: String,
    /// `error`, `warning`, `info` or `debug`, as distribution spells them.
    pub(crate) level: &'static str,
    /// The message.
    pub(crate) message: &'a str,
    /// All other fields.
    pub(crate) fields: &'a Map<String, Value>,
}

impl Formatter {
    /// The line, with its newline.
    pub(crate) fn format(self, line: &Line<'_>) -> String {
        match self {
            Self::Text => text(line),
            Self::Json => json(line),
        }
    }
}

fn text(line: &Line<'_>) -> String {
    let mut out = format!(
        "time=\"{}\" level={} msg={}",
        line.time,
        line.level,
        quoted(line.message)
    );
    for (key, value) in line.fields {
        let value = match value {
            Value::String(text) if is_plain(text) => text.clone(),
            Value::String(text) => quoted(text),
            other => other.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = write!(out, " {key}={value}");
    }
    out.push('\n');
    out
}

fn json(line: &Line<'_>) -> String {
    let mut object = line.fields.clone();
    object.insert("time".to_owned(), Value::String(line.time.clone()));
    object.insert("level".to_owned(), Value::String(line.level.to_owned()));
    object.insert("msg".to_owned(), Value::String(line.message.to_owned()));
    let mut out = Value::Object(object).to_string();
    out.push('\n');
    out
}

fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/@^+:,".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

/// Quotes so that no input can begin a new line or another field.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(formatter: Formatter) -> String {
        let mut fields = Map::new();
        fields.insert(
            "http.request.uri".to_owned(),
            Value::String("/v2/\n\"x\"".to_owned()),
        );
        fields.insert("http.response.status".to_owned(), Value::from(200));
        fields.insert("vars.name".to_owned(), Value::String("library/a".to_owned()));
        let time = "2026-01-02T03:04:05.000000006Z".to_owned();
        formatter.format(&Line {
            time,
            level: "info",
            message: "response completed",
            fields: &fields,
        })
    }

    #[test]
    fn text_quotes_whatever_could_break_a_line() {
        assert_eq!(
            line(Formatter::Text),
            "time=\"2026-01-02T03:04:05.000000006Z\" level=info msg=\"response completed\" \
             http.request.uri=\"/v2/\\n\\\"x\\\"\" http.response.status=200 vars.name=library/a\n"
        );
    }

    #[test]
    fn json_is_one_object_with_sorted_keys() {
        assert_eq!(
            line(Formatter::Json),
            "{\"http.request.uri\":\"/v2/\\n\\\"x\\\"\",\"http.response.status\":200,\"level\":\"info\",\
             \"msg\":\"response completed\",\"time\":\"2026-01-02T03:04:05.000000006Z\",\"vars.name\":\"library/a\"}\n"
        );
    }
}
