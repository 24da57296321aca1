//! From text and environment to a configuration, or to everything that is wrong with it.

use crate::capabilities::{self, Capabilities};
use crate::configuration::{Configuration, Loaded, shape};
use crate::environment;
use crate::node::{Content, Node};
use crate::problem::{Origin, Problem, Problems, Severity, quoted};
use crate::section;
use crate::settings::{Settings, Step, name};
use crate::shape::Shape;
use crate::unknown;
use crate::yaml::{self, Source};

/// The only version of the file's form that there is.
const VERSION: &str = "0.1";

/// A configuration that was read but not judged yet, so that others can add what they find.
///
/// The parameters of drivers and providers mean something to those alone. A program asks them too, before it calls
/// [`Reading::finish`]; so an operator sees all problems at once, each with its line.
#[derive(Debug)]
pub struct Reading {
    read: Option<Read>,
    problems: Vec<Problem>,
}

#[derive(Debug)]
struct Read {
    configuration: Configuration,
    settings: Settings,
    tree: Node,
}

impl Reading {
    /// Reads as [`Configuration::load`] does, with the same arguments.
    pub fn new(
        yaml: &str,
        source_name: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        capabilities: &Capabilities,
    ) -> Self {
        let mut problems = Vec::new();
        let source = Source::File(source_name.into());
        let read = match read_tree(yaml, &source, &mut problems) {
            Ok(tree) => Some(convert(tree, environment, capabilities, &mut problems)),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        Self { read, problems }
    }

    /// What was read, with defaults for what is wrong; `None` when the text is no YAML or of another version.
    pub fn configuration(&self) -> Option<&Configuration> {
        self.read.as_ref().map(|read| &read.configuration)
    }

    /// Adds an error at a key, or at the section around it when the key is absent.
    pub fn fail(&mut self, path: &[Step], message: impl Into<String>) {
        let origin = self.origin(path);
        self.problems.push(Problem::error(name(path), origin, message));
    }

    /// Adds a warning at a key, or at the section around it when the key is absent.
    pub fn warn(&mut self, path: &[Step], message: impl Into<String>) {
        let origin = self.origin(path);
        self.problems.push(Problem::warning(name(path), origin, message));
    }

    /// Makes errors of keys and variables that nobody reads.
    pub fn refuse_unknown_keys(&mut self) {
        for problem in self.problems.iter_mut().filter(|problem| problem.is_unknown_key) {
            problem.severity = Severity::Error;
        }
    }

    /// The configuration when nothing that was found is an error.
    ///
    /// # Errors
    ///
    /// All problems, errors and warnings together.
    pub fn finish(self) -> Result<Loaded, Problems> {
        let problems = Problems::new(self.problems);
        match self.read {
            Some(read) if problems.errors().next().is_none() => Ok(Loaded {
                configuration: read.configuration,
                warnings: problems,
                settings: read.settings,
            }),
            _ => Err(problems),
        }
    }

    fn origin(&self, path: &[Step]) -> Origin {
        match &self.read {
            Some(read) => read.tree.nearest(path).clone(),
            None => Origin::File {
                name: "".into(),
                position: None,
            },
        }
    }
}

/// Reads the file and makes sure that it is a configuration of a version that is known.
fn read_tree(yaml: &str, source: &Source, problems: &mut Vec<Problem>) -> Result<Node, Problem> {
    let tree = yaml::parse(yaml, source, "", problems)?;
    if tree.is_null() {
        return Err(Problem::error(
            "",
            tree.origin,
            "empty; a configuration begins with `version: 0.1`",
        ));
    }
    if !matches!(tree.content, Content::Map(_)) {
        let message = format!(
            "must be a map with keys such as `version` and `storage`, not {}",
            tree.kind()
        );
        return Err(Problem::error("", tree.origin, message));
    }
    let Some(version) = tree.entry("version") else {
        let message = "unsupported version: \"\"; add the line `version: 0.1`";
        problems.push(Problem::error("version", source.whole(), message));
        return Ok(tree);
    };
    let (found, origin) = match &version.value.content {
        Content::Scalar(scalar) if scalar.text == VERSION => return Ok(tree),
        Content::Scalar(scalar) if scalar.is_null() => (quoted(""), &version.value.origin),
        Content::Scalar(scalar) => (quoted(&scalar.text), &version.value.origin),
        _ => (version.value.kind().to_owned(), &version.value.origin),
    };
    let message = format!("unsupported version: {found}; the only one is {VERSION}");
    Err(Problem::error("version", origin.clone(), message))
}

fn convert(
    mut tree: Node,
    environment: impl IntoIterator<Item = (String, String)>,
    capabilities: &Capabilities,
    problems: &mut Vec<Problem>,
) -> Read {
    let shape = shape();
    environment::apply(&mut tree, &shape, environment, problems);
    expand_short_forms(&mut tree, &shape);
    unknown::warn_of_unknown_keys(&tree, &shape, problems);
    let (configuration, settings) = section::read(&tree, problems, Configuration::read);
    capabilities::refuse(&configuration, capabilities, &tree, problems);
    Read {
        configuration,
        settings,
        tree,
    }
}

fn expand_short_forms(tree: &mut Node, shape: &Shape) {
    let (Some(root), Content::Map(entries)) = (shape.section(), &mut tree.content) else {
        return;
    };
    for entry in entries {
        let fields = root.field(&entry.key).and_then(|field| field.shape.section());
        if fields.is_some_and(|fields| fields.has_short_form) {
            entry.value.expand_name();
        }
    }
}
