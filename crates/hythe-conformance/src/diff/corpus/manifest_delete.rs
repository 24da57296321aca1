//! Deleting manifests and tags.

use hythe_testutil::{IndexBuilder, Request};

use super::{Sequence, push_image};
use crate::context::{manifest_path, tags_path};
use crate::diff::{Profile, Recorder};
use crate::failure::Outcome;
use crate::manifest::put_manifest;

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("deleting a tag", tag),
        Sequence::new("deleting a manifest by digest", digest),
        Sequence::new("deleting what is not there", missing),
        Sequence::new("deleting a manifest that an index refers to", child),
        Sequence::under(
            Profile::DeleteDisabled,
            "deleting manifests when it is disabled",
            disabled,
        ),
    ]
}

async fn observe_state(recorder: &Recorder) {
    recorder.get(tags_path(&recorder.repository)).await;
    for tag in ["one", "two"] {
        let get = Request::get(manifest_path(&recorder.repository, tag));
        recorder
            .observe(get.header("accept", crate::manifest::ACCEPT_ALL))
            .await;
    }
}

async fn tag(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "one").await?;
    recorder.send(put_manifest(&repository, "two", &manifest)).await?;
    for _ in 0..2 {
        recorder
            .observe(Request::delete(manifest_path(&repository, "one")))
            .await;
        observe_state(&recorder).await;
    }
    Ok(())
}

async fn digest(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "one").await?;
    recorder.send(put_manifest(&repository, "two", &manifest)).await?;
    push_image(&recorder, &repository, "other", "three").await?;
    for _ in 0..2 {
        recorder
            .observe(Request::delete(manifest_path(&repository, &manifest.digest)))
            .await;
        observe_state(&recorder).await;
    }
    Ok(())
}

async fn missing(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let digest = hythe_testutil::digest::sha256(b"missing");
    for reference in ["tag", digest.as_str(), "sha256:abc"] {
        recorder
            .observe(Request::delete(manifest_path(&repository, reference)))
            .await;
    }
    push_image(&recorder, &repository, "image", "there").await?;
    for reference in ["tag", digest.as_str()] {
        recorder
            .observe(Request::delete(manifest_path(&repository, reference)))
            .await;
    }
    Ok(())
}

async fn child(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let image = push_image(&recorder, &repository, "image", "one").await?;
    let index = IndexBuilder::oci().platform(&image, "linux", "amd64").build();
    recorder.send(put_manifest(&repository, "two", &index)).await?;
    recorder
        .observe(Request::delete(manifest_path(&repository, &image.digest)))
        .await;
    observe_state(&recorder).await;
    Ok(())
}

async fn disabled(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "one").await?;
    for reference in ["one", "missing", manifest.digest.as_str(), "sha256:abc"] {
        recorder
            .observe(Request::delete(manifest_path(&repository, reference)))
            .await;
    }
    observe_state(&recorder).await;
    Ok(())
}
