//! Reading one section of the tree into its type.
//!
//! A reader is a function from a [`Section`] to a struct. Each getter answers `None` for a key that is absent or
//! empty, and also for one that is wrong, after noting the problem; so the reader goes on, and all problems are
//! found in one run. Each getter notes its value as a [`Setting`] too; a reader that puts something else in its place
//! says so (`settle`, and the getters that end in `_or`). Run over nothing, the same readers give the defaults; run
//! with `describing`, the [`Shape`].

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Map as JsonMap, Value as Json};

use crate::node::{Content, Entry, Node, Scalar};
use crate::problem::{Origin, Problem, join, quoted};
use crate::secret::Secret;
use crate::settings::{HIDDEN, Setting, SettingSource, Settings, Shown, Step, is_secret};
use crate::shape::{Field, Fields, Kind, Shape};
use crate::unknown::nearest;
use hythe_units::ByteSize;
use hythe_units::GoDuration;

/// Reads the tree with `read`; what is wrong is added to `problems`.
pub(crate) fn read<T>(
    tree: &Node,
    problems: &mut Vec<Problem>,
    read: impl FnOnce(&Section<'_>) -> T,
) -> (T, Settings) {
    let context = Context::default();
    // What is missing at the top is missing in the whole file, not on its first line.
    let origin = match &tree.origin {
        Origin::File { name, .. } => Origin::File {
            name: Arc::clone(name),
            position: None,
        },
        origin @ Origin::Environment { .. } => origin.clone(),
    };
    let value = read(&Section::new(&context, Some(tree), Place::default(), origin));
    problems.append(&mut context.problems.into_inner());
    (value, Settings::new(context.settings.into_inner()))
}

/// The value that `read` makes of an absent section: its defaults.
pub(crate) fn read_nothing<T>(read: impl FnOnce(&Section<'_>) -> T) -> T {
    read(&Section::new(
        &Context::default(),
        None,
        Place::default(),
        nowhere(),
    ))
}

/// The keys that `read` asks for, and what each is when nobody says anything; lists have one element.
pub(crate) fn describe<T>(read: impl FnOnce(&Section<'_>) -> T) -> (Shape, Settings) {
    let context = Context {
        describing: true,
        ..Context::default()
    };
    let section = Section::new(&context, None, Place::default(), nowhere());
    read(&section);
    let shape = Shape::Section(section.fields.into_inner());
    (shape, Settings::new(context.settings.into_inner()))
}

/// The origin of problems that nobody sees.
fn nowhere() -> Origin {
    Origin::File {
        name: "".into(),
        position: None,
    }
}

#[derive(Default)]
struct Context {
    describing: bool,
    problems: RefCell<Vec<Problem>>,
    settings: RefCell<Vec<Setting>>,
}

/// Where a section stands.
#[derive(Clone, Default)]
struct Place {
    /// As in messages.
    name: String,
    steps: Vec<Step>,
}

impl Place {
    fn key(&self, key: &str) -> Self {
        let mut steps = self.steps.clone();
        steps.push(Step::Key(key.to_owned()));
        Self {
            name: join(&self.name, key),
            steps,
        }
    }

    fn element(&self, index: usize) -> Self {
        let mut steps = self.steps.clone();
        steps.push(Step::Index(index));
        Self {
            name: format!("{}[{index}]", self.name),
            steps,
        }
    }
}

/// A section while it is being read.
pub(crate) struct Section<'a> {
    context: &'a Context,
    /// `None` when the section is absent or empty.
    node: Option<&'a Node>,
    place: Place,
    origin: Origin,
    fields: RefCell<Fields>,
}

impl<'a> Section<'a> {
    fn new(context: &'a Context, node: Option<&'a Node>, place: Place, origin: Origin) -> Self {
        let node = node.filter(|node| !node.is_null());
        let section = Self {
            context,
            node,
            place,
            origin,
            fields: RefCell::default(),
        };
        if let Some(node) = node
            && !matches!(node.content, Content::Map(_))
        {
            let message = format!("must be a section with keys of its own, not {}", node.kind());
            section.push(Problem::error(section.path(), node.origin.clone(), message));
        }
        section
    }

    pub(crate) fn path(&self) -> &str {
        &self.place.name
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
        let secret = self.scalar(key, Kind::Secret, |scalar| Ok(Secret::new(scalar.text.clone())))?;
        if secret.reveal().is_empty() {
            return self.settle(key, None);
        }
        Some(secret)
    }

    pub(crate) fn boolean(&self, key: &'static str) -> Option<bool> {
        self.scalar(key, Kind::Boolean, |scalar| {
            scalar
                .boolean()
                .ok_or_else(|| format!("{} is not true or false (without quotes)", quoted(&scalar.text)))
        })
    }

    pub(crate) fn boolean_or(&self, key: &'static str, default: bool) -> bool {
        let value = self.boolean(key).unwrap_or(default);
        self.settle(key, value)
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
        let mut is_bare = false;
        let duration = self.scalar(key, Kind::Duration, |scalar| match scalar.integer() {
            Some(nanoseconds) if scalar.is_plain() => {
                is_bare = true;
                Ok(GoDuration::from_nanoseconds(nanoseconds))
            }
            _ => parse_duration(scalar),
        })?;
        let nanoseconds = duration.as_nanoseconds();
        if is_bare && nanoseconds != 0 && nanoseconds.unsigned_abs() < 1_000_000 {
            self.warn(
                key,
                format!("a number without unit means nanoseconds, so this is {duration}; add a unit"),
            );
        }
        Some(duration)
    }

    /// A duration that is not negative; a bare integer means nanoseconds.
    pub(crate) fn duration(&self, key: &'static str) -> Option<Duration> {
        let duration = self.signed_duration(key)?;
        let unsigned = duration.to_duration();
        if unsigned.is_none() {
            self.fail(key, format!("must not be negative, is {duration}"));
        }
        unsigned
    }

    pub(crate) fn duration_or(&self, key: &'static str, default: Duration) -> Duration {
        let value = self.duration(key).unwrap_or(default);
        self.settle(key, value)
    }

    /// A duration longer than nothing that must have a unit.
    pub(crate) fn duration_with_unit_or(&self, key: &'static str, default: Duration) -> Duration {
        let duration = self.scalar(key, Kind::DurationWithUnit, parse_duration);
        let positive = duration
            .and_then(GoDuration::to_duration)
            .filter(|duration| !duration.is_zero());
        if let (Some(duration), None) = (duration, positive) {
            self.fail(key, format!("must be longer than 0, is {duration}"));
        }
        self.settle(key, positive.unwrap_or(default))
    }

    pub(crate) fn size_or(&self, key: &'static str, default: ByteSize) -> ByteSize {
        let size = self.scalar(key, Kind::Size, |scalar| {
            scalar
                .text
                .parse()
                .map_err(|error| format!("{}: {error}", quoted(&scalar.text)))
        });
        self.settle(key, size.unwrap_or(default))
    }

    /// One of a few words, in any case.
    pub(crate) fn choice<T: Clone>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let names: Vec<&'static str> = choices.iter().map(|(name, _)| *name).collect();
        let chosen = self.scalar_of(key, Shape::Choice(names.clone()), Kind::Choice, |scalar| {
            let word = scalar.text.to_lowercase();
            let found = names.iter().position(|name| *name == word);
            found
                .map(|place| Chosen(names[place], place))
                .ok_or_else(|| format!("{} is none of {}", quoted(&scalar.text), names.join(", ")))
        });
        chosen.map(|Chosen(_, place)| choices[place].1.clone())
    }

    pub(crate) fn choice_or<T: Clone + PartialEq>(
        &self,
        key: &'static str,
        choices: &[(&'static str, T)],
        default: T,
    ) -> T {
        if let Some(chosen) = self.choice(key, choices) {
            return chosen;
        }
        let name = choices.iter().find(|(_, choice)| *choice == default);
        self.settle(key, name.map(|(name, _)| (*name).to_owned()));
        default
    }

    /// A list of texts; empty when absent.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        self.record(key, Shape::List(Box::new(Shape::Scalar(Kind::Text))));
        let place = self.place.key(key);
        let texts = self
            .value(key)
            .map_or_else(Vec::new, |node| self.read_texts(&place.name, node));
        self.note(place, Kind::Texts, texts.shown(), self.source_of(key));
        texts
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
    pub(crate) fn text_lists(&self, key: &'static str, secrecy: Secrecy) -> Vec<(String, Vec<String>)> {
        self.record(
            key,
            Shape::Map(Box::new(Shape::List(Box::new(Shape::Scalar(Kind::Text))))),
        );
        let place = self.place.key(key);
        let entries = self.entries(key);
        if entries.is_empty() {
            self.note_empty_map(key);
        }
        let read = |entry: &Entry| {
            let place = place.key(&entry.key);
            let texts = self.read_texts(&place.name, &entry.value);
            let shown = match secrecy {
                Secrecy::Shown => texts.shown(),
                Secrecy::Hidden => texts.iter().map(|_| HIDDEN).collect(),
            };
            let source = SettingSource::Written(entry.value.origin.clone());
            self.note(place, Kind::Map, shown, source);
            (entry.key.clone(), texts)
        };
        entries.iter().map(read).collect()
    }

    /// A map from the operator's own keys to anything.
    pub(crate) fn parameters(&self, key: &'static str) -> JsonMap<String, Json> {
        self.record(key, Shape::Map(Box::new(Shape::Any)));
        let place = self.place.key(key);
        let entries = self.entries(key);
        if entries.is_empty() {
            self.note_empty_map(key);
        }
        let read = |entry: &Entry| {
            self.note_tree(place.key(&entry.key), &entry.key, &entry.value);
            (entry.key.clone(), entry.value.to_json())
        };
        entries.iter().map(read).collect()
    }

    fn note_empty_map(&self, key: &str) {
        let nothing = Json::Object(JsonMap::new());
        self.note(self.place.key(key), Kind::Map, nothing, self.source_of(key));
    }

    /// A section below this one; `read` runs also when it is absent.
    pub(crate) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Section<'_>) -> T) -> T {
        let entry = self.node.and_then(|node| node.entry(key));
        let origin = entry.map_or(&self.origin, |entry| &entry.origin).clone();
        let section = Section::new(
            self.context,
            entry.map(|entry| &entry.value),
            self.place.key(key),
            origin,
        );
        let value = read(&section);
        self.record(key, Shape::Section(section.fields.into_inner()));
        value
    }

    /// A list of sections; empty when absent.
    pub(crate) fn sections<T>(&self, key: &'static str, read: impl Fn(&Section<'_>) -> T) -> Vec<T> {
        let place = self.place.key(key);
        if self.context.describing {
            let element = Section::new(self.context, None, place.element(0), self.origin.clone());
            read(&element);
            self.record(
                key,
                Shape::List(Box::new(Shape::Section(element.fields.into_inner()))),
            );
            return Vec::new();
        }
        let items = match self.value(key) {
            None => &[][..],
            Some(Node {
                content: Content::List(items),
                ..
            }) => items,
            Some(node) => {
                self.fail(key, format!("must be a list, not {}", node.kind()));
                &[]
            }
        };
        if items.is_empty() {
            self.note(
                place.clone(),
                Kind::Sections,
                Json::Array(Vec::new()),
                self.source_of(key),
            );
        }
        let read_element = |(index, item): (usize, &Node)| {
            let place = place.element(index);
            read(&Section::new(
                self.context,
                Some(item),
                place,
                item.origin.clone(),
            ))
        };
        items.iter().enumerate().map(read_element).collect()
    }

    /// The entries that no getter has asked for so far, with their parameters: the drivers of `storage`.
    pub(crate) fn others(&self) -> Vec<Named> {
        self.fields.borrow_mut().others = Some(Box::new(Shape::Any));
        let fields = self.fields.borrow();
        let entries = self.node.map_or(&[][..], Node::entries).iter();
        let read = |entry: &Entry| {
            let place = self.place.key(&entry.key);
            let parameters = self.read_parameters(&place.name, &entry.value);
            if parameters.is_empty() {
                let source = SettingSource::Written(entry.value.origin.clone());
                self.note(place, Kind::Parameters, Json::Object(JsonMap::new()), source);
            } else {
                self.note_tree(place, &entry.key, &entry.value);
            }
            Named {
                name: entry.key.clone(),
                origin: entry.origin.clone(),
                parameters,
            }
        };
        entries
            .filter(|entry| fields.field(&entry.key).is_none())
            .map(read)
            .collect()
    }

    /// Says what the key's value means in the end, where that is not what was written.
    pub(crate) fn settle<T: Shown>(&self, key: &str, value: T) -> T {
        let steps = self.place.key(key).steps;
        let mut settings = self.context.settings.borrow_mut();
        if let Some(setting) = settings.iter_mut().rev().find(|setting| setting.path == steps) {
            setting.value = value.shown();
        }
        value
    }

    /// Says that the defaults of the section `key` do not hold: nothing is set there.
    pub(crate) fn unset(&self, key: &str) {
        if self.context.describing {
            return;
        }
        let path = self.place.key(key).steps;
        let mut settings = self.context.settings.borrow_mut();
        for setting in settings
            .iter_mut()
            .filter(|setting| setting.path.starts_with(&path))
        {
            setting.value = Json::Null;
        }
    }

    /// Whether the keys are of interest and not the values.
    pub(crate) fn is_describing(&self) -> bool {
        self.context.describing
    }

    /// Says what stands in the place of the whole section.
    pub(crate) fn settle_here(&self, value: impl Into<Json>) {
        let path = &self.place.steps;
        let mut settings = self.context.settings.borrow_mut();
        settings.retain(|setting| !setting.path.starts_with(path));
        let source = match self.node {
            Some(node) => SettingSource::Written(node.origin.clone()),
            None => SettingSource::Default,
        };
        settings.push(Setting {
            path: path.clone(),
            kind: Kind::Parameters,
            value: value.into(),
            source,
        });
    }

    /// Says that `old`, which was read before, is deprecated in favour of `new` below the same section, and warns when
    /// it is there. With an `effect`, that is what it makes of the new key.
    pub(crate) fn deprecate(&self, old: &str, new: &[&'static str], effect: Option<Json>) {
        let place = new.iter().fold(self.place.clone(), |place, key| place.key(key));
        if self.has(old) {
            self.warn(old, format!("deprecated; use `{}`", place.name));
        }
        if let Some(field) = self
            .fields
            .borrow_mut()
            .known
            .iter_mut()
            .find(|field| field.key == old)
        {
            field.deprecated_for = Some(place.name.clone());
        }
        let old_place = self.place.key(old);
        let mut settings = self.context.settings.borrow_mut();
        if !self.context.describing {
            settings.retain(|setting| setting.path != old_place.steps);
        }
        if let Some(value) = effect
            && let Some(setting) = settings.iter_mut().find(|setting| setting.path == place.steps)
        {
            setting.value = value;
            setting.source = SettingSource::Deprecated {
                key: old_place.name,
                origin: self.origin_of(old),
            };
        }
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
            join(self.path(), key),
            self.origin_of(key),
            message,
        ));
    }

    /// Notes a warning at the key's value, or at the section when the key is absent.
    pub(crate) fn warn(&self, key: &str, message: impl Into<String>) {
        self.push(Problem::warning(
            join(self.path(), key),
            self.origin_of(key),
            message,
        ));
    }

    /// Notes an error at the section itself.
    pub(crate) fn fail_here(&self, message: impl Into<String>) {
        self.push(Problem::error(self.path(), self.origin.clone(), message));
    }

    /// Notes a warning at the section itself.
    pub(crate) fn warn_here(&self, message: impl Into<String>) {
        self.push(Problem::warning(self.path(), self.origin.clone(), message));
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
            deprecated_for: None,
            shape,
        });
    }

    fn value(&self, key: &str) -> Option<&'a Node> {
        self.node?
            .entry(key)
            .map(|entry| &entry.value)
            .filter(|value| !value.is_null())
    }

    fn scalar<T: Shown>(
        &self,
        key: &'static str,
        kind: Kind,
        convert: impl FnOnce(&Scalar) -> Result<T, String>,
    ) -> Option<T> {
        self.scalar_of(key, Shape::Scalar(kind), kind, convert)
    }

    fn scalar_of<T: Shown>(
        &self,
        key: &'static str,
        shape: Shape,
        kind: Kind,
        convert: impl FnOnce(&Scalar) -> Result<T, String>,
    ) -> Option<T> {
        self.record(key, shape);
        let value = self.value(key).and_then(|node| {
            let converted = match &node.content {
                Content::Scalar(scalar) => convert(scalar),
                _ => Err(format!("must be a single value, not {}", node.kind())),
            };
            converted.map_err(|message| self.fail(key, message)).ok()
        });
        self.note(self.place.key(key), kind, value.shown(), self.source_of(key));
        value
    }

    fn source_of(&self, key: &str) -> SettingSource {
        self.value(key).map_or(SettingSource::Default, |node| {
            SettingSource::Written(node.origin.clone())
        })
    }

    fn note(&self, place: Place, kind: Kind, value: Json, source: SettingSource) {
        self.context.settings.borrow_mut().push(Setting {
            path: place.steps,
            kind,
            value,
            source,
        });
    }

    /// Notes what somebody else reads, down to the single values. `name` is the last name on the way.
    fn note_tree(&self, place: Place, name: &str, node: &Node) {
        match &node.content {
            Content::Map(entries) if !entries.is_empty() => {
                for entry in entries {
                    self.note_tree(place.key(&entry.key), &entry.key, &entry.value);
                }
            }
            Content::List(items)
                if items
                    .iter()
                    .any(|item| !matches!(item.content, Content::Scalar(_))) =>
            {
                for (index, item) in items.iter().enumerate() {
                    self.note_tree(place.element(index), name, item);
                }
            }
            _ => {
                let value = match node.to_json() {
                    Json::Null => Json::Null,
                    _ if is_secret(name) => HIDDEN.into(),
                    Json::String(text) => text.shown(),
                    value => value,
                };
                let source = SettingSource::Written(node.origin.clone());
                self.note(place, Kind::Parameters, value, source);
            }
        }
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

/// Whether values may be shown to whoever looks at the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Secrecy {
    Shown,
    /// They are credentials often enough.
    Hidden,
}

/// The name of a choice and its number.
struct Chosen(&'static str, usize);

impl Shown for Chosen {
    fn shown(&self) -> Json {
        self.0.into()
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
