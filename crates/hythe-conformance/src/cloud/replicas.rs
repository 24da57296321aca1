//! Several registries on one bucket, and clients whose every request reaches another one of them.
//!
//! Each push has two layers of a length that is no multiple of anything, in chunks below and at S3's smallest part, so that
//! every replica continues what another one began. What was pushed is then pulled from each replica and compared.
//! Who wins when two replicas have to do with one session at the same time is looked at by the groups of `check` that are
//! about that, run over all replicas in turn.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hythe_testutil::{Client, Content, Options, Random, Request, ServerProcess};
use tokio::task::JoinSet;

use super::backend::Backend;
use super::image::Image;
use crate::context::{chunks, uploads_path, with_query};
use crate::failure::{Failure, Outcome};
use crate::groups;
use crate::manifest::put_manifest;
use crate::report::Report;
use crate::suite::Plan;

/// The layers: one byte more than whole MiB.
const LAYER_BYTES: usize = (6 << 20) + 1;
/// The chunks of the first layer, and of the second.
const CHUNK_BYTES: [usize; 2] = [1 << 20, 5 << 20];
/// So many pushes share a folder of the bucket, which is emptied after them: emulators keep everything in memory, or on
/// a small disk.
const PUSHES_PER_FOLDER: usize = 100;

/// The groups that are run over replicas too.
const CONTENDED_GROUPS: [&str; 4] = ["contended-uploads", "upload-sessions", "concurrency", "data"];

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Replicas {
    /// The registry's program.
    pub program: PathBuf,
    /// Where the data are.
    pub backend: Backend,
    /// How many registries there are.
    pub replicas: usize,
    /// How many images are pushed.
    pub pushes: usize,
    /// How many clients push at the same time.
    pub clients: usize,
    /// Makes the content.
    pub seed: u64,
}

impl Replicas {
    /// Runs all pushes; `observe` is told how many are done. The first error ends the run.
    pub async fn run(&self, mut observe: impl FnMut(usize)) -> Outcome {
        let mut done = 0;
        while done < self.pushes {
            let last = self.pushes.min(done + PUSHES_PER_FOLDER);
            let root = format!("replicas-{}-{done}", std::process::id());
            self.run_in(&root, done, last).await?;
            self.backend.clear(&root).await?;
            done = last;
            observe(done);
        }
        Ok(())
    }

    /// Runs the groups of `check` in which clients contend for a session, with each request going to the next replica.
    pub async fn contend(&self) -> Result<Report, Failure> {
        let root = format!("contended-{}", std::process::id());
        let configuration = self.backend.configuration(&root);
        let mut servers = Vec::new();
        for _ in 0..self.replicas {
            servers.push(ServerProcess::start(&self.program, &configuration).await?);
        }
        let addresses: Vec<String> = servers.iter().map(ServerProcess::url).collect();
        let plan = Plan {
            client: Client::of_replicas(&addresses, &Options::default())?,
            repository_prefix: "contended".to_owned(),
            seed: self.seed,
            groups: CONTENDED_GROUPS.map(str::to_owned).into(),
            scopes: Vec::new(),
            max_manifest_bytes: 4 << 20,
            jobs: 1,
        };
        let report = plan.run(&groups::all(), |_, _| ()).await;
        for server in servers {
            server.terminate().await?;
        }
        self.backend.clear(&root).await?;
        Ok(report)
    }

    async fn run_in(&self, root: &str, first: usize, last: usize) -> Outcome {
        let configuration = self.backend.configuration(root);
        let mut servers = Vec::new();
        for _ in 0..self.replicas {
            servers.push(ServerProcess::start(&self.program, &configuration).await?);
        }
        let each: Arc<Vec<Client>> = Arc::new(servers.iter().map(ServerProcess::client).collect());
        let next = Arc::new(AtomicUsize::new(first));
        let mut tasks = JoinSet::new();
        for client in 0..self.clients {
            let (each, next, seed) = (Arc::clone(&each), Arc::clone(&next), self.seed);
            tasks.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= last {
                        return Ok::<_, Failure>(());
                    }
                    push_and_pull(&each, seed, number)
                        .await
                        .map_err(|failure| failure.while_doing(&format!("client {client}, push {number}")))?;
                }
            });
        }
        while let Some(joined) = tasks.join_next().await {
            let outcome = joined.map_err(|error| Failure::new(format!("a client failed: {error}")))?;
            if let Err(failure) = outcome {
                let logs: Vec<String> = servers.iter().map(last_lines).collect();
                return Err(Failure::new(format!(
                    "{failure}\nthe registries' last words:\n{}",
                    logs.join("\n--\n")
                )));
            }
        }
        for server in servers {
            server.terminate().await?;
        }
        Ok(())
    }
}

async fn push_and_pull(each: &[Client], seed: u64, number: usize) -> Outcome {
    let mut random = Random::named(seed, &format!("push {number}"));
    let image = Image::random(&mut random, &[LAYER_BYTES; 2]);
    let repository = format!("replicas/repository-{}", number % 8);
    let tag = format!("v{number}");
    // Not all pushes begin at the same replica.
    let mut turn = number;
    for (blob, chunk_bytes) in image.blobs.iter().zip(CHUNK_BYTES.into_iter().cycle()) {
        push_blob(each, &mut turn, &repository, blob, chunk_bytes).await?;
    }
    take_turn(each, &mut turn)
        .send(put_manifest(&repository, &tag, &image.manifest))
        .await?
        .expect_status(&[201])?;
    for client in each {
        image.pull(client, &repository, &tag).await?;
    }
    Ok(())
}

async fn push_blob(
    each: &[Client],
    turn: &mut usize,
    repository: &str,
    blob: &Content,
    chunk_bytes: usize,
) -> Outcome {
    let post = Request::post(uploads_path(repository));
    let response = take_turn(each, turn).send(post).await?;
    let mut target = response.expect_status(&[202])?.location()?;
    let mut sent = 0;
    for chunk in chunks(&blob.bytes, chunk_bytes) {
        let range = format!("{sent}-{}", sent + chunk.len() - 1);
        sent += chunk.len();
        let patch = Request::patch(&target).header("content-range", range).body(chunk);
        let response = take_turn(each, turn).send(patch).await?;
        response
            .expect_status(&[202])?
            .expect_header("range", &format!("0-{}", sent - 1))?;
        target = response.location()?;
    }
    let put = Request::put(with_query(&target, "digest", &blob.digest));
    take_turn(each, turn).send(put).await?.expect_status(&[201])?;
    Ok(())
}

fn take_turn<'a>(each: &'a [Client], turn: &mut usize) -> &'a Client {
    *turn += 1;
    &each[*turn % each.len()]
}

fn last_lines(server: &ServerProcess) -> String {
    let log = server.log();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
