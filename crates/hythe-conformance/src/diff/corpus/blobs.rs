//! Reading and deleting blobs.

use hythe_testutil::{Algorithm, Content, Request};

use super::Sequence;
use crate::context::blob_path;
use crate::diff::{Profile, Recorder};
use crate::failure::{Failure, Outcome};

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("reading a blob", read),
        Sequence::new("reading a blob by sha512", read_sha512),
        Sequence::new("missing blobs", missing),
        Sequence::new("malformed digests of blobs", malformed),
        Sequence::new("ranges of a blob", ranges),
        Sequence::new("ranges of the empty blob", empty_ranges),
        Sequence::new("conditions on a blob", conditions),
        Sequence::new("deleting a blob", delete),
        Sequence::new("deleting one of two digests of a blob", delete_alias),
        Sequence::new("methods on a blob", methods),
        Sequence::under(
            Profile::DeleteDisabled,
            "deleting a blob when it is disabled",
            delete,
        ),
        Sequence::under(Profile::Cache, "reading and deleting a blob with a cache", delete),
    ]
}

async fn push(recorder: &Recorder, length: usize) -> Result<Content, Failure> {
    let blob = Content::blob(recorder.bytes("blob", length));
    recorder.push_blob(&recorder.repository, &blob).await?;
    Ok(blob)
}

async fn read(recorder: Recorder) -> Outcome {
    for length in [0, 1, 2048, 100_000] {
        let blob = push(&recorder, length).await?;
        let path = blob_path(&recorder.repository, &blob.digest);
        recorder.get(&path).await;
        recorder.observe(Request::head(&path)).await;
        recorder
            .observe(Request::get(&path).header("accept", "text/plain"))
            .await;
    }
    Ok(())
}

async fn read_sha512(recorder: Recorder) -> Outcome {
    let blob = Content::new("", recorder.bytes("blob", 500), Algorithm::Sha512);
    recorder.push_blob(&recorder.repository, &blob).await?;
    for digest in [
        blob.digest,
        Algorithm::Sha256.digest(&blob.bytes),
        Algorithm::Sha512.digest(b"missing"),
    ] {
        let path = blob_path(&recorder.repository, &digest);
        recorder.get(&path).await;
        recorder.observe(Request::head(&path)).await;
    }
    Ok(())
}

async fn missing(recorder: Recorder) -> Outcome {
    let path = blob_path(&recorder.repository, &hythe_testutil::digest::sha256(b"missing"));
    recorder.get(&path).await;
    recorder.observe(Request::head(&path)).await;
    // Here in another repository only.
    let blob = Content::blob(recorder.bytes("blob", 100));
    recorder
        .push_blob(&format!("{}-other", recorder.repository), &blob)
        .await?;
    recorder.get(blob_path(&recorder.repository, &blob.digest)).await;
    Ok(())
}

async fn malformed(recorder: Recorder) -> Outcome {
    for digest in [
        "sha256:abc",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "x",
        "sha256:",
        "sha256:ABC",
    ] {
        for method in ["GET", "HEAD", "DELETE"] {
            recorder
                .observe(Request::new(method, blob_path(&recorder.repository, digest)))
                .await;
        }
    }
    Ok(())
}

const RANGES: [&str; 24] = [
    "bytes=0-0",
    "bytes=0-99",
    "bytes=500-1499",
    "bytes=500-",
    "bytes=-500",
    "bytes=2000-5000",
    "bytes=2047-",
    "bytes=2048-",
    "bytes=5000-10000",
    "bytes=500-0",
    "bytes=-0",
    "bytes=-5000",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes",
    "items=0-1",
    "bytes=0-1,3-4",
    "bytes=0-1, 5000-6000",
    "bytes=5000-6000, 7000-",
    "bytes=0-1500,500-2047",
    "bytes= 0 - 1 ",
    "bytes=99999999999999999999-",
    "BYTES=0-1",
];

async fn ranges(recorder: Recorder) -> Outcome {
    let blob = push(&recorder, 2048).await?;
    let path = blob_path(&recorder.repository, &blob.digest);
    for range in RANGES {
        // Parts of several ranges are divided by a line that is drawn anew for each answer.
        let several = range == "bytes=0-1,3-4";
        if !several {
            recorder.observe(Request::get(&path).header("range", range)).await;
            recorder
                .observe(Request::head(&path).header("range", range))
                .await;
        }
    }
    Ok(())
}

async fn empty_ranges(recorder: Recorder) -> Outcome {
    let blob = push(&recorder, 0).await?;
    let path = blob_path(&recorder.repository, &blob.digest);
    for range in ["bytes=0-", "bytes=0-0", "bytes=5-1", "bytes=-1", "bytes=-", "x"] {
        recorder.observe(Request::get(&path).header("range", range)).await;
    }
    Ok(())
}

async fn conditions(recorder: Recorder) -> Outcome {
    let blob = push(&recorder, 2048).await?;
    let path = blob_path(&recorder.repository, &blob.digest);
    let tag = format!("\"{}\"", blob.digest);
    for condition in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".to_owned(),
        "\"x\"".to_owned(),
        blob.digest.clone(),
    ] {
        for header in ["if-none-match", "if-match"] {
            recorder
                .observe(Request::get(&path).header(header, condition.as_str()))
                .await;
            recorder
                .observe(Request::head(&path).header(header, condition.as_str()))
                .await;
        }
        let part = Request::get(&path)
            .header("range", "bytes=0-9")
            .header("if-range", condition.as_str());
        recorder.observe(part).await;
    }
    for header in ["if-modified-since", "if-unmodified-since", "if-range"] {
        let request = Request::get(&path)
            .header("range", "bytes=0-9")
            .header(header, "Sat, 01 Jan 2000 00:00:00 GMT");
        recorder.observe(request).await;
    }
    Ok(())
}

async fn delete(recorder: Recorder) -> Outcome {
    let blob = push(&recorder, 300).await?;
    let path = blob_path(&recorder.repository, &blob.digest);
    for _ in 0..2 {
        recorder.observe(Request::delete(&path)).await;
        recorder.get(&path).await;
        recorder.observe(Request::head(&path)).await;
    }
    recorder.push_blob(&recorder.repository, &blob).await?;
    recorder.get(&path).await;
    Ok(())
}

async fn delete_alias(recorder: Recorder) -> Outcome {
    let bytes = recorder.bytes("blob", 300);
    let [short, long] =
        [Algorithm::Sha256, Algorithm::Sha512].map(|algorithm| Content::new("", bytes.clone(), algorithm));
    for (gone, stays) in [(&short, &long), (&long, &short)] {
        recorder.push_blob(&recorder.repository, &long).await?;
        recorder
            .observe(Request::delete(blob_path(&recorder.repository, &gone.digest)))
            .await;
        recorder.get(blob_path(&recorder.repository, &stays.digest)).await;
        recorder.get(blob_path(&recorder.repository, &gone.digest)).await;
    }
    Ok(())
}

async fn methods(recorder: Recorder) -> Outcome {
    let blob = push(&recorder, 10).await?;
    for method in ["PUT", "POST", "PATCH", "OPTIONS"] {
        recorder
            .observe(Request::new(
                method,
                blob_path(&recorder.repository, &blob.digest),
            ))
            .await;
    }
    Ok(())
}
