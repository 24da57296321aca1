//! Pushing blobs in all the ways that the specification knows (OCI distribution specification, Pushing blobs).

use bytes::Bytes;
use hythe_testutil::{Content, Request, Response};

use crate::context::{Context, chunks, uploads_path, with_query};
use crate::failure::{Failure, Outcome, ensure};

/// Smallest chunk that is sent, as long as the registry does not ask for larger ones.
pub(crate) const CHUNK_BYTES: usize = 1024;

/// Fits into three chunks, the last one shorter.
pub(crate) const THREE_CHUNKS_BYTES: usize = 3 * CHUNK_BYTES - 5;

/// A way to push a blob.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// Everything in one POST.
    SinglePost,
    /// POST, then everything in the PUT.
    PostPut,
    /// POST, one PATCH in chunked transfer encoding and without `Content-Range`, PUT.
    Stream,
    /// POST, one PATCH with `Content-Range`, PUT.
    OneChunk,
    /// POST, several PATCH, PUT without a body.
    Chunks,
    /// POST, several PATCH, the last chunk in the PUT.
    ChunksAndPut,
    /// As `Chunks`, with a chunk that comes too early (or again) before each one.
    OutOfOrder,
    /// As `ChunksAndPut`, with a chunk that comes too early (or again) before each one, also in a PUT.
    OutOfOrderAndPut,
}

impl Style {
    /// Every way.
    pub(crate) const ALL: [Self; 8] = [
        Self::SinglePost,
        Self::PostPut,
        Self::Stream,
        Self::OneChunk,
        Self::Chunks,
        Self::ChunksAndPut,
        Self::OutOfOrder,
        Self::OutOfOrderAndPut,
    ];

    /// Whether the blob is cut into pieces that are sent in requests of their own.
    pub(crate) fn is_in_chunks(self) -> bool {
        matches!(
            self,
            Self::Chunks | Self::ChunksAndPut | Self::OutOfOrder | Self::OutOfOrderAndPut
        )
    }

    /// For the names of cases.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SinglePost => "single POST",
            Self::PostPut => "POST and PUT",
            Self::Stream => "one streamed PATCH",
            Self::OneChunk => "one chunk",
            Self::Chunks => "several chunks",
            Self::ChunksAndPut => "several chunks, the last one in the PUT",
            Self::OutOfOrder => "several chunks with others out of order",
            Self::OutOfOrderAndPut => "several chunks with others out of order, the last one in the PUT",
        }
    }
}

/// An upload session: the place that the registry named last.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// Path and query of the last `Location`.
    pub(crate) target: String,
    /// What the registry demands of chunks, if it does.
    pub(crate) min_chunk_bytes: usize,
}

impl Upload {
    /// Sends a chunk with its `Content-Range`.
    pub(crate) fn chunk(&self, first: usize, bytes: &Bytes) -> Request {
        ranged(Request::patch(&self.target), first, bytes)
    }

    /// Sends bytes without saying where they belong.
    pub(crate) fn append(&self, bytes: &Bytes) -> Request {
        octets(Request::patch(&self.target)).body(bytes.clone())
    }

    /// Completes the upload without more bytes.
    pub(crate) fn complete(&self, digest: &str) -> Request {
        octets(Request::put(with_query(&self.target, "digest", digest)))
    }

    /// Completes the upload with the last chunk.
    pub(crate) fn complete_with_chunk(&self, digest: &str, first: usize, bytes: &Bytes) -> Request {
        ranged(
            Request::put(with_query(&self.target, "digest", digest)),
            first,
            bytes,
        )
    }

    /// Takes the place that an answer names as the new one.
    pub(crate) fn follow(&mut self, response: &Response) -> Outcome {
        self.target = response.location()?;
        Ok(())
    }
}

fn octets(request: Request) -> Request {
    request.header("content-type", "application/octet-stream")
}

fn ranged(request: Request, first: usize, bytes: &Bytes) -> Request {
    let range = format!("{first}-{}", first + bytes.len() - 1);
    octets(request).header("content-range", range).body(bytes.clone())
}

impl Context {
    /// Begins an upload.
    pub(crate) async fn start_upload(&self, repository: &str) -> Result<Upload, Failure> {
        self.start_upload_at(&uploads_path(repository)).await
    }

    /// Begins an upload with query parameters of the caller's choice.
    pub(crate) async fn start_upload_at(&self, target: &str) -> Result<Upload, Failure> {
        let response = self.send(Request::post(target)).await?;
        response.expect_status(&[202])?;
        let min_chunk_bytes = response
            .header("oci-chunk-min-length")
            .and_then(|length| length.parse().ok());
        Ok(Upload {
            target: response.location()?,
            min_chunk_bytes: min_chunk_bytes.unwrap_or(0),
        })
    }

    /// Asks for the state of an upload: number of bytes received, as far as `Range` can say it (0 and 1 look alike).
    pub(crate) async fn upload_status(&self, upload: &mut Upload) -> Result<usize, Failure> {
        let response = self.send(Request::get(&upload.target)).await?;
        response.expect_status(&[204])?;
        upload.follow(&response)?;
        received(&response)
    }

    /// Pushes a blob and checks the last answer: 201, the digest, and a `Location` where the same bytes are.
    pub(crate) async fn push_blob_by(&self, repository: &str, blob: &Content, style: Style) -> Outcome {
        let response = self.upload(repository, &blob.bytes, &blob.digest, style).await?;
        self.check_pushed(&response, blob).await
    }

    /// Pushes a blob in the plainest way.
    pub(crate) async fn push_blob(&self, repository: &str, blob: &Content) -> Outcome {
        self.push_blob_by(repository, blob, Style::PostPut).await
    }

    /// Checks the answer that ends a push or a mount.
    pub(crate) async fn check_pushed(&self, response: &Response, blob: &Content) -> Outcome {
        response
            .expect_status(&[201])?
            .expect_header("docker-content-digest", &blob.digest)?;
        let get = self.send(Request::get(response.location()?)).await?;
        get.expect_status(&[200])?.expect_body(&blob.bytes)?;
        Ok(())
    }

    /// Sends bytes and digest, which need not belong together, and gives the last answer. The answers before it are
    /// checked.
    pub(crate) async fn upload(
        &self,
        repository: &str,
        bytes: &Bytes,
        digest: &str,
        style: Style,
    ) -> Result<Response, Failure> {
        match style {
            Style::SinglePost => {
                let target = with_query(&uploads_path(repository), "digest", digest);
                self.send(octets(Request::post(target)).body(bytes.clone())).await
            }
            Style::PostPut => {
                let upload = self.start_upload(repository).await?;
                self.send(upload.complete(digest).body(bytes.clone())).await
            }
            Style::Stream => {
                let mut upload = self.start_upload(repository).await?;
                let patch = octets(Request::patch(&upload.target)).chunked(chunks(bytes, 100));
                let response = self.send(patch).await?;
                response.expect_status(&[202])?;
                upload.follow(&response)?;
                self.send(upload.complete(digest)).await
            }
            Style::OneChunk => {
                self.upload_chunks(repository, bytes, digest, bytes.len().max(1), style)
                    .await
            }
            Style::Chunks | Style::ChunksAndPut | Style::OutOfOrder | Style::OutOfOrderAndPut => {
                self.upload_chunks(repository, bytes, digest, CHUNK_BYTES, style)
                    .await
            }
        }
    }

    async fn upload_chunks(
        &self,
        repository: &str,
        bytes: &Bytes,
        digest: &str,
        chunk_bytes: usize,
        style: Style,
    ) -> Result<Response, Failure> {
        let last_in_put = matches!(style, Style::ChunksAndPut | Style::OutOfOrderAndPut);
        let disorder = matches!(style, Style::OutOfOrder | Style::OutOfOrderAndPut);
        let mut upload = self.start_upload(repository).await?;
        let chunk_bytes = chunk_bytes.max(upload.min_chunk_bytes);
        let pieces = chunks(bytes, chunk_bytes);
        let mut sent = 0;
        for (position, piece) in pieces.iter().enumerate() {
            if disorder {
                // The chunk after this one; before the last chunk, the first one again.
                let wrong = (position + 1) % pieces.len();
                let wrong_first = wrong * chunk_bytes;
                let request = if last_in_put && wrong + 1 == pieces.len() {
                    upload.complete_with_chunk(digest, wrong_first, &pieces[wrong])
                } else {
                    upload.chunk(wrong_first, &pieces[wrong])
                };
                self.check_refused_chunk(&mut upload, request, sent).await?;
            }
            if last_in_put && position + 1 == pieces.len() {
                return self.send(upload.complete_with_chunk(digest, sent, piece)).await;
            }
            let response = self.send(upload.chunk(sent, piece)).await?;
            sent += piece.len();
            response.expect_status(&[202])?;
            ensure!(
                received(&response)? == sent,
                "{}: {sent} bytes were sent, Range says {:?}",
                response.request,
                response.header("range")
            );
            upload.follow(&response)?;
        }
        self.send(upload.complete(digest)).await
    }

    /// A chunk out of order: 416, nothing stored, the session goes on.
    async fn check_refused_chunk(&self, upload: &mut Upload, request: Request, sent: usize) -> Outcome {
        let response = self.send(request).await?;
        response.expect_status(&[416])?;
        let found = self.upload_status(upload).await?;
        ensure!(
            sent == 0 || found == sent,
            "after a chunk out of order {found} bytes are stored, not {sent}"
        );
        Ok(())
    }
}

/// Number of bytes that a `Range: 0-<last>` speaks of.
pub(crate) fn received(response: &Response) -> Result<usize, Failure> {
    let range = response.header("range").unwrap_or("");
    let last = range
        .strip_prefix("0-")
        .and_then(|last| last.parse::<usize>().ok());
    last.map(|last| last + 1).ok_or_else(|| {
        response
            .unexpected(format!("Range is not of the form 0-<last>: {range:?}"))
            .into()
    })
}
