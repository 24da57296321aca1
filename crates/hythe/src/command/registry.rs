//! The command line of distribution's `registry`, for a link of that name: entry points and unit files that were written
//! for it need no edit.
//!
//! The flags and the exit codes of calls that distribution understands are distribution's. A call that it does not
//! understand ends with 2 and not with 0, so that a script notices.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use super::serve;
use crate::load::{self, UnknownKeys};

/// The names of the program: in distribution's image, and in Debian.
const NAMES: [&str; 2] = ["registry", "docker-registry"];

/// Serve and distribute images, with the command line of distribution.
#[derive(Debug, Parser)]
#[command(name = "registry", disable_version_flag = true)]
struct Cli {
    /// Show the version and exit.
    #[arg(short = 'v', long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Store and distribute images.
    Serve(Arguments),
    /// Delete layers that no manifest references.
    GarbageCollect {
        /// Do everything except remove the blobs.
        #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
        dry_run: Option<bool>,
        /// Delete manifests that are not currently referenced by a tag.
        #[arg(short = 'm', long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
        delete_untagged: Option<bool>,
        /// Silence output.
        #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
        quiet: Option<bool>,
        #[command(flatten)]
        arguments: Arguments,
    },
}

#[derive(Debug, clap::Args)]
struct Arguments {
    /// The configuration file; REGISTRY_CONFIGURATION_PATH is used when it is left out. What follows it is ignored.
    config: Vec<PathBuf>,
}

impl Arguments {
    /// The configuration file, without which distribution does not start.
    fn configuration(self) -> Result<PathBuf, ExitCode> {
        load::configuration_path(self.config.into_iter().next()).ok_or_else(|| {
            serve::complain("configuration error: configuration path unspecified");
            ExitCode::FAILURE
        })
    }
}

/// Whether a program that was called by this name is to understand distribution's command line.
pub(crate) fn is_meant(program: Option<&OsStr>) -> bool {
    let name = program.and_then(|program| Path::new(program).file_name());
    name.and_then(OsStr::to_str)
        .is_some_and(|name| NAMES.contains(&name))
}

/// Runs the command line.
pub(crate) fn run() -> ExitCode {
    let Cli { version, command } = Cli::parse();
    match command {
        _ if version == Some(true) => print_version(),
        None => {
            serve::complain(&Cli::command().render_help().to_string());
            ExitCode::SUCCESS
        }
        Some(Command::Serve(arguments)) => match arguments.configuration() {
            Ok(path) => serve::run(Some(path), UnknownKeys::Warn),
            Err(code) => code,
        },
        Some(Command::GarbageCollect { arguments, .. }) => match arguments.configuration() {
            Ok(path) => refuse_to_collect(&path),
            Err(code) => code,
        },
    }
}

/// Three words as in distribution: how the program was called, what it is, its version.
fn print_version() -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    let package = env!("CARGO_PKG_REPOSITORY").trim_start_matches("https://");
    let version = env!("CARGO_PKG_VERSION");
    match writeln!(io::stdout(), "{} {package} {version}", called.display()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn refuse_to_collect(configuration: &Path) -> ExitCode {
    serve::complain(&format!(
        "garbage-collect: this version of Hythe cannot collect garbage yet; nothing of {} was removed. distribution's \
         own `registry garbage-collect` works on the same storage while Hythe is stopped or read-only.",
        configuration.display()
    ));
    ExitCode::FAILURE
}

/// A truth value of a flag, in the words that Go takes.
fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("neither true nor false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        let check =
            |program: &str, expected| assert_eq!(is_meant(Some(program.as_ref())), expected, "{program}");
        check("registry", true);
        check("/bin/registry", true);
        check("./docker-registry", true);
        check("hythe", false);
        check("/registry/hythe", false);
        check("registry.sh", false);
        assert!(!is_meant(None));
    }

    #[test]
    fn flags_are_those_of_distribution() {
        let flags = |words: &[&str]| {
            let words = ["registry", "garbage-collect"].iter().chain(words);
            match Cli::try_parse_from(words).unwrap().command {
                Some(Command::GarbageCollect {
                    dry_run,
                    delete_untagged,
                    quiet,
                    arguments,
                }) => {
                    let set = |flag: Option<bool>| flag == Some(true);
                    (
                        set(dry_run),
                        set(delete_untagged),
                        set(quiet),
                        arguments.config.len(),
                    )
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(flags(&["c.yml"]), (false, false, false, 1));
        assert_eq!(flags(&["-d", "-m", "-q", "c.yml"]), (true, true, true, 1));
        assert_eq!(flags(&["-dmq", "c.yml", "ignored"]), (true, true, true, 2));
        assert_eq!(
            flags(&["c.yml", "--dry-run=false", "--delete-untagged=T", "--quiet"]),
            (false, true, true, 1)
        );
        assert!(Cli::try_parse_from(["registry", "garbage-collect", "--dry-run=perhaps"]).is_err());
    }
}
