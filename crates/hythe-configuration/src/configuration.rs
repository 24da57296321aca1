use crate::capabilities::{self, Capabilities};
use crate::environment;
use crate::node::{Content, Node};
use crate::problem::{Problem, Problems, quoted};
use crate::section::{self, Section};
use crate::sections::auth::Auth;
use crate::sections::default_is_read_from_nothing;
use crate::sections::health::Health;
use crate::sections::http::Http;
use crate::sections::limits::{Catalog, Tags};
use crate::sections::log::Log;
use crate::sections::middleware::Middlewares;
use crate::sections::notifications::Notifications;
use crate::sections::policy::Policy;
use crate::sections::proxy::Proxy;
use crate::sections::redis::Redis;
use crate::sections::storage::Storage;
use crate::sections::validation::Validation;
use crate::shape::{Kind, Shape};
use crate::unknown;
use crate::yaml::{self, Source};

/// The only version of the file's form that there is.
const VERSION: &str = "0.1";

/// The whole configuration. Fields are called as their keys in the file.
///
/// The default is what a file without any optional key means, with the driver `inmemory`.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Application and access logs.
    pub log: Log,
    /// The driver and what is done with stored content.
    pub storage: Storage,
    /// Access control.
    pub auth: Auth,
    /// What is put around the registry and its storage.
    pub middleware: Middlewares,
    /// The listener.
    pub http: Http,
    /// Events.
    pub notifications: Notifications,
    /// The server for what replicas share.
    pub redis: Redis,
    /// Health checks.
    pub health: Health,
    /// Pages of the catalog.
    pub catalog: Catalog,
    /// Pages of tag lists.
    pub tags: Tags,
    /// Pull-through mode.
    pub proxy: Proxy,
    /// What is checked when a manifest is pushed.
    pub validation: Validation,
    /// What may be stored.
    pub policy: Policy,
}

/// A configuration that a registry can start with.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub configuration: Configuration,
    /// What the operator should know; no errors among them.
    pub warnings: Problems,
}

impl Configuration {
    /// Reads a configuration from the text of a file and the environment.
    ///
    /// `source_name` is what messages call the file. Of `environment`, only variables that begin with `REGISTRY_`
    /// count; they are applied after the file. Nothing is read besides the arguments.
    ///
    /// # Errors
    ///
    /// All problems, errors and warnings together, when at least one of them is an error. Only YAML that cannot be
    /// read and an unknown version hide what else is wrong.
    pub fn load(
        yaml: &str,
        source_name: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        capabilities: &Capabilities,
    ) -> Result<Loaded, Problems> {
        let mut problems = Vec::new();
        let source = Source::File(source_name.into());
        let configuration = match read_tree(yaml, &source, &mut problems) {
            Ok(tree) => Some(convert(tree, environment, capabilities, &mut problems)),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let problems = Problems::new(problems);
        match configuration {
            Some(configuration) if problems.errors().next().is_none() => Ok(Loaded {
                configuration,
                warnings: problems,
            }),
            _ => Err(problems),
        }
    }

    /// Every key that is read, with its type, in the order of the sections. Elements of lists are written `[]`.
    pub fn keys() -> Vec<(String, Kind)> {
        let mut keys = Vec::new();
        shape().walk("", &mut |path, kind| keys.push((path.to_owned(), kind)));
        keys
    }

    fn read(root: &Section<'_>) -> Self {
        // Its value has been checked before anything else.
        root.text("version");
        Self {
            log: Log::read_root(root),
            storage: root.section("storage", Storage::read),
            auth: root.section("auth", Auth::read),
            middleware: root.section("middleware", Middlewares::read),
            http: root.section("http", Http::read),
            notifications: root.section("notifications", Notifications::read),
            redis: root.section("redis", Redis::read),
            health: root.section("health", Health::read),
            catalog: root.section("catalog", Catalog::read),
            tags: root.section("tags", Tags::read),
            proxy: root.section("proxy", Proxy::read),
            validation: root.section("validation", Validation::read),
            policy: root.section("policy", Policy::read),
        }
    }
}

default_is_read_from_nothing!(Configuration);

fn shape() -> Shape {
    section::describe(Configuration::read)
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
) -> Configuration {
    let shape = shape();
    environment::apply(&mut tree, &shape, environment, problems);
    expand_short_forms(&mut tree, &shape);
    unknown::warn_of_unknown_keys(&tree, &shape, problems);
    let configuration = section::read(&tree, problems, Configuration::read);
    capabilities::refuse(&configuration, capabilities, &tree, problems);
    configuration
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
