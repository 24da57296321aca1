//! Tag lists.

use hythe_testutil::Request;

use super::{Sequence, push_image};
use crate::context::{manifest_path, tags_path};
use crate::diff::{Profile, Recorder};
use crate::failure::Outcome;
use crate::manifest::put_manifest;

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("tags of an unknown repository", unknown),
        Sequence::new("tags in pages", pages),
        Sequence::new("tags with wrong numbers", wrong_numbers),
        Sequence::new("tags of a repository with untagged manifests only", untagged),
        Sequence::new("tags after the last one was deleted", emptied),
        Sequence::under(Profile::Limits, "tags with a small limit", limited),
    ]
}

const TAGS: [&str; 9] = ["1.0", "1.10", "1.2", "Latest", "_x", "a", "b.c", "b_c", "latest"];

async fn push_tags(recorder: &Recorder) -> Outcome {
    let manifest = push_image(recorder, &recorder.repository, "image", "latest").await?;
    for tag in TAGS {
        recorder
            .send(put_manifest(&recorder.repository, tag, &manifest))
            .await?;
    }
    Ok(())
}

async fn unknown(recorder: Recorder) -> Outcome {
    let path = tags_path(&recorder.repository);
    for query in ["", "?n=0", "?n=5", "?n=-1", "?last=a", "?n=5&last=a", "?last="] {
        recorder.get(format!("{path}{query}")).await;
    }
    Ok(())
}

async fn pages(recorder: Recorder) -> Outcome {
    push_tags(&recorder).await?;
    let path = tags_path(&recorder.repository);
    for query in [
        "",
        "?n=",
        "?n=0",
        "?n=1",
        "?n=4",
        "?n=8",
        "?n=9",
        "?n=10",
        "?n=5000",
        "?last=a",
        "?last=aa",
        "?last=zzz",
        "?n=2&last=a",
        "?n=2&last=b.c&other=x",
        "?n=2&last=zzz",
        "?n=3&last=%2F",
        "?n=3&last=%zz",
    ] {
        recorder.get(format!("{path}{query}")).await;
    }
    Ok(())
}

async fn wrong_numbers(recorder: Recorder) -> Outcome {
    push_tags(&recorder).await?;
    let path = tags_path(&recorder.repository);
    for number in ["x", "-1", "-5", "1.5", "99999999999999999999999", "+3"] {
        recorder.get(format!("{path}?n={number}")).await;
    }
    Ok(())
}

async fn untagged(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let [config, layer, manifest] = super::image(&recorder, "image");
    recorder.push_blob(&repository, &config).await?;
    recorder.push_blob(&repository, &layer).await?;
    recorder.get(tags_path(&repository)).await;
    recorder
        .send(put_manifest(&repository, &manifest.digest, &manifest))
        .await?;
    recorder.get(tags_path(&repository)).await;
    recorder.get(format!("{}?n=0", tags_path(&repository))).await;
    Ok(())
}

async fn emptied(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    push_image(&recorder, &repository, "image", "latest").await?;
    recorder
        .observe(Request::delete(manifest_path(&repository, "latest")))
        .await;
    recorder.get(tags_path(&repository)).await;
    recorder.get(format!("{}?n=5", tags_path(&repository))).await;
    Ok(())
}

async fn limited(recorder: Recorder) -> Outcome {
    push_tags(&recorder).await?;
    let path = tags_path(&recorder.repository);
    for query in ["", "?n=3", "?n=4", "?n=5", "?n=5&last=a", "?n=1000"] {
        recorder.get(format!("{path}{query}")).await;
    }
    Ok(())
}
