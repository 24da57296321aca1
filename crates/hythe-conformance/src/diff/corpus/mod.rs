//! The requests: at least one for each statement about the API of distribution 3.1.2 that we know, and for what the OCI
//! specification adds.

mod base;
mod blobs;
mod catalog;
mod manifest_delete;
mod manifest_get;
mod manifest_put;
mod modes;
mod oci;
mod paths;
mod tags;
mod uploads;
mod urls;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Client, Content, ImageBuilder, IndexBuilder, Request};

use super::Profile;
use super::recorder::{Exchange, Recorder};
use crate::context::manifest_path;
use crate::failure::{Failure, Outcome};
use crate::manifest::put_manifest;

type Recording = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Requests that belong together.
pub struct Sequence {
    /// What they are about.
    pub name: &'static str,
    /// Under which configuration they run.
    pub profile: Profile,
    run: Box<dyn Fn(Recorder) -> Recording + Send + Sync>,
}

impl Sequence {
    fn new<Run, Running>(name: &'static str, run: Run) -> Self
    where
        Run: Fn(Recorder) -> Running + Send + Sync + 'static,
        Running: Future<Output = Outcome> + Send + 'static,
    {
        Self::under(Profile::Default, name, run)
    }

    fn under<Run, Running>(profile: Profile, name: &'static str, run: Run) -> Self
    where
        Run: Fn(Recorder) -> Running + Send + Sync + 'static,
        Running: Future<Output = Outcome> + Send + 'static,
    {
        Self {
            name,
            profile,
            run: Box::new(move |recorder| -> Recording { Box::pin(run(recorder)) }),
        }
    }

    /// Runs on one registry. When an answer lacks what the next request needs, the protocol ends there.
    pub(super) async fn record(&self, client: &Client, run: &str) -> Vec<Exchange> {
        let words: String = self
            .name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .collect();
        let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
        let repository = format!("diff-{run}/{}", words.join("-"));
        let recorder = Recorder::new(client, repository, format!("{run} {}", self.name));
        // The end of the protocol shows that it went wrong.
        let _ = (self.run)(recorder.clone()).await;
        recorder.finish()
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sequence")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// All sequences, in the order in which they run.
pub fn all() -> Vec<Sequence> {
    [
        catalog::sequences(),
        base::sequences(),
        paths::sequences(),
        tags::sequences(),
        manifest_get::sequences(),
        manifest_put::sequences(),
        manifest_delete::sequences(),
        blobs::sequences(),
        uploads::sequences(),
        urls::sequences(),
        modes::sequences(),
        oci::sequences(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The repository that is there before a registry starts that only reads.
const FILLED: &str = "filled/repository";

/// Pushes what registries that only read are asked for.
pub(super) async fn fill(client: &Client) -> Outcome {
    let recorder = Recorder::new(client, FILLED.to_owned(), "filled".to_owned());
    push_image(&recorder, FILLED, "image", "latest").await?;
    Ok(())
}

/// An OCI image with one layer, different for each name: its configuration, its layer and its manifest.
fn image(recorder: &Recorder, name: &str) -> [Content; 3] {
    let config = Content::new(
        media_type::OCI_CONFIG,
        format!("{{\"name\":\"{name}\"}}"),
        Algorithm::Sha256,
    );
    let layer = Content::new(
        media_type::OCI_LAYER_GZIP,
        recorder.bytes(name, 500),
        Algorithm::Sha256,
    );
    let manifest = ImageBuilder::oci()
        .config(config.descriptor())
        .layer(layer.descriptor())
        .build();
    [config, layer, manifest]
}

/// A Docker image with one layer, different for each name: its configuration, its layer and its manifest.
fn docker_image(recorder: &Recorder, name: &str) -> [Content; 3] {
    let config = Content::new(
        media_type::DOCKER_CONFIG,
        format!("{{\"name\":\"{name}\"}}"),
        Algorithm::Sha256,
    );
    let layer = Content::new(
        media_type::DOCKER_LAYER,
        recorder.bytes(name, 500),
        Algorithm::Sha256,
    );
    let manifest = ImageBuilder::docker()
        .config(config.descriptor())
        .layer(layer.descriptor())
        .build();
    [config, layer, manifest]
}

/// Pushes an OCI image under a tag, and gives its manifest.
async fn push_image(
    recorder: &Recorder,
    repository: &str,
    name: &str,
    tag: &str,
) -> Result<Content, Failure> {
    push_all(recorder, repository, image(recorder, name), tag).await
}

/// Pushes a Docker image under a tag, and gives its manifest.
async fn push_docker_image(
    recorder: &Recorder,
    repository: &str,
    name: &str,
    tag: &str,
) -> Result<Content, Failure> {
    push_all(recorder, repository, docker_image(recorder, name), tag).await
}

async fn push_all(
    recorder: &Recorder,
    repository: &str,
    [config, layer, manifest]: [Content; 3],
    tag: &str,
) -> Result<Content, Failure> {
    recorder.push_blob(repository, &config).await?;
    recorder.push_blob(repository, &layer).await?;
    recorder.send(put_manifest(repository, tag, &manifest)).await?;
    Ok(manifest)
}

/// Pushes an OCI index over two images under a tag, and gives it.
async fn push_index(
    recorder: &Recorder,
    repository: &str,
    name: &str,
    tag: &str,
) -> Result<Content, Failure> {
    let mut index = IndexBuilder::oci();
    for architecture in ["amd64", "arm64"] {
        let child = format!("{name}-{architecture}");
        let image = push_image(recorder, repository, &child, &child).await?;
        index = index.platform(&image, "linux", architecture);
    }
    let index = index.build();
    recorder.send(put_manifest(repository, tag, &index)).await?;
    Ok(index)
}

/// A PUT of bytes as a manifest of some type.
fn put_bytes(repository: &str, reference: &str, kind: &str, bytes: impl Into<bytes::Bytes>) -> Request {
    Request::put(manifest_path(repository, reference))
        .header("content-type", kind)
        .body(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names = BTreeSet::new();
        for sequence in all() {
            assert!(
                names.insert((sequence.profile, sequence.name)),
                "{}",
                sequence.name
            );
        }
    }

    #[test]
    fn every_profile_has_sequences() {
        for profile in Profile::ALL {
            assert!(
                all().iter().any(|sequence| sequence.profile == profile),
                "{}",
                profile.name()
            );
        }
    }
}
