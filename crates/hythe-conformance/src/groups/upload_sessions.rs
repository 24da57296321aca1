//! Upload sessions: status, cancel, recovery after a refused request.

use hythe_testutil::{Algorithm, Request};

use crate::context::{Context, chunks};
use crate::failure::{Outcome, ensure};
use crate::suite::{Group, Scope};
use crate::upload::{CHUNK_BYTES, THREE_CHUNKS_BYTES};

pub(super) fn upload_sessions() -> Group {
    Group::new(
        "upload-sessions",
        Scope::Specification,
        "a session can be asked about, cancelled and repaired",
    )
    .case("the status of a new session is 204 with a Location", fresh)
    .case("the status after a chunk is 204 with its last byte", after_chunk)
    .case("HEAD of a session says the same as GET", head)
    .case("a cancelled session is 204 and then 404", cancelled)
    .case(
        "a cancelled session with content is 204 and then 404",
        cancelled_with_content,
    )
    .case("a completed session is 404", completed)
    .case(
        "a session survives a wrong digest and can be completed with the right one",
        wrong_then_right,
    )
    .case(
        "a PUT without a digest is 400 and the session survives",
        without_digest,
    )
    .case("chunks with and without Content-Range can be mixed", mixed)
    .case(
        "two sessions in one repository do not disturb each other",
        two_sessions,
    )
    .case("a session belongs to its repository", other_repository)
}

async fn fresh(context: Context) -> Outcome {
    let mut upload = context.start_upload(&context.repository).await?;
    context.upload_status(&mut upload).await?;
    Ok(())
}

async fn after_chunk(mut context: Context) -> Outcome {
    let blob = context.blob(CHUNK_BYTES, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    context
        .send(upload.chunk(0, &blob.bytes))
        .await?
        .expect_status(&[202])?;
    let received = context.upload_status(&mut upload).await?;
    ensure!(
        received == CHUNK_BYTES,
        "{received} bytes are stored, not {CHUNK_BYTES}"
    );
    let response = context.send(upload.complete(&blob.digest)).await?;
    context.check_pushed(&response, &blob).await
}

async fn head(mut context: Context) -> Outcome {
    let blob = context.blob(CHUNK_BYTES, Algorithm::Sha256);
    let upload = context.start_upload(&context.repository).await?;
    context
        .send(upload.chunk(0, &blob.bytes))
        .await?
        .expect_status(&[202])?;
    let response = context.send(Request::head(&upload.target)).await?;
    response
        .expect_status(&[204])?
        .expect_header("range", &format!("0-{}", CHUNK_BYTES - 1))?;
    Ok(())
}

async fn cancelled(context: Context) -> Outcome {
    let upload = context.start_upload(&context.repository).await?;
    context
        .send(Request::delete(&upload.target))
        .await?
        .expect_status(&[204])?;
    context
        .send(Request::get(&upload.target))
        .await?
        .expect_status(&[404])?;
    context
        .send(Request::delete(&upload.target))
        .await?
        .expect_status(&[404])?;
    Ok(())
}

async fn cancelled_with_content(mut context: Context) -> Outcome {
    let blob = context.blob(CHUNK_BYTES, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    let response = context.send(upload.chunk(0, &blob.bytes)).await?;
    response.expect_status(&[202])?;
    upload.follow(&response)?;
    context
        .send(Request::delete(&upload.target))
        .await?
        .expect_status(&[204])?;
    context
        .send(Request::get(&upload.target))
        .await?
        .expect_status(&[404])?;
    context
        .send(upload.complete(&blob.digest))
        .await?
        .expect_status(&[404])?;
    context.check_no_blob(&context.repository, &blob.digest).await
}

async fn completed(mut context: Context) -> Outcome {
    let blob = context.blob(100, Algorithm::Sha256);
    let upload = context.start_upload(&context.repository).await?;
    let put = || upload.complete(&blob.digest).body(blob.bytes.clone());
    context.send(put()).await?.expect_status(&[201])?;
    context
        .send(Request::get(&upload.target))
        .await?
        .expect_status(&[404])?;
    context.send(put()).await?.expect_status(&[404])?;
    context.check_blob(&context.repository, &blob).await
}

async fn wrong_then_right(mut context: Context) -> Outcome {
    let blob = context.blob(CHUNK_BYTES, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    let response = context.send(upload.chunk(0, &blob.bytes)).await?;
    response.expect_status(&[202])?;
    upload.follow(&response)?;
    let wrong = context.missing_digest(Algorithm::Sha256);
    context
        .send(upload.complete(&wrong))
        .await?
        .expect_status(&[400])?
        .expect_error("DIGEST_INVALID")?;
    context.upload_status(&mut upload).await?;
    let response = context.send(upload.complete(&blob.digest)).await?;
    context.check_pushed(&response, &blob).await
}

async fn without_digest(mut context: Context) -> Outcome {
    let blob = context.blob(CHUNK_BYTES, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    let response = context.send(upload.chunk(0, &blob.bytes)).await?;
    upload.follow(&response)?;
    context
        .send(Request::put(&upload.target))
        .await?
        .expect_status(&[400])?
        .expect_error("DIGEST_INVALID")?;
    context.upload_status(&mut upload).await?;
    let response = context.send(upload.complete(&blob.digest)).await?;
    context.check_pushed(&response, &blob).await
}

async fn mixed(mut context: Context) -> Outcome {
    let blob = context.blob(THREE_CHUNKS_BYTES, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    let mut sent = 0;
    for (position, chunk) in chunks(&blob.bytes, 500).iter().enumerate() {
        let request = if position % 2 == 0 {
            upload.append(chunk)
        } else {
            upload.chunk(sent, chunk)
        };
        let response = context.send(request).await?;
        response.expect_status(&[202])?;
        upload.follow(&response)?;
        sent += chunk.len();
    }
    let response = context.send(upload.complete(&blob.digest)).await?;
    context.check_pushed(&response, &blob).await
}

async fn two_sessions(mut context: Context) -> Outcome {
    let blobs = [
        context.blob(800, Algorithm::Sha256),
        context.blob(900, Algorithm::Sha256),
    ];
    let mut uploads = Vec::new();
    for _ in &blobs {
        uploads.push(context.start_upload(&context.repository).await?);
    }
    for half in 0..2 {
        for (upload, blob) in uploads.iter_mut().zip(&blobs) {
            let middle = blob.bytes.len() / 2;
            let (first, part) = match half {
                0 => (0, blob.bytes.slice(..middle)),
                _ => (middle, blob.bytes.slice(middle..)),
            };
            let response = context.send(upload.chunk(first, &part)).await?;
            response.expect_status(&[202])?;
            upload.follow(&response)?;
        }
    }
    for (upload, blob) in uploads.iter().zip(&blobs) {
        let response = context.send(upload.complete(&blob.digest)).await?;
        context.check_pushed(&response, blob).await?;
    }
    Ok(())
}

async fn other_repository(mut context: Context) -> Outcome {
    let blob = context.blob(100, Algorithm::Sha256);
    let upload = context.start_upload(&context.repository).await?;
    let mut stolen = upload.clone();
    stolen.target = upload
        .target
        .replace(&context.repository, &context.other_repository);
    context
        .send(stolen.complete(&blob.digest).body(blob.bytes.clone()))
        .await?
        .expect_status(&[404])?;
    context
        .check_no_blob(&context.other_repository, &blob.digest)
        .await
}
