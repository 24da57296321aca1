//! A blob in one POST, by sha256 (by sha512 it belongs to the blobs of that algorithm).

use bytes::Bytes;
use hythe_testutil::{Algorithm, Content, Request};

use crate::context::{Context, uploads_path, with_query};
use crate::failure::Outcome;
use crate::suite::{Group, Scope};
use crate::upload::{Style, THREE_CHUNKS_BYTES};

pub(super) fn single_post() -> Group {
    Group::new(
        "single-post",
        Scope::Specification,
        "a blob can be pushed in one POST",
    )
    .case("a blob pushed by a single POST can be read and deleted", pushed)
    .case("a single POST of the empty blob is 201", empty)
    .case("a single POST in chunked transfer encoding is 201", chunked)
    .case(
        "a wrong digest is 400 when pushing by a single POST",
        wrong_digest,
    )
}

async fn pushed(mut context: Context) -> Outcome {
    let blob = context.blob(THREE_CHUNKS_BYTES, Algorithm::Sha256);
    context
        .push_blob_by(&context.repository, &blob, Style::SinglePost)
        .await?;
    context.check_blob(&context.repository, &blob).await?;
    context.delete_blob(&context.repository, &blob.digest).await
}

async fn empty(context: Context) -> Outcome {
    let blob = Content::blob(Bytes::new());
    context
        .push_blob_by(&context.repository, &blob, Style::SinglePost)
        .await?;
    context.check_blob(&context.repository, &blob).await
}

async fn chunked(mut context: Context) -> Outcome {
    let blob = context.blob(1000, Algorithm::Sha256);
    let target = with_query(&uploads_path(&context.repository), "digest", &blob.digest);
    let chunks = crate::context::chunks(&blob.bytes, 300);
    let response = context.send(Request::post(target).chunked(chunks)).await?;
    context.check_pushed(&response, &blob).await?;
    context.check_blob(&context.repository, &blob).await
}

async fn wrong_digest(mut context: Context) -> Outcome {
    let blob = context.blob(THREE_CHUNKS_BYTES, Algorithm::Sha256);
    let digest = context.missing_digest(Algorithm::Sha256);
    let response = context
        .upload(&context.repository, &blob.bytes, &digest, Style::SinglePost)
        .await?;
    response.expect_status(&[400])?.expect_error("DIGEST_INVALID")?;
    context.check_no_blob(&context.repository, &digest).await?;
    context.check_no_blob(&context.repository, &blob.digest).await
}
