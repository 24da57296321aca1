//! A bucket that changes hands between distribution and Hythe.
//!
//! Distribution opens its upload sessions with Google at a fixed host, so it cannot fill an emulator's bucket. There, a
//! tree that it wrote on this machine is copied into the bucket object by object, and copied back in the end.
//! Distribution's garbage collection has no part in this: on a bucket it stops at the first link that two digests led it
//! to, also in buckets that only it has written to. The folders of `two-way` go through it.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hythe_testutil::{Client, Configuration, Content, Random, Request, ServerProcess};
use tempfile::TempDir;

use super::backend::{Backend, Cloud};
use crate::context::{blob_path, uploads_path, with_query};
use crate::failure::{Failure, Outcome, ensure};
use crate::two_way::{Script, shared};

/// The lengths of both halves of an upload that changes hands: below the smallest part of S3, and above it.
const HALF_BYTES: [usize; 3] = [1000, 300_000, (5 << 20) + 3];

/// The two programs, and the bucket.
#[derive(Clone, Debug)]
pub struct TwoWay {
    /// The program that is judged.
    pub hythe: PathBuf,
    /// Distribution 3.1.
    pub original: PathBuf,
    /// Where the data are.
    pub backend: Backend,
}

impl TwoWay {
    /// Distribution fills a bucket; Hythe serves it, extends it and deletes from it; distribution serves what Hythe left.
    /// Gives one line for each station.
    pub async fn handover(&self) -> Result<Vec<String>, Failure> {
        let root = format!("two-way-{}", std::process::id());
        let folder = TempDir::new().map_err(|error| Failure::new(format!("temporary folder: {error}")))?;
        let on_disk = shared(&folder.path().join("filled"));
        let in_bucket = self.backend.configuration(&root);
        let is_copied = self.backend.cloud == Cloud::Gcs;
        let mut script = Script::without_failed_uploads();
        let mut stations = Vec::new();
        let mut station = |what: &str, script: &Script| {
            let (manifests, blobs) = script.size();
            stations.push(format!(
                "{what}: {manifests} manifests by tag or digest, {blobs} blobs"
            ));
        };

        let filled = if is_copied { &on_disk } else { &in_bucket };
        let server = ServerProcess::start(&self.original, filled).await?;
        script
            .begin(&server.client())
            .await
            .map_err(|failure| failure.while_doing("the original fills"))?;
        server.terminate().await?;
        if is_copied {
            self.copy_into_bucket(&folder.path().join("filled"), &root)
                .await?;
        }
        station("filled by the original", &script);

        let server = ServerProcess::start(&self.hythe, &in_bucket).await?;
        serve(&server, &script, "Hythe serves").await?;
        script
            .extend(&server.client())
            .await
            .map_err(|failure| failure.while_doing("Hythe extends"))?;
        serve(&server, &script, "Hythe serves what it extended").await?;
        server.terminate().await?;
        station("extended and partly deleted by Hythe", &script);

        let back = shared(&folder.path().join("back"));
        if is_copied {
            self.copy_out_of_bucket(&root, &folder.path().join("back"))
                .await?;
        }
        let left = if is_copied { &back } else { &in_bucket };
        self.serve_with_original(left, &script, "the original serves what Hythe left")
            .await?;
        station("served by the original", &script);
        self.backend.clear(&root).await?;
        Ok(stations)
    }

    /// Uploads that are begun by one and continued by the other, both ways. Gives a line for each way: how many were
    /// finished there, and how many were refused and finished where they were begun.
    pub async fn hop(&self) -> Result<Vec<String>, Failure> {
        let root = format!("hop-{}", std::process::id());
        let configuration = self.backend.configuration(&root);
        let hythe = ServerProcess::start(&self.hythe, &configuration).await?;
        let original = ServerProcess::start(&self.original, &configuration).await?;
        let mut lines = Vec::new();
        let ways = [
            (
                "begun by Hythe, continued by the original",
                hythe.client(),
                original.client(),
            ),
            (
                "begun by the original, continued by Hythe",
                original.client(),
                hythe.client(),
            ),
        ];
        for (way, first, second) in ways {
            let (mut finished, mut refused) = (0, 0);
            for half in HALF_BYTES {
                let blob = Content::blob(Random::named(3, &format!("{way} {half}")).bytes(2 * half));
                let is_judged = second.authority() == hythe.authority();
                let outcome = change_hands(&first, &second, &blob, is_judged)
                    .await
                    .map_err(|failure| failure.while_doing(&format!("{way}, twice {half} bytes")))?;
                if outcome {
                    finished += 1;
                } else {
                    refused += 1;
                }
            }
            lines.push(format!("{way}: {finished} finished, {refused} refused"));
        }
        hythe.terminate().await?;
        original.terminate().await?;
        self.backend.clear(&root).await?;
        Ok(lines)
    }

    async fn serve_with_original(
        &self,
        configuration: &Configuration,
        script: &Script,
        what: &str,
    ) -> Outcome {
        let server = ServerProcess::start(&self.original, configuration).await?;
        serve(&server, script, what).await?;
        server.terminate().await?;
        Ok(())
    }

    async fn copy_into_bucket(&self, folder: &Path, root: &str) -> Outcome {
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).map_err(|error| at(&next, &error))? {
                let path = entry.map_err(|error| at(&next, &error))?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = fs::read(&path).map_err(|error| at(&path, &error))?;
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
                self.backend
                    .put_to_google(&format!("{root}/{name}"), Bytes::from(bytes))
                    .await?;
            }
        }
        Ok(())
    }

    async fn copy_out_of_bucket(&self, root: &str, folder: &Path) -> Outcome {
        for key in self.backend.keys(root).await? {
            let name = key.strip_prefix(&format!("{root}/")).unwrap_or(&key);
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(|error| at(parent, &error))?;
            let bytes = self.backend.get_from_google(&key).await?;
            fs::write(&path, &bytes).map_err(|error| at(&path, &error))?;
        }
        Ok(())
    }
}

async fn serve(server: &ServerProcess, script: &Script, what: &str) -> Outcome {
    script
        .check(&server.client())
        .await
        .map_err(|failure| failure.while_doing(what))
}

/// The first half goes to one registry, the second half to the other one. True if that one took it; if it did not, and it
/// is the one that `is_judged`, it must have said so in a clear way.
async fn change_hands(
    first: &Client,
    second: &Client,
    blob: &Content,
    is_judged: bool,
) -> Result<bool, Failure> {
    let half = blob.bytes.len() / 2;
    let repository = "hop/repository";
    let response = first.send(Request::post(uploads_path(repository))).await?;
    let target = response.expect_status(&[202])?.location()?;
    let patch = Request::patch(target)
        .header("content-range", format!("0-{}", half - 1))
        .body(blob.bytes.slice(..half));
    let response = first.send(patch).await?;
    let target = response.expect_status(&[202])?.location()?;
    let rest = || {
        Request::patch(&target)
            .header("content-range", format!("{half}-{}", blob.bytes.len() - 1))
            .body(blob.bytes.slice(half..))
    };
    let response = second.send(rest()).await?;
    let is_taken = response.status == 202;
    if is_taken {
        let complete = with_query(&response.location()?, "digest", &blob.digest);
        let closed = second.send(Request::put(complete)).await?;
        if is_judged {
            closed.expect_status(&[201])?;
        }
        if closed.status == 201 {
            for client in [first, second] {
                let got = client.get(&blob_path(repository, &blob.digest)).await?;
                got.expect_status(&[200])?.expect_body(&blob.bytes)?;
            }
        }
        return Ok(closed.status == 201);
    }
    if is_judged {
        ensure!(
            (400..500).contains(&response.status) && response.error_code().is_some(),
            "{}: {} is no clear refusal",
            response.request,
            response.status
        );
    }
    Ok(false)
}

fn at(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
