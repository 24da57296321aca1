//! Pushing, reading and deleting manifests, with everything that the specification says about the answers.

use hythe_testutil::{Content, Request, Response};

use crate::context::{Context, manifest_path};
use crate::failure::{Failure, Outcome};

/// What a client of today accepts.
pub(crate) const ACCEPT_ALL: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// A PUT of a manifest under a tag or digest.
pub(crate) fn put_manifest(repository: &str, reference: &str, manifest: &Content) -> Request {
    Request::put(manifest_path(repository, reference))
        .header("content-type", &manifest.media_type)
        .body(manifest.bytes.clone())
}

/// A GET of a manifest that accepts every type.
pub(crate) fn get_manifest(repository: &str, reference: &str) -> Request {
    Request::get(manifest_path(repository, reference)).header("accept", ACCEPT_ALL)
}

/// A HEAD of a manifest that accepts every type.
pub(crate) fn head_manifest(repository: &str, reference: &str) -> Request {
    Request::head(manifest_path(repository, reference)).header("accept", ACCEPT_ALL)
}

impl Context {
    /// Pushes a manifest and checks the answer: 201, the digest, a `Location` where the same manifest is.
    pub(crate) async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Content,
    ) -> Result<Response, Failure> {
        let response = self.send(put_manifest(repository, reference, manifest)).await?;
        response
            .expect_status(&[201])?
            .expect_header("docker-content-digest", &manifest.digest)?;
        let get = self
            .send(Request::get(response.location()?).header("accept", ACCEPT_ALL))
            .await?;
        check_served(&get, manifest)?.expect_body(&manifest.bytes)?;
        Ok(response)
    }

    /// HEAD and GET of a manifest that must be there: status, type, length, digest, bytes.
    pub(crate) async fn check_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Content,
    ) -> Outcome {
        let head = self.send(head_manifest(repository, reference)).await?;
        check_served(&head, manifest)?.expect_body(b"")?;
        let get = self.send(get_manifest(repository, reference)).await?;
        check_served(&get, manifest)?.expect_body(&manifest.bytes)?;
        Ok(())
    }

    /// HEAD and GET of a manifest that must not be there.
    pub(crate) async fn check_no_manifest(&self, repository: &str, reference: &str) -> Outcome {
        let head = self.send(head_manifest(repository, reference)).await?;
        head.expect_status(&[404])?.expect_body(b"")?;
        let get = self.send(get_manifest(repository, reference)).await?;
        get.expect_status(&[404])?;
        Ok(())
    }

    /// Deletes a tag or a manifest that is there; it must be gone at once.
    pub(crate) async fn delete_manifest(&self, repository: &str, reference: &str) -> Outcome {
        let response = self
            .send(Request::delete(manifest_path(repository, reference)))
            .await?;
        response.expect_status(&[202])?;
        self.check_no_manifest(repository, reference).await
    }
}

fn check_served<'a>(response: &'a Response, manifest: &Content) -> Result<&'a Response, Failure> {
    Ok(response
        .expect_status(&[200])?
        .expect_header("content-type", &manifest.media_type)?
        .expect_header("content-length", &manifest.size().to_string())?
        .expect_header("docker-content-digest", &manifest.digest)?)
}
