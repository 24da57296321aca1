//! Uploads that go from one registry to the other.

use std::path::Path;

use hythe_testutil::{Client, Content, Random, Request, ServerProcess};
use tempfile::TempDir;

use super::{Programs, shared};
use crate::context::{blob_path, chunks, uploads_path, with_query};
use crate::failure::{Failure, Outcome};

/// Around the block size of SHA-256 (64 bytes), and around buffers.
const CHUNK_BYTES: [usize; 8] = [1, 63, 64, 65, 1000, 65_536, 300_000, 1_048_576];

/// How the last bytes come.
#[derive(Clone, Copy, Debug)]
enum Last {
    /// In a PATCH.
    Patch,
    /// In the PUT.
    Put,
}

/// Uploads that hop between Hythe and distribution after every request, both ways, with both running all the time and with
/// one process after the other. Gives the number of uploads.
pub async fn hop(programs: &Programs) -> Result<usize, Failure> {
    let mut uploads = 0;
    for (first, second) in [
        (&programs.hythe, &programs.original),
        (&programs.original, &programs.hythe),
    ] {
        uploads += hop_between_servers(first, second).await?;
        uploads += hop_between_restarts(first, second).await?;
    }
    Ok(uploads)
}

/// Uploads that hop between two running registries that share storage and secret. Gives the number of uploads.
pub async fn hop_between(first: &Client, second: &Client) -> Result<usize, Failure> {
    let clients = [first, second];
    let mut uploads = 0;
    for size in CHUNK_BYTES {
        for last in [Last::Patch, Last::Put] {
            let blob = blob(size);
            let mut hands = Hands {
                upload: String::new(),
                stored: 0,
                turn: 0,
            };
            for piece in pieces(&blob, size) {
                let client = clients[hands.turn % 2];
                hands
                    .step(client, &blob, piece, last)
                    .await
                    .map_err(|failure| at(failure, size, last))?;
            }
            let client = clients[hands.turn % 2];
            hands
                .finish(client, &blob, last)
                .await
                .map_err(|failure| at(failure, size, last))?;
            for client in clients {
                check(client, &blob).await?;
            }
            uploads += 1;
        }
    }
    Ok(uploads)
}

async fn hop_between_servers(first: &Path, second: &Path) -> Result<usize, Failure> {
    let folder = TempDir::new().map_err(|error| Failure::new(format!("temporary folder: {error}")))?;
    let configuration = shared(&folder.path().join("registry"));
    let first = ServerProcess::start(first, &configuration).await?;
    let second = ServerProcess::start(second, &configuration).await?;
    hop_between(&first.client(), &second.client()).await
}

async fn hop_between_restarts(first: &Path, second: &Path) -> Result<usize, Failure> {
    let folder = TempDir::new().map_err(|error| Failure::new(format!("temporary folder: {error}")))?;
    let configuration = shared(&folder.path().join("registry"));
    let programs = [first, second];
    let mut uploads = 0;
    for (size, last) in [(65, Last::Patch), (100_000, Last::Put)] {
        let blob = blob(size);
        let mut hands = Hands {
            upload: String::new(),
            stored: 0,
            turn: 0,
        };
        for piece in pieces(&blob, size) {
            let server = ServerProcess::start(programs[hands.turn % 2], &configuration).await?;
            hands
                .step(&server.client(), &blob, piece, last)
                .await
                .map_err(|failure| at(failure, size, last))?;
            server.terminate().await?;
        }
        let server = ServerProcess::start(programs[hands.turn % 2], &configuration).await?;
        hands
            .finish(&server.client(), &blob, last)
            .await
            .map_err(|failure| at(failure, size, last))?;
        check(&server.client(), &blob).await?;
        uploads += 1;
    }
    Ok(uploads)
}

const REPOSITORY: &str = "hop/repository";

fn blob(size: usize) -> Content {
    Content::blob(Random::named(1, &format!("hop {size}")).bytes(3 * size + size / 2))
}

/// What is sent by PATCH in turn; an upload begins with nothing.
fn pieces(blob: &Content, size: usize) -> Vec<bytes::Bytes> {
    let mut pieces = vec![bytes::Bytes::new()];
    pieces.extend(chunks(&blob.bytes, size));
    pieces
}

fn at(failure: Failure, size: usize, last: Last) -> Failure {
    failure.while_doing(&format!("chunks of {size} bytes, the last one by {last:?}"))
}

/// An upload on its way.
struct Hands {
    upload: String,
    stored: usize,
    turn: usize,
}

impl Hands {
    /// Begins the upload, or sends one piece; the last piece waits when it goes into the PUT.
    async fn step(&mut self, client: &Client, blob: &Content, piece: bytes::Bytes, last: Last) -> Outcome {
        if self.turn == 0 {
            let response = client.send(Request::post(uploads_path(REPOSITORY))).await?;
            self.upload = response.expect_status(&[202])?.location()?;
            self.turn += 1;
            return Ok(());
        }
        let is_last = self.stored + piece.len() == blob.bytes.len();
        if is_last && matches!(last, Last::Put) {
            return Ok(());
        }
        let range = format!("{}-{}", self.stored, self.stored + piece.len() - 1);
        self.stored += piece.len();
        let response = client
            .send(
                Request::patch(&self.upload)
                    .header("content-range", &range)
                    .body(piece),
            )
            .await?;
        let expected = format!("0-{}", self.stored - 1);
        response
            .expect_status(&[202])?
            .expect_header("range", &expected)?;
        // The one who did not write it sees it too, and its answer names the place for the next step.
        self.upload = response.location()?;
        self.turn += 1;
        Ok(())
    }

    async fn finish(&self, client: &Client, blob: &Content, last: Last) -> Outcome {
        let status = client.get(&self.upload).await?;
        let target = with_query(&status.expect_status(&[204])?.location()?, "digest", &blob.digest);
        let rest = blob.bytes.slice(self.stored..);
        let put = match last {
            Last::Patch => Request::put(target),
            Last::Put => {
                let range = format!("{}-{}", self.stored, blob.bytes.len() - 1);
                Request::put(target).header("content-range", range).body(rest)
            }
        };
        client.send(put).await?.expect_status(&[201])?;
        Ok(())
    }
}

async fn check(client: &Client, blob: &Content) -> Outcome {
    let response = client.get(&blob_path(REPOSITORY, &blob.digest)).await?;
    response.expect_status(&[200])?.expect_body(&blob.bytes)?;
    Ok(())
}
