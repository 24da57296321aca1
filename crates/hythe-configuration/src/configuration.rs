use crate::capabilities::Capabilities;
use crate::problem::Problems;
use crate::reading::Reading;
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
use crate::settings::Settings;
use crate::shape::{Kind, Shape};

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
    /// The same configuration key by key, with the places it comes from.
    pub settings: Settings,
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
        Reading::new(yaml, source_name, environment, capabilities).finish()
    }

    /// Every key that is read, with its type, in the order of the sections. Elements of lists are written `[]`.
    pub fn keys() -> Vec<(String, Kind)> {
        let mut keys = Vec::new();
        shape().walk("", &mut |path, kind| keys.push((path.to_owned(), kind)));
        keys
    }

    pub(crate) fn read(root: &Section<'_>) -> Self {
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

/// The keys of the whole file.
pub(crate) fn shape() -> Shape {
    section::describe(Configuration::read).0
}
