//! `hythe serve`: reads the configuration, starts the logs, serves until told to stop.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use hythe_configuration::{Capabilities, Configuration, Feature, Loaded, Problems};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::compose::{self, Composed, chain};
use crate::edge::{self, Listener};
use crate::logging::{self, AccessLog, LineWriter};
use crate::{caches, drivers, shutdown};

/// Names a configuration file when the command line does not.
const CONFIGURATION_VARIABLE: &str = "REGISTRY_CONFIGURATION_PATH";

/// Where the registry listens and stores without a configuration.
const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";
const DEFAULT_FOLDER: &str = "./hythe-data";

/// How long transfers may go on after the signal to stop when `http.draintimeout` is not set. The original ends
/// them at once.
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);

/// Threads for work that blocks (files, hashing) at most. Enough for every upload and cold read of a busy server on
/// one disk; each costs a stack.
const BLOCKING_THREADS: usize = 128;

/// Runs the command.
pub(crate) fn run(config: Option<PathBuf>) -> ExitCode {
    match try_run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            complain(&message);
            ExitCode::FAILURE
        }
    }
}

fn try_run(config: Option<PathBuf>) -> Result<(), String> {
    let path = config.or_else(|| std::env::var_os(CONFIGURATION_VARIABLE).map(PathBuf::from));
    let loaded = load(path.as_deref()).map_err(|problems| format!("configuration error:\n{problems}"))?;
    let configuration = loaded.configuration;

    let application_log = LineWriter::start("hythe-log", io::stderr()).map_err(|error| chain(&error))?;
    let settings = compose::log_settings(&configuration.log, instance_fields());
    logging::start(settings, application_log.clone()).map_err(|error| chain(&error))?;
    for warning in loaded.warnings.iter() {
        tracing::warn!("{warning}");
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Looking at sockets after every 8 tasks instead of 61 keeps small requests quick beside large transfers,
        // for 2 to 8 % of the small requests' rate.
        .event_interval(8)
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| format!("cannot start the runtime: {}", chain(&error)))?;
    let served = runtime.block_on(serve(configuration, path.is_none()));
    // Work that still blocks on a dead disk does not hold up the exit.
    runtime.shutdown_timeout(Duration::from_secs(1));
    application_log.close();
    served
}

async fn serve(configuration: Configuration, is_default: bool) -> Result<(), String> {
    let drain = match configuration.http.draintimeout {
        Duration::ZERO => DEFAULT_DRAIN,
        configured => configured,
    };
    let access_writer = if configuration.log.accesslog.disabled {
        None
    } else {
        Some(LineWriter::start("hythe-access-log", io::stdout()).map_err(|error| chain(&error))?)
    };
    let access_log = access_writer.clone().map(AccessLog::new);
    let address = configuration.http.addr.clone();
    let Composed { edge, background } = compose::compose(configuration, access_log).await?;
    let listener = Listener::bind(&address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {}", chain(&error)))?;

    let stop = CancellationToken::new();
    let abort = CancellationToken::new();
    shutdown::on_signals(stop.clone(), abort.clone())
        .map_err(|error| format!("cannot wait for signals: {}", chain(&error)))?;
    let background = background.start(&stop);
    announce(&listener, is_default);

    let accepting = edge::accept_loop(listener, edge.clone(), stop.clone(), drain);
    let watching = async {
        stop.cancelled().await;
        tracing::info!("stopping server gracefully. Draining connections for {drain:?}");
        abort.cancelled().await;
    };
    let drained = tokio::select! {
        drained = accepting => drained,
        () = watching => false,
    };
    edge.join().await;
    background.wait().await;
    if let Some(writer) = access_writer {
        writer.close();
    }
    if drained {
        Ok(())
    } else {
        Err("stopped with requests still running".to_owned())
    }
}

/// The configuration from a file and the environment, or the one for a first try on a laptop.
fn load(path: Option<&Path>) -> Result<Loaded, String> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (text, name) = match path {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {}", path.display(), chain(&error)))?;
            (text, path.display().to_string())
        }
        None => (default_text(), "default configuration".to_owned()),
    };
    Configuration::load(&text, &name, environment, &capabilities())
        .map_err(|problems: Problems| problems.to_string())
}

/// What is served without a configuration: everything allowed, for this machine only.
fn default_text() -> String {
    format!(
        "version: 0.1\n\
         storage: {{filesystem: {{rootdirectory: {DEFAULT_FOLDER}}}, delete: {{enabled: true}}}}\n\
         http: {{addr: '{DEFAULT_ADDRESS}'}}\n"
    )
}

/// What this build can do, so that a configuration that needs more stops the start.
fn capabilities() -> Capabilities {
    let factories = drivers::factories();
    Capabilities {
        drivers: factories.names().map(str::to_owned).collect(),
        missing_drivers: factories.missing().map(str::to_owned).collect(),
        caches: caches::names(),
        features: [Feature::Logstash].into(),
        ..Capabilities::default()
    }
}

/// Fields that name this process on every log line.
fn instance_fields() -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert(
        "instance.id".to_owned(),
        Value::String(Uuid::new_v4().to_string()),
    );
    fields.insert(
        "version".to_owned(),
        Value::String(env!("CARGO_PKG_VERSION").to_owned()),
    );
    fields
}

fn announce(listener: &Listener, is_default: bool) {
    let address = listener.address();
    tracing::info!("listening on {address}");
    if !is_default {
        return;
    }
    complain(&format!(
        "\nHythe serves http://{address} and keeps its data in {DEFAULT_FOLDER}.\n\
         It is open to this machine only, without passwords. Try it:\n\n    \
         skopeo copy --dest-tls-verify=false oci:DIRECTORY:TAG docker://{address}/my/image:latest\n    \
         docker tag IMAGE {address}/my/image && docker push {address}/my/image\n    \
         curl http://{address}/v2/_catalog\n"
    ));
}

/// Says something to the person at the terminal.
fn complain(message: &str) {
    // Nobody is left to be told that standard error is closed.
    drop(writeln!(io::stderr(), "{message}"));
}
