//! `storage`: the driver with its parameters, and what the registry does with stored content.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Map as JsonMap, Value as Json};

use super::default_is_read_from_nothing;
use crate::problem::{Problem, quoted};
use crate::section::{Named, Section, did_you_mean};
use hythe_units::ByteSize;

/// Where content is stored and under which rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    /// The one driver; `inmemory` in the default configuration, required in a file.
    pub driver: DriverConfiguration,
    /// Deleting through the API.
    pub delete: Delete,
    /// Redirects to the backend.
    pub redirect: Redirect,
    /// The cache of blob descriptors.
    pub cache: Cache,
    /// Looking up tags.
    pub tag: TagLookup,
    /// Purging and read-only mode.
    pub maintenance: Maintenance,
}

/// A driver as configured; what its parameters mean is the driver's business.
#[derive(Clone, PartialEq)]
pub struct DriverConfiguration {
    /// The name under `storage`.
    pub name: String,
    /// Its parameters. Numbers that would not print as they were written are texts.
    pub parameters: JsonMap<String, Json>,
}

/// Shows the names of the parameters only: some of the values are secrets.
impl fmt::Debug for DriverConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.parameters.keys().collect();
        f.debug_struct("DriverConfiguration")
            .field("name", &self.name)
            .field("parameters", &names)
            .finish()
    }
}

/// `storage.delete`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// Whether blobs and manifests can be deleted; off by default.
    pub enabled: bool,
}

/// `storage.redirect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Whether content is always served by the registry itself.
    pub disable: bool,
    /// How long an address works that a client is sent to; 20 minutes by default, less where the credential that
    /// signs it ends sooner. A key of Hythe's own.
    pub expiry: Duration,
    /// Blobs smaller than this are served by the registry itself, for which a second request costs more than the
    /// bytes; 0 by default. A key of Hythe's own.
    pub minimumsize: ByteSize,
    /// Only clients of these networks are redirected, the others are served; all when empty, the default. A key of
    /// Hythe's own.
    pub networks: Vec<IpNet>,
    /// Clients of these networks are served and not redirected. A key of Hythe's own.
    pub exceptnetworks: Vec<IpNet>,
}

/// `storage.cache`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// The kind of cache; none by default. The old key `layerinfo` counts when this is absent.
    pub blobdescriptor: Option<CacheKind>,
    /// How many descriptors the cache in memory holds, 10 000 by default; `None` for no limit.
    pub blobdescriptorsize: Option<NonZeroUsize>,
}

/// The kinds of descriptor caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheKind {
    /// In the memory of this process.
    InMemory,
    /// In the server of the section `redis`.
    Redis,
}

impl CacheKind {
    /// The value in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::InMemory => "inmemory",
            Self::Redis => "redis",
        }
    }
}

/// `storage.tag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagLookup {
    /// How many tags are read at once when looking for those of a digest; `None` for the number of processors.
    pub concurrencylimit: Option<NonZeroUsize>,
}

/// `storage.maintenance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// Removal of abandoned uploads.
    pub uploadpurging: UploadPurging,
    /// Read-only mode.
    pub readonly: ReadOnly,
}

/// `storage.maintenance.uploadpurging`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPurging {
    /// Whether abandoned uploads are removed; on by default.
    pub enabled: bool,
    /// The age from which an upload counts as abandoned; 168 hours by default.
    pub age: Duration,
    /// The time between two runs; 24 hours by default.
    pub interval: Duration,
    /// Whether uploads are only reported, not removed.
    pub dryrun: bool,
}

/// `storage.maintenance.readonly`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOnly {
    /// Whether everything that writes is refused.
    pub enabled: bool,
}

impl Storage {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        section.has_short_form();
        section.is_any_case();
        Self {
            delete: section.section("delete", Delete::read),
            redirect: section.section("redirect", Redirect::read),
            cache: section.section("cache", Cache::read),
            tag: section.section("tag", TagLookup::read),
            maintenance: section.section("maintenance", Maintenance::read),
            driver: read_driver(section),
        }
    }
}

impl Delete {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            enabled: section.boolean_or("enabled", false),
        }
    }
}

impl Redirect {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        const DEFAULT_EXPIRY: Duration = Duration::from_secs(20 * 60);
        Self {
            disable: section.boolean_or("disable", false),
            expiry: section.duration_with_unit_or("expiry", DEFAULT_EXPIRY),
            minimumsize: section.size_or("minimumsize", ByteSize::default()),
            networks: section.networks("networks"),
            exceptnetworks: section.networks("exceptnetworks"),
        }
    }
}

impl Cache {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        // The old name is read first, so that both are known keys.
        let layerinfo = section.text("layerinfo").map(|value| ("layerinfo", value));
        let blobdescriptor = section
            .text("blobdescriptor")
            .map(|value| ("blobdescriptor", value));
        let is_old = blobdescriptor.is_none() && layerinfo.is_some();
        let named = blobdescriptor.or(layerinfo);
        if section.is_present() && named.is_none() {
            section.warn_here("no cache is used; set `blobdescriptor: inmemory` to have one");
        }
        let blobdescriptor = named.and_then(|(key, name)| cache_kind(section, key, &name));
        let size = section.integer("blobdescriptorsize");
        if size.is_some() && blobdescriptor == Some(CacheKind::Redis) {
            section.warn("blobdescriptorsize", "no effect on a cache in redis");
        }
        // A number that does not fit the memory's addresses is no limit either.
        let blobdescriptorsize = usize::try_from(size.unwrap_or(10_000))
            .ok()
            .and_then(NonZeroUsize::new);
        let shown = blobdescriptor.map(|kind| kind.name().to_owned());
        let effect = shown.clone().filter(|_| is_old);
        section.settle("blobdescriptor", shown);
        section.deprecate("layerinfo", &["blobdescriptor"], effect.map(Json::from));
        if !section.is_describing() {
            let is_bounded = blobdescriptor == Some(CacheKind::InMemory);
            let shown = blobdescriptorsize.map_or(0, NonZeroUsize::get);
            let shown = is_bounded.then(|| i64::try_from(shown).unwrap_or(i64::MAX));
            section.settle("blobdescriptorsize", shown);
        }
        Self {
            blobdescriptor,
            blobdescriptorsize,
        }
    }
}

impl TagLookup {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let limit = section.integer("concurrencylimit").unwrap_or(0);
        if limit < 0 {
            section.fail(
                "concurrencylimit",
                "must not be negative; 0 means the number of processors",
            );
        }
        Self {
            // 0 stays what it is: how many processors there are is not the file's business.
            concurrencylimit: usize::try_from(limit).ok().and_then(NonZeroUsize::new),
        }
    }
}

impl Maintenance {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            uploadpurging: section.section("uploadpurging", UploadPurging::read),
            readonly: section.section("readonly", ReadOnly::read),
        }
    }
}

impl UploadPurging {
    /// Keys that are missing have their defaults; the original panics unless all are there.
    pub(crate) fn read(section: &Section<'_>) -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            enabled: section.boolean_or("enabled", true),
            age: section.duration_with_unit_or("age", 168 * HOUR),
            interval: section.duration_with_unit_or("interval", 24 * HOUR),
            dryrun: section.boolean_or("dryrun", false),
        }
    }
}

impl ReadOnly {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            enabled: section.boolean_or("enabled", false),
        }
    }
}

default_is_read_from_nothing!(
    Storage,
    Delete,
    Redirect,
    Cache,
    TagLookup,
    Maintenance,
    UploadPurging,
    ReadOnly
);

/// The keys of `storage` that are not drivers.
const RESERVED: [&str; 5] = ["maintenance", "cache", "delete", "redirect", "tag"];

fn read_driver(section: &Section<'_>) -> DriverConfiguration {
    let mut drivers = section.others();
    match drivers.len() {
        0 => section.fail_here(
            "no storage configuration provided; name a driver, for example \
             `storage: {filesystem: {rootdirectory: /var/lib/registry}}`",
        ),
        1 => {}
        _ => fail_with_several(section, &drivers),
    }
    match drivers.pop() {
        Some(Named { name, parameters, .. }) => DriverConfiguration { name, parameters },
        None => DriverConfiguration {
            name: "inmemory".to_owned(),
            parameters: JsonMap::new(),
        },
    }
}

/// One of several is often a reserved key misspelt, or comes from a variable.
fn fail_with_several(section: &Section<'_>, drivers: &[Named]) {
    let names: Vec<&str> = drivers.iter().map(|driver| driver.name.as_str()).collect();
    for driver in drivers {
        let meant = did_you_mean(&driver.name, RESERVED);
        let others = names
            .iter()
            .filter(|name| **name != driver.name)
            .map(|name| quoted(name));
        let others = others.collect::<Vec<_>>().join(", ");
        let message = format!("must provide exactly one storage type, there is also {others}{meant}");
        section.push(Problem::error(
            format!("storage.{}", driver.name),
            driver.origin.clone(),
            message,
        ));
    }
}

fn cache_kind(section: &Section<'_>, key: &str, name: &str) -> Option<CacheKind> {
    match name {
        "inmemory" => Some(CacheKind::InMemory),
        "redis" => Some(CacheKind::Redis),
        _ => {
            section.warn(
                key,
                format!("{} is none of inmemory, redis; no cache is used", quoted(name)),
            );
            None
        }
    }
}
