//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command;
use crate::load::UnknownKeys;

/// A container registry: stores and serves images and other OCI artifacts.
#[derive(Debug, Parser)]
#[command(name = "hythe", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the registry.
    ///
    /// Without a configuration it serves on 127.0.0.1:5000, open to this machine only, and keeps its data in
    /// ./hythe-data. A configuration file of distribution works as it is, and REGISTRY_* variables override it.
    Serve {
        /// The configuration file (YAML); REGISTRY_CONFIGURATION_PATH is used when it is left out.
        config: Option<PathBuf>,
        /// Refuse to start when a key or a variable is not known.
        #[arg(long)]
        strict: bool,
    },
    /// Look at configurations.
    Config {
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Look after the storage.
    Storage {
        #[command(subcommand)]
        action: StorageAction,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Print the configuration that counts: every key, its value, and the line or variable it comes from.
    ///
    /// Secrets are hidden. The exit code is 1 when the registry would not start with it; then all that is wrong is
    /// printed instead.
    Check {
        /// The configuration file (YAML); REGISTRY_CONFIGURATION_PATH is used when it is left out.
        config: Option<PathBuf>,
        /// Make errors of keys and variables that are not known.
        #[arg(long)]
        strict: bool,
    },
    /// Print a JSON Schema of the configuration file, for editors.
    Schema,
    /// Print the reference of all keys, in Markdown.
    Reference,
}

#[derive(Debug, Subcommand)]
enum StorageAction {
    /// Try out the configured storage: write, read, list, upload in parts, copy, redirect, delete.
    ///
    /// Works in a folder of its own, which it deletes, and prints a table. The exit code is 1 when a step failed.
    Check {
        /// The configuration file (YAML); REGISTRY_CONFIGURATION_PATH is used when it is left out.
        config: Option<PathBuf>,
    },
}

/// Runs the command line; the exit code is 0 on success, 1 when the program could not do its work, 2 when it was
/// called wrongly. A link named `registry` is the command line of distribution instead.
pub(crate) fn run() -> ExitCode {
    if command::registry::is_meant(std::env::args_os().next().as_deref()) {
        return command::registry::run();
    }
    match Cli::parse().command {
        Command::Serve { config, strict } => command::serve::run(config, UnknownKeys::of(strict)),
        Command::Config { action } => match action {
            ConfigAction::Check { config, strict } => command::config::check(config, UnknownKeys::of(strict)),
            ConfigAction::Schema => command::config::schema(),
            ConfigAction::Reference => command::config::reference(),
        },
        Command::Storage {
            action: StorageAction::Check { config },
        } => command::storage_check::run(config),
    }
}
