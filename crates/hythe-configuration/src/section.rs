//! Reading one section of the tree into its type.
//!
//! A reader is a function from a [`Section`] to a struct. Each getter answers `None` for a key that is absent or
//! empty, and also for one that is wrong, after noting the problem; so the reader goes on, and all problems are
//! found in one run. Run over nothing, the same readers give the defaults; run with `describing`, the [`Shape`].

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Map as JsonMap, Value as Json};

use crate::duration::GoDuration;
use crate::node::{Content, Entry, Node, Scalar};
use crate::problem::{Origin, Problem, join, quoted};
use crate::secret::Secret;
use crate::shape::{Field, Fields, Kind, Shape};
use crate::size::ByteSize;
use crate::unknown::nearest;

/// Reads the tree with `read`; what is wrong is added to `problems`.
pub(crate) fn read<T>(tree: &Node, problems: &mut Vec<Problem>, read: impl FnOnce(&Section<'_>) -> T) -> T {
    let context = Context {
        describing: false,
        problems: RefCell::new(Vec::new()),
    };
    // What is missing at the top is missing in the whole file, not on its first line.
    let origin = match &tree.origin {
        Origin::File { name, .. } => Origin::File {
            name: Arc::clone(name),
            position: None,
        },
        origin @ Origin::Environment { .. } => origin.clone(),
    };
    let section = Section::new(&context, Some(tree), String::new(), origin);
    let value = read(&section);
    problems.append(&mut context.problems.into_inner());
    value
}

/// The value that `read` makes of an absent section: its defaults.
pub(crate) fn read_nothing<T>(read: impl FnOnce(&Section<'_>) -> T) -> T {
    let context = Context {
        describing: false,
        problems: RefCell::new(Vec::new()),
    };
    read(&Section::new(&context, None, String::new(), nowhere()))
}

/// The keys that `read` asks for.
pub(crate) fn describe<T>(read: impl FnOnce(&Section<'_>) -> T) -> Shape {
    let context = Context {
        describing: true,
        problems: RefCell::new(Vec::new()),
    };
    let section = Section::new(&context, None, String::new(), nowhere());
    read(&section);
    Shape::Section(section.fields.into_inner())
}

/// The origin of problems that nobody sees.
fn nowhere() -> Origin {
    Origin::File {
        name: "".into(),
        position: None,
    }
}

struct Context {
    describing: bool,
    problems: RefCell<Vec<Problem>>,
}

/// A section while it is being read.
pub(crate) struct Section<'a> {
    context: &'a Context,
    /// `None` when the section is absent or empty.
    node: Option<&'a Node>,
    path: String,
    origin: Origin,
    fields: RefCell<Fields>,
}

impl<'a> Section<'a> {
    fn new(context: &'a Context, node: Option<&'a Node>, path: String, origin: Origin) -> Self {
        let node = node.filter(|node| !node.is_null());
        let section = Self {
            context,
            node,
            path,
            origin,
            fields: RefCell::default(),
        };
        if let Some(node) = node
            && !matches!(node.content, Content::Map(_))
        {
            let message = format!("must be a section with keys of its own, not {}", node.kind());
            section.push(Problem::error(section.path.clone(), node.origin.clone(), message));
        }
        section
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether the section is there and not empty.
    pub(crate) fn is_present(&self) -> bool {
        self.node.is_some()
    }

    /// Whether the key is there and not empty.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// A text; numbers and booleans count as the text that they are.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.scalar(key, Kind::Text, |scalar| Ok(scalar.text.clone()))
    }

    /// A text that is not empty and must not be logged.
    pub(crate) fn secret(&self, key: &'static str) -> Option<Secret> {
        let text = self.scalar(key, Kind::Secret, |scalar| Ok(scalar.text.clone()))?;
        (!text.is_empty()).then(|| Secret::new(text))
    }

    pub(crate) fn boolean(&self, key: &'static str) -> Option<bool> {
        self.scalar(key, Kind::Boolean, |scalar| {
            scalar
                .boolean()
                .ok_or_else(|| format!("{} is not true or false (without quotes)", quoted(&scalar.text)))
        })
    }

    pub(crate) fn integer(&self, key: &'static str) -> Option<i64> {
        self.scalar(key, Kind::Integer, |scalar| {
            scalar
                .integer()
                .ok_or_else(|| format!("{} is not a whole number", quoted(&scalar.text)))
        })
    }

    /// A duration that may be negative; a bare integer means nanoseconds.
    pub(crate) fn signed_duration(&self, key: &'static str) -> Option<GoDuration> {
        let duration = self.scalar(key, Kind::Duration, |scalar| match scalar.integer() {
            Some(nanoseconds) if scalar.is_plain() => Ok((GoDuration::from_nanoseconds(nanoseconds), true)),
            _ => parse_duration(scalar).map(|duration| (duration, false)),
        });
        let (duration, is_bare) = duration?;
        if is_bare && duration.as_nanoseconds() != 0 && duration.as_nanoseconds().abs() < 1_000_000 {
            self.warn(
                key,
                format!("a number without unit means nanoseconds, so this is {duration}; add a unit"),
            );
        }
        Some(duration)
    }

    /// A duration that is not negative; a bare integer means nanoseconds.
    pub(crate) fn duration(&self, key: &'static str) -> Option<Duration> {
        let duration = self.signed_duration(key)?.to_duration();
        if duration.is_none() {
            self.fail(key, "must not be negative");
        }
        duration
    }

    /// A duration longer than nothing that must have a unit.
    pub(crate) fn duration_with_unit(&self, key: &'static str) -> Option<Duration> {
        let duration = self.scalar(key, Kind::Duration, parse_duration)?;
        if duration.as_nanoseconds() <= 0 {
            self.fail(key, "must be longer than 0");
            return None;
        }
        duration.to_duration()
    }

    pub(crate) fn size(&self, key: &'static str) -> Option<ByteSize> {
        self.scalar(key, Kind::Size, |scalar| {
            scalar
                .text
                .parse()
                .map_err(|error| format!("{}: {error}", quoted(&scalar.text)))
        })
    }

    /// One of a few words, in any case.
    pub(crate) fn choice<T: Clone>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.scalar(key, Kind::Choice, |scalar| {
            let word = scalar.text.to_lowercase();
            let found = choices
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, choice)| choice.clone());
            found.ok_or_else(|| {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                format!("{} is none of {}", quoted(&scalar.text), names.join(", "))
            })
        })
    }

    /// A list of texts; empty when absent.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        self.record(key, Shape::List(Box::new(Shape::Scalar(Kind::Text))));
        let Some(node) = self.value(key) else {
            return Vec::new();
        };
        self.read_texts(&join(&self.path, key), node)
    }

    /// A list of networks such as `10.0.0.0/8`; a bare address is the network of itself.
    pub(crate) fn networks(&self, key: &'static str) -> Vec<IpNet> {
        let parse = |text: &String| {
            let address = || {
                text.parse()
                    .map(|address: IpAddr| IpNet::from(address.to_canonical()))
            };
            let network = text.parse().map(|network: IpNet| network.trunc());
            network.or_else(|_| address())
        };
        let texts = self.texts(key);
        let mut networks = Vec::with_capacity(texts.len());
        for text in &texts {
            match parse(text) {
                Ok(network) => networks.push(network),
                Err(_) => self.fail(
                    key,
                    format!("{} is not a network such as 10.0.0.0/8", quoted(text)),
                ),
            }
        }
        networks
    }

    /// A map from the operator's own keys to lists of texts, as for headers; in the order of the file.
    pub(crate) fn text_lists(&self, key: &'static str) -> Vec<(String, Vec<String>)> {
        self.record(
            key,
            Shape::Map(Box::new(Shape::List(Box::new(Shape::Scalar(Kind::Text))))),
        );
        let read = |entry: &Entry| {
            let path = join(&join(&self.path, key), &entry.key);
            (entry.key.clone(), self.read_texts(&path, &entry.value))
        };
        self.entries(key).iter().map(read).collect()
    }

    /// A map from the operator's own keys to anything.
    pub(crate) fn parameters(&self, key: &'static str) -> JsonMap<String, Json> {
        self.record(key, Shape::Map(Box::new(Shape::Any)));
        self.entries(key)
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.to_json()))
            .collect()
    }

    /// A section below this one; `read` runs also when it is absent.
    pub(crate) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Section<'_>) -> T) -> T {
        let entry = self.node.and_then(|node| node.entry(key));
        let origin = entry.map_or(&self.origin, |entry| &entry.origin).clone();
        let section = Section::new(
            self.context,
            entry.map(|entry| &entry.value),
            join(&self.path, key),
            origin,
        );
        let value = read(&section);
        self.record(key, Shape::Section(section.fields.into_inner()));
        value
    }

    /// A list of sections; empty when absent.
    pub(crate) fn sections<T>(&self, key: &'static str, read: impl Fn(&Section<'_>) -> T) -> Vec<T> {
        if self.context.describing {
            let element = Section::new(self.context, None, String::new(), self.origin.clone());
            read(&element);
            self.record(
                key,
                Shape::List(Box::new(Shape::Section(element.fields.into_inner()))),
            );
        }
        let Some(node) = self.value(key) else {
            return Vec::new();
        };
        let path = join(&self.path, key);
        let Content::List(items) = &node.content else {
            self.push(Problem::error(
                path,
                node.origin.clone(),
                format!("must be a list, not {}", node.kind()),
            ));
            return Vec::new();
        };
        let read_element = |(index, item): (usize, &Node)| {
            let path = format!("{path}[{index}]");
            read(&Section::new(self.context, Some(item), path, item.origin.clone()))
        };
        items.iter().enumerate().map(read_element).collect()
    }

    /// The entries that no getter has asked for so far, with their parameters: the drivers of `storage`.
    pub(crate) fn others(&self) -> Vec<Named> {
        self.fields.borrow_mut().others = Some(Box::new(Shape::Any));
        let fields = self.fields.borrow();
        let entries = self.node.map_or(&[][..], Node::entries).iter();
        let read = |entry: &Entry| {
            let path = join(&self.path, &entry.key);
            Named {
                name: entry.key.clone(),
                origin: entry.origin.clone(),
                parameters: self.read_parameters(&path, &entry.value),
            }
        };
        entries
            .filter(|entry| fields.field(&entry.key).is_none())
            .map(read)
            .collect()
    }

    /// Says that a plain word in place of this section means a key of that name.
    pub(crate) fn has_short_form(&self) {
        self.fields.borrow_mut().has_short_form = true;
    }

    /// Says that variables may spell the keys of this section in any case.
    pub(crate) fn is_any_case(&self) {
        self.fields.borrow_mut().is_any_case = true;
    }

    /// Says that variables may name the keys of this section through `part` too.
    pub(crate) fn inlines(&self, part: &'static str) {
        self.fields.borrow_mut().inlined = Some(part);
    }

    /// Says under which name the original's variables know a key that was read before.
    pub(crate) fn variable_name(&self, key: &str, name: &'static str) {
        let mut fields = self.fields.borrow_mut();
        if let Some(field) = fields.known.iter_mut().find(|field| field.key == key) {
            field.variable_name = Some(name);
        }
    }

    /// Notes an error at the key's value, or at the section when the key is absent.
    pub(crate) fn fail(&self, key: &str, message: impl Into<String>) {
        self.push(Problem::error(
            join(&self.path, key),
            self.origin_of(key),
            message,
        ));
    }

    /// Notes a warning at the key's value, or at the section when the key is absent.
    pub(crate) fn warn(&self, key: &str, message: impl Into<String>) {
        self.push(Problem::warning(
            join(&self.path, key),
            self.origin_of(key),
            message,
        ));
    }

    /// Notes an error at the section itself.
    pub(crate) fn fail_here(&self, message: impl Into<String>) {
        self.push(Problem::error(self.path.clone(), self.origin.clone(), message));
    }

    /// Notes a warning at the section itself.
    pub(crate) fn warn_here(&self, message: impl Into<String>) {
        self.push(Problem::warning(self.path.clone(), self.origin.clone(), message));
    }

    pub(crate) fn push(&self, problem: Problem) {
        self.context.problems.borrow_mut().push(problem);
    }

    fn origin_of(&self, key: &str) -> Origin {
        let entry = self.node.and_then(|node| node.entry(key));
        entry.map_or(&self.origin, |entry| &entry.value.origin).clone()
    }

    fn record(&self, key: &'static str, shape: Shape) {
        self.fields.borrow_mut().known.push(Field {
            key,
            variable_name: None,
            shape,
        });
    }

    fn value(&self, key: &str) -> Option<&'a Node> {
        self.node?
            .entry(key)
            .map(|entry| &entry.value)
            .filter(|value| !value.is_null())
    }

    fn scalar<T>(
        &self,
        key: &'static str,
        kind: Kind,
        convert: impl FnOnce(&Scalar) -> Result<T, String>,
    ) -> Option<T> {
        self.record(key, Shape::Scalar(kind));
        let node = self.value(key)?;
        let converted = match &node.content {
            Content::Scalar(scalar) => convert(scalar),
            _ => Err(format!("must be a single value, not {}", node.kind())),
        };
        converted.map_err(|message| self.fail(key, message)).ok()
    }

    fn entries(&self, key: &str) -> &'a [Entry] {
        let Some(node) = self.value(key) else {
            return &[];
        };
        if !matches!(node.content, Content::Map(_)) {
            self.fail(key, format!("must be a map, not {}", node.kind()));
        }
        node.entries()
    }

    fn read_texts(&self, path: &str, node: &Node) -> Vec<String> {
        let fail = |path: String, node: &Node, message: String| {
            self.push(Problem::error(path, node.origin.clone(), message));
        };
        let items = match &node.content {
            Content::List(items) => items,
            Content::Scalar(scalar) if scalar.is_null() => return Vec::new(),
            _ => {
                let message = format!("must be a list such as [one, two], not {}", node.kind());
                fail(path.to_owned(), node, message);
                return Vec::new();
            }
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match &item.content {
                Content::Scalar(scalar) if scalar.is_null() => {}
                Content::Scalar(scalar) => texts.push(scalar.text.clone()),
                _ => fail(
                    format!("{path}[{index}]"),
                    item,
                    format!("must be a text, not {}", item.kind()),
                ),
            }
        }
        texts
    }

    /// The parameters of a driver or a provider. Empty ones count as absent: the original hands them on, and the
    /// filesystem driver then writes to a directory called `<nil>`.
    fn read_parameters(&self, path: &str, node: &Node) -> JsonMap<String, Json> {
        match &node.content {
            Content::Map(_) => {}
            Content::Scalar(scalar) if scalar.is_null() => {}
            _ => {
                let message = format!("must be a map of parameters, not {}", node.kind());
                self.push(Problem::error(path, node.origin.clone(), message));
            }
        }
        let mut parameters = JsonMap::new();
        for entry in node.entries() {
            if entry.value.is_null() {
                let message = "empty, so it counts as not given";
                self.push(Problem::warning(
                    join(path, &entry.key),
                    entry.value.origin.clone(),
                    message,
                ));
            } else {
                parameters.insert(entry.key.clone(), entry.value.to_json());
            }
        }
        parameters
    }
}

/// A key of the operator's choice with the parameters below it.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) parameters: JsonMap<String, Json>,
}

/// The end of a message that proposes the nearest of `names`; empty when none is near.
pub(crate) fn did_you_mean<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    nearest(word, names).map_or_else(String::new, |name| format!(", did you mean \"{name}\"?"))
}

fn parse_duration(scalar: &Scalar) -> Result<GoDuration, String> {
    scalar
        .text
        .parse()
        .map_err(|error| format!("{}: {error}", quoted(&scalar.text)))
}
