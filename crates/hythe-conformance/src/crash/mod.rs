//! Kills a registry while clients push, and looks afterwards whether it kept its word.
//!
//! The registry's word is its answer: what was answered 201 must be there, byte by byte; an upload of which nothing but 202 was
//! said must go on from where it stands. SIGKILL leaves what the process wrote with the system, so this shows that the steps of a
//! push are in the right order, not that the disk has them; that is shown where the driver's operations are recorded.

pub(crate) mod clients;
pub(crate) mod ledger;
pub(crate) mod verify;

use std::path::PathBuf;
use std::time::Duration;

use hythe_testutil::{Configuration, Random, ServerProcess};
use tempfile::TempDir;

use crate::failure::Failure;
use ledger::Ledger;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Crash {
    /// The registry's program.
    pub program: PathBuf,
    /// How often it is killed.
    pub rounds: u32,
    /// How many clients push at the same time.
    pub clients: u32,
    /// Longest time between the start of the clients and the end of the registry.
    pub longest_life: Duration,
    /// Length of the largest layers.
    pub largest_layer_bytes: u64,
    /// Makes content and moments.
    pub seed: u64,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CrashSummary {
    /// Blobs that were answered 201 and are there.
    pub blobs: usize,
    /// Manifests that were answered 201 and are there.
    pub manifests: usize,
    /// Uploads that were cut off and went on.
    pub resumed: usize,
    /// Uploads that were cut off in their last request, which had come through.
    pub completed: usize,
}

impl Crash {
    /// Runs all rounds on one storage folder; `observe` is told what each round added.
    pub async fn run(&self, mut observe: impl FnMut(u32, CrashSummary)) -> Result<CrashSummary, Failure> {
        let folder = TempDir::new().map_err(|error| Failure::new(format!("temporary folder: {error}")))?;
        let configuration = Configuration::filesystem(&folder.path().join("registry"));
        let mut moments = Random::named(self.seed, "moments");
        let mut sum = CrashSummary::default();
        let mut kept = Ledger::default();
        for round in 1..=self.rounds {
            let server = ServerProcess::start(&self.program, &configuration).await?;
            let clients = clients::start(self, round, &server.client());
            let life = 1 + moments.below(self.longest_life.as_millis() as u64);
            tokio::time::sleep(Duration::from_millis(life)).await;
            server.kill()?;
            let ledger = clients.join().await?;
            let server = ServerProcess::start(&self.program, &configuration).await?;
            let seen = verify::verify(&server.client(), &ledger)
                .await
                .map_err(|failure| {
                    failure.while_doing(&format!("after round {round} (seed {})", self.seed))
                })?;
            server.terminate().await?;
            kept.take_over(ledger);
            sum = CrashSummary {
                blobs: sum.blobs + seen.blobs,
                manifests: sum.manifests + seen.manifests,
                resumed: sum.resumed + seen.resumed,
                completed: sum.completed + seen.completed,
            };
            observe(round, seen);
        }
        // What an early round left must have survived all the later ones.
        let server = ServerProcess::start(&self.program, &configuration).await?;
        verify::verify(&server.client(), &kept)
            .await
            .map_err(|failure| failure.while_doing("after all rounds"))?;
        server.terminate().await?;
        Ok(sum)
    }
}
