//! `REGISTRY_…` variables: each replaces one place of the tree before it is read.
//!
//! The rules are the original's. Variables are applied in the order of their names, so that a section comes before
//! its keys. The name is split at every `_`; each part is a key of a section, an index of a list or a key of a map.
//! The value is YAML and replaces the whole place. Three defects of the original are fixed: elements of lists of
//! texts (`…_HOSTS_0`), keys below sections that the file has or lacks (`…_READONLY_ENABLED`), and lists in
//! parameters (`…_SIGNINGALGORITHMS_0`). An existing key of a map keeps its spelling, where the original adds a
//! second one in lower case.

use std::sync::Arc;

use crate::node::{Content, Entry, Form, Node, Scalar};
use crate::problem::{Origin, Problem, join, quoted};
use crate::shape::{Fields, Shape};
use crate::unknown::nearest;
use crate::yaml::{self, Source};

const PREFIX: &str = "REGISTRY_";
/// Twice the depth of the deepest key; bounds the recursion.
const MAX_PARTS: usize = 16;

/// Writes the variables that concern the configuration into `tree`.
pub(crate) fn apply(
    tree: &mut Node,
    shape: &Shape,
    environment: impl IntoIterator<Item = (String, String)>,
    problems: &mut Vec<Problem>,
) {
    let mut variables: Vec<(String, String)> = environment
        .into_iter()
        .filter(|(name, _)| concerns_the_configuration(name))
        .collect();
    variables.sort();
    for (name, value) in &variables {
        let parts: Vec<&str> = name[PREFIX.len()..].split('_').collect();
        if parts == ["VERSION"] {
            problems.extend(check_version(name, value));
            continue;
        }
        let mut variable = Variable {
            name: name.as_str().into(),
            value,
            is_any_case: false,
            problems,
        };
        if parts.len() > MAX_PARTS {
            variable.unrecognized("", None);
            continue;
        }
        if let Err(problem) = variable.set(tree, shape, &parts, "") {
            problems.push(problem);
        }
    }
}

/// `REGISTRY_CONFIGURATION_PATH` is the command line's. Kubernetes and docker give every container the addresses of
/// a service called `registry` under the rest of these names.
fn concerns_the_configuration(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let is_service_port = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    !(matches!(
        rest,
        "CONFIGURATION_PATH" | "SERVICE_HOST" | "SERVICE_PORT" | "PORT"
    ) || rest.starts_with("SERVICE_PORT_")
        || rest.strip_prefix("PORT_").is_some_and(is_service_port))
}

/// The version is read from the file alone, but a malformed one stops the original.
fn check_version(name: &str, value: &str) -> Option<Problem> {
    let origin = Origin::Environment {
        variable: name.into(),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match value.trim().split_once('.') {
        Some(("0", "1")) => None,
        Some((major, minor)) if is_number(major) && is_number(minor) => Some(Problem::warning(
            "version",
            origin,
            "no effect, the version is read from the file",
        )),
        _ => Some(Problem::error(
            "version",
            origin,
            "must look like 0.1; remove the variable",
        )),
    }
}

struct Variable<'a> {
    name: Arc<str>,
    value: &'a str,
    /// Set on the way down, see [`Fields::is_any_case`].
    is_any_case: bool,
    problems: &'a mut Vec<Problem>,
}

impl Variable<'_> {
    /// Follows `parts` down from `node`, making what is missing on the way, and puts the value at their end.
    fn set(&mut self, node: &mut Node, shape: &Shape, parts: &[&str], path: &str) -> Result<(), Problem> {
        let Some((part, rest)) = parts.split_first() else {
            *node = self.parse(path)?;
            return Ok(());
        };
        match shape {
            Shape::Section(fields) => self.set_in_section(node, fields, part, rest, path),
            Shape::List(element) => self.set_in_list(node, element, part, rest, path),
            Shape::Map(value) => self.set_in_map(node, value, part, rest, path),
            Shape::Scalar(_) | Shape::Choice(_) => {
                self.unrecognized(path, None);
                Ok(())
            }
            Shape::Any => {
                let is_list = matches!(node.content, Content::List(_)) || node.is_null() && *part == "0";
                if is_list {
                    self.set_in_list(node, &Shape::Any, part, rest, path)
                } else if node.is_null() || matches!(node.content, Content::Map(_)) {
                    self.set_in_map(node, &Shape::Any, part, rest, path)
                } else {
                    self.unrecognized(path, None);
                    Ok(())
                }
            }
        }
    }

    fn set_in_section(
        &mut self,
        node: &mut Node,
        fields: &Fields,
        part: &str,
        rest: &[&str],
        path: &str,
    ) -> Result<(), Problem> {
        if fields.inlined == Some(part)
            && let Some((part, rest)) = rest.split_first()
        {
            return self.set_in_section(node, fields, part, rest, path);
        }
        self.is_any_case |= fields.is_any_case;
        if fields.has_short_form {
            node.expand_name();
        }
        let is_any_case = self.is_any_case;
        let is_named =
            |name: &str| name.to_uppercase() == part || is_any_case && name.eq_ignore_ascii_case(part);
        let field = fields
            .known
            .iter()
            .find(|field| field.variable_name == Some(part) || is_named(field.key));
        if let Some(field) = field {
            return self.descend(node, field.key, &field.shape, rest, path);
        }
        if let Some(others) = &fields.others {
            return self.set_in_map(node, others, part, rest, path);
        }
        let nearest = nearest(part, fields.known.iter().map(|field| field.key));
        self.unrecognized(path, nearest);
        Ok(())
    }

    fn set_in_list(
        &mut self,
        node: &mut Node,
        element: &Shape,
        part: &str,
        rest: &[&str],
        path: &str,
    ) -> Result<(), Problem> {
        let origin = self.origin();
        if node.is_null() {
            *node = Node {
                content: Content::List(Vec::new()),
                origin: origin.clone(),
            };
        }
        let Content::List(items) = &mut node.content else {
            // Reading will say that the place is no list.
            return Ok(());
        };
        let Ok(index) = part.parse::<usize>() else {
            let message = format!("{} is not an index; elements are counted from 0", quoted(part));
            return Err(Problem::error(path, origin, message));
        };
        if index > items.len() {
            let message = format!("there is no element {index}; the next one is {}", items.len());
            return Err(Problem::error(path, origin, message));
        }
        if index == items.len() {
            items.push(Node::null(origin));
        }
        self.set(&mut items[index], element, rest, &format!("{path}[{index}]"))
    }

    fn set_in_map(
        &mut self,
        node: &mut Node,
        value: &Shape,
        part: &str,
        rest: &[&str],
        path: &str,
    ) -> Result<(), Problem> {
        if part.is_empty() {
            self.unrecognized(path, None);
            return Ok(());
        }
        let existing = node
            .entries()
            .iter()
            .find(|entry| entry.key.eq_ignore_ascii_case(part));
        let key = existing.map_or_else(|| part.to_lowercase(), |entry| entry.key.clone());
        self.descend(node, &key, value, rest, path)
    }

    /// Goes on in the entry `key` of the map `node`; makes both where they are missing.
    fn descend(
        &mut self,
        node: &mut Node,
        key: &str,
        shape: &Shape,
        rest: &[&str],
        path: &str,
    ) -> Result<(), Problem> {
        let origin = self.origin();
        if node.is_null() {
            *node = Node {
                content: Content::Map(Vec::new()),
                origin: origin.clone(),
            };
        }
        let Content::Map(entries) = &mut node.content else {
            // Reading will say that the place is no section.
            return Ok(());
        };
        let path = join(path, key);
        if let Some(entry) = entries.iter_mut().find(|entry| entry.key == key) {
            return self.set(&mut entry.value, shape, rest, &path);
        }
        // The entry is added only when all went well, so that an unrecognized name leaves nothing behind.
        let mut value = Node::null(origin.clone());
        self.set(&mut value, shape, rest, &path)?;
        let was_recognized = rest.is_empty() || !value.is_null();
        if was_recognized {
            entries.push(Entry {
                key: key.to_owned(),
                origin,
                value,
            });
        }
        Ok(())
    }

    fn parse(&mut self, path: &str) -> Result<Node, Problem> {
        let source = Source::Environment(Arc::clone(&self.name));
        let node = yaml::parse(self.value, &source, path, self.problems)?;
        if let Content::Scalar(Scalar {
            text,
            form: Form::Plain,
        }) = &node.content
            && self.value.contains(" #")
            && *text != self.value.trim()
        {
            let message = "values of variables are YAML, so what follows ` #` is a comment; put quotes inside the value";
            self.problems.push(Problem::warning(path, self.origin(), message));
        }
        Ok(node)
    }

    fn unrecognized(&mut self, path: &str, nearest: Option<&str>) {
        let meant = nearest.map_or_else(String::new, |nearest| {
            let place = join(path, nearest).to_uppercase().replace('.', "_");
            format!(", did you mean {PREFIX}{place}?")
        });
        let message = format!("Ignoring unrecognized environment variable {}{meant}", self.name);
        let problem = Problem::warning("", self.origin(), message);
        self.problems.push(problem.of_unknown_key());
    }

    fn origin(&self) -> Origin {
        Origin::Environment {
            variable: Arc::clone(&self.name),
        }
    }
}
