//! Blobs, pushed in every way, read and deleted; and the same by sha512.

use hythe_testutil::{Algorithm, Content, Request};

use crate::context::{Context, blob_path, chunks, uploads_path, with_query};
use crate::failure::{Failure, Outcome};
use crate::suite::{Group, Scope};
use crate::upload::{Style, THREE_CHUNKS_BYTES, Upload};

pub(super) fn blobs() -> Group {
    let group = Group::new(
        "blobs",
        Scope::Specification,
        "blobs addressed by sha256 in every way but a single POST",
    );
    let styles = Style::ALL.into_iter().filter(|style| *style != Style::SinglePost);
    common(group, Algorithm::Sha256, styles).case(
        "an upload begun with digest-algorithm=sha256 takes a sha256 digest",
        |context| announced(context, Algorithm::Sha256),
    )
}

pub(super) fn sha512_blobs() -> Group {
    let group = Group::new(
        "sha512-blobs",
        Scope::Specification,
        "blobs addressed by sha512 in every way",
    );
    common(group, Algorithm::Sha512, Style::ALL.into_iter())
        .case(
            "an upload begun with digest-algorithm=sha512 takes a sha512 digest",
            |context| announced(context, Algorithm::Sha512),
        )
        .case("ranges of a sha512 blob can be read", ranged)
        .case(
            "a mount of a sha512 blob that is nowhere is 202 and the upload can be completed",
            mount_missing,
        )
        .case(
            "an upload in chunks begun with digest-algorithm=sha512 takes a sha512 digest",
            announced_in_chunks,
        )
        .case("a mount of a sha512 blob is 201 and the blob is there", mounted)
        .case(
            "a mount of a sha512 blob without a source is 201 and the blob is there",
            mounted_anonymously,
        )
        .case(
            "the same bytes can be pushed by both algorithms, and one can be deleted without the other",
            both,
        )
}

fn common(mut group: Group, algorithm: Algorithm, styles: impl Iterator<Item = Style> + Clone) -> Group {
    for style in styles.clone() {
        group = group.case(
            format!("a blob pushed by {} can be read and deleted", style.name()),
            move |context| pushed(context, algorithm, style),
        );
    }
    for style in styles {
        group = group.case(
            format!("a wrong digest is 400 when pushing by {}", style.name()),
            move |context| wrong_digest(context, algorithm, style),
        );
    }
    group
        .case("a blob that was never pushed is 404", move |context| {
            missing(context, algorithm)
        })
        .case("the empty blob can be pushed, read and deleted", move |context| {
            well_known(context, algorithm, b"")
        })
        .case("the blob {} can be pushed, read and deleted", move |context| {
            well_known(context, algorithm, b"{}")
        })
        .case("a blob that is there can be pushed again", move |context| {
            again(context, algorithm)
        })
        .case("a blob of 9 MB in chunks of 1 MB can be pushed", move |context| {
            large(context, algorithm)
        })
}

/// The size of a blob that takes three requests where it is pushed in chunks, however long they have to be.
async fn size_for(context: &Context, style: Style) -> Result<usize, Failure> {
    if !style.is_in_chunks() {
        return Ok(THREE_CHUNKS_BYTES);
    }
    let upload = context.start_upload(&context.repository).await?;
    context.send(Request::delete(&upload.target)).await?;
    Ok(THREE_CHUNKS_BYTES.max((3 * upload.min_chunk_bytes).saturating_sub(5)))
}

async fn pushed(mut context: Context, algorithm: Algorithm, style: Style) -> Outcome {
    let size = size_for(&context, style).await?;
    let blob = context.blob(size, algorithm);
    let repository = &context.repository;
    context.push_blob_by(repository, &blob, style).await?;
    context.check_blob(repository, &blob).await?;
    context.delete_blob(repository, &blob.digest).await
}

async fn wrong_digest(mut context: Context, algorithm: Algorithm, style: Style) -> Outcome {
    let size = size_for(&context, style).await?;
    let blob = context.blob(size, algorithm);
    let digest = context.missing_digest(algorithm);
    let response = context
        .upload(&context.repository, &blob.bytes, &digest, style)
        .await?;
    response.expect_status(&[400])?.expect_error("DIGEST_INVALID")?;
    context.check_no_blob(&context.repository, &digest).await?;
    context.check_no_blob(&context.repository, &blob.digest).await
}

async fn missing(mut context: Context, algorithm: Algorithm) -> Outcome {
    let digest = context.missing_digest(algorithm);
    context.check_no_blob(&context.repository, &digest).await
}

async fn well_known(context: Context, algorithm: Algorithm, bytes: &'static [u8]) -> Outcome {
    let blob = Content::new("application/octet-stream", bytes, algorithm);
    context.push_blob(&context.repository, &blob).await?;
    context.check_blob(&context.repository, &blob).await?;
    context.delete_blob(&context.repository, &blob.digest).await
}

async fn again(mut context: Context, algorithm: Algorithm) -> Outcome {
    let blob = context.blob(500, algorithm);
    context.push_blob(&context.repository, &blob).await?;
    context
        .push_blob_by(&context.repository, &blob, Style::OneChunk)
        .await?;
    context.check_blob(&context.repository, &blob).await?;
    context.delete_blob(&context.repository, &blob.digest).await?;
    context.push_blob(&context.repository, &blob).await?;
    context.check_blob(&context.repository, &blob).await
}

async fn large(mut context: Context, algorithm: Algorithm) -> Outcome {
    let blob = context.blob(9_000_000, algorithm);
    let mut upload = context.start_upload(&context.repository).await?;
    let mut sent = 0;
    for chunk in chunks(&blob.bytes, 1_000_000) {
        let response = context.send(upload.chunk(sent, &chunk)).await?;
        response.expect_status(&[202])?;
        upload.follow(&response)?;
        sent += chunk.len();
    }
    let response = context.send(upload.complete(&blob.digest)).await?;
    context.check_pushed(&response, &blob).await
}

async fn announced(mut context: Context, algorithm: Algorithm) -> Outcome {
    let blob = context.blob(500, algorithm);
    let upload = start_announced(&context, algorithm).await?;
    let response = context
        .send(upload.complete(&blob.digest).body(blob.bytes.clone()))
        .await?;
    context.check_pushed(&response, &blob).await?;
    context.check_blob(&context.repository, &blob).await
}

async fn announced_in_chunks(mut context: Context) -> Outcome {
    let blob = context.blob(THREE_CHUNKS_BYTES, Algorithm::Sha512);
    let mut upload = start_announced(&context, Algorithm::Sha512).await?;
    let mut sent = 0;
    for chunk in chunks(&blob.bytes, 1000) {
        let response = context.send(upload.chunk(sent, &chunk)).await?;
        response.expect_status(&[202])?;
        upload.follow(&response)?;
        sent += chunk.len();
    }
    let response = context.send(upload.complete(&blob.digest)).await?;
    context.check_pushed(&response, &blob).await?;
    context.check_blob(&context.repository, &blob).await
}

async fn start_announced(context: &Context, algorithm: Algorithm) -> Result<Upload, Failure> {
    let target = with_query(
        &uploads_path(&context.repository),
        "digest-algorithm",
        algorithm.name(),
    );
    context.start_upload_at(&target).await
}

async fn mounted(context: Context) -> Outcome {
    mount(context, true).await
}

async fn mounted_anonymously(context: Context) -> Outcome {
    mount(context, false).await
}

async fn mount(mut context: Context, from: bool) -> Outcome {
    let blob = context.blob(500, Algorithm::Sha512);
    context.push_blob(&context.other_repository, &blob).await?;
    let response = if from {
        super::mounts::mount(&context, &blob.digest, Some(&context.other_repository)).await?
    } else {
        super::mounts::mount_anonymously(&context, &blob.digest).await?
    };
    context.check_pushed(&response, &blob).await?;
    context.check_blob(&context.repository, &blob).await
}

async fn both(mut context: Context) -> Outcome {
    let bytes = context.random.bytes(700);
    let short = Content::new("application/octet-stream", bytes.clone(), Algorithm::Sha256);
    let long = Content::new("application/octet-stream", bytes, Algorithm::Sha512);
    for blob in [&short, &long] {
        context.push_blob(&context.repository, blob).await?;
    }
    context.check_blob(&context.repository, &short).await?;
    context.delete_blob(&context.repository, &short.digest).await?;
    context.check_blob(&context.repository, &long).await
}

async fn ranged(mut context: Context) -> Outcome {
    let blob = context.blob(2048, Algorithm::Sha512);
    context.push_blob(&context.repository, &blob).await?;
    let get = || Request::get(blob_path(&context.repository, &blob.digest));
    for (range, start, end) in [
        ("500-1499", 500, 1500),
        ("500-", 500, 2048),
        ("-500", 1548, 2048),
        ("2000-5000", 2000, 2048),
    ] {
        let response = context
            .send(get().header("range", format!("bytes={range}")))
            .await?;
        response
            .expect_status(&[206])?
            .expect_header("content-range", &format!("bytes {start}-{}/2048", end - 1))?
            .expect_body(&blob.bytes[start..end])?;
    }
    for range in ["500-0", "5000-10000"] {
        context
            .send(get().header("range", format!("bytes={range}")))
            .await?
            .expect_status(&[416])?;
    }
    Ok(())
}

async fn mount_missing(mut context: Context) -> Outcome {
    let blob = context.blob(500, Algorithm::Sha512);
    for source in [None, Some(context.other_repository.as_str())] {
        let response = super::mounts::mount(&context, &blob.digest, source).await?;
        response.expect_status(&[202])?;
        let put =
            Request::put(with_query(&response.location()?, "digest", &blob.digest)).body(blob.bytes.clone());
        let response = context.send(put).await?;
        context.check_pushed(&response, &blob).await?;
        context.delete_blob(&context.repository, &blob.digest).await?;
    }
    Ok(())
}
