//! Pushes that never came to their end, and what is left of them in the bucket.
//!
//! In every second round the registry is killed while clients push; in the others the clients go away. Then a registry
//! that purges abandoned uploads at once runs until nothing is left, or too long. What was answered 201 must be there
//! all the same.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hythe_testutil::{Random, ServerProcess};
use serde_json::json;

use super::backend::Backend;
use crate::crash::ledger::Ledger;
use crate::crash::{Crash, clients, verify};
use crate::failure::{Failure, Outcome, ensure};

/// How long the purge may take.
const PATIENCE: Duration = Duration::from_secs(120);
const INTERVAL: Duration = Duration::from_secs(1);
/// Above the smallest part of S3, so that uploads are cut off in all of their states.
const LARGEST_LAYER_BYTES: u64 = 14 << 20;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Killed {
    /// The registry's program.
    pub program: PathBuf,
    /// Where the data are.
    pub backend: Backend,
    /// How many pushes are cut off, at least.
    pub pushes: u32,
    /// How many clients push at the same time.
    pub clients: u32,
    /// Makes content and moments.
    pub seed: u64,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct KilledSummary {
    /// Pushes that were cut off.
    pub pushes: u32,
    /// Keys of unfinished uploads before the purge.
    pub left_keys: usize,
    /// Open uploads (S3: multipart uploads, Azure: blobs with uncommitted blocks) before the purge.
    pub open_uploads: usize,
    /// Blobs and manifests that were answered 201 and are there.
    pub kept: usize,
}

impl Killed {
    /// Cuts pushes off, purges, and fails if anything of an upload is left.
    pub async fn run(&self) -> Result<KilledSummary, Failure> {
        let root = format!("killed-{}", std::process::id());
        let mut summary = KilledSummary::default();
        let kept = self.cut_off(&root, &mut summary).await?;
        summary.left_keys = self.upload_keys(&root).await?.len();
        summary.open_uploads = self.backend.open_uploads(&root).await?.len();
        ensure!(
            summary.left_keys > 0 && !kept.blobs.is_empty(),
            "pushes were cut off too early or too late to show anything: {summary:?}"
        );
        let configuration = self.backend.configuration(&root).set(
            &["storage", "maintenance", "uploadpurging"],
            json!({ "enabled": true, "age": "1s", "interval": "2s", "dryrun": false }),
        );
        let server = ServerProcess::start(&self.program, &configuration).await?;
        self.wait_until_empty(&root).await?;
        let seen = verify::verify(&server.client(), &kept).await?;
        summary.kept = seen.blobs + seen.manifests;
        server.terminate().await?;
        self.backend.clear(&root).await?;
        Ok(summary)
    }

    async fn cut_off(&self, root: &str, summary: &mut KilledSummary) -> Result<Ledger, Failure> {
        let configuration = self.backend.configuration(root);
        let crash = Crash {
            program: self.program.clone(),
            rounds: 0,
            clients: self.clients,
            longest_life: Duration::from_millis(4000),
            largest_layer_bytes: LARGEST_LAYER_BYTES,
            seed: self.seed,
        };
        let mut moments = Random::named(self.seed, "moments");
        let mut kept = Ledger::default();
        for round in 1.. {
            if summary.pushes >= self.pushes {
                break;
            }
            let server = ServerProcess::start(&self.program, &configuration).await?;
            let pushers = clients::start(&crash, round, &server.client());
            let life = 100 + moments.below(crash.longest_life.as_millis() as u64);
            tokio::time::sleep(Duration::from_millis(life)).await;
            if round % 2 == 0 {
                server.kill()?;
                // What they had begun is not gone on with: that is the point.
                kept.take_over(pushers.join().await?);
            } else {
                drop(pushers);
                server.terminate().await?;
            }
            summary.pushes += self.clients;
        }
        Ok(kept)
    }

    async fn upload_keys(&self, root: &str) -> Result<Vec<String>, Failure> {
        let keys = self.backend.keys(root).await?;
        Ok(keys
            .into_iter()
            .filter(|key| key.contains("/_uploads/"))
            .collect())
    }

    async fn wait_until_empty(&self, root: &str) -> Outcome {
        let start = Instant::now();
        loop {
            let keys = self.upload_keys(root).await?;
            let open = self.backend.open_uploads(root).await?;
            if keys.is_empty() && open.is_empty() {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                let first =
                    |names: &mut dyn Iterator<Item = &String>| names.take(5).cloned().collect::<Vec<_>>();
                return Err(Failure::new(format!(
                    "after {} s of purging, {} keys of uploads are left, such as {:#?}, and {} open uploads, such as \
                     {:#?}",
                    PATIENCE.as_secs(),
                    keys.len(),
                    first(&mut keys.iter()),
                    open.len(),
                    first(&mut open.iter())
                )));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}
