//! Things that people push: blobs, the manifests over them, and tags, from the first push to the last deletion.

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Content, ImageBuilder, IndexBuilder, Request, Response};
use serde_json::json;

use crate::context::{Context, tags_path, with_query};
use crate::failure::{Failure, Outcome, ensure};

/// What belongs together, in the order in which it can be pushed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item {
    /// Configurations and layers.
    pub(crate) blobs: Vec<Content>,
    /// Children before their parents.
    pub(crate) manifests: Vec<Content>,
    /// Tags and the positions of their manifests.
    pub(crate) tags: Vec<(String, usize)>,
}

impl Item {
    /// Adds an image with a configuration and layers for a platform, and gives its manifest.
    pub(crate) fn add_image(
        &mut self,
        context: &mut Context,
        algorithm: Algorithm,
        architecture: &str,
    ) -> Content {
        let mut image = ImageBuilder::oci();
        let config = Content::config("linux", architecture, context.random.number(), algorithm);
        image = image.config(config.descriptor());
        self.blobs.push(config);
        for _ in 0..2 {
            let layer = Content::new(media_type::OCI_LAYER_GZIP, context.random.bytes(600), algorithm);
            image = image.layer(layer.descriptor());
            self.blobs.push(layer);
        }
        self.add_manifest(image.build_with(algorithm))
    }

    /// Adds an index over images for two platforms, and gives it.
    pub(crate) fn add_index(&mut self, context: &mut Context, algorithm: Algorithm) -> Content {
        let mut index = IndexBuilder::oci();
        for architecture in ["amd64", "arm64"] {
            let image = self.add_image(context, algorithm, architecture);
            index = index.platform(&image, "linux", architecture);
        }
        self.add_manifest(index.build_with(algorithm))
    }

    /// Adds an artifact: an image manifest with an empty configuration and one layer. `change` adds the rest.
    pub(crate) fn add_artifact(
        &mut self,
        context: &mut Context,
        artifact_type: &str,
        change: impl FnOnce(ImageBuilder) -> ImageBuilder,
    ) -> Content {
        let config = Content::empty_json(Algorithm::Sha256);
        let layer = Content::new(artifact_type, context.random.bytes(200), Algorithm::Sha256);
        let artifact = ImageBuilder::oci()
            .artifact_type(artifact_type)
            .config(config.descriptor())
            .layer(layer.descriptor());
        self.blobs.push(config);
        self.blobs.push(layer);
        self.add_manifest(change(artifact).build())
    }

    /// Adds a manifest, and gives it.
    pub(crate) fn add_manifest(&mut self, manifest: Content) -> Content {
        self.manifests.push(manifest.clone());
        manifest
    }

    /// Tags the manifest that was added last.
    pub(crate) fn tag(&mut self, tag: &str) {
        self.tags.push((tag.to_owned(), self.manifests.len() - 1));
    }

    /// An index over two images, each manifest with a member that no specification knows.
    pub(crate) fn with_unknown_members(context: &mut Context) -> Self {
        let mut item = Self::default();
        let mut index =
            IndexBuilder::oci().member("org.example.unknown", json!({ "nested": [1, null, "x"] }));
        for architecture in ["amd64", "arm64"] {
            let config = Content::config("linux", architecture, context.random.number(), Algorithm::Sha256);
            let image = ImageBuilder::oci()
                .config(config.descriptor_with("org.example.unknown", json!("config")))
                .member("org.example.unknown", json!(context.random.letters(10)));
            item.blobs.push(config);
            let image = item.add_manifest(image.build());
            index = index.platform(&image, "linux", architecture);
        }
        item.add_manifest(index.build());
        item.tag("unknown-members");
        item
    }

    /// Pushes, lists, reads and deletes everything, and checks every answer.
    pub(crate) async fn live(&self, context: &Context) -> Outcome {
        self.push(context)
            .await
            .map_err(|failure| failure.while_doing("push"))?;
        self.check_tags(context)
            .await
            .map_err(|failure| failure.while_doing("tag list"))?;
        self.check(context)
            .await
            .map_err(|failure| failure.while_doing("pull"))?;
        self.delete(context)
            .await
            .map_err(|failure| failure.while_doing("delete"))
    }

    /// Pushes the blobs, then each manifest by digest, then by tag.
    pub(crate) async fn push(&self, context: &Context) -> Outcome {
        let repository = &context.repository;
        self.push_blobs(context).await?;
        for manifest in &self.manifests {
            context
                .push_manifest(repository, &manifest.digest, manifest)
                .await?;
        }
        for (tag, position) in &self.tags {
            context
                .push_manifest(repository, tag, &self.manifests[*position])
                .await?;
        }
        Ok(())
    }

    /// Pushes the blobs alone.
    pub(crate) async fn push_blobs(&self, context: &Context) -> Outcome {
        for blob in &self.blobs {
            context.push_blob(&context.repository, blob).await?;
        }
        Ok(())
    }

    /// The tag list has the tags, in order, and `last` splits it exactly.
    pub(crate) async fn check_tags(&self, context: &Context) -> Outcome {
        let path = tags_path(&context.repository);
        let tags = list_tags(context, &path).await?;
        for (tag, _) in &self.tags {
            ensure!(tags.contains(tag), "tag {tag} is missing from {tags:?}");
        }
        if tags.len() >= 2 {
            let middle = tags.len() / 2;
            let rest = list_tags(context, &with_query(&path, "last", &tags[middle - 1])).await?;
            ensure!(
                rest == tags[middle..],
                "after {}: {rest:?}, expected {:?}",
                tags[middle - 1],
                &tags[middle..]
            );
        }
        Ok(())
    }

    /// HEAD and GET of everything: manifests by tag and by digest, blobs.
    pub(crate) async fn check(&self, context: &Context) -> Outcome {
        let repository = &context.repository;
        for (tag, position) in &self.tags {
            context
                .check_manifest(repository, tag, &self.manifests[*position])
                .await?;
        }
        for manifest in &self.manifests {
            context
                .check_manifest(repository, &manifest.digest, manifest)
                .await?;
        }
        for blob in &self.blobs {
            context.check_blob(repository, blob).await?;
        }
        Ok(())
    }

    /// Deletes the tags, then the manifests from the last to the first, then the blobs; each is gone at once.
    pub(crate) async fn delete(&self, context: &Context) -> Outcome {
        let repository = &context.repository;
        for (tag, position) in &self.tags {
            context.delete_manifest(repository, tag).await?;
            let manifest = &self.manifests[*position];
            context
                .check_manifest(repository, &manifest.digest, manifest)
                .await?;
        }
        for manifest in self.manifests.iter().rev() {
            context.delete_manifest(repository, &manifest.digest).await?;
        }
        let mut digests: Vec<&str> = self.blobs.iter().map(|blob| blob.digest.as_str()).collect();
        digests.sort_unstable();
        digests.dedup();
        for digest in digests {
            context.delete_blob(repository, digest).await?;
        }
        Ok(())
    }
}

/// The tags at a path, which must be a complete answer in byte order or in lexical order.
pub(crate) async fn list_tags(context: &Context, path: &str) -> Result<Vec<String>, Failure> {
    let response = context.send(Request::get(path)).await?;
    let tags = tag_names(&response)?;
    let name = path.trim_start_matches("/v2/").split("/tags/list").next();
    let found = response.json()?;
    ensure!(
        found["name"].as_str() == name,
        "{path}: the name is {}",
        found["name"]
    );
    let lexical = |tag: &String| tag.to_lowercase();
    ensure!(
        tags.is_sorted() || tags.is_sorted_by_key(lexical),
        "{path}: not in order: {tags:?}"
    );
    Ok(tags)
}

/// The tags in the answer to a request for them, in the order in which they come.
pub(crate) fn tag_names(response: &Response) -> Result<Vec<String>, Failure> {
    let document = response.expect_status(&[200])?.json()?;
    let Some(tags) = document["tags"].as_array() else {
        return Err(response
            .unexpected(format!("tags is no list: {}", document["tags"]))
            .into());
    };
    Ok(tags
        .iter()
        .map(|tag| tag.as_str().unwrap_or_default().to_owned())
        .collect())
}
