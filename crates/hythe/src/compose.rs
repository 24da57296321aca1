//! From a configuration to running parts: the only place that knows everybody.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use hythe_configuration::Configuration;
use hythe_configuration::sections::http::Http;
use hythe_configuration::sections::log::{Log, LogFormatter, LogLevel};
use hythe_configuration::sections::storage::{Redirect, UploadPurging};
use hythe_configuration::sections::validation::{self, IndexRules, Platforms, Validation};
use hythe_distribution::BlobDescriptorCacheProvider;
use hythe_driver::StorageDriver;
use hythe_driver_layers::Instrumented;
use hythe_handlers::{Handlers, HandlersOptions, RedirectPolicy, UrlOptions};
use hythe_health::Health;
use hythe_manifest::ManifestTypes;
use hythe_storage::purge::{self, PurgeObserver, PurgeOptions, PurgeSchedule};
use hythe_storage::{
    Clock, ImageBlobs, ImagePlatform, IndexPlatforms, Registry, RegistryOptions, SystemClock, UrlSettings,
    ValidationRules, ValidationSettings,
};
use rand::RngExt as _;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Level;

use crate::access::Access;
use crate::edge::{ConnectionSettings, Edge};
use crate::logging::{AccessLog, Formatter, LevelReload, LogSettings, SharedLevel};
use crate::metrics::{CallObserver, Metrics, StorageMetrics};
use crate::middlewares::Beside;
use crate::reload::{Reload, Watcher};
use crate::tls::Tls;
use crate::{access, authorities, caches, drivers, health, middlewares};

/// Everything that is to run, not yet started.
pub(crate) struct Composed {
    /// Serves connections.
    pub(crate) edge: Edge,
    /// Runs beside it.
    pub(crate) background: Background,
    /// The checks, which the background runs.
    pub(crate) health: Health,
    /// What is counted, if it is to be.
    pub(crate) metrics: Option<Arc<Metrics>>,
    /// Whether clients have to speak TLS.
    pub(crate) is_tls: bool,
}

/// Puts the parts together. An error says what is wrong in words for the operator.
pub(crate) async fn compose(
    configuration: Configuration,
    access_log: Option<AccessLog>,
    log_level: Option<LevelReload>,
) -> Result<Composed, String> {
    authorities::warn_if_missing(&configuration);
    let tls = tls(&configuration.http)?;
    let Access { controller, reload } = access::controller(&configuration.auth).await?;
    let certificates = tls.clone().map(|tls| tls as Arc<dyn Reload>);
    let log_level = log_level.map(|level| Arc::new(level) as Arc<dyn Reload>);
    let reloads = certificates.into_iter().chain(reload).chain(log_level);
    let metrics = metrics(&configuration.http)?;
    let of_storage = metrics.as_ref().map(|metrics| metrics.storage.clone());
    let (driver, mut beside) = driver(&configuration, of_storage).await?;
    if let Some(tls) = &tls {
        beside.extend(certificates_by_acme(tls).await?);
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let health = health::checks(&configuration.health, &driver)
        .map_err(|error| format!("health: {}", chain(&error)))?;
    let background = Background {
        health: health.clone(),
        purge_observer: match &metrics {
            Some(metrics) => metrics.purge.clone(),
            None => Arc::new(()),
        },
        purge: purging(&configuration.storage.maintenance.uploadpurging),
        driver: driver.clone(),
        clock: clock.clone(),
        watcher: Watcher::new(reloads.collect()).map_err(|error| chain(&error))?,
        beside,
    };
    let chunk_min_length = driver.capabilities().minimum_part_bytes;
    let of_cache = metrics.as_ref().map(|metrics| metrics.cache.clone());
    let cache = caches::provider(&configuration.storage.cache, of_cache);
    let options = registry_options(&configuration, cache, clock)?;
    let registry = Arc::new(Registry::new(driver, options));
    let handlers = Handlers::new(HandlersOptions {
        namespace: registry,
        access: controller,
        urls: url_options(&configuration.http),
        secret: secret(&configuration.http),
        secret_configured: configuration.http.secret.is_some(),
        headers: headers(&configuration.http)?,
        read_only: configuration.storage.maintenance.readonly.enabled,
        redirect: redirect_policy(&configuration.storage.redirect),
        trusted_proxies: configuration.http.trustedproxies.clone(),
        repository_classes: configuration.policy.repository.classes.clone(),
        catalog_max_entries: configuration.catalog.maxentries.get(),
        tags_max: configuration.tags.maxtags.get(),
        upload_buffer_bytes: configuration.http.uploadbuffers.as_bytes(),
        chunk_min_length,
        body_progress_timeout: configuration.http.timeouts.progress,
    });
    let settings = ConnectionSettings {
        header_timeout: configuration.http.timeouts.header,
        progress_timeout: configuration.http.timeouts.progress,
        h2c: configuration.http.h2c.enabled,
        tls: tls.clone(),
    };
    let of_requests = metrics.as_ref().map(|metrics| metrics.requests.clone());
    Ok(Composed {
        is_tls: tls.is_some(),
        edge: Edge::new(handlers, settings, access_log, of_requests),
        background,
        health,
        metrics,
    })
}

/// Metrics where somebody can ask for them.
fn metrics(http: &Http) -> Result<Option<Arc<Metrics>>, String> {
    if http.debug.addr.is_empty() || !http.debug.prometheus.enabled {
        return Ok(None);
    }
    let metrics = Metrics::new().map_err(|error| format!("cannot set up metrics: {}", chain(&error)))?;
    Ok(Some(Arc::new(metrics)))
}

/// The configured driver with its middlewares, and what these want to run.
pub(crate) async fn driver(
    configuration: &Configuration,
    metrics: Option<Arc<StorageMetrics>>,
) -> Result<(Arc<dyn StorageDriver>, Vec<Beside>), String> {
    let configured = &configuration.storage.driver;
    let made = drivers::factories()
        .create(&configured.name, &configured.parameters)
        .await;
    let driver = made.map_err(|error| chain(&error))?;
    let (driver, beside) = middlewares::around(driver, &configuration.middleware.storage).await?;
    let instrumented = Instrumented::observed_by(driver, CallObserver(metrics));
    Ok((Arc::new(instrumented), beside))
}

fn tls(http: &Http) -> Result<Option<Arc<Tls>>, String> {
    if !http.tls.is_enabled() {
        return Ok(None);
    }
    let tls = Tls::new(http.tls.clone(), !http.http2.disabled)?;
    Ok(Some(Arc::new(tls)))
}

/// What asks for certificates and answers for them.
async fn certificates_by_acme(tls: &Tls) -> Result<Vec<Beside>, String> {
    let mut beside: Vec<Beside> = Vec::new();
    if let Some(acme) = tls.acme() {
        beside.push(Box::new(move |stop| Box::pin(acme.run(stop))));
    }
    if let Some(responder) = tls.responder().await? {
        beside.push(Box::new(move |stop| Box::pin(responder.run(stop))));
    }
    Ok(beside)
}

fn registry_options(
    configuration: &Configuration,
    cache: Option<Arc<dyn BlobDescriptorCacheProvider>>,
    clock: Arc<dyn Clock>,
) -> Result<RegistryOptions, String> {
    let storage = &configuration.storage;
    let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Ok(RegistryOptions {
        redirect: !storage.redirect.disable,
        delete: storage.delete.enabled,
        resumable_digests: true,
        descriptor_cache: cache,
        manifest_types: ManifestTypes::standard(),
        validation: validation(&configuration.validation)?,
        tag_lookup_concurrency: storage.tag.concurrencylimit.unwrap_or(processors),
        clock,
    })
}

fn validation(configured: &Validation) -> Result<ValidationRules, String> {
    let manifests = &configured.manifests;
    let urls = UrlSettings {
        allow: manifests.urls.allow.clone(),
        deny: manifests.urls.deny.clone(),
    };
    let settings = ValidationSettings {
        disabled: !configured.enabled,
        urls: manifests.is_configured.then_some(urls),
        indexes: manifests
            .is_configured
            .then(|| index_platforms(&manifests.indexes)),
        image_blobs: match manifests.images.blobs {
            validation::ImageBlobs::All => ImageBlobs::All,
            validation::ImageBlobs::None => ImageBlobs::None,
        },
    };
    ValidationRules::new(&settings).map_err(|error| format!("validation: {}", chain(&error)))
}

fn index_platforms(rules: &IndexRules) -> IndexPlatforms {
    match rules.platforms {
        Platforms::All => IndexPlatforms::All,
        Platforms::None => IndexPlatforms::None,
        Platforms::List => {
            let platforms = rules.platformlist.iter().map(|platform| ImagePlatform {
                architecture: platform.architecture.clone(),
                os: platform.os.clone(),
            });
            IndexPlatforms::List(platforms.collect())
        }
    }
}

fn redirect_policy(configured: &Redirect) -> RedirectPolicy {
    RedirectPolicy {
        enabled: !configured.disable,
        valid_for: configured.expiry,
        minimum_bytes: configured.minimumsize.as_bytes(),
        networks: configured.networks.clone(),
        except_networks: configured.exceptnetworks.clone(),
    }
}

fn url_options(http: &Http) -> UrlOptions {
    UrlOptions {
        host: http.host.clone(),
        relative: http.relativeurls,
        prefix: http.prefix.clone(),
    }
}

/// The key of upload states: the configured one, else one that only this process knows.
fn secret(http: &Http) -> Vec<u8> {
    if let Some(secret) = &http.secret {
        return secret.reveal().as_bytes().to_vec();
    }
    tracing::warn!(
        "No HTTP secret provided - generated random secret. This may cause problems with uploads if multiple \
         registries are behind a load-balancer. To provide a shared secret, set the http.secret value in the \
         configuration file or the REGISTRY_HTTP_SECRET environment variable."
    );
    let mut secret = vec![0; 32];
    rand::rng().fill(&mut secret[..]);
    secret
}

fn headers(http: &Http) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, values) in &http.headers {
        let parsed: HeaderName = name
            .parse()
            .map_err(|error| format!("http.headers: {name}: {error}"))?;
        for value in values {
            let value: HeaderValue = value
                .parse()
                .map_err(|error| format!("http.headers: {name}: {error}"))?;
            headers.append(parsed.clone(), value);
        }
    }
    Ok(headers)
}

/// As in distribution.
const LONGEST_WAIT_FOR_PURGE: Duration = Duration::from_secs(60 * 60);

fn purging(configured: &UploadPurging) -> Option<(PurgeOptions, PurgeSchedule)> {
    let options = PurgeOptions {
        older_than: configured.age,
        dry_run: configured.dryrun,
    };
    // Replicas that are started together do not all walk the storage at the same time. Nobody who asks for short
    // intervals wants to wait long for the first walk.
    let longest = LONGEST_WAIT_FOR_PURGE.min(configured.interval);
    let first_after = longest.mul_f64(rand::rng().random_range(0.0..1.0));
    let schedule = PurgeSchedule {
        first_after,
        interval: configured.interval,
    };
    configured.enabled.then_some((options, schedule))
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The level as loggers of this language know it.
pub(crate) fn log_level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    }
}

/// What the application log shows.
pub(crate) fn log_settings(log: &Log, mut fields: Map<String, Value>) -> LogSettings {
    fields.extend(log.fields.clone());
    LogSettings {
        level: SharedLevel::new(log_level(log.level)),
        formatter: match log.formatter {
            LogFormatter::Text => Formatter::Text,
            LogFormatter::Json | LogFormatter::Logstash => Formatter::Json,
        },
        fields,
        report_caller: log.reportcaller,
        // As in distribution 3.1.2.
        function_key: match log.formatter {
            LogFormatter::Logstash => "function",
            LogFormatter::Text | LogFormatter::Json => "func",
        },
    }
}

/// Work that goes on beside the requests.
pub(crate) struct Background {
    purge: Option<(PurgeOptions, PurgeSchedule)>,
    driver: Arc<dyn StorageDriver>,
    clock: Arc<dyn Clock>,
    purge_observer: Arc<dyn PurgeObserver>,
    watcher: Watcher,
    health: Health,
    beside: Vec<Beside>,
}

impl Background {
    /// Starts it; it ends when `stop` is cancelled, and the tracker tells when it has.
    pub(crate) fn start(self, stop: &CancellationToken) -> TaskTracker {
        let tracker = TaskTracker::new();
        if let Some((options, schedule)) = self.purge {
            tracker.spawn(purge::run(
                self.driver,
                options,
                schedule,
                self.clock,
                self.purge_observer,
                stop.clone(),
            ));
        }
        tracker.spawn(self.watcher.run(stop.clone()));
        tracker.spawn(self.health.run(stop.clone()));
        for run in self.beside {
            tracker.spawn(run(stop.clone()));
        }
        tracker.close();
        tracker
    }
}
