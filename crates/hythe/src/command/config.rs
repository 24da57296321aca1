//! `hythe config`: looks at a configuration without starting anything.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::load::{self, UnknownKeys};

/// `hythe config check`: prints what counts, or all that is wrong.
pub(crate) fn check(config: Option<PathBuf>, unknown_keys: UnknownKeys) -> ExitCode {
    let path = load::configuration_path(config);
    match load::load(path.as_deref(), unknown_keys) {
        Ok(loaded) => {
            // Who closed the outputs does not want to read.
            for warning in &loaded.warnings {
                drop(writeln!(io::stderr(), "{warning}"));
            }
            drop(write!(io::stdout(), "{}", loaded.settings));
            ExitCode::SUCCESS
        }
        Err(problems) => {
            drop(writeln!(io::stderr(), "configuration error:\n{problems}"));
            ExitCode::FAILURE
        }
    }
}

/// `hythe config schema`: prints the JSON Schema.
pub(crate) fn schema() -> ExitCode {
    let schema = hythe_configuration::schema(&load::capabilities());
    print(&format!("{schema:#}\n"))
}

/// `hythe config reference`: prints the page of all keys.
pub(crate) fn reference() -> ExitCode {
    print(&hythe_configuration::reference())
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
