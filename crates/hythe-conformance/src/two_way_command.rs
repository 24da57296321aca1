//! `hythe-conformance two-way`, `script` and `hop`

use std::path::PathBuf;
use std::process::ExitCode;

use hythe_conformance::Failure;
use hythe_conformance::two_way::{self, AllowedTreeDifferences, Programs, Script};
use hythe_testutil::Client;

/// What `two-way` is told. Exit code 0 when all three parts succeed.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The program that is judged
    #[arg(long, value_name = "PROGRAM")]
    hythe: PathBuf,
    /// Distribution, 2.8 or 3.1
    #[arg(long, value_name = "PROGRAM")]
    original: PathBuf,
    /// The major version of distribution
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=3))]
    original_version: u8,
    /// Only these parts
    #[arg(long, value_name = "PARTS", value_delimiter = ',', default_values = ["folders", "handover", "hop"])]
    parts: Vec<String>,
}

/// What `script` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct ScriptArguments {
    /// An empty registry, as http://host:port
    #[arg(long)]
    registry: String,
    /// Leave out what distribution 2 cannot do
    #[arg(long)]
    without_tag_deletions: bool,
}

/// What `hop` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct HopArguments {
    /// Where uploads begin, as http://host:port
    #[arg(long)]
    first: String,
    /// A registry on the same storage with the same secret, as http://host:port
    #[arg(long)]
    second: String,
}

/// Runs the parts and prints what came out.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let programs = Programs {
        hythe: arguments.hythe.clone(),
        original: arguments.original.clone(),
        original_version: arguments.original_version,
    };
    let mut failed = false;
    for part in &arguments.parts {
        let outcome = match part.as_str() {
            "folders" => {
                let allowed = AllowedTreeDifferences::built_in()?;
                two_way::same_folders(&programs, &allowed)
                    .await
                    .map(|paths| format!("{paths} paths compared"))
            }
            "handover" => two_way::handover(&programs)
                .await
                .map(|stations| stations.join("\n      ")),
            "hop" => two_way::hop(&programs)
                .await
                .map(|uploads| format!("{uploads} uploads")),
            other => Err(Failure::new(format!("there is no part {other}"))),
        };
        match outcome {
            Ok(text) => println!("pass  {part}: {text}"),
            Err(failure) => {
                failed = true;
                println!("FAIL  {part}: {failure}");
            }
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Runs the script on one registry, so that its storage can be compared with another one's.
pub(crate) async fn script(arguments: &ScriptArguments) -> Result<ExitCode, Failure> {
    let client = Client::new(&arguments.registry)?;
    let mut script = if arguments.without_tag_deletions {
        Script::without_tag_deletions()
    } else {
        Script::new()
    };
    script.begin(&client).await?;
    script.check(&client).await?;
    let (manifests, blobs) = script.size();
    println!("{manifests} manifests by tag or digest, {blobs} blobs");
    Ok(ExitCode::SUCCESS)
}

/// Lets uploads hop between two running registries.
pub(crate) async fn hop(arguments: &HopArguments) -> Result<ExitCode, Failure> {
    let uploads =
        two_way::hop_between(&Client::new(&arguments.first)?, &Client::new(&arguments.second)?).await?;
    println!("{uploads} uploads");
    Ok(ExitCode::SUCCESS)
}
