//! Uploads: starting, mounting, chunks, completing, cancelling.

use bytes::Bytes;
use hythe_testutil::{Algorithm, Content, Request};

use super::Sequence;
use crate::context::{blob_path, uploads_path, with_query};
use crate::diff::Recorder;
use crate::failure::{Failure, Outcome};

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("starting an upload", start),
        Sequence::new("mounting", mount),
        Sequence::new("mounting by form fields", mount_by_form),
        Sequence::new("a single POST", single_post),
        Sequence::new("starting an upload with an algorithm", start_with_algorithm),
        Sequence::new("status of an upload", status),
        Sequence::new("chunks with Content-Range", chunks),
        Sequence::new("chunks with a wrong Content-Range", wrong_ranges),
        Sequence::new("a streamed chunk with Content-Range", streamed),
        Sequence::new("Content-Type of a chunk", content_types),
        Sequence::new("completing an upload", complete),
        Sequence::new("completing with a wrong digest", wrong_digest),
        Sequence::new("completing with malformed digests", malformed_digests),
        Sequence::new("completing with a wrong Content-Range", complete_wrong_range),
        Sequence::new("completing by sha512", complete_sha512),
        Sequence::new("completing with nothing", complete_empty),
        Sequence::new("cancelling", cancel),
        Sequence::new("an upload that is unknown", unknown),
        Sequence::new("an upload without its state", without_state),
        Sequence::new("an upload with a wrong state", wrong_state),
        Sequence::new("an upload in another repository", other_repository),
        Sequence::new("POST on an upload", post_on_upload),
        Sequence::new("the path of uploads without an id", without_id),
        Sequence::new("an upload behind another chunk", stale_state),
    ]
}

/// Starts an upload and gives the place that the registry names.
async fn begin(recorder: &Recorder) -> Result<String, Failure> {
    Ok(recorder
        .send(Request::post(uploads_path(&recorder.repository)))
        .await?
        .location()?)
}

fn chunk(target: &str, range: &str, bytes: &Bytes) -> Request {
    Request::patch(target)
        .header("content-type", "application/octet-stream")
        .header("content-range", range)
        .body(bytes.clone())
}

/// Sends a good first chunk and gives the next place.
async fn first_chunk(recorder: &Recorder, target: &str, bytes: &Bytes) -> Result<String, Failure> {
    let range = format!("0-{}", bytes.len() - 1);
    Ok(recorder.send(chunk(target, &range, bytes)).await?.location()?)
}

async fn start(recorder: Recorder) -> Outcome {
    begin(&recorder).await?;
    recorder
        .observe(Request::post(uploads_path(&recorder.repository)).body("ignored"))
        .await;
    recorder
        .observe(Request::post(format!(
            "{}?other=x",
            uploads_path(&recorder.repository)
        )))
        .await;
    Ok(())
}

async fn mount(recorder: Recorder) -> Outcome {
    let source = format!("{}-source", recorder.repository);
    let blob = Content::blob(recorder.bytes("blob", 300));
    let long = Content::new("", recorder.bytes("long", 300), Algorithm::Sha512);
    recorder.push_blob(&source, &blob).await?;
    recorder.push_blob(&source, &long).await?;
    let path = uploads_path(&recorder.repository);
    let missing = hythe_testutil::digest::sha256(b"missing");
    for (digest, from) in [
        (missing.as_str(), source.as_str()),
        (blob.digest.as_str(), "nowhere"),
        (blob.digest.as_str(), "UPPER"),
        (blob.digest.as_str(), ""),
        ("sha256:abc", source.as_str()),
        ("", source.as_str()),
        (blob.digest.as_str(), source.as_str()),
        (blob.digest.as_str(), recorder.repository.as_str()),
        (long.digest.as_str(), source.as_str()),
    ] {
        recorder
            .observe(Request::post(with_query(
                &with_query(&path, "mount", digest),
                "from",
                from,
            )))
            .await;
        if digest.contains("sha") {
            recorder.get(blob_path(&recorder.repository, digest)).await;
        }
    }
    Ok(())
}

async fn mount_by_form(recorder: Recorder) -> Outcome {
    let source = format!("{}-source", recorder.repository);
    let blob = Content::blob(recorder.bytes("blob", 300));
    recorder.push_blob(&source, &blob).await?;
    let form = with_query(&with_query("", "mount", &blob.digest), "from", &source);
    let request = Request::post(uploads_path(&recorder.repository))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.trim_start_matches('?').to_owned());
    recorder.observe(request).await;
    Ok(())
}

async fn single_post(recorder: Recorder) -> Outcome {
    let blob = Content::blob(recorder.bytes("blob", 300));
    for digest in [
        hythe_testutil::digest::sha256(b"other"),
        "sha256:abc".to_owned(),
        blob.digest,
    ] {
        let target = with_query(&uploads_path(&recorder.repository), "digest", &digest);
        recorder
            .observe(Request::post(target).body(blob.bytes.clone()))
            .await;
        recorder.get(blob_path(&recorder.repository, &digest)).await;
    }
    Ok(())
}

async fn start_with_algorithm(recorder: Recorder) -> Outcome {
    for algorithm in ["sha256", "sha512", "md5", ""] {
        let target = with_query(&uploads_path(&recorder.repository), "digest-algorithm", algorithm);
        recorder.observe(Request::post(target)).await;
    }
    Ok(())
}

async fn status(recorder: Recorder) -> Outcome {
    let bytes = recorder.bytes("blob", 300);
    for length in [0, 1, 2, 300] {
        let mut target = begin(&recorder).await?;
        if length > 0 {
            target = first_chunk(&recorder, &target, &bytes.slice(..length)).await?;
        }
        recorder.get(&target).await;
        recorder.observe(Request::head(&target)).await;
        recorder.get(target.split('?').next().unwrap_or_default()).await;
    }
    Ok(())
}

async fn chunks(recorder: Recorder) -> Outcome {
    let blob = Content::blob(recorder.bytes("blob", 300));
    let target = begin(&recorder).await?;
    let target = first_chunk(&recorder, &target, &blob.bytes.slice(..100)).await?;
    let target = recorder
        .send(chunk(&target, "100-199", &blob.bytes.slice(100..200)))
        .await?
        .location()?;
    let last = Request::put(with_query(&target, "digest", &blob.digest))
        .header("content-range", "200-299")
        .body(blob.bytes.slice(200..));
    recorder.send(last).await?;
    recorder.get(blob_path(&recorder.repository, &blob.digest)).await;
    recorder.get(&target).await;
    Ok(())
}

const WRONG_RANGES: [&str; 12] = [
    "50-59",
    "100-108",
    "100-110",
    "109-100",
    "0-9",
    "200-209",
    "bytes 100-109/200",
    "x",
    "100",
    "100-",
    "-109",
    "",
];

async fn wrong_ranges(recorder: Recorder) -> Outcome {
    let bytes = recorder.bytes("blob", 110);
    let target = begin(&recorder).await?;
    let target = first_chunk(&recorder, &target, &bytes.slice(..100)).await?;
    for range in WRONG_RANGES {
        recorder.observe(chunk(&target, range, &bytes.slice(100..))).await;
        recorder.get(&target).await;
    }
    Ok(())
}

async fn streamed(recorder: Recorder) -> Outcome {
    let bytes = recorder.bytes("blob", 300);
    for range in ["0-299", "100-399", "x"] {
        let target = begin(&recorder).await?;
        let patch = Request::patch(&target)
            .header("content-range", range)
            .chunked(vec![bytes.clone()]);
        recorder.observe(patch).await;
        recorder.get(&target).await;
    }
    Ok(())
}

async fn content_types(recorder: Recorder) -> Outcome {
    let bytes = recorder.bytes("blob", 10);
    let digest = hythe_testutil::digest::sha256(&bytes);
    for kind in [
        "application/octet-stream",
        "application/octet-stream; x=y",
        "application/json",
        "text/plain",
        "",
    ] {
        for method in ["PATCH", "PUT"] {
            let target = with_query(&begin(&recorder).await?, "digest", &digest);
            let request = Request::new(method, target).body(bytes.clone());
            recorder
                .observe(if kind.is_empty() {
                    request
                } else {
                    request.header("content-type", kind)
                })
                .await;
        }
    }
    Ok(())
}

async fn complete(recorder: Recorder) -> Outcome {
    let blob = Content::blob(recorder.bytes("blob", 300));
    let target = begin(&recorder).await?;
    let put = || Request::put(with_query(&target, "digest", &blob.digest)).body(blob.bytes.clone());
    recorder.send(put()).await?;
    recorder.observe(put()).await;
    let target = begin(&recorder).await?;
    let target = recorder
        .send(Request::patch(&target).chunked(vec![blob.bytes.clone()]))
        .await?
        .location()?;
    recorder
        .observe(Request::put(with_query(&target, "digest", &blob.digest)))
        .await;
    Ok(())
}

async fn wrong_digest(recorder: Recorder) -> Outcome {
    let blob = Content::blob(recorder.bytes("blob", 300));
    let target = begin(&recorder).await?;
    let wrong = hythe_testutil::digest::sha256(b"other");
    recorder
        .observe(Request::put(with_query(&target, "digest", &wrong)).body(blob.bytes.clone()))
        .await;
    let target = recorder.send(Request::get(&target)).await?.location()?;
    let wrong = Algorithm::Sha512.digest(b"other");
    recorder
        .observe(Request::put(with_query(&target, "digest", &wrong)))
        .await;
    let target = recorder.send(Request::get(&target)).await?.location()?;
    recorder
        .observe(Request::put(with_query(&target, "digest", &blob.digest)))
        .await;
    Ok(())
}

async fn malformed_digests(recorder: Recorder) -> Outcome {
    let target = begin(&recorder).await?;
    recorder.observe(Request::put(&target)).await;
    for digest in ["", "x", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        recorder
            .observe(Request::put(with_query(&target, "digest", digest)))
            .await;
    }
    recorder.get(&target).await;
    Ok(())
}

async fn complete_wrong_range(recorder: Recorder) -> Outcome {
    let blob = Content::blob(recorder.bytes("blob", 110));
    let target = begin(&recorder).await?;
    let target = first_chunk(&recorder, &target, &blob.bytes.slice(..100)).await?;
    for range in WRONG_RANGES {
        let put = Request::put(with_query(&target, "digest", &blob.digest));
        recorder
            .observe(put.header("content-range", range).body(blob.bytes.slice(100..)))
            .await;
        recorder.get(&target).await;
    }
    Ok(())
}

async fn complete_sha512(recorder: Recorder) -> Outcome {
    let blob = Content::new("", recorder.bytes("blob", 300), Algorithm::Sha512);
    let target = begin(&recorder).await?;
    let response = recorder
        .send(Request::put(with_query(&target, "digest", &blob.digest)).body(blob.bytes.clone()))
        .await?;
    recorder.observe(Request::head(response.location()?)).await;
    Ok(())
}

async fn complete_empty(recorder: Recorder) -> Outcome {
    let target = begin(&recorder).await?;
    recorder
        .observe(Request::put(with_query(
            &target,
            "digest",
            &Content::blob("").digest,
        )))
        .await;
    recorder
        .get(blob_path(&recorder.repository, &Content::blob("").digest))
        .await;
    Ok(())
}

async fn cancel(recorder: Recorder) -> Outcome {
    let target = begin(&recorder).await?;
    let target = first_chunk(&recorder, &target, &recorder.bytes("blob", 100)).await?;
    for _ in 0..2 {
        recorder.observe(Request::delete(&target)).await;
    }
    recorder.get(&target).await;
    Ok(())
}

async fn unknown(recorder: Recorder) -> Outcome {
    for id in ["01890a5d-ac96-774b-bcce-b302099a8057", "x", "a=b", "~"] {
        let target = format!("{}{id}", uploads_path(&recorder.repository));
        for method in ["GET", "HEAD", "PATCH", "PUT", "DELETE", "POST"] {
            recorder.observe(Request::new(method, &target)).await;
        }
    }
    Ok(())
}

async fn without_state(recorder: Recorder) -> Outcome {
    let blob = Content::blob(recorder.bytes("blob", 100));
    for method in ["PATCH", "PUT", "DELETE", "POST"] {
        let target = begin(&recorder).await?;
        let bare = target.split('?').next().unwrap_or_default().to_owned();
        let target = with_query(&bare, "digest", &blob.digest);
        recorder
            .observe(Request::new(method, target).body(blob.bytes.clone()))
            .await;
    }
    Ok(())
}

async fn wrong_state(recorder: Recorder) -> Outcome {
    let target = begin(&recorder).await?;
    let bare = target.split('?').next().unwrap_or_default();
    for state in ["", "x", "AAAA", "e30="] {
        recorder
            .observe(Request::patch(format!("{bare}?_state={state}")).body(""))
            .await;
    }
    // The state of another upload.
    let other = begin(&recorder).await?;
    let state = other.split_once('?').map_or("", |(_, query)| query);
    recorder
        .observe(Request::patch(format!("{bare}?{state}")).body(""))
        .await;
    Ok(())
}

async fn other_repository(recorder: Recorder) -> Outcome {
    let target = begin(&recorder).await?;
    let stolen = target.replacen(&recorder.repository, &format!("{}-other", recorder.repository), 1);
    for method in ["GET", "PATCH", "PUT", "DELETE"] {
        recorder.observe(Request::new(method, &stolen)).await;
    }
    Ok(())
}

async fn post_on_upload(recorder: Recorder) -> Outcome {
    let target = begin(&recorder).await?;
    recorder.observe(Request::post(target)).await;
    Ok(())
}

async fn without_id(recorder: Recorder) -> Outcome {
    for method in ["GET", "HEAD", "PATCH", "PUT", "DELETE"] {
        recorder
            .observe(Request::new(method, uploads_path(&recorder.repository)))
            .await;
    }
    Ok(())
}

async fn stale_state(recorder: Recorder) -> Outcome {
    let bytes = recorder.bytes("blob", 200);
    let stale = begin(&recorder).await?;
    first_chunk(&recorder, &stale, &bytes.slice(..100)).await?;
    recorder
        .observe(Request::patch(&stale).body(bytes.slice(100..)))
        .await;
    recorder
        .observe(Request::put(with_query(
            &stale,
            "digest",
            &Content::blob(bytes).digest,
        )))
        .await;
    recorder.get(&stale).await;
    Ok(())
}
