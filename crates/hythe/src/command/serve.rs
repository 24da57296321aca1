//! `hythe serve`: reads the configuration, starts the logs, serves until told to stop.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use hythe_configuration::Configuration;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::compose::{self, Composed, chain};
use crate::debug::{DebugServer, MetricsPage, Pages};
use crate::edge::{self, Listener};
use crate::load::{self, UnknownKeys};
use crate::logging::{self, AccessLog, LevelReload, LineWriter, SharedLevel};
use crate::{shutdown, welcome};

/// How long transfers may go on after the signal to stop when `http.draintimeout` is not set. The original ends
/// them at once.
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);

/// How long uploads that were cut off may take to keep what came. Longer means a disk that does not answer.
const KEEP_UPLOADS: Duration = Duration::from_secs(5);

/// Threads for work that blocks (files, hashing) at most. Enough for every upload and cold read of a busy server on
/// one disk; each costs a stack.
const BLOCKING_THREADS: usize = 128;

/// Runs the command.
pub(crate) fn run(config: Option<PathBuf>, unknown_keys: UnknownKeys) -> ExitCode {
    let path = load::configuration_path(config);
    let loaded = match load::load(path.as_deref(), unknown_keys) {
        Ok(loaded) => loaded,
        Err(problems) => {
            complain(&format!("configuration error:\n{problems}"));
            return ExitCode::FAILURE;
        }
    };
    let (log, level) = match start_log(&loaded.configuration) {
        Ok(started) => started,
        Err(message) => {
            complain(&message);
            return ExitCode::FAILURE;
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(variable) = traces_asked_for() {
        tracing::warn!("{variable}: this version sends no traces; nothing is sent");
    }
    let is_default = path.is_none();
    let level = path.map(|path| LevelReload::new(level, path));
    let outcome = run_to_the_end(loaded.configuration, is_default, level);
    if let Err(message) = &outcome {
        tracing::error!("{message}");
    }
    log.close();
    if outcome.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The variable that asks for traces, if one does. The original sends them unless told otherwise, which must not make
/// everybody read a warning.
fn traces_asked_for() -> Option<&'static str> {
    const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set(&EXPORTER) {
        return std::env::var_os(EXPORTER)
            .is_some_and(|value| value != "none")
            .then_some(EXPORTER);
    }
    let endpoints = [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ];
    endpoints.into_iter().find(|name| is_set(name))
}

fn start_log(configuration: &Configuration) -> Result<(LineWriter, SharedLevel), String> {
    let settings = compose::log_settings(&configuration.log, instance_fields());
    let level = settings.level.clone();
    let of_lost = settings.clone();
    let lost_line = move |count| Some(of_lost.lost(count));
    let writer = LineWriter::start("hythe-log", io::stderr(), lost_line).map_err(|error| chain(&error))?;
    logging::start(settings, writer.clone()).map_err(|error| chain(&error))?;
    Ok((writer, level))
}

/// Fields that name this process on every log line.
fn instance_fields() -> Map<String, Value> {
    let mut fields = Map::new();
    let mut insert = |name: &str, value: String| fields.insert(name.to_owned(), Value::String(value));
    insert("instance.id", Uuid::new_v4().to_string());
    insert("version", env!("CARGO_PKG_VERSION").to_owned());
    fields
}

fn run_to_the_end(
    configuration: Configuration,
    is_default: bool,
    log_level: Option<LevelReload>,
) -> Result<(), String> {
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Looking at sockets after every 8 tasks instead of 61 keeps small requests quick beside large transfers,
        // for 2 to 8 % of the small requests' rate.
        .event_interval(8)
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| format!("cannot start the runtime: {}", chain(&error)))?;
    let served = runtime.block_on(serve(configuration, is_default, log_level));
    // Work that still blocks on a dead disk does not hold up the exit.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

/// Takes as many descriptors as the system gives, as Go's runtime does: each connection and each open blob is one,
/// and the usual limit of 1024 is soon reached.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(error = %error, "the limit of open files stays as it is");
    }
}

async fn serve(
    configuration: Configuration,
    is_default: bool,
    log_level: Option<LevelReload>,
) -> Result<(), String> {
    let drain = match configuration.http.draintimeout {
        Duration::ZERO => DEFAULT_DRAIN,
        configured => configured,
    };
    let access_writer = if configuration.log.accesslog.disabled {
        None
    } else {
        Some(start_access_log()?)
    };
    let access_log = access_writer.clone().map(AccessLog::new);
    let (net, address) = (configuration.http.net, configuration.http.addr.clone());
    let debug_address = configuration.http.debug.addr.clone();
    let metrics_path = configuration.http.debug.prometheus.path.clone();
    let welcome = is_default.then(|| welcome::storage_of(&configuration));
    let Composed {
        edge,
        background,
        health,
        metrics,
        is_tls,
    } = compose::compose(configuration, access_log, log_level).await?;
    let listener = Listener::open(net, &address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {}", chain(&error)))?;

    let stop = CancellationToken::new();
    let abort = CancellationToken::new();
    let pages = Pages {
        health,
        metrics: metrics.map(|metrics| MetricsPage {
            path: metrics_path,
            metrics,
            edge: edge.clone(),
        }),
        stop: stop.clone(),
    };
    let debug = open_debug_listener(&debug_address, pages).await?;
    shutdown::on_signals(stop.clone(), abort.clone())
        .map_err(|error| format!("cannot wait for signals: {}", chain(&error)))?;
    let background = background.start(&stop);
    announce(&listener, is_tls, welcome.as_deref());
    // It answers until the end: whoever looks shall see the registry stopping.
    let debugging = debug.map(|server| AbortOnDropHandle::new(tokio::spawn(server.run())));

    let accepting = edge::accept_loop(listener, edge.clone(), stop.clone(), abort, drain);
    let telling = async {
        stop.cancelled().await;
        tracing::info!("stopping server gracefully. Draining connections for {drain:?}");
    };
    let (drained, ()) = tokio::join!(accepting, telling);
    let kept = tokio::time::timeout(KEEP_UPLOADS, async {
        edge.join().await;
        background.wait().await;
    });
    let kept = kept.await.is_ok();
    drop(debugging);
    if let Some(writer) = access_writer {
        writer.close();
    }
    match (drained, kept) {
        (true, true) => Ok(()),
        (false, true) => Err("stopped with requests still running; their uploads are kept".to_owned()),
        (_, false) => Err("stopped with uploads that could not be kept in time".to_owned()),
    }
}

/// The debug listener, if one is configured.
async fn open_debug_listener(address: &str, pages: Pages) -> Result<Option<DebugServer>, String> {
    if address.is_empty() {
        return Ok(None);
    }
    let metrics_path = pages.metrics.as_ref().map(|page| page.path.clone());
    let server = DebugServer::open(address, pages).await;
    let server =
        server.map_err(|error| format!("http.debug.addr: cannot listen on {address}: {}", chain(&error)))?;
    if let Some(path) = metrics_path {
        tracing::info!("providing prometheus metrics on {path}");
    }
    tracing::info!("debug server listening {}", server.address());
    Ok(Some(server))
}

fn start_access_log() -> Result<LineWriter, String> {
    // The form of the access log has no place for anything but requests.
    let lost_line = |count: u64| {
        tracing::warn!(count, "lines of the access log lost");
        None
    };
    LineWriter::start("hythe-access-log", io::stdout(), lost_line).map_err(|error| chain(&error))
}

fn announce(listener: &Listener, is_tls: bool, storage: Option<&str>) {
    let tls = if is_tls { ", tls" } else { "" };
    tracing::info!("listening on {listener}{tls}");
    if let (Some(storage), Some(address)) = (storage, listener.address()) {
        complain(&welcome::text(address, storage));
    }
}

/// Says something to the person at the terminal.
pub(crate) fn complain(message: &str) {
    // Nobody is left to be told that standard error is closed.
    drop(writeln!(io::stderr(), "{message}"));
}
