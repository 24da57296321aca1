//! Typed configuration of the Hythe registry, read from YAML and the environment.
//!
//! The file and the `REGISTRY_…` variables are those of distribution 3.1.2, so that an existing set-up can be taken
//! over as it is. What the original ignores in silence is a warning here, and where it panics there is a message.
//!
//! ```
//! use hythe_configuration::{Capabilities, Configuration};
//!
//! let capabilities = Capabilities {
//!     drivers: vec!["filesystem".to_owned()],
//!     ..Capabilities::default()
//! };
//! let yaml = "
//! version: 0.1
//! storage:
//!   filesystem:
//!     rootdirectory: /var/lib/registry
//! http:
//!   adr: :5000
//! ";
//! let environment = [("REGISTRY_HTTP_DRAINTIMEOUT".to_owned(), "1m".to_owned())];
//! let loaded = Configuration::load(yaml, "config.yml", environment, &capabilities)?;
//! assert_eq!(loaded.configuration.http.draintimeout.as_secs(), 60);
//! assert_eq!(
//!     loaded.warnings.to_string(),
//!     "config.yml:7:3: warning: http.adr: unknown key, did you mean \"addr\"?",
//! );
//! # Ok::<(), hythe_configuration::Problems>(())
//! ```
//!
//! **The hard decision** is not to derive the reading of the file. Text becomes a tree in which every value knows
//! its line ([`Origin`]); variables write into the tree; and readers written by hand, one for each section, make the
//! types of it. So every problem is found in one run and named with its place, values of YAML 1.1 mean what they
//! mean to the original, and a reader is type, default and list of known keys at once.
//!
//! What came out is not only a configuration: [`Settings`] tells key by key what counts and who said so. A program that
//! has more to check adds its problems to a [`Reading`].
//!
//! **What it does not know.** It opens no file and reads no environment: the caller passes both. It knows no driver
//! and no access controller: their parameters stay JSON, and which of them there are is said by [`Capabilities`].
//! What a build cannot honour and guards access or changes what is served is an error.
//!
//! Keys beyond those of the original: `http.timeouts`, `http.uploadbuffers`, `validation.manifests.images`.

mod capabilities;
mod configuration;
mod environment;
mod node;
mod problem;
mod reading;
mod reference;
mod schema;
mod secret;
mod section;
pub mod sections;
mod settings;
mod shape;
mod unknown;
mod yaml;

pub use capabilities::{Capabilities, Feature, Missing};
pub use configuration::{Configuration, Loaded};
pub use problem::{Origin, Position, Problem, Problems, Severity};
pub use reading::Reading;
pub use reference::reference;
pub use schema::schema;
pub use secret::Secret;
pub use settings::{Setting, SettingSource, Settings, Step};
pub use shape::Kind;
