//! `cargo xtask clients`: real clients against a registry, each pushing, pulling back and comparing bytes.
//!
//! Every cell of the matrix uses content and a repository of its own, so that nothing is there before the client
//! sends it. Between push and pull, the [`referee::Referee`] reads from the registry what the client
//! sent, and the client's own copy is removed, so that a client cannot answer from its memory.

mod compare;
mod content;
mod engine;
mod lab;
mod matrix;
mod referee;

mod containerd;
mod cosign;
mod crane;
mod docker;
mod helm;
mod login;
mod oras;
mod podman;
mod regctl;
mod skopeo;

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Error, Result, bail};

use crate::behind::Behind;
use crate::emulators::{Bucket, Cloud, Running};
use crate::registry::{Kind, Program, Settings, Storage};
use crate::tools::{DOCKERD, Tool};
use crate::workspace;
use lab::{Attempt, Lab};

/// One client doing one thing.
struct Cell {
    client: &'static str,
    thing: &'static str,
    /// What must be installed.
    tools: &'static [Tool],
    run: fn(&Attempt<'_>) -> Result<()>,
    refused_by_the_original: bool,
}

enum Outcome {
    Passed,
    Failed(anyhow::Error),
    /// The client is not here, and this is not continuous integration.
    Skipped(String),
}

/// Clients of different making, for runs in which the registry's storage matters and not the client.
const FEW_CLIENTS: [&str; 4] = ["docker", "podman", "skopeo", "crane"];

/// Runs the cells whose name contains one of `only` against the registry, and fails unless all pass.
pub(crate) fn run(program: &Program, only: &[String]) -> Result<()> {
    let lab = Lab::open(program, &Settings::default())?;
    let mut tally = Tally::default();
    tally.add(&lab, |cell| cell.is_one_of(only));
    tally.judge()
}

/// Runs the first cell of each client, or those whose name contains one of `only`, with the registry behind this. Each
/// client logs in before.
pub(crate) fn run_behind(program: &Program, behind: &Behind, only: &[String]) -> Result<()> {
    println!("== behind {behind}");
    let settings = Settings {
        behind: behind.clone(),
        ..Settings::default()
    };
    let lab = Lab::open(program, &settings)?;
    let mut tally = Tally::default();
    let mut clients = BTreeSet::new();
    tally.add(&lab, |cell| {
        if only.is_empty() {
            clients.insert(cell.client)
        } else {
            cell.is_one_of(only)
        }
    });
    tally.judge()
}

/// Runs a few clients against the registry with its data in a cloud's bucket: served by the registry, and redirected.
pub(crate) fn run_on(program: &Program, cloud: Cloud, only: &[String]) -> Result<()> {
    let running = Running::start(cloud.emulator())?;
    let mut tally = Tally::default();
    for redirects in [false, true] {
        let root = if redirects { "redirected" } else { "served" };
        let bucket = Bucket::on(&running, cloud, root, redirects)?;
        println!("== on {}, redirects: {redirects}", cloud.name());
        let settings = Settings {
            storage: Storage::Bucket(bucket),
            ..Settings::default()
        };
        let lab = Lab::open(program, &settings)?;
        tally.add(&lab, |cell| {
            FEW_CLIENTS.contains(&cell.client) && cell.is_one_of(only)
        });
    }
    tally.judge()
}

/// How many cells passed, failed, and were skipped.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    fn add(&mut self, lab: &Lab, mut wanted: impl FnMut(&Cell) -> bool) {
        for cell in matrix::CELLS.iter().filter(|cell| wanted(cell)) {
            let start = Instant::now();
            let log = lab.log(&cell.name());
            let outcome = cell.outcome(lab);
            let seconds = start.elapsed().as_secs_f32();
            let name = format!("{:<9} x {:<38}", cell.client, cell.thing);
            match outcome {
                Outcome::Passed => {
                    self.passed += 1;
                    println!("{name} pass  {seconds:5.1} s");
                }
                Outcome::Failed(error) => {
                    self.failed += 1;
                    println!("{name} FAIL  {seconds:5.1} s  {}\n    {error:#}", log.display());
                }
                Outcome::Skipped(reason) => {
                    self.skipped += 1;
                    println!("{name} SKIPPED: {reason}");
                }
            }
        }
    }

    fn judge(&self) -> Result<()> {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        match skipped {
            0 => println!("{passed} passed, {failed} failed"),
            _ => println!("{passed} passed, {failed} failed, {skipped} skipped"),
        }
        if *failed > 0 || passed + skipped == 0 {
            bail!("the clients' matrix has not passed");
        }
        Ok(())
    }
}

impl Cell {
    const fn refused_by_the_original(mut self) -> Self {
        self.refused_by_the_original = true;
        self
    }

    fn name(&self) -> String {
        let words = format!("{} {}", self.client, self.thing).to_lowercase();
        let words = words.split(|letter: char| !letter.is_ascii_alphanumeric());
        words
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("-")
    }

    /// Whether its name contains one of these; if there are none, it does.
    fn is_one_of(&self, texts: &[String]) -> bool {
        texts.is_empty() || texts.iter().any(|text| self.name().contains(text.as_str()))
    }

    fn outcome(&self, lab: &Lab) -> Outcome {
        if let Some(reason) = self.lacking(lab) {
            // Nothing may be missing where the result counts.
            return if workspace::in_ci() {
                Outcome::Failed(Error::msg(reason))
            } else {
                Outcome::Skipped(reason)
            };
        }
        let refusal_is_right = self.refused_by_the_original && lab.kind() == Kind::Original;
        let result = lab.attempt(&self.name()).and_then(|attempt| {
            for tool in self.tools {
                login::login(&attempt, tool)?;
            }
            (self.run)(&attempt)
        });
        match result {
            Ok(()) if refusal_is_right => Outcome::Failed(Error::msg("the original is known to refuse this")),
            Err(_) if refusal_is_right => Outcome::Passed,
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(error),
        }
    }

    fn lacking(&self, lab: &Lab) -> Option<String> {
        if let Some(tool) = self.tools.iter().find(|tool| lab.tool(tool).is_err()) {
            return Some(format!("{} is missing: {}", tool.name, tool.how_to_install()));
        }
        let needs_engine = self.tools.iter().any(|tool| tool.name == DOCKERD.name);
        lab.engine()
            .err()
            .filter(|_| needs_engine)
            .map(|error| format!("no docker engine: {error:#}"))
    }
}
