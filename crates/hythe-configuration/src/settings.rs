//! The effective configuration: every key that was read, the value that counts, and who said so.
//!
//! Nobody lists the keys here. The readers of `sections/` note what they settle on (see [`crate::section`]), so what
//! is shown is what the registry works with, defaults included.

use std::fmt::{self, Write as _};

use serde_json::Value as Json;

use crate::problem::Origin;
use crate::secret::Secret;
use crate::shape::Kind;
use hythe_units::ByteSize;
use hythe_units::GoDuration;

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "<hidden>";

/// One key with the value that counts.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// The key and the sections around it, outermost first.
    pub path: Vec<Step>,
    /// What the key holds; of a driver's own parameters [`Kind::Parameters`].
    pub kind: Kind,
    /// The value, written as in the file; null where there is none. Secrets are hidden.
    pub value: Json,
    /// Who said so.
    pub source: SettingSource,
}

impl Setting {
    /// The path as in messages: `notifications.endpoints[0].url`.
    pub fn name(&self) -> String {
        name(&self.path)
    }
}

/// Leaves the value out: it was made for whoever may read the configuration, and not for logs.
impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Setting");
        shown.field("name", &self.name()).field("source", &self.source);
        shown.finish_non_exhaustive()
    }
}

/// A step from the outside to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the entry of a section or map.
    Key(String),
    /// To the element of a list, counted from 0.
    Index(usize),
}

/// Why a key has its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// Nobody said anything.
    Default,
    /// It was written there.
    Written(Origin),
    /// It was written there under a deprecated key.
    Deprecated {
        /// That key, with its sections.
        key: String,
        /// Where it stands.
        origin: Origin,
    },
}

/// Prints `default`, `config.yml:7` or `REGISTRY_HTTP_ADDR`; a deprecated key in brackets.
impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Written(origin) => write_line(f, origin),
            Self::Deprecated { key, origin } => {
                write_line(f, origin)?;
                write!(f, " (deprecated key {key})")
            }
        }
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, origin: &Origin) -> fmt::Result {
    match origin {
        Origin::File {
            name,
            position: Some(position),
        } => write!(f, "{name}:{}", position.line),
        other => write!(f, "{other}"),
    }
}

/// The effective configuration, key by key in the order of the sections.
///
/// Prints as YAML, each value with its source in a comment. What is printed means the same when it is loaded again,
/// but for secrets, which are hidden.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings(Vec<Setting>);

impl Settings {
    pub(crate) fn new(settings: Vec<Setting>) -> Self {
        Self(settings)
    }

    /// Every key.
    pub fn iter(&self) -> std::slice::Iter<'_, Setting> {
        self.0.iter()
    }

    /// The key of that name, as [`Setting::name`] writes it.
    pub fn find(&self, name: &str) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.name() == name)
    }
}

impl<'a> IntoIterator for &'a Settings {
    type Item = &'a Setting;
    type IntoIter = std::slice::Iter<'a, Setting>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut above: &[Step] = &[];
        for Setting {
            path, value, source, ..
        } in &self.0
        {
            let shared = above
                .iter()
                .zip(path)
                .take_while(|(one, other)| one == other)
                .count();
            let mut line = String::new();
            for (depth, step) in path.iter().enumerate().skip(shared) {
                // The first key of an element stands on the line of its dash.
                if !line.ends_with("- ") {
                    line = "  ".repeat(depth);
                }
                match step {
                    Step::Index(_) => line.push_str("- "),
                    Step::Key(key) => {
                        line.push_str(&key_text(key));
                        line.push(':');
                        if depth + 1 < path.len() {
                            writeln!(f, "{line}")?;
                            line.clear();
                        }
                    }
                }
            }
            let space = if line.ends_with(' ') { "" } else { " " };
            if value.is_null() {
                writeln!(f, "{} not set", commented_out(&line))?;
            } else {
                writeln!(f, "{line}{space}{}  # {source}", value_text(value))?;
            }
            above = path;
        }
        Ok(())
    }
}

/// An empty key would be a key all the same, and may mean something.
fn commented_out(line: &str) -> String {
    let place = line.find(|c| c != ' ' && c != '-').unwrap_or(line.len());
    format!("{}# {}", &line[..place], &line[place..])
}

/// The path as in messages.
pub(crate) fn name(path: &[Step]) -> String {
    path.iter().fold(String::new(), |name, step| match step {
        Step::Key(key) => crate::problem::join(&name, key),
        Step::Index(index) => format!("{name}[{index}]"),
    })
}

fn key_text(key: &str) -> String {
    if is_plain(key) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// JSON is YAML, but for characters that YAML wants escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    for character in Json::from(text).to_string().chars() {
        let is_special = matches!(
            character,
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}'
        );
        if character.is_control() || is_special {
            let _ = write!(quoted, "\\u{:04x}", u32::from(character));
        } else {
            quoted.push(character);
        }
    }
    quoted
}

/// JSON is YAML; only plain words lose their quotes.
fn value_text(value: &Json) -> String {
    match value {
        Json::String(text) if is_plain(text) => text.clone(),
        Json::String(text) => quoted(text),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(value_text).collect();
            format!("[{}]", items.join(", "))
        }
        value => value.to_string(),
    }
}

/// Whether the text is the same without quotes, wherever it stands: no number, no boolean, nothing of YAML's own.
fn is_plain(text: &str) -> bool {
    let is_word = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let means_something_else = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "nan" | "inf" | "infinity"
    );
    let is_quantity = text.ends_with('s') && text.parse::<GoDuration>().is_ok()
        || text.ends_with('B') && text.parse::<ByteSize>().is_ok();
    is_word && (begins_well && !means_something_else || is_quantity)
}

/// How a value is written in the file.
pub(crate) trait Shown {
    fn shown(&self) -> Json;
}

impl Shown for String {
    /// A password in a URL is hidden.
    fn shown(&self) -> Json {
        Json::String(without_password(self))
    }
}

impl Shown for Secret {
    fn shown(&self) -> Json {
        HIDDEN.into()
    }
}

impl Shown for GoDuration {
    fn shown(&self) -> Json {
        self.to_string().into()
    }
}

impl Shown for std::time::Duration {
    fn shown(&self) -> Json {
        GoDuration::from(*self).shown()
    }
}

impl Shown for ByteSize {
    fn shown(&self) -> Json {
        self.to_string().into()
    }
}

impl Shown for ipnet::IpNet {
    fn shown(&self) -> Json {
        self.to_string().into()
    }
}

impl Shown for std::num::NonZeroUsize {
    fn shown(&self) -> Json {
        self.get().into()
    }
}

impl Shown for bool {
    fn shown(&self) -> Json {
        (*self).into()
    }
}

impl Shown for i64 {
    fn shown(&self) -> Json {
        (*self).into()
    }
}

impl Shown for u32 {
    fn shown(&self) -> Json {
        (*self).into()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> Json {
        self.as_ref().map_or(Json::Null, Shown::shown)
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn shown(&self) -> Json {
        self.iter().map(Shown::shown).collect()
    }
}

/// Whether a parameter of that name, of a driver or a provider, holds a secret.
///
/// Nobody here knows these parameters. So a name that sounds like a secret is one, unless it ends as names of files
/// and identifiers do.
pub(crate) fn is_secret(name: &str) -> bool {
    const SECRETS: [&str; 6] = [
        "secret",
        "password",
        "token",
        "key",
        "credential",
        "connectionstring",
    ];
    const HARMLESS: [&str; 7] = [
        "file",
        "path",
        "id",
        "realm",
        "privatekey",
        "clientid",
        "fetching",
    ];
    let name = name.to_lowercase();
    SECRETS.iter().any(|part| name.contains(part)) && !HARMLESS.iter().any(|end| name.ends_with(end))
}

/// Hides the password of `https://user:password@host`.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some(at) = rest[..authority].rfind('@') else {
        return text.to_owned();
    };
    match rest[..at].split_once(':') {
        Some((user, _password)) => format!("{scheme}://{user}:{HIDDEN}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_their_quotes_only_where_they_stay_texts() {
        for (text, expected) in [
            ("inmemory", "inmemory"),
            ("/var/lib", "/var/lib"),
            ("tls1.2", "tls1.2"),
            ("yes", "\"yes\""),
            ("Null", "\"Null\""),
            (":5000", "\":5000\""),
            ("12", "\"12\""),
            ("168h0m0s", "168h0m0s"),
            ("16MiB", "16MiB"),
            ("0x1B", "\"0x1B\""),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a\nb", "\"a\\nb\""),
            ("a\u{7f}\u{85}", "\"a\\u007f\\u0085\""),
        ] {
            assert_eq!(value_text(&text.into()), expected);
        }
    }

    #[test]
    fn passwords_in_urls_are_hidden() {
        for (text, expected) in [
            ("https://u:p@h/p", "https://u:<hidden>@h/p"),
            ("https://u:p@q@h", "https://u:<hidden>@h"),
            ("https://u@h", "https://u@h"),
            ("https://h/a:b@c", "https://h/a:b@c"),
            ("user:pass@host", "user:pass@host"),
        ] {
            assert_eq!(without_password(text), expected);
        }
    }

    #[test]
    fn names_that_sound_like_secrets_are_secrets() {
        for name in [
            "secretkey",
            "accesskey",
            "sessiontoken",
            "accountkey",
            "private_key",
            "connectionstring",
            "Password",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "keyfile",
            "keypairid",
            "tokenfile",
            "bucket",
            "realm",
            "rootdirectory",
            "privatekey",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
