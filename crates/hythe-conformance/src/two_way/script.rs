//! Pushes and deletions that are the same every time, with the memory of what must be served afterwards.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Client, Content, ImageBuilder, IndexBuilder, Random, Request};
use serde_json::Value;

use crate::context::{blob_path, chunks, manifest_path, tags_path, uploads_path, with_query};
use crate::failure::{Failure, Outcome, ensure};
use crate::item;
use crate::manifest::{get_manifest, put_manifest};

/// What was done so far, and so what a registry must have.
#[derive(Clone, Debug)]
pub struct Script {
    random: Random,
    blobs: BTreeMap<(String, String), Bytes>,
    manifests: BTreeMap<(String, String), Content>,
    gone: BTreeSet<(String, String)>,
    deletes_tags: bool,
    fails_uploads: bool,
}

/// An image that can be pushed: its blobs and its manifest.
struct Image {
    blobs: Vec<Content>,
    manifest: Content,
}

impl Script {
    /// A script of which nothing was done yet.
    pub fn new() -> Self {
        Self {
            random: Random::named(0, "two-way"),
            blobs: BTreeMap::new(),
            manifests: BTreeMap::new(),
            gone: BTreeSet::new(),
            deletes_tags: true,
            fails_uploads: true,
        }
    }

    /// A script without uploads that go on after a wrong digest, which distribution cannot do on S3.
    pub fn without_failed_uploads() -> Self {
        Self {
            fails_uploads: false,
            ..Self::new()
        }
    }

    /// A script that does not delete tags in its first part, which distribution 2 cannot do.
    pub fn without_tag_deletions() -> Self {
        Self {
            deletes_tags: false,
            ..Self::new()
        }
    }

    /// The first part: 24 images in six repositories, indexes, mounts, tags that move, deletions, cancelled and failed uploads.
    pub async fn begin(&mut self, client: &Client) -> Outcome {
        let base = Content::new(
            media_type::OCI_LAYER_GZIP,
            self.random.bytes(40_000),
            Algorithm::Sha256,
        );
        self.push_blob(client, "library/base", &base).await?;
        let repositories = [
            "library/base",
            "library/other",
            "team/app",
            "team/app/part",
            "solo",
            "a-b.c_d/e__f",
        ];
        let mut images: Vec<(&str, Content)> = Vec::new();
        for number in 0..24 {
            let repository = repositories[number % repositories.len()];
            let image = self.image(number, &base);
            self.mount(client, "library/base", repository, &base).await?;
            self.push_image(client, repository, &image, number).await?;
            self.put(client, repository, &format!("v{number}"), &image.manifest)
                .await?;
            // A tag that moves with every image of its repository.
            self.put(client, repository, "latest", &image.manifest).await?;
            images.push((repository, image.manifest));
        }
        for repository in repositories {
            let children: Vec<&Content> = images
                .iter()
                .filter(|(owner, _)| *owner == repository)
                .map(|(_, image)| image)
                .collect();
            let index = children.iter().fold(IndexBuilder::oci(), |index, child| {
                index.platform(child, "linux", "amd64")
            });
            self.put(client, repository, "index", &index.build()).await?;
            let list = children.iter().fold(IndexBuilder::docker(), |list, child| {
                list.platform(child, "linux", "arm64")
            });
            let list = list.build();
            self.put(client, repository, &list.digest.clone(), &list).await?;
        }
        // Tags that go back to what they were, tags and manifests that go.
        for number in [0, 7, 14] {
            let (repository, image) = &images[number];
            self.put(client, repository, "latest", image).await?;
        }
        let untagged: &[usize] = if self.deletes_tags { &[1, 8, 15] } else { &[] };
        for number in untagged.iter().copied() {
            let (repository, _) = &images[number];
            self.delete_tag(client, repository, &format!("v{number}")).await?;
        }
        for number in [2, 9, 22] {
            let (repository, image) = &images[number];
            self.delete_manifest(client, repository, &image.digest).await?;
        }
        self.push_artifact(client, "team/app", &images[20].1).await?;
        self.loose_blobs(client).await?;
        self.abandoned_uploads(client).await
    }

    /// The second part, for a registry that took over: more images over old layers, moved tags, deletions of old content, content by
    /// sha512.
    pub async fn extend(&mut self, client: &Client) -> Outcome {
        let base = self.manifests[&("solo".to_owned(), "v4".to_owned())].clone();
        let layers = referenced_digests(&base);
        for number in 100..108 {
            let repository = if number % 2 == 0 { "solo" } else { "new/repository" };
            let shared = self.blobs[&("solo".to_owned(), layers[0].clone())].clone();
            let shared = Content::blob(shared);
            self.mount(client, "solo", repository, &shared).await?;
            let image = self.image(number, &shared);
            self.push_image(client, repository, &image, number).await?;
            self.put(client, repository, &format!("v{number}"), &image.manifest)
                .await?;
            self.put(client, repository, "latest", &image.manifest).await?;
        }
        let old: Vec<(String, Content)> = ["v0", "v6", "v12"]
            .iter()
            .map(|tag| {
                (
                    "library/base".to_owned(),
                    self.manifests[&("library/base".to_owned(), (*tag).to_owned())].clone(),
                )
            })
            .collect();
        self.put(client, "library/base", "moved", &old[0].1).await?;
        self.delete_manifest(client, "library/base", &old[1].1.digest)
            .await?;
        self.delete_tag(client, "library/base", "v12").await?;
        let loose: Vec<(String, String)> = self
            .blobs
            .keys()
            .filter(|(repository, _)| repository == "loose")
            .cloned()
            .collect();
        if let Some((repository, digest)) = loose.first() {
            self.delete_blob(client, repository, digest).await?;
        }
        self.sha512_image(client).await?;
        let subject = old[0].1.clone();
        self.push_artifact(client, "library/base", &subject).await
    }

    /// Reads everything that must be there, and asks for what must be gone.
    pub async fn check(&self, client: &Client) -> Outcome {
        for ((repository, digest), bytes) in &self.blobs {
            let response = client.get(&blob_path(repository, digest)).await?;
            response.expect_status(&[200])?.expect_body(bytes)?;
        }
        let mut tags: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for ((repository, reference), manifest) in &self.manifests {
            let response = client.send(get_manifest(repository, reference)).await?;
            response
                .expect_status(&[200])?
                .expect_header("content-type", &manifest.media_type)?
                .expect_body(&manifest.bytes)?;
            if !reference.contains(':') {
                tags.entry(repository).or_default().push(reference);
            }
        }
        for (repository, reference) in &self.gone {
            client
                .send(get_manifest(repository, reference))
                .await?
                .expect_status(&[404])?;
        }
        for (repository, tags) in tags {
            let response = client.get(&tags_path(repository)).await?;
            // Distribution 2 lists them in any order.
            let mut listed = item::tag_names(&response)?;
            listed.sort_unstable();
            ensure!(
                listed == tags,
                "{repository}: the tags are {listed:?}, expected {tags:?}"
            );
        }
        Ok(())
    }

    /// Forgets blobs that no manifest of their repository needs: garbage collection may take them.
    pub fn forget_unreferenced(&mut self) {
        let mut needed = BTreeSet::new();
        for ((repository, _), manifest) in &self.manifests {
            needed.extend(
                referenced_digests(manifest)
                    .into_iter()
                    .map(|digest| (repository.clone(), digest)),
            );
        }
        self.blobs.retain(|key, _| needed.contains(key));
    }

    /// The number of manifests and blobs that must be there.
    pub fn size(&self) -> (usize, usize) {
        (self.manifests.len(), self.blobs.len())
    }

    fn image(&mut self, number: usize, base: &Content) -> Image {
        let docker = number.is_multiple_of(3);
        let mut config = Content::config("linux", "amd64", number as u64, Algorithm::Sha256);
        let kind = if docker {
            media_type::DOCKER_LAYER
        } else {
            media_type::OCI_LAYER_GZIP
        };
        if docker {
            media_type::DOCKER_CONFIG.clone_into(&mut config.media_type);
        }
        let base = Content {
            media_type: kind.to_owned(),
            ..base.clone()
        };
        let layer = Content::new(kind, self.random.bytes(3000 + 100 * number), Algorithm::Sha256);
        let builder = if docker {
            ImageBuilder::docker()
        } else {
            ImageBuilder::oci()
        };
        let manifest = builder
            .config(config.descriptor())
            .layer(base.descriptor())
            .layer(layer.descriptor())
            .build();
        Image {
            blobs: vec![config, layer],
            manifest,
        }
    }

    async fn push_image(
        &mut self,
        client: &Client,
        repository: &str,
        image: &Image,
        number: usize,
    ) -> Outcome {
        for blob in &image.blobs {
            match number % 3 {
                0 => self.push_blob(client, repository, blob).await?,
                1 => self.push_chunks(client, repository, blob, 1000).await?,
                _ => self.push_stream(client, repository, blob).await?,
            }
        }
        Ok(())
    }

    async fn push_blob(&mut self, client: &Client, repository: &str, blob: &Content) -> Outcome {
        let target = start(client, repository).await?;
        let put = Request::put(with_query(&target, "digest", &blob.digest)).body(blob.bytes.clone());
        client.send(put).await?.expect_status(&[201])?;
        self.remember(repository, blob);
        Ok(())
    }

    async fn push_chunks(
        &mut self,
        client: &Client,
        repository: &str,
        blob: &Content,
        size: usize,
    ) -> Outcome {
        let mut target = start(client, repository).await?;
        let mut sent = 0;
        for chunk in chunks(&blob.bytes, size) {
            let range = format!("{sent}-{}", sent + chunk.len() - 1);
            sent += chunk.len();
            let response = client
                .send(Request::patch(&target).header("content-range", range).body(chunk))
                .await?;
            target = response.expect_status(&[202])?.location()?;
        }
        client
            .send(Request::put(with_query(&target, "digest", &blob.digest)))
            .await?
            .expect_status(&[201])?;
        self.remember(repository, blob);
        Ok(())
    }

    async fn push_stream(&mut self, client: &Client, repository: &str, blob: &Content) -> Outcome {
        let target = start(client, repository).await?;
        let response = client
            .send(Request::patch(&target).chunked(chunks(&blob.bytes, 700)))
            .await?;
        let target = response.expect_status(&[202])?.location()?;
        client
            .send(Request::put(with_query(&target, "digest", &blob.digest)))
            .await?
            .expect_status(&[201])?;
        self.remember(repository, blob);
        Ok(())
    }

    async fn mount(&mut self, client: &Client, from: &str, repository: &str, blob: &Content) -> Outcome {
        let target = with_query(
            &with_query(&uploads_path(repository), "mount", &blob.digest),
            "from",
            from,
        );
        client.send(Request::post(target)).await?.expect_status(&[201])?;
        self.remember(repository, blob);
        Ok(())
    }

    async fn put(
        &mut self,
        client: &Client,
        repository: &str,
        reference: &str,
        manifest: &Content,
    ) -> Outcome {
        client
            .send(put_manifest(repository, reference, manifest))
            .await?
            .expect_status(&[201])?;
        for reference in [reference, manifest.digest.as_str()] {
            let key = (repository.to_owned(), reference.to_owned());
            self.gone.remove(&key);
            self.manifests.insert(key, manifest.clone());
        }
        Ok(())
    }

    async fn delete_tag(&mut self, client: &Client, repository: &str, tag: &str) -> Outcome {
        client
            .send(Request::delete(manifest_path(repository, tag)))
            .await?
            .expect_status(&[202])?;
        let key = (repository.to_owned(), tag.to_owned());
        self.manifests.remove(&key);
        self.gone.insert(key);
        Ok(())
    }

    /// Deletes a manifest and with it the tags that point to it.
    async fn delete_manifest(&mut self, client: &Client, repository: &str, digest: &str) -> Outcome {
        client
            .send(Request::delete(manifest_path(repository, digest)))
            .await?
            .expect_status(&[202])?;
        let gone: Vec<_> = self
            .manifests
            .iter()
            .filter(|((owner, _), manifest)| owner == repository && manifest.digest == digest)
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.manifests.remove(&key);
            self.gone.insert(key);
        }
        Ok(())
    }

    async fn delete_blob(&mut self, client: &Client, repository: &str, digest: &str) -> Outcome {
        client
            .send(Request::delete(blob_path(repository, digest)))
            .await?
            .expect_status(&[202])?;
        client
            .get(&blob_path(repository, digest))
            .await?
            .expect_status(&[404])?;
        self.blobs.remove(&(repository.to_owned(), digest.to_owned()));
        Ok(())
    }

    fn remember(&mut self, repository: &str, blob: &Content) {
        self.blobs
            .insert((repository.to_owned(), blob.digest.clone()), blob.bytes.clone());
    }

    async fn push_artifact(&mut self, client: &Client, repository: &str, subject: &Content) -> Outcome {
        let empty = Content::empty_json(Algorithm::Sha256);
        self.push_blob(client, repository, &empty).await?;
        let artifact = ImageBuilder::oci()
            .artifact_type("application/vnd.example.signature")
            .config(empty.descriptor())
            .layer(empty.descriptor())
            .subject(subject.descriptor())
            .build();
        self.put(client, repository, &artifact.digest.clone(), &artifact)
            .await
    }

    /// Blobs without a manifest: some stay, one goes, one is empty.
    async fn loose_blobs(&mut self, client: &Client) -> Outcome {
        for length in [0, 1, 64, 5000] {
            let blob = Content::blob(self.random.bytes(length));
            self.push_blob(client, "loose", &blob).await?;
        }
        let gone = Content::blob(self.random.bytes(77));
        self.push_chunks(client, "loose", &gone, 10).await?;
        self.delete_blob(client, "loose", &gone.digest).await
    }

    /// Uploads that are cancelled, one after a digest that did not fit.
    async fn abandoned_uploads(&mut self, client: &Client) -> Outcome {
        let ways: &[bool] = if self.fails_uploads {
            &[false, true]
        } else {
            &[false]
        };
        for wrong_digest in ways.iter().copied() {
            let mut target = start(client, "loose").await?;
            let response = client
                .send(Request::patch(&target).body(self.random.bytes(500)))
                .await?;
            target = response.expect_status(&[202])?.location()?;
            if wrong_digest {
                let put = Request::put(with_query(&target, "digest", &Algorithm::Sha256.digest(b"other")));
                client.send(put).await?.expect_status(&[400])?;
                target = client.get(&target).await?.expect_status(&[204])?.location()?;
            }
            client
                .send(Request::delete(&target))
                .await?
                .expect_status(&[204])?;
        }
        Ok(())
    }

    /// An image whose layers are addressed by sha512, one of them also by sha256.
    async fn sha512_image(&mut self, client: &Client) -> Outcome {
        let config = Content::config("linux", "amd64", 512, Algorithm::Sha256);
        let mut image = ImageBuilder::oci().config(config.descriptor());
        self.push_blob(client, "long/digests", &config).await?;
        for both in [false, true] {
            let layer = Content::new(
                media_type::OCI_LAYER_GZIP,
                self.random.bytes(2000),
                Algorithm::Sha512,
            );
            self.push_blob(client, "long/digests", &layer).await?;
            image = image.layer(layer.descriptor());
            if both {
                let short = Content::new(media_type::OCI_LAYER_GZIP, layer.bytes.clone(), Algorithm::Sha256);
                self.push_blob(client, "long/digests", &short).await?;
                image = image.layer(short.descriptor());
            }
        }
        self.put(client, "long/digests", "image", &image.build()).await
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

async fn start(client: &Client, repository: &str) -> Result<String, Failure> {
    let response = client.send(Request::post(uploads_path(repository))).await?;
    Ok(response.expect_status(&[202])?.location()?)
}

/// The digests of the blobs that an image manifest names: layers, then the configuration.
fn referenced_digests(manifest: &Content) -> Vec<String> {
    let document: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
    let layers = document["layers"].as_array().cloned().unwrap_or_default();
    let descriptors = layers.iter().chain(document.get("config"));
    descriptors
        .filter_map(|descriptor| descriptor["digest"].as_str().map(str::to_owned))
        .collect()
}
