//! The catalog. The first sequence of all, because it sees all that others push.

use hythe_testutil::Request;

use super::{Sequence, push_image};
use crate::diff::{Profile, Recorder};
use crate::failure::Outcome;

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("catalog of an empty registry", empty),
        Sequence::new("catalog in pages", pages),
        Sequence::new("catalog with wrong numbers", wrong_numbers),
        Sequence::new("catalog order of nested repositories", nested),
        Sequence::new("catalog after the last manifest was deleted", emptied),
        Sequence::new("catalog without repositories that only have blobs", only_blobs),
        Sequence::under(Profile::Limits, "catalog with a small limit", limited),
    ]
}

async fn empty(recorder: Recorder) -> Outcome {
    recorder.get("/v2/_catalog").await;
    recorder.get("/v2/_catalog?n=5&last=x").await;
    recorder.get("/v2/_catalog?n=0").await;
    Ok(())
}

async fn push_five(recorder: &Recorder) -> Outcome {
    for number in 1..=5 {
        push_image(
            recorder,
            &format!("{}-{number}", recorder.repository),
            "image",
            "latest",
        )
        .await?;
    }
    Ok(())
}

async fn pages(recorder: Recorder) -> Outcome {
    push_five(&recorder).await?;
    let base = recorder.repository.replace('/', "%2F");
    for query in [
        "",
        "?n=",
        "?n=0",
        "?n=1",
        "?n=3",
        "?n=5",
        "?n=6",
        "?n=1000",
        "?n=3&other=x",
        "?n=2&last=zzz",
        "?n=%zz",
    ] {
        recorder.get(format!("/v2/_catalog{query}")).await;
    }
    for last in ["-1", "-3", "-30", "-5"] {
        recorder.get(format!("/v2/_catalog?n=2&last={base}{last}")).await;
        recorder.get(format!("/v2/_catalog?last={base}{last}")).await;
    }
    Ok(())
}

async fn wrong_numbers(recorder: Recorder) -> Outcome {
    for number in ["x", "-1", "1.5", "1001", "99999999999999999999999", "0x10", "+3"] {
        recorder.get(format!("/v2/_catalog?n={number}")).await;
    }
    Ok(())
}

async fn nested(recorder: Recorder) -> Outcome {
    let base = recorder.repository.clone();
    for name in ["p", "p/x", "p/x/y", "p-q", "p.q", "q"] {
        push_image(&recorder, &format!("{base}/{name}"), "image", "latest").await?;
    }
    recorder.get("/v2/_catalog").await;
    recorder
        .get(format!(
            "/v2/_catalog?n=100&last={}%2Fp",
            base.replace('/', "%2F")
        ))
        .await;
    Ok(())
}

async fn emptied(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "latest").await?;
    recorder
        .observe(Request::delete(format!(
            "/v2/{repository}/manifests/{}",
            manifest.digest
        )))
        .await;
    recorder.get("/v2/_catalog").await;
    Ok(())
}

async fn only_blobs(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let blob = hythe_testutil::Content::blob(recorder.bytes("blob", 100));
    recorder.push_blob(&repository, &blob).await?;
    recorder.get("/v2/_catalog").await;
    Ok(())
}

async fn limited(recorder: Recorder) -> Outcome {
    push_five(&recorder).await?;
    for query in ["", "?n=2", "?n=3", "?n=4"] {
        recorder.get(format!("/v2/_catalog{query}")).await;
    }
    Ok(())
}
