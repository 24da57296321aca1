//! What the OCI distribution specification demands beyond distribution 3.1.2. The right registry lacks most of it, so each
//! of these is a difference with the same reason.

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Content, ImageBuilder, IndexBuilder, Request};
use serde_json::json;

use super::{Sequence, image, push_image};
use crate::context::{blob_path, manifest_path, referrers_path, tags_path, uploads_path, with_query};
use crate::diff::Recorder;
use crate::failure::Outcome;
use crate::manifest::{ACCEPT_ALL, put_manifest};

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("referrers", referrers),
        Sequence::new("a manifest with a subject", subject),
        Sequence::new("manifests by sha512", sha512_manifests),
        Sequence::new("chunks by sha512", sha512_chunks),
        Sequence::new("chunks out of order in the PUT", out_of_order_put),
        Sequence::new("non-distributable layers", non_distributable),
        Sequence::new("a mount without a source", anonymous_mount),
        Sequence::new("tag parameters on a manifest pushed by digest", tag_parameters),
        Sequence::new("sparse images and indexes", sparse),
        Sequence::new("the namespace of a proxy", namespace),
    ]
}

async fn referrers(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let missing = hythe_testutil::digest::sha256(b"missing");
    recorder.get(referrers_path(&repository, &missing)).await;
    recorder.get(referrers_path(&repository, "sha256:abc")).await;
    let subject = push_image(&recorder, &repository, "subject", "subject").await?;
    let empty = Content::empty_json(Algorithm::Sha256);
    recorder.push_blob(&repository, &empty).await?;
    let artifact = ImageBuilder::oci()
        .artifact_type("application/vnd.example.signature")
        .config(empty.descriptor())
        .layer(empty.descriptor())
        .subject(subject.descriptor())
        .annotation("a", "b")
        .build();
    recorder
        .send(put_manifest(&repository, &artifact.digest, &artifact))
        .await?;
    let path = referrers_path(&repository, &subject.digest);
    recorder.get(&path).await;
    recorder.observe(Request::head(&path)).await;
    recorder.observe(Request::delete(&path)).await;
    recorder
        .get(with_query(
            &path,
            "artifactType",
            "application/vnd.example.signature",
        ))
        .await;
    recorder
        .get(with_query(&path, "artifactType", "application/vnd.example.other"))
        .await;
    recorder
        .observe(Request::delete(manifest_path(&repository, &artifact.digest)))
        .await;
    recorder.get(&path).await;
    Ok(())
}

async fn subject(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let [config, layer, _] = image(&recorder, "image");
    recorder.push_blob(&repository, &config).await?;
    recorder.push_blob(&repository, &layer).await?;
    let missing = Content::new(media_type::OCI_IMAGE, "missing", Algorithm::Sha256);
    let image = ImageBuilder::oci()
        .config(config.descriptor())
        .subject(missing.descriptor())
        .build();
    let index = IndexBuilder::oci().subject(missing.descriptor()).build();
    for manifest in [image, index] {
        for reference in ["tag", manifest.digest.as_str()] {
            recorder
                .observe(put_manifest(&repository, reference, &manifest))
                .await;
            let get = Request::get(manifest_path(&repository, reference)).header("accept", ACCEPT_ALL);
            recorder.observe(get).await;
        }
    }
    Ok(())
}

async fn sha512_manifests(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "tag").await?;
    let long = Content::new(&manifest.media_type, manifest.bytes, Algorithm::Sha512);
    recorder
        .observe(put_manifest(&repository, &long.digest, &long))
        .await;
    let path = manifest_path(&repository, &long.digest);
    recorder
        .observe(Request::get(&path).header("accept", ACCEPT_ALL))
        .await;
    recorder
        .observe(Request::head(&path).header("accept", ACCEPT_ALL))
        .await;
    recorder.observe(Request::delete(&path)).await;
    recorder
        .observe(Request::get(&path).header("accept", ACCEPT_ALL))
        .await;
    Ok(())
}

async fn sha512_chunks(recorder: Recorder) -> Outcome {
    let blob = Content::new("", recorder.bytes("blob", 300), Algorithm::Sha512);
    let target = recorder
        .send(Request::post(uploads_path(&recorder.repository)))
        .await?
        .location()?;
    let target = recorder
        .send(Request::patch(&target).body(blob.bytes.slice(..100)))
        .await?
        .location()?;
    let target = recorder
        .send(Request::patch(&target).body(blob.bytes.slice(100..)))
        .await?
        .location()?;
    recorder
        .observe(Request::put(with_query(&target, "digest", &blob.digest)))
        .await;
    recorder.get(blob_path(&recorder.repository, &blob.digest)).await;
    Ok(())
}

async fn out_of_order_put(recorder: Recorder) -> Outcome {
    let blob = Content::blob(recorder.bytes("blob", 300));
    let target = recorder
        .send(Request::post(uploads_path(&recorder.repository)))
        .await?
        .location()?;
    let target = recorder
        .send(Request::patch(&target).body(blob.bytes.slice(..100)))
        .await?
        .location()?;
    let put = Request::put(with_query(&target, "digest", &blob.digest));
    recorder
        .observe(
            put.header("content-range", "200-299")
                .body(blob.bytes.slice(200..)),
        )
        .await;
    recorder.get(&target).await;
    Ok(())
}

async fn non_distributable(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let [config, ..] = image(&recorder, "image");
    recorder.push_blob(&repository, &config).await?;
    for kind in [
        media_type::OCI_LAYER_NONDISTRIBUTABLE,
        media_type::OCI_LAYER_NONDISTRIBUTABLE_GZIP,
    ] {
        let layer = Content::new(kind, "missing", Algorithm::Sha256);
        let with_place = layer.descriptor_with("urls", json!(["https://store.example.com/x"]));
        for descriptor in [with_place, layer.descriptor()] {
            let image = ImageBuilder::oci()
                .config(config.descriptor())
                .layer(descriptor)
                .build();
            recorder.observe(put_manifest(&repository, "tag", &image)).await;
        }
    }
    Ok(())
}

async fn anonymous_mount(recorder: Recorder) -> Outcome {
    let blob = Content::blob(recorder.bytes("blob", 300));
    let target = with_query(&uploads_path(&recorder.repository), "mount", &blob.digest);
    recorder.observe(Request::post(&target)).await;
    recorder
        .push_blob(&format!("{}-source", recorder.repository), &blob)
        .await?;
    recorder.observe(Request::post(&target)).await;
    recorder.get(blob_path(&recorder.repository, &blob.digest)).await;
    Ok(())
}

async fn tag_parameters(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "there").await?;
    let target = with_query(
        &with_query(&manifest_path(&repository, &manifest.digest), "tag", "one"),
        "tag",
        "two",
    );
    let put = Request::put(target)
        .header("content-type", &manifest.media_type)
        .body(manifest.bytes.clone());
    recorder.observe(put).await;
    recorder.get(tags_path(&repository)).await;
    recorder
        .observe(Request::get(manifest_path(&repository, "one")).header("accept", ACCEPT_ALL))
        .await;
    Ok(())
}

async fn sparse(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let [config, _, manifest] = image(&recorder, "image");
    recorder.push_blob(&repository, &config).await?;
    recorder
        .observe(put_manifest(&repository, "image", &manifest))
        .await;
    let index = IndexBuilder::oci().platform(&manifest, "linux", "amd64").build();
    recorder.observe(put_manifest(&repository, "index", &index)).await;
    Ok(())
}

async fn namespace(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    push_image(&recorder, &repository, "image", "tag").await?;
    recorder
        .get(format!("{}?ns=docker.io", tags_path(&repository)))
        .await;
    let get = Request::get(manifest_path(&repository, "tag")).header("accept", ACCEPT_ALL);
    recorder.observe(get.header("oci-namespace", "docker.io")).await;
    Ok(())
}
