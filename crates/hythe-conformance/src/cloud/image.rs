//! Pushing and pulling an image as the usual clients do it.

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Client, Content, ImageBuilder, Random, Request};

use crate::context::{blob_path, chunks, uploads_path, with_query};
use crate::failure::{Failure, Outcome};
use crate::manifest::{get_manifest, put_manifest};

/// In which pieces a client sends a body whose length it does not say.
const PIECE_BYTES: usize = 32 << 10;

/// An image with all its blobs; the configuration is the last of them.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) blobs: Vec<Content>,
    pub(super) manifest: Content,
}

impl Image {
    /// An image of random layers with these lengths in bytes.
    pub(super) fn random(random: &mut Random, layer_bytes: &[usize]) -> Self {
        let mut blobs: Vec<Content> = layer_bytes
            .iter()
            .map(|length| {
                Content::new(
                    media_type::OCI_LAYER_GZIP,
                    random.bytes(*length),
                    Algorithm::Sha256,
                )
            })
            .collect();
        let config = Content::config("linux", "amd64", random.number(), Algorithm::Sha256);
        let builder = ImageBuilder::oci().config(config.descriptor());
        let manifest = blobs
            .iter()
            .fold(builder, |image, layer| image.layer(layer.descriptor()))
            .build();
        blobs.push(config);
        Self { blobs, manifest }
    }

    /// For each blob: is it there, an upload, one PATCH without a length, the closing PUT. Then the manifest.
    pub(super) async fn push(&self, client: &Client, repository: &str, tag: &str) -> Outcome {
        for blob in &self.blobs {
            let place = blob_path(repository, &blob.digest);
            client.head(&place).await?.expect_status(&[404])?;
            let response = client.send(Request::post(uploads_path(repository))).await?;
            let target = response.expect_status(&[202])?.location()?;
            let patch = Request::patch(target).chunked(chunks(&blob.bytes, PIECE_BYTES));
            let response = client.send(patch).await?;
            let target = response.expect_status(&[202])?.location()?;
            let put = Request::put(with_query(&target, "digest", &blob.digest));
            client.send(put).await?.expect_status(&[201])?;
        }
        client
            .send(put_manifest(repository, tag, &self.manifest))
            .await?
            .expect_status(&[201])?;
        Ok(())
    }

    /// The manifest by its tag, then each blob; all of it is compared.
    pub(super) async fn pull(&self, client: &Client, repository: &str, tag: &str) -> Outcome {
        let response = client.send(get_manifest(repository, tag)).await?;
        response
            .expect_status(&[200])?
            .expect_body(&self.manifest.bytes)?;
        self.check_blobs(client, repository).await
    }

    /// Each blob is there with its bytes.
    pub(super) async fn check_blobs(&self, client: &Client, repository: &str) -> Result<(), Failure> {
        for blob in &self.blobs {
            let response = client.get(&blob_path(repository, &blob.digest)).await?;
            response.expect_status(&[200])?.expect_body(&blob.bytes)?;
        }
        Ok(())
    }
}
