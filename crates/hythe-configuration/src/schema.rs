//! The configuration as a JSON Schema, for editors and for checks before a roll-out.
//!
//! It is made of the shapes that the readers of `sections/` tell (see [`crate::shape`]), so it has every key that is
//! read and no other. It is as strict as `--strict`: unknown keys are refused. What only a whole file can tell (keys
//! that exclude each other, what a build lacks, files that are not there) it does not know.

use serde_json::{Map as JsonMap, Value as Json, json};

use crate::capabilities::Capabilities;
use crate::configuration::Configuration;
use crate::reference::meaning;
use crate::section;
use crate::settings::{Setting, Settings};
use crate::shape::{Field, Fields, Kind, Shape};
use crate::unknown::RETIRED;

/// The schema (draft 2020-12) of a configuration file, for a program that can do `capabilities`.
pub fn schema(capabilities: &Capabilities) -> Json {
    let (shape, defaults) = section::describe(Configuration::read);
    let writer = Writer {
        capabilities,
        defaults,
    };
    let mut schema = writer.of(&shape, "");
    // Whatever the first line says is the version.
    schema["properties"]["version"] = json!({ "enum": [0.1, "0.1"], "description": meaning("version") });
    schema["required"] = json!(["version", "storage"]);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "The configuration of Hythe, and of distribution 3".into();
    schema
}

struct Writer<'a> {
    capabilities: &'a Capabilities,
    defaults: Settings,
}

impl Writer<'_> {
    /// `path` is that of the shape, elements of lists written `[]`.
    fn of(&self, shape: &Shape, path: &str) -> Json {
        match shape {
            Shape::Scalar(kind) => scalar(*kind),
            Shape::Choice(words) => choice(words),
            Shape::List(element) => {
                json!({ "type": ["array", "null"], "items": self.of(element, &format!("{path}[]")) })
            }
            Shape::Map(value) => {
                json!({ "type": ["object", "null"], "additionalProperties": self.of(value, path) })
            }
            Shape::Any => json!(true),
            Shape::Section(fields) => self.section(fields, path),
        }
    }

    fn section(&self, fields: &Fields, path: &str) -> Json {
        let mut properties: JsonMap<String, Json> = fields
            .known
            .iter()
            .map(|field| (field.key.to_owned(), self.field(field, path)))
            .collect();
        for (retired, advice) in RETIRED {
            let (section, key) = retired.rsplit_once('.').unwrap_or(("", retired));
            if section == path {
                let schema = json!({ "deprecated": true, "description": advice });
                properties.insert(key.to_owned(), schema);
            }
        }
        let names = self.others(path);
        for name in &names {
            let parameters = json!({ "type": ["object", "null"] });
            properties.insert(name.clone(), parameters);
        }
        let mut schema = json!({
            "type": ["object", "null"],
            "properties": properties,
            "additionalProperties": false,
        });
        if fields.has_short_form {
            // One of them, or its bare name.
            let one_of: Vec<Json> = names.iter().map(|name| json!({ "required": [name] })).collect();
            schema["oneOf"] = one_of.into();
            schema["type"] = "object".into();
            schema = json!({ "anyOf": [{ "enum": names }, schema] });
        }
        schema
    }

    /// The names that the operator chooses one of: drivers, providers.
    fn others(&self, path: &str) -> Vec<String> {
        match path {
            "storage" => self.capabilities.drivers.clone(),
            "auth" => {
                let mut names = self.capabilities.auth_providers.clone();
                names.push("none".to_owned());
                names
            }
            _ => Vec::new(),
        }
    }

    fn field(&self, field: &Field, section: &str) -> Json {
        let path = match section {
            "" => field.key.to_owned(),
            _ => format!("{section}.{}", field.key),
        };
        let mut schema = self.of(&field.shape, &path);
        let meaning = meaning(&path);
        if !meaning.is_empty() {
            schema["description"] = meaning.into();
        }
        if let Some(new) = &field.deprecated_for {
            schema["deprecated"] = true.into();
            schema["description"] = format!("deprecated; use `{new}`").into();
        }
        if let Some(Setting { value, .. }) = self.defaults.find(&path.replace("[]", "[0]"))
            && !value.is_null()
        {
            schema["default"] = value.clone();
        }
        schema
    }
}

/// A key without a value counts as absent, so null is always allowed.
fn scalar(kind: Kind) -> Json {
    const DURATION: &str = r"^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$";
    const SIZE: &str = r"^[0-9]+ ?([kKmMgGtT][iI]?)?[bB]?$";
    const INTEGER: &str = r"^[-+]?(0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]*|0[bB][01_]+|[1-9][0-9_]*)$";
    match kind {
        // What YAML makes a number or a boolean of stays the text that it is.
        Kind::Text | Kind::Secret => json!({ "type": ["string", "number", "boolean", "null"] }),
        // The words of YAML 1.1, which are texts to newer readers.
        Kind::Boolean => json!({ "enum": [
            true, false, null, "y", "Y", "yes", "Yes", "YES", "on", "On", "ON",
            "n", "N", "no", "No", "NO", "off", "Off", "OFF",
        ] }),
        Kind::Integer => json!({ "type": ["integer", "string", "null"], "pattern": INTEGER }),
        Kind::Duration => json!({ "type": ["string", "integer", "null"], "pattern": DURATION }),
        Kind::DurationWithUnit => json!({ "type": ["string", "null"], "pattern": DURATION }),
        Kind::Size => json!({ "type": ["string", "integer", "null"], "pattern": SIZE, "minimum": 0 }),
        Kind::Choice | Kind::Texts | Kind::Map | Kind::Sections | Kind::Parameters => json!(true),
    }
}

/// The words in any case; the first part is for editors, which propose it.
fn choice(words: &[&str]) -> Json {
    let letter = |letter: char| {
        if letter.is_ascii_alphabetic() {
            format!("[{}{letter}]", letter.to_ascii_uppercase())
        } else if letter == '.' {
            "\\.".to_owned()
        } else {
            letter.to_string()
        }
    };
    let patterns: Vec<String> = words
        .iter()
        .map(|word| word.chars().map(letter).collect())
        .collect();
    let pattern = format!("^({})$", patterns.join("|"));
    json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": pattern }, { "type": "null" }] })
}
