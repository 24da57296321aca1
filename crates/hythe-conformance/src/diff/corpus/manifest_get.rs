//! Reading manifests: references, conditions, what the client accepts.

use hythe_testutil::content::media_type;
use hythe_testutil::{Content, IndexBuilder, Request};

use super::{Sequence, docker_image, image, push_docker_image, push_image, push_index};
use crate::context::manifest_path;
use crate::diff::{Profile, Recorder};
use crate::failure::{Failure, Outcome};
use crate::manifest::{ACCEPT_ALL, put_manifest};

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("missing manifests", missing),
        Sequence::new("malformed references", malformed),
        Sequence::new("manifest with every condition", conditions),
        Sequence::new("manifest with Range", range),
        Sequence::new("Docker image and what is accepted", |recorder| async move {
            let repository = recorder.repository.clone();
            let manifest = push_docker_image(&recorder, &repository, "image", "tag").await?;
            accepted(&recorder, &manifest).await
        }),
        Sequence::new("OCI image and what is accepted", |recorder| async move {
            let repository = recorder.repository.clone();
            let manifest = push_image(&recorder, &repository, "image", "tag").await?;
            accepted(&recorder, &manifest).await
        }),
        Sequence::new("OCI index and what is accepted", |recorder| async move {
            let repository = recorder.repository.clone();
            let index = push_index(&recorder, &repository, "index", "tag").await?;
            accepted(&recorder, &index).await
        }),
        Sequence::new("Docker list and what is accepted", |recorder| async move {
            let list = push_list(&recorder, &["arm64", "amd64"], true).await?;
            accepted(&recorder, &list).await
        }),
        Sequence::new("Docker list without linux amd64", |recorder| async move {
            let list = push_list(&recorder, &["arm64"], true).await?;
            accepted(&recorder, &list).await
        }),
        Sequence::new("Docker list of OCI images", |recorder| async move {
            let list = push_list(&recorder, &["amd64"], false).await?;
            accepted(&recorder, &list).await
        }),
        Sequence::new("Docker list whose image was deleted", deleted_child),
        Sequence::new("OCI index that does not say its type", untyped_index),
        Sequence::under(Profile::Cache, "blobs and manifests with a cache", kinds),
        Sequence::new("blobs and manifests without a cache", kinds),
    ]
}

/// Reads a manifest by tag and by digest with every combination of accepted types.
async fn accepted(recorder: &Recorder, manifest: &Content) -> Outcome {
    let image_types = format!("{}, {}", media_type::OCI_IMAGE, media_type::DOCKER_IMAGE);
    for accept in [
        "",
        "*/*",
        "application/*",
        "text/html",
        ACCEPT_ALL,
        media_type::DOCKER_IMAGE,
        media_type::DOCKER_LIST,
        media_type::OCI_IMAGE,
        media_type::OCI_INDEX,
        &image_types,
        "application/vnd.docker.distribution.manifest.v2+json;q=0, */*",
        "nonsense;;;, application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ] {
        for reference in ["tag", manifest.digest.as_str()] {
            let path = manifest_path(&recorder.repository, reference);
            for request in [Request::get(&path), Request::head(&path)] {
                recorder
                    .observe(if accept.is_empty() {
                        request
                    } else {
                        request.header("accept", accept)
                    })
                    .await;
            }
        }
    }
    let two_lines = Request::get(manifest_path(&recorder.repository, "tag"))
        .header("accept", media_type::DOCKER_IMAGE)
        .header("accept", media_type::OCI_INDEX);
    recorder.observe(two_lines).await;
    Ok(())
}

async fn push_list(recorder: &Recorder, architectures: &[&str], docker: bool) -> Result<Content, Failure> {
    let repository = &recorder.repository;
    let mut list = IndexBuilder::docker();
    for architecture in architectures {
        let child = if docker {
            push_docker_image(recorder, repository, architecture, architecture).await?
        } else {
            push_image(recorder, repository, architecture, architecture).await?
        };
        list = list.platform(&child, "linux", architecture);
    }
    let list = list.build();
    recorder.send(put_manifest(repository, "tag", &list)).await?;
    Ok(list)
}

async fn missing(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let digest = hythe_testutil::digest::sha256(b"missing");
    for reference in ["tag", digest.as_str()] {
        recorder.get(manifest_path(&repository, reference)).await;
        recorder
            .observe(Request::head(manifest_path(&repository, reference)))
            .await;
    }
    push_image(&recorder, &repository, "image", "there").await?;
    for reference in ["tag", digest.as_str()] {
        recorder.get(manifest_path(&repository, reference)).await;
    }
    Ok(())
}

async fn malformed(recorder: Recorder) -> Outcome {
    for reference in [
        "sha256:abc",
        "sha256:baddigeststring",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "a:b",
    ] {
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            recorder
                .observe(Request::new(
                    method,
                    manifest_path(&recorder.repository, reference),
                ))
                .await;
        }
    }
    Ok(())
}

async fn conditions(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_docker_image(&recorder, &repository, "image", "tag").await?;
    let digest = &manifest.digest;
    let other = hythe_testutil::digest::sha256(b"other");
    for condition in [
        digest.clone(),
        format!("\"{digest}\""),
        format!("W/\"{digest}\""),
        format!("\"x\", \"{digest}\""),
        "*".to_owned(),
        format!("\"{other}\""),
    ] {
        for reference in ["tag", digest.as_str()] {
            let path = manifest_path(&repository, reference);
            recorder
                .observe(Request::get(&path).header("if-none-match", condition.as_str()))
                .await;
            recorder
                .observe(Request::head(&path).header("if-none-match", condition.as_str()))
                .await;
        }
    }
    let unknown =
        Request::get(manifest_path(&repository, &other)).header("if-none-match", format!("\"{other}\""));
    recorder.observe(unknown).await;
    let mismatch = Request::get(manifest_path(&repository, "tag")).header("if-match", "\"x\"");
    recorder.observe(mismatch).await;
    Ok(())
}

async fn range(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    push_docker_image(&recorder, &repository, "image", "tag").await?;
    recorder
        .observe(Request::get(manifest_path(&repository, "tag")).header("range", "bytes=0-9"))
        .await;
    Ok(())
}

async fn deleted_child(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    push_list(&recorder, &["amd64"], true).await?;
    let [.., child] = docker_image(&recorder, "amd64");
    recorder
        .observe(Request::delete(manifest_path(&repository, &child.digest)))
        .await;
    let old_client =
        Request::get(manifest_path(&repository, "tag")).header("accept", media_type::DOCKER_IMAGE);
    recorder.observe(old_client).await;
    Ok(())
}

async fn untyped_index(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    for (tag, body) in [
        ("with-list", r#"{"schemaVersion":2,"manifests":[]}"#),
        ("without-list", r#"{"schemaVersion":2}"#),
    ] {
        recorder
            .observe(super::put_bytes(&repository, tag, media_type::OCI_INDEX, body))
            .await;
        let get = Request::get(manifest_path(&repository, tag)).header("accept", ACCEPT_ALL);
        recorder.observe(get).await;
    }
    Ok(())
}

async fn kinds(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "tag").await?;
    let [config, layer, _] = image(&recorder, "image");
    recorder
        .get(format!("/v2/{repository}/blobs/{}", manifest.digest))
        .await;
    let accept_all =
        |reference: &str| Request::get(manifest_path(&repository, reference)).header("accept", ACCEPT_ALL);
    recorder.observe(accept_all(&layer.digest)).await;
    recorder.observe(accept_all(&config.digest)).await;
    let index = IndexBuilder::oci().manifest(layer.descriptor()).build();
    recorder.observe(put_manifest(&repository, "index", &index)).await;
    Ok(())
}
