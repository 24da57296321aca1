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
