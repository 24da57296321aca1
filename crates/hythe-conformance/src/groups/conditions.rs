//! Conditional requests (RFC 9110, section 13), and uploads by clients that drop parts of the `Location`.

use hythe_testutil::{Algorithm, Request};

use crate::context::{Context, blob_path, chunks, manifest_path};
use crate::failure::{Outcome, ensure};
use crate::item::Item;
use crate::suite::{Group, Scope};
use crate::upload::{CHUNK_BYTES, received};

pub(super) fn conditions() -> Group {
    Group::new(
        "conditions",
        Scope::Hythe,
        "what clients rely on beyond the specification",
    )
    .case(
        "If-None-Match with the digest of a manifest is 304 without a body",
        manifest_not_modified,
    )
    .case(
        "If-None-Match with another digest is the manifest",
        manifest_modified,
    )
    .case(
        "If-None-Match with the tag of a blob is 304, with another one the blob",
        blob_not_modified,
    )
    .case(
        "If-Range with the tag of a blob is 206, with another one the whole blob",
        if_range,
    )
    .case("a range of a blob is honoured by HEAD without a body", head_range)
    .case(
        "an upload goes on without the query of its Location",
        without_state,
    )
    .case(
        "an answer to a chunk out of order says where the upload stands",
        refused_with_place,
    )
}

async fn manifest_not_modified(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("tag");
    item.push(&context).await?;
    for reference in ["tag", image.digest.as_str()] {
        for entity_tag in [format!("\"{}\"", image.digest), image.digest.clone()] {
            let path = manifest_path(&context.repository, reference);
            let response = context
                .send(Request::get(path).header("if-none-match", entity_tag))
                .await?;
            response.expect_status(&[304])?.expect_body(b"")?;
        }
    }
    Ok(())
}

async fn manifest_modified(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("tag");
    item.push(&context).await?;
    let other = format!("\"{}\"", context.missing_digest(Algorithm::Sha256));
    let path = manifest_path(&context.repository, "tag");
    let response = context
        .send(Request::get(path).header("if-none-match", other))
        .await?;
    response
        .expect_status(&[200])?
        .expect_header("etag", &format!("\"{}\"", image.digest))?
        .expect_body(&image.bytes)?;
    Ok(())
}

async fn blob_not_modified(mut context: Context) -> Outcome {
    let blob = context.blob(300, Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let path = blob_path(&context.repository, &blob.digest);
    let entity_tag = format!("\"{}\"", blob.digest);
    for condition in [
        entity_tag.clone(),
        format!("W/{entity_tag}"),
        format!("\"x\", {entity_tag}"),
        "*".to_owned(),
    ] {
        let response = context
            .send(Request::get(&path).header("if-none-match", condition))
            .await?;
        response
            .expect_status(&[304])?
            .expect_header("etag", &entity_tag)?
            .expect_body(b"")?;
    }
    let response = context
        .send(Request::get(&path).header("if-none-match", "\"x\""))
        .await?;
    response.expect_status(&[200])?.expect_body(&blob.bytes)?;
    Ok(())
}

async fn if_range(mut context: Context) -> Outcome {
    let blob = context.blob(300, Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let request = |condition: String| {
        let path = blob_path(&context.repository, &blob.digest);
        Request::get(path)
            .header("range", "bytes=10-19")
            .header("if-range", condition)
    };
    let response = context.send(request(format!("\"{}\"", blob.digest))).await?;
    response.expect_status(&[206])?.expect_body(&blob.bytes[10..20])?;
    for other in [
        "\"x\"".to_owned(),
        format!("W/\"{}\"", blob.digest),
        "Sat, 01 Jan 2000 00:00:00 GMT".to_owned(),
    ] {
        let response = context.send(request(other)).await?;
        response.expect_status(&[200])?.expect_body(&blob.bytes)?;
    }
    Ok(())
}

async fn head_range(mut context: Context) -> Outcome {
    let blob = context.blob(300, Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let path = blob_path(&context.repository, &blob.digest);
    let response = context
        .send(Request::head(path).header("range", "bytes=10-19"))
        .await?;
    response.expect_status(&[206, 200])?.expect_body(b"")?;
    if response.status == 206 {
        response
            .expect_header("content-length", "10")?
            .expect_header("content-range", "bytes 10-19/300")?;
    }
    Ok(())
}

async fn without_state(mut context: Context) -> Outcome {
    let blob = context.blob(2 * CHUNK_BYTES, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    upload.target = upload.target.split('?').next().unwrap_or_default().to_owned();
    let mut sent = 0;
    for chunk in chunks(&blob.bytes, CHUNK_BYTES) {
        context
            .send(upload.chunk(sent, &chunk))
            .await?
            .expect_status(&[202])?;
        sent += chunk.len();
    }
    let response = context.send(upload.complete(&blob.digest)).await?;
    context.check_pushed(&response, &blob).await
}

async fn refused_with_place(mut context: Context) -> Outcome {
    let blob = context.blob(2 * CHUNK_BYTES, Algorithm::Sha256);
    let pieces = chunks(&blob.bytes, CHUNK_BYTES);
    let mut upload = context.start_upload(&context.repository).await?;
    context
        .send(upload.chunk(0, &pieces[0]))
        .await?
        .expect_status(&[202])?;
    for request in [
        upload.chunk(0, &pieces[0]),
        upload.complete_with_chunk(&blob.digest, 5, &pieces[1]),
    ] {
        let response = context.send(request).await?;
        response.expect_status(&[416])?.expect_error("RANGE_INVALID")?;
        let stored = received(&response)?;
        ensure!(
            stored == CHUNK_BYTES,
            "416 says that {stored} bytes are stored, not {CHUNK_BYTES}"
        );
        upload.follow(&response)?;
    }
    let response = context
        .send(upload.complete_with_chunk(&blob.digest, CHUNK_BYTES, &pieces[1]))
        .await?;
    context.check_pushed(&response, &blob).await
}
