//! The tree that YAML and the environment are read into: every value knows where it was written.

use serde_json::{Map as JsonMap, Number, Value as Json};

use crate::problem::Origin;
use crate::settings::Step;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order of the file; no key twice.
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Where the key stands; the value has its own place.
    pub(crate) origin: Origin,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn null(origin: Origin) -> Self {
        Self {
            content: Content::Scalar(Scalar::plain("")),
            origin,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entry of a map; `None` also when this is no map.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entry at the end of a path of keys.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Entry> {
        let (last, sections) = path.split_last()?;
        let section = sections
            .iter()
            .try_fold(self, |node, key| Some(&node.entry(key)?.value))?;
        section.entry(last)
    }

    /// Where the value at the end of a path was written, or the last of those around it that is there.
    pub(crate) fn nearest(&self, path: &[Step]) -> &Origin {
        let below = match path.first() {
            Some(Step::Key(key)) => self.entry(key).map(|entry| &entry.value),
            Some(Step::Index(index)) => match &self.content {
                Content::List(items) => items.get(*index),
                _ => None,
            },
            None => None,
        };
        below.map_or(&self.origin, |node| node.nearest(&path[1..]))
    }

    /// Turns the short form `storage: inmemory` into the long one, `storage: {inmemory: }`.
    pub(crate) fn expand_name(&mut self) {
        if let Content::Scalar(scalar) = &self.content
            && !scalar.is_null()
        {
            let origin = self.origin.clone();
            let value = Node::null(origin.clone());
            self.content = Content::Map(vec![Entry {
                key: scalar.text.clone(),
                origin,
                value,
            }]);
        }
    }

    /// The value as a driver or a provider gets it.
    ///
    /// A number becomes a JSON number only when it prints as it was written: an access key `0123` or a version
    /// `1.10` stays the text that it is.
    pub(crate) fn to_json(&self) -> Json {
        match &self.content {
            Content::Scalar(scalar) => scalar.to_json(),
            Content::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Content::Map(entries) => {
                let members = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()));
                Json::Object(members.collect::<JsonMap<_, _>>())
            }
        }
    }

    /// What to call this kind of value in a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(scalar) if scalar.is_null() => "empty",
            Content::Scalar(_) => "a plain value",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }
}

/// A text of the file whose type is decided by whoever asks for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Without quotes: may be a boolean, a number or nothing at all, by the rules of YAML 1.1.
    Plain,
    /// Quoted, a block, or tagged as text: never anything but text.
    Text,
}

impl Scalar {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            form: Form::Plain,
        }
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.form == Form::Plain
    }

    pub(crate) fn is_null(&self) -> bool {
        self.is_plain() && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// The booleans of YAML 1.1. A quoted `"true"` is a text, as in the original.
    pub(crate) fn boolean(&self) -> Option<bool> {
        if !self.is_plain() {
            return None;
        }
        match self.text.as_str() {
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                Some(false)
            }
            _ => None,
        }
    }

    /// The integers of YAML 1.1: a leading `0` is octal, `0x` hexadecimal, `0b` binary, `_` separates digits. A
    /// number in quotes counts too.
    pub(crate) fn integer(&self) -> Option<i64> {
        let text = self.text.replace('_', "");
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => ("-", &text[1..]),
            b'+' => ("", &text[1..]),
            _ => ("", text.as_str()),
        };
        let (radix, digits) = match digits.as_bytes() {
            [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
            [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
            [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
            [b'0', _, ..] => (8, &digits[1..]),
            _ => (10, digits),
        };
        // A second sign would be taken by the conversion below.
        if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return None;
        }
        i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
    }

    fn to_json(&self) -> Json {
        if !self.is_plain() {
            return Json::String(self.text.clone());
        }
        if self.is_null() {
            return Json::Null;
        }
        if let Some(boolean) = self.boolean() {
            return Json::Bool(boolean);
        }
        let number = match self.text.parse::<i64>() {
            Ok(integer) => Some(Number::from(integer)),
            Err(_) => self.text.parse::<f64>().ok().and_then(Number::from_f64),
        };
        match number {
            Some(number) if number.to_string() == self.text => Json::Number(number),
            _ => Json::String(self.text.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn quoted(text: &str) -> Scalar {
        Scalar {
            text: text.to_owned(),
            form: Form::Text,
        }
    }

    #[test]
    fn booleans_are_those_of_yaml_1_1() {
        for text in ["yes", "On", "TRUE", "y"] {
            assert_eq!(Scalar::plain(text).boolean(), Some(true), "{text}");
        }
        for text in ["no", "Off", "FALSE", "n"] {
            assert_eq!(Scalar::plain(text).boolean(), Some(false), "{text}");
        }
        for scalar in [Scalar::plain("1"), Scalar::plain("tRue"), quoted("true")] {
            assert_eq!(scalar.boolean(), None, "{scalar:?}");
        }
    }

    #[test]
    fn integers_are_those_of_yaml_1_1() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-12", Some(-12)),
            ("+7", Some(7)),
            ("0123", Some(0o123)),
            ("0o17", Some(0o17)),
            ("0x1F", Some(31)),
            ("-0b11", Some(-3)),
            ("1_000", Some(1000)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("089", None),
            ("1.5", None),
            ("--1", None),
            ("+-1", None),
            ("0x-1", None),
            ("0x", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(Scalar::plain(text).integer(), expected, "{text}");
        }
    }

    #[test]
    fn a_number_becomes_json_only_when_it_prints_as_written() {
        for (scalar, expected) in [
            (Scalar::plain("100"), json!(100)),
            (Scalar::plain("-2.5"), json!(-2.5)),
            (Scalar::plain("0123"), json!("0123")),
            (Scalar::plain("1.10"), json!("1.10")),
            (Scalar::plain("1e400"), json!("1e400")),
            (Scalar::plain("nan"), json!("nan")),
            (Scalar::plain("yes"), json!(true)),
            (Scalar::plain("~"), json!(null)),
            (quoted("100"), json!("100")),
            (quoted(""), json!("")),
        ] {
            assert_eq!(scalar.to_json(), expected, "{scalar:?}");
        }
    }
}
