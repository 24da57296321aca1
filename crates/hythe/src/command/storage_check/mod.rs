//! `hythe storage check`: does to the configured storage what a registry does, under a folder of its own, and says what
//! works.
//!
//! Every step that does not need an earlier one is tried, so that one run shows all that is wrong. Nothing is left
//! behind, unless deleting is what fails.

mod fetch;
mod steps;
mod table;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use hythe_configuration::{Configuration, Loaded};

use self::steps::Check;
use self::table::Table;
use crate::compose::{self, chain};
use crate::load::{self, UnknownKeys};

/// Runs the command; the exit code is 1 when a step failed.
pub(crate) fn run(config: Option<PathBuf>) -> ExitCode {
    match check(config) {
        Ok(table) => {
            // Who closed standard output does not want the table.
            drop(write!(io::stdout(), "{table}"));
            if table.has_failures() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            }
        }
        Err(message) => {
            // Nobody is left to be told that standard error is closed.
            drop(writeln!(io::stderr(), "{message}"));
            ExitCode::FAILURE
        }
    }
}

fn check(config: Option<PathBuf>) -> Result<Table, String> {
    let path = load::configuration_path(config);
    let Loaded {
        configuration,
        warnings,
        ..
    } = load::load(path.as_deref(), UnknownKeys::Warn)
        .map_err(|problems| format!("configuration error:\n{problems}"))?;
    for warning in &warnings {
        drop(writeln!(io::stderr(), "{warning}"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {}", chain(&error)))?;
    let table = runtime.block_on(try_out(&configuration));
    // A step that was given up may still block on a dead disk.
    runtime.shutdown_background();
    Ok(table)
}

async fn try_out(configuration: &Configuration) -> Table {
    let mut table = Table::default();
    let made = table.time("set up", compose::driver(configuration, None)).await;
    if let Some((driver, _beside)) = made {
        let redirect = &configuration.storage.redirect;
        let validity = (!redirect.disable).then_some(redirect.expiry);
        Check::new(driver, validity).run(&mut table).await;
    }
    table
}
