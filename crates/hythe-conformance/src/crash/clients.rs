//! Clients that push until the registry is gone.

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Client, Content, ImageBuilder, Random, Request};
use tokio::task::JoinSet;

use super::Crash;
use super::ledger::{Ledger, OpenUpload, Recipe, Tagged};
use crate::context::{chunks, uploads_path, with_query};
use crate::failure::Failure;
use crate::manifest::put_manifest;

/// Clients at work.
pub(crate) struct Clients {
    tasks: JoinSet<Result<Ledger, Failure>>,
}

/// Starts the clients of a round.
pub(crate) fn start(crash: &Crash, round: u32, client: &Client) -> Clients {
    let mut tasks = JoinSet::new();
    for number in 0..crash.clients {
        let pusher = Pusher {
            client: client.clone(),
            // Two clients share a repository.
            repository: format!("crash/repository-{}", number / 2),
            name: format!("round {round} client {number}"),
            random: Random::named(crash.seed, &format!("round {round} client {number}")),
            largest_layer_bytes: crash.largest_layer_bytes,
            seed: crash.seed,
            ledger: Ledger::default(),
        };
        tasks.spawn(pusher.push_until_the_end());
    }
    Clients { tasks }
}

impl Clients {
    /// Waits until every client has noticed that the registry is gone.
    pub(crate) async fn join(mut self) -> Result<Ledger, Failure> {
        let mut sum = Ledger::default();
        while let Some(joined) = self.tasks.join_next().await {
            let ledger = joined.map_err(|error| Failure::new(format!("a client failed: {error}")))??;
            sum.uploads.extend(ledger.uploads.clone());
            sum.take_over(ledger);
        }
        Ok(sum)
    }
}

struct Pusher {
    client: Client,
    repository: String,
    name: String,
    random: Random,
    largest_layer_bytes: u64,
    seed: u64,
    ledger: Ledger,
}

/// The connection broke, or the registry answered what it must not.
enum Stop {
    Gone,
    Failed(Failure),
}

impl From<hythe_testutil::Error> for Stop {
    fn from(error: hythe_testutil::Error) -> Self {
        match error {
            hythe_testutil::Error::Unexpected { .. } => Self::Failed(error.into()),
            _ => Self::Gone,
        }
    }
}

impl Pusher {
    async fn push_until_the_end(mut self) -> Result<Ledger, Failure> {
        for number in 0.. {
            match self.push_image(number).await {
                Ok(()) => {}
                Err(Stop::Gone) => break,
                Err(Stop::Failed(failure)) => return Err(failure.while_doing(&self.name)),
            }
        }
        Ok(self.ledger)
    }

    async fn push_image(&mut self, number: usize) -> Result<(), Stop> {
        let config = Content::config("linux", "amd64", self.random.number(), Algorithm::Sha256);
        let put = {
            let response = self
                .client
                .send(Request::post(uploads_path(&self.repository)))
                .await?;
            let target = response.expect_status(&[202])?.location()?;
            Request::put(with_query(&target, "digest", &config.digest)).body(config.bytes.clone())
        };
        self.client.send(put).await?.expect_status(&[201])?;
        let mut image = ImageBuilder::oci().config(config.descriptor());
        for layer in 0..=self.random.below(3) {
            let length = match self.random.below(4) {
                0 => self.random.below(200),
                1 => self.random.below(20_000),
                2 => self.random.below(300_000),
                _ => self.random.below(self.largest_layer_bytes),
            };
            let recipe = Recipe {
                repository: self.repository.clone(),
                name: format!("{} image {number} layer {layer}", self.name),
                length: length as usize + 2,
                seed: self.seed,
            };
            let blob = recipe.make();
            self.push_blob(recipe, &blob).await?;
            image = image.layer(
                Content {
                    media_type: media_type::OCI_LAYER_GZIP.to_owned(),
                    ..blob
                }
                .descriptor(),
            );
        }
        let tag = format!("{}-{number}", self.name.replace(' ', "-"));
        let manifest = image.build();
        self.client
            .send(put_manifest(&self.repository, &tag, &manifest))
            .await?
            .expect_status(&[201])?;
        self.ledger.manifests.push(Tagged {
            repository: self.repository.clone(),
            tag,
            manifest,
        });
        Ok(())
    }

    async fn push_blob(&mut self, recipe: Recipe, blob: &Content) -> Result<(), Stop> {
        let response = self
            .client
            .send(Request::post(uploads_path(&self.repository)))
            .await?;
        let target = response.expect_status(&[202])?.location()?;
        let pieces = match self.random.below(3) {
            0 => Vec::new(),
            1 => chunks(&blob.bytes, blob.bytes.len() / 2 + 1),
            _ => chunks(&blob.bytes, blob.bytes.len() / 7 + 2),
        };
        let open = OpenUpload {
            recipe: recipe.clone(),
            target,
            acknowledged: 0,
            is_closing: false,
        };
        self.ledger.uploads.push(open);
        let position = self.ledger.uploads.len() - 1;
        for piece in pieces {
            let open = &mut self.ledger.uploads[position];
            let range = format!("{}-{}", open.acknowledged, open.acknowledged + piece.len() - 1);
            let length = piece.len();
            let patch = Request::patch(&open.target)
                .header("content-range", range)
                .body(piece);
            let response = self.client.send(patch).await?;
            open.target = response.expect_status(&[202])?.location()?;
            open.acknowledged += length;
        }
        let open = &mut self.ledger.uploads[position];
        open.is_closing = true;
        let rest = blob.bytes.slice(open.acknowledged..);
        let put = Request::put(with_query(&open.target, "digest", &blob.digest)).body(rest);
        self.client.send(put).await?.expect_status(&[201])?;
        self.ledger.uploads.remove(position);
        self.ledger.blobs.push(recipe);
        Ok(())
    }
}
