//! Reads YAML into the tree, with bounds on everything that a few bytes could make large.
//!
//! The grammar is `granit-parser`'s; here events become nodes, aliases copies, merge keys entries, and keys given
//! twice a warning (the last one counts, as in the original).

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::node::{Content, Entry, Form, Node, Scalar};
use crate::problem::{Origin, Position, Problem, join};

/// A configuration is a page or two; this leaves room for generated lists.
const MAX_BYTES: usize = 1 << 20;
/// The deepest key of the configuration is at level 7. Everything that walks the tree may recurse this deep.
const MAX_DEPTH: usize = 64;
/// Counts what aliases stand for too: ten lines of them can otherwise mean a billion values.
const MAX_NODES: usize = 100_000;
/// Counts the text of aliases too.
const MAX_TEXT_BYTES: usize = 8 << 20;

/// What the text of a problem is called in messages.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(Arc<str>),
    Environment(Arc<str>),
}

impl Source {
    fn at(&self, mark: &Marker) -> Origin {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        match self {
            Self::File(name) => {
                let position = Position {
                    line: number(mark.line()),
                    column: number(mark.col() + 1),
                };
                Origin::File {
                    name: Arc::clone(name),
                    position: Some(position),
                }
            }
            Self::Environment(_) => self.whole(),
        }
    }

    /// The origin of what has no place of its own.
    pub(crate) fn whole(&self) -> Origin {
        match self {
            Self::File(name) => Origin::File {
                name: Arc::clone(name),
                position: None,
            },
            Self::Environment(variable) => Origin::Environment {
                variable: Arc::clone(variable),
            },
        }
    }
}

/// Reads the first document of `text`; an empty text is a null. Adds warnings to `problems`.
///
/// `path` is the key that the whole text stands for: nothing for the file, `http.addr` for an environment variable.
pub(crate) fn parse(
    text: &str,
    source: &Source,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Result<Node, Problem> {
    if text.len() > MAX_BYTES {
        let message = format!("longer than {MAX_BYTES} bytes");
        return Err(Problem::error(path, source.whole(), message));
    }
    let mut options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    // Another crate of the same build may switch the feature on.
    options.set_emit_comments(false);
    let mut builder = Builder {
        events: Parser::new_from_str_with_options(text, options),
        source,
        path: path.to_owned(),
        nodes_left: MAX_NODES,
        text_bytes_left: MAX_TEXT_BYTES,
        anchors: HashMap::new(),
        problems,
    };
    builder.document()
}

struct Builder<'a, 'b> {
    events: Parser<'a, StrInput<'a>>,
    source: &'b Source,
    path: String,
    nodes_left: usize,
    text_bytes_left: usize,
    anchors: HashMap<usize, Measured>,
    problems: &'b mut Vec<Problem>,
}

/// A node with what a copy of it costs.
#[derive(Clone)]
struct Measured {
    node: Node,
    /// Levels below and including this one.
    height: usize,
    nodes: usize,
    text_bytes: usize,
}

impl<'a> Builder<'a, '_> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    let message = "only the first document of the file is read";
                    self.problems
                        .push(Problem::warning("", self.source.at(&span.start), message));
                    break;
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, span, 1)?.node),
            }
        }
        Ok(root.unwrap_or_else(|| Node::null(self.source.whole())))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Measured, Problem> {
        let origin = self.source.at(&span.start);
        if depth > MAX_DEPTH {
            return Err(self.error(origin, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let (anchor, built) = match event {
            Event::Alias(id) => return self.alias(id, origin, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let text_bytes = text.len();
                self.pay(1, text_bytes, &origin)?;
                let form = form(style, tag.as_deref());
                let content = Content::Scalar(Scalar {
                    text: text.into_owned(),
                    form,
                });
                (
                    anchor,
                    Measured {
                        node: Node { content, origin },
                        height: 1,
                        nodes: 1,
                        text_bytes,
                    },
                )
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(origin, depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(origin, depth)?),
            _ => return Err(self.error(origin, "not valid YAML: a value is missing")),
        };
        if anchor != 0 {
            // The copy kept for aliases costs as much as the original.
            self.pay(built.nodes, built.text_bytes, &built.node.origin)?;
            self.anchors.insert(anchor, built.clone());
        }
        Ok(built)
    }

    fn alias(&mut self, id: usize, origin: Origin, depth: usize) -> Result<Measured, Problem> {
        let Some(target) = self.anchors.get(&id) else {
            return Err(self.error(origin, "not valid YAML: an alias inside of what it stands for"));
        };
        if depth + target.height > MAX_DEPTH {
            return Err(self.error(origin, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let (nodes, text_bytes) = (target.nodes, target.text_bytes);
        self.pay(nodes, text_bytes, &origin)?;
        Ok(self.anchors[&id].clone())
    }

    fn list(&mut self, origin: Origin, depth: usize) -> Result<Measured, Problem> {
        let mut items = Vec::new();
        let mut total = Total::default();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                break;
            }
            let length = self.path.len();
            self.path = format!("{}[{}]", self.path, items.len());
            let item = self.node(event, span, depth + 1)?;
            self.path.truncate(length);
            items.push(total.add(item));
        }
        self.pay(1, 0, &origin)?;
        Ok(total.of(Node {
            content: Content::List(items),
            origin,
        }))
    }

    fn map(&mut self, origin: Origin, depth: usize) -> Result<Measured, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<Entry> = Vec::new();
        let mut total = Total::default();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => break,
                event => self.node(event, span, depth + 1)?,
            };
            let key_origin = key.node.origin.clone();
            let Content::Scalar(key) = total.add(key).content else {
                return Err(self.error(key_origin, "a key must be a plain word, not a list or a map"));
            };
            let is_merge = key.is_plain() && key.text == "<<";

            let above = mem::take(&mut self.path);
            self.path = if is_merge {
                above.clone()
            } else {
                join(&above, &key.text)
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if is_merge {
                merged.extend(self.merged(total.add(value).content, &key_origin)?);
            } else if let Some(&place) = places.get(&key.text) {
                self.warn_of_duplicate(&entries[place].origin, key_origin.clone());
                entries[place] = Entry {
                    key: key.text,
                    origin: key_origin,
                    value: total.add(value),
                };
            } else {
                places.insert(key.text.clone(), entries.len());
                entries.push(Entry {
                    key: key.text,
                    origin: key_origin,
                    value: total.add(value),
                });
            }
            self.path = above;
        }
        // What the map says itself counts more than what it merges, and earlier merges more than later ones.
        for entry in merged {
            if !places.contains_key(&entry.key) {
                places.insert(entry.key.clone(), entries.len());
                entries.push(entry);
            }
        }
        self.pay(1, 0, &origin)?;
        Ok(total.of(Node {
            content: Content::Map(entries),
            origin,
        }))
    }

    /// The entries that a merge key (`<<`) brings.
    fn merged(&self, content: Content, origin: &Origin) -> Result<Vec<Entry>, Problem> {
        let sources = match content {
            Content::Map(entries) => return Ok(entries),
            Content::List(items) => items,
            Content::Scalar(scalar) if scalar.is_null() => return Ok(Vec::new()),
            Content::Scalar(_) => Vec::new(),
        };
        let mut all = Vec::new();
        for source in sources {
            match source.content {
                Content::Map(entries) => all.extend(entries),
                _ => return Err(self.error(origin.clone(), "`<<` takes a map or a list of maps")),
            }
        }
        if all.is_empty() {
            return Err(self.error(origin.clone(), "`<<` takes a map or a list of maps"));
        }
        Ok(all)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax_error(&error)),
            None => Err(self.error(self.source.whole(), "not valid YAML: it ends too early")),
        }
    }

    fn pay(&mut self, nodes: usize, text_bytes: usize, origin: &Origin) -> Result<(), Problem> {
        let nodes_left = self.nodes_left.checked_sub(nodes);
        let text_bytes_left = self.text_bytes_left.checked_sub(text_bytes);
        let (Some(nodes_left), Some(text_bytes_left)) = (nodes_left, text_bytes_left) else {
            let message = format!("more than {MAX_NODES} values, counting what aliases stand for");
            return Err(Problem::error("", origin.clone(), message));
        };
        (self.nodes_left, self.text_bytes_left) = (nodes_left, text_bytes_left);
        Ok(())
    }

    fn warn_of_duplicate(&mut self, first: &Origin, second: Origin) {
        let message = match first {
            Origin::File {
                position: Some(position),
                ..
            } => {
                format!(
                    "given twice; this one counts, not the one on line {}",
                    position.line
                )
            }
            _ => "given twice; the last one counts".to_owned(),
        };
        self.problems
            .push(Problem::warning(self.path.clone(), second, message));
    }

    fn error(&self, origin: Origin, message: impl Into<String>) -> Problem {
        Problem::error(self.path.clone(), origin, message)
    }

    fn syntax_error(&self, error: &ScanError) -> Problem {
        let hint = match self.source {
            Source::File(_) => "",
            Source::Environment(_) => {
                "; values of variables are YAML too, so put quotes around special characters, inside the value"
            }
        };
        let path = match self.source {
            Source::File(_) => "",
            Source::Environment(_) => &self.path,
        };
        let message = format!("not valid YAML: {}{hint}", error.info());
        Problem::error(path, self.source.at(error.marker()), message)
    }
}

/// Adds up what the children of a list or a map cost.
#[derive(Default)]
struct Total {
    height: usize,
    nodes: usize,
    text_bytes: usize,
}

impl Total {
    fn add(&mut self, child: Measured) -> Node {
        self.height = self.height.max(child.height);
        self.nodes += child.nodes;
        self.text_bytes += child.text_bytes;
        child.node
    }

    fn of(self, node: Node) -> Measured {
        Measured {
            node,
            height: self.height + 1,
            nodes: self.nodes + 1,
            text_bytes: self.text_bytes,
        }
    }
}

/// `!!str` makes a text of a number, `!!int` a number of a quoted text; tags of one's own make a text.
fn form(style: ScalarStyle, tag: Option<&Tag>) -> Form {
    match tag {
        Some(tag)
            if ["bool", "int", "float", "null"]
                .iter()
                .any(|name| tag.is_yaml_core_schema_tag(name)) =>
        {
            Form::Plain
        }
        None if style == ScalarStyle::Plain => Form::Plain,
        Some(_) | None => Form::Text,
    }
}
