//! Reading and deleting blobs, with everything that the specification says about the answers.

use hythe_testutil::{Content, Request};

use crate::context::{Context, blob_path};
use crate::failure::{Outcome, ensure};

impl Context {
    /// HEAD and GET of a blob that must be there: status, length, digest, bytes.
    pub(crate) async fn check_blob(&self, repository: &str, blob: &Content) -> Outcome {
        let path = blob_path(repository, &blob.digest);
        let length = blob.size().to_string();
        let head = self.send(Request::head(&path)).await?;
        head.expect_status(&[200])?
            .expect_header("content-length", &length)?
            .expect_header("docker-content-digest", &blob.digest)?
            .expect_body(b"")?;
        let get = self.send(Request::get(&path)).await?;
        get.expect_status(&[200])?
            .expect_header("content-length", &length)?
            .expect_header("docker-content-digest", &blob.digest)?
            .expect_body(&blob.bytes)?;
        Ok(())
    }

    /// HEAD and GET of a blob that must not be there.
    pub(crate) async fn check_no_blob(&self, repository: &str, digest: &str) -> Outcome {
        let path = blob_path(repository, digest);
        let head = self.send(Request::head(&path)).await?;
        head.expect_status(&[404])?.expect_body(b"")?;
        let get = self.send(Request::get(&path)).await?;
        get.expect_status(&[404])?.expect_error("BLOB_UNKNOWN")?;
        Ok(())
    }

    /// Deletes a blob that is there; it must be gone at once.
    pub(crate) async fn delete_blob(&self, repository: &str, digest: &str) -> Outcome {
        let response = self.send(Request::delete(blob_path(repository, digest))).await?;
        response.expect_status(&[202])?;
        ensure!(response.body.is_empty(), "{}: 202 with a body", response.request);
        self.check_no_blob(repository, digest).await
    }
}
