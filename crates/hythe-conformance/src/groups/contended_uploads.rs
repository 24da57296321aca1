//! Several clients on one upload session: one wins, the others are told so, and no byte is mixed up.

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use hythe_testutil::{Algorithm, Request, Response};
use tokio::sync::oneshot;

use crate::context::{Context, chunks};
use crate::failure::{Failure, Outcome, ensure};
use crate::suite::{Group, Scope};
use crate::upload::{CHUNK_BYTES, Upload, received};

const CLIENTS: usize = 12;

pub(super) fn contended_uploads() -> Group {
    Group::new(
        "contended-uploads",
        Scope::Hythe,
        "of many clients on one session one wins, and nothing is mixed up",
    )
    .case(
        "a second writer is refused while the first one is sending",
        second_writer,
    )
    .case("of many writers of the first chunk one wins", many_writers)
    .case(
        "of many closers one gets 201 and the others a clear error",
        many_closers,
    )
    .case(
        "of many closers that bring all bytes one gets 201",
        many_closers_with_content,
    )
    .case(
        "cancelling while another client sends leaves no session or a working one",
        cancel_while_sending,
    )
    .case(
        "writers and closers of the right bytes end in the right blob or none",
        writers_and_closers,
    )
}

/// Sends many requests at once from tasks of their own.
async fn all_at_once(context: &Context, requests: Vec<Request>) -> Result<Vec<Response>, Failure> {
    let tasks = requests.into_iter().map(|request| {
        let context = context.clone();
        tokio::spawn(async move { context.send(request).await })
    });
    join_all(tasks)
        .await
        .into_iter()
        .map(|joined| joined.map_err(|error| Failure::new(format!("a client failed: {error}")))?)
        .collect()
}

/// Every answer is `won` or a refusal that names its reason; gives the number of winners.
fn count_winners(responses: &[Response], won: u16) -> Result<usize, Failure> {
    for response in responses.iter().filter(|response| response.status != won) {
        response.expect_status(&[400, 404, 409, 416])?;
        ensure!(
            response.error_code().is_some(),
            "{}: {} without an error document",
            response.request,
            response.status
        );
    }
    Ok(responses.iter().filter(|response| response.status == won).count())
}

/// A PATCH whose body stops in the middle until the signal comes. The first signal says that it has begun.
fn halting_patch(upload: &Upload, bytes: &Bytes) -> (Request, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (began, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let middle = bytes.len() / 2;
    let (first, second) = (bytes.slice(..middle), bytes.slice(middle..));
    let body = stream::once(async move { Ok(first) }).chain(stream::once(async move {
        // The HTTP library asks for the second half when it has written the first.
        let _ = began.send(());
        let _ = may_go_on.await;
        Ok(second)
    }));
    let request = Request::patch(&upload.target).header("content-type", "application/octet-stream");
    let request = request.header("content-range", format!("0-{}", bytes.len() - 1));
    (request.stream(Some(bytes.len() as u64), body), has_begun, go_on)
}

async fn second_writer(mut context: Context) -> Outcome {
    let blob = context.blob(200_000, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    let (slow, has_begun, go_on) = halting_patch(&upload, &blob.bytes);
    let first = tokio::spawn({
        let context = context.clone();
        async move { context.send(slow).await }
    });
    // An error would mean that the first writer was refused, which its answer tells better.
    let _ = has_begun.await;
    let quick = upload.chunk(0, &blob.bytes);
    let second = tokio::spawn({
        let context = context.clone();
        async move { context.send(quick).await }
    });
    // The second writer may be refused at once or wait for the first one; only the latter needs the signal first.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let _ = go_on.send(());
    let joined = |error| Failure::new(format!("a client failed: {error}"));
    let responses = [first.await.map_err(joined)??, second.await.map_err(joined)??];
    let winners = count_winners(&responses, 202)?;
    ensure!(winners == 1, "{winners} of two writers of the same bytes got 202");
    let stored = context.upload_status(&mut upload).await?;
    ensure!(
        stored == blob.bytes.len(),
        "{stored} bytes are stored, not {}",
        blob.bytes.len()
    );
    let response = context.send(upload.complete(&blob.digest)).await?;
    context.check_pushed(&response, &blob).await
}

async fn many_writers(mut context: Context) -> Outcome {
    let blob = context.blob(40_000, Algorithm::Sha256);
    for _ in 0..5 {
        let mut upload = context.start_upload(&context.repository).await?;
        let requests = (0..CLIENTS).map(|_| upload.chunk(0, &blob.bytes)).collect();
        let responses = all_at_once(&context, requests).await?;
        let winners = count_winners(&responses, 202)?;
        ensure!(winners == 1, "{winners} of {CLIENTS} writers got 202");
        for refused in responses.iter().filter(|response| response.status == 416) {
            refused.location()?;
            received(refused)?;
        }
        let stored = context.upload_status(&mut upload).await?;
        ensure!(
            stored == blob.bytes.len(),
            "{stored} bytes are stored, not {}",
            blob.bytes.len()
        );
        let response = context.send(upload.complete(&blob.digest)).await?;
        context.check_pushed(&response, &blob).await?;
    }
    Ok(())
}

async fn many_closers(mut context: Context) -> Outcome {
    for _ in 0..5 {
        let blob = context.blob(40_000, Algorithm::Sha256);
        let mut upload = context.start_upload(&context.repository).await?;
        let response = context.send(upload.chunk(0, &blob.bytes)).await?;
        upload.follow(&response)?;
        let requests = (0..CLIENTS).map(|_| upload.complete(&blob.digest)).collect();
        let responses = all_at_once(&context, requests).await?;
        let winners = count_winners(&responses, 201)?;
        ensure!(winners == 1, "{winners} of {CLIENTS} closers got 201");
        context.check_blob(&context.repository, &blob).await?;
        context
            .send(Request::get(&upload.target))
            .await?
            .expect_status(&[404])?;
    }
    Ok(())
}

async fn many_closers_with_content(mut context: Context) -> Outcome {
    for _ in 0..5 {
        let blob = context.blob(40_000, Algorithm::Sha256);
        let upload = context.start_upload(&context.repository).await?;
        let requests = (0..CLIENTS)
            .map(|_| upload.complete_with_chunk(&blob.digest, 0, &blob.bytes))
            .collect();
        let responses = all_at_once(&context, requests).await?;
        let winners = count_winners(&responses, 201)?;
        ensure!(winners == 1, "{winners} of {CLIENTS} closers got 201");
        context.check_blob(&context.repository, &blob).await?;
    }
    Ok(())
}

async fn cancel_while_sending(mut context: Context) -> Outcome {
    let blob = context.blob(200_000, Algorithm::Sha256);
    let upload = context.start_upload(&context.repository).await?;
    let (slow, has_begun, go_on) = halting_patch(&upload, &blob.bytes);
    let first = tokio::spawn({
        let context = context.clone();
        async move { context.send(slow).await }
    });
    let _ = has_begun.await;
    let cancel = tokio::spawn({
        let (context, request) = (context.clone(), Request::delete(&upload.target));
        async move { context.send(request).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let _ = go_on.send(());
    let joined = |error| Failure::new(format!("a client failed: {error}"));
    let (patched, cancelled) = (first.await.map_err(joined)??, cancel.await.map_err(joined)??);
    patched.expect_status(&[202, 404, 409, 416])?;
    cancelled.expect_status(&[204, 404, 409, 416])?;
    let status = context.send(Request::get(&upload.target)).await?;
    let expected = if cancelled.status == 204 { 404 } else { 204 };
    status.expect_status(&[expected])?;
    Ok(())
}

async fn writers_and_closers(mut context: Context) -> Outcome {
    for _ in 0..5 {
        let blob = context.blob(8 * CHUNK_BYTES, Algorithm::Sha256);
        let upload = context.start_upload(&context.repository).await?;
        let bare = Upload {
            target: upload.target.split('?').next().unwrap_or_default().to_owned(),
            ..upload
        };
        let mut requests: Vec<Request> = Vec::new();
        for (position, chunk) in chunks(&blob.bytes, CHUNK_BYTES).iter().enumerate() {
            requests.push(bare.chunk(position * CHUNK_BYTES, chunk));
            requests.push(bare.complete(&blob.digest));
        }
        for response in all_at_once(&context, requests).await? {
            response.expect_status(&[201, 202, 400, 404, 409, 416])?;
        }
        // Whoever goes on from what is stored ends with the right bytes.
        let status = context.send(Request::get(&bare.target)).await?;
        status.expect_status(&[204, 404])?;
        if status.status == 204 {
            let stored = if status.header("range") == Some("0-0") {
                0
            } else {
                received(&status)?
            };
            let rest = blob.bytes.slice(stored..);
            let upload = Upload {
                target: status.location()?,
                min_chunk_bytes: 0,
            };
            let request = if rest.is_empty() {
                upload.complete(&blob.digest)
            } else {
                upload.complete_with_chunk(&blob.digest, stored, &rest)
            };
            context.send(request).await?.expect_status(&[201])?;
        }
        context.check_blob(&context.repository, &blob).await?;
    }
    Ok(())
}
