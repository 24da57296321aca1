//! Pushing manifests: types, parsing, references that are missing, digests, sizes.

use bytes::Bytes;
use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Content, ImageBuilder, IndexBuilder, Request};
use serde_json::{Value, json};

use super::{Sequence, docker_image, image, push_image, put_bytes};
use crate::context::{manifest_path, tags_path, with_query};
use crate::diff::{Profile, Recorder};
use crate::failure::{Failure, Outcome};
use crate::manifest::{ACCEPT_ALL, put_manifest};

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("pushing every type of manifest by tag and by digest", every_type),
        Sequence::new("pushing the same manifest again", again),
        Sequence::new("moving a tag", move_tag),
        Sequence::new("Content-Type of a manifest", content_types),
        Sequence::new("bodies that are no manifests", bodies),
        Sequence::new("bodies that contradict the Content-Type", contradictions),
        Sequence::new("schemaVersion", schema_versions),
        Sequence::new("semantics of JSON members", json_semantics),
        Sequence::new("digest of a manifest", digests),
        Sequence::new("manifests up to 4 MiB", sizes),
        Sequence::new("missing config and layers", missing_blobs),
        Sequence::new("malformed digests in an image", |recorder| {
            malformed_digests(recorder, false)
        }),
        Sequence::new("malformed digests in an index", |recorder| {
            malformed_digests(recorder, true)
        }),
        Sequence::new("missing children of an index", missing_children),
        Sequence::new("layers of every type that are missing", layer_types),
        Sequence::new("layers with URLs by default", layer_urls),
        Sequence::under(
            Profile::Validation,
            "layers with URLs that are restricted",
            layer_urls,
        ),
        Sequence::under(
            Profile::NoValidation,
            "layers with URLs without validation",
            layer_urls,
        ),
        Sequence::under(
            Profile::Validation,
            "missing children of an index for other platforms",
            missing_children,
        ),
        Sequence::under(
            Profile::NoValidation,
            "missing children of an index without validation",
            missing_children,
        ),
        Sequence::new("tag parameters on a manifest pushed by tag", tag_parameters),
    ]
}

async fn read_back(recorder: &Recorder, reference: &str) {
    let path = manifest_path(&recorder.repository, reference);
    recorder
        .observe(Request::get(path).header("accept", ACCEPT_ALL))
        .await;
}

async fn every_type(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let mut manifests = Vec::new();
    for [config, layer, manifest] in [image(&recorder, "oci"), docker_image(&recorder, "docker")] {
        recorder.push_blob(&repository, &config).await?;
        recorder.push_blob(&repository, &layer).await?;
        manifests.push(manifest);
    }
    manifests.push(
        IndexBuilder::oci()
            .platform(&manifests[0], "linux", "amd64")
            .build(),
    );
    manifests.push(
        IndexBuilder::docker()
            .platform(&manifests[1], "linux", "amd64")
            .build(),
    );
    manifests.push(IndexBuilder::oci().build());
    for (position, manifest) in manifests.iter().enumerate() {
        for reference in [manifest.digest.clone(), format!("tag-{position}")] {
            recorder
                .send(put_manifest(&repository, &reference, manifest))
                .await?;
            read_back(&recorder, &reference).await;
        }
    }
    Ok(())
}

async fn again(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "tag").await?;
    for reference in ["tag", "other", manifest.digest.as_str(), "tag"] {
        recorder
            .send(put_manifest(&repository, reference, &manifest))
            .await?;
    }
    recorder.get(tags_path(&repository)).await;
    Ok(())
}

async fn move_tag(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    for name in ["first", "second"] {
        push_image(&recorder, &repository, name, "tag").await?;
        read_back(&recorder, "tag").await;
    }
    Ok(())
}

async fn content_types(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "there").await?;
    recorder
        .observe(Request::put(manifest_path(&repository, "none")).body(manifest.bytes.clone()))
        .await;
    for kind in [
        "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
        "APPLICATION/VND.OCI.IMAGE.MANIFEST.V1+JSON",
        "application/json",
        "text/plain",
        "bad/;;",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.oci.artifact.manifest.v1+json",
        "application/vnd.oci.image.config.v1+json",
    ] {
        recorder
            .observe(put_bytes(&repository, "tag", kind, manifest.bytes.clone()))
            .await;
    }
    Ok(())
}

async fn bodies(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    for kind in [
        media_type::OCI_IMAGE,
        media_type::OCI_INDEX,
        media_type::DOCKER_IMAGE,
        media_type::DOCKER_LIST,
    ] {
        for body in [
            "",
            "hello",
            "{",
            "[]",
            "null",
            "{}",
            "\"x\"",
            "{} x",
            r#"{"schemaVersion":"2"}"#,
            r#"{"layers":1,"manifests":1}"#,
        ] {
            recorder.observe(put_bytes(&repository, "tag", kind, body)).await;
        }
    }
    Ok(())
}

async fn contradictions(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let types = [
        media_type::OCI_IMAGE,
        media_type::OCI_INDEX,
        media_type::DOCKER_IMAGE,
        media_type::DOCKER_LIST,
    ];
    let [config, ..] = image(&recorder, "image");
    recorder.push_blob(&repository, &config).await?;
    for kind in types {
        let lists = kind == media_type::OCI_INDEX || kind == media_type::DOCKER_LIST;
        let base = if lists {
            json!({ "schemaVersion": 2, "manifests": [] })
        } else {
            json!({ "schemaVersion": 2, "config": config.descriptor(), "layers": [] })
        };
        let mut declared: Vec<Value> = types.iter().map(|kind| json!(kind)).collect();
        declared.extend([Value::Null, json!("")]);
        for declared in declared {
            let mut body = base.clone();
            body["mediaType"] = declared;
            recorder
                .observe(put_bytes(&repository, "tag", kind, body.to_string()))
                .await;
        }
        recorder
            .observe(put_bytes(&repository, "tag", kind, base.to_string()))
            .await;
        for (member, value) in [
            ("manifests", json!([])),
            ("manifests", Value::Null),
            ("config", config.descriptor()),
            ("layers", json!([])),
            ("layers", Value::Null),
        ] {
            let mut body = base.clone();
            body["mediaType"] = json!(kind);
            body[member] = value;
            recorder
                .observe(put_bytes(&repository, "tag", kind, body.to_string()))
                .await;
        }
    }
    Ok(())
}

async fn schema_versions(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let [config, ..] = image(&recorder, "image");
    recorder.push_blob(&repository, &config).await?;
    for version in [json!(0), json!(1), json!(3), json!(2.0), json!(2.5), Value::Null] {
        let image = ImageBuilder::oci()
            .config(config.descriptor())
            .member("schemaVersion", version.clone())
            .build();
        recorder.observe(put_manifest(&repository, "image", &image)).await;
        let index = IndexBuilder::oci().member("schemaVersion", version).build();
        recorder.observe(put_manifest(&repository, "index", &index)).await;
    }
    Ok(())
}

async fn json_semantics(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let [config, ..] = image(&recorder, "image");
    recorder.push_blob(&repository, &config).await?;
    let descriptor = config.descriptor().to_string();
    let upper = descriptor.replace("\"digest\"", "\"DIGEST\"");
    for (name, body) in [
        (
            "duplicate",
            format!("{{\"schemaVersion\":1,\"schemaVersion\":2,\"config\":{descriptor},\"layers\":[]}}"),
        ),
        (
            "case",
            format!("{{\"SchemaVersion\":2,\"Config\":{upper},\"LAYERS\":[]}}"),
        ),
        (
            "unknown",
            format!("{{\"schemaVersion\":2,\"config\":{descriptor},\"layers\":[],\"x\":[1,{{}}]}}"),
        ),
        (
            "spaces",
            format!("\n\t {{\"schemaVersion\":2,\"config\":{descriptor},\"layers\":[]}} \r\n"),
        ),
        (
            "trailing",
            format!("{{\"schemaVersion\":2,\"config\":{descriptor},\"layers\":[]}}{{}}"),
        ),
        (
            "null-layers",
            format!("{{\"schemaVersion\":2,\"config\":{descriptor},\"layers\":null}}"),
        ),
        (
            "no-layers",
            format!("{{\"schemaVersion\":2,\"config\":{descriptor}}}"),
        ),
        (
            "wrong-size",
            format!(
                "{{\"schemaVersion\":2,\"config\":{},\"layers\":[]}}",
                descriptor.replace("\"size\":", "\"size\":1")
            ),
        ),
        ("no-config", "{\"schemaVersion\":2,\"layers\":[]}".to_owned()),
        (
            "null-config",
            "{\"schemaVersion\":2,\"config\":null,\"layers\":[]}".to_owned(),
        ),
        (
            "deep",
            format!(
                "{{\"schemaVersion\":2,\"config\":{descriptor},\"layers\":[],\"x\":{}{}}}",
                "[".repeat(300),
                "]".repeat(300)
            ),
        ),
    ] {
        recorder
            .observe(put_bytes(&repository, name, media_type::OCI_IMAGE, body))
            .await;
        read_back(&recorder, name).await;
    }
    Ok(())
}

async fn digests(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "tag").await?;
    let wrong = hythe_testutil::digest::sha256(b"other");
    recorder
        .observe(put_manifest(&repository, &wrong, &manifest))
        .await;
    let long = Algorithm::Sha512.digest(&manifest.bytes);
    recorder
        .observe(put_manifest(&repository, &long, &manifest))
        .await;
    let wrong_long = Algorithm::Sha512.digest(b"other");
    recorder
        .observe(put_manifest(&repository, &wrong_long, &manifest))
        .await;
    Ok(())
}

async fn sizes(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let [config, ..] = image(&recorder, "image");
    recorder.push_blob(&repository, &config).await?;
    let base = ImageBuilder::oci().config(config.descriptor());
    let rest = (4 << 20) - base.clone().annotation("a", "").build().bytes.len();
    for (tag, length) in [
        ("largest", rest),
        ("larger", rest + 1),
        ("much-larger", rest + (1 << 20)),
    ] {
        let manifest = base.clone().annotation("a", &"x".repeat(length)).build();
        recorder.observe(put_manifest(&repository, tag, &manifest)).await;
        recorder
            .observe(Request::head(manifest_path(&repository, tag)).header("accept", ACCEPT_ALL))
            .await;
    }
    Ok(())
}

async fn missing_blobs(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let [config, layer, manifest] = image(&recorder, "image");
    recorder
        .observe(put_manifest(&repository, "tag", &manifest))
        .await;
    recorder.push_blob(&repository, &config).await?;
    recorder
        .observe(put_manifest(&repository, "tag", &manifest))
        .await;
    recorder.push_blob(&repository, &layer).await?;
    recorder
        .observe(put_manifest(&repository, "tag", &manifest))
        .await;
    let [.., docker] = docker_image(&recorder, "docker");
    recorder
        .observe(put_manifest(&repository, "docker", &docker))
        .await;
    Ok(())
}

async fn malformed_digests(recorder: Recorder, index: bool) -> Outcome {
    let repository = recorder.repository.clone();
    let [config, ..] = image(&recorder, "image");
    recorder.push_blob(&repository, &config).await?;
    for digest in [
        "",
        "x",
        "sha256:abc",
        "sha256:",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "../../x",
    ] {
        let descriptor = json!({ "mediaType": media_type::OCI_IMAGE, "digest": digest, "size": 1 });
        let manifest = if index {
            IndexBuilder::oci().manifest(descriptor).build()
        } else {
            let layer = json!({ "mediaType": media_type::OCI_LAYER_GZIP, "digest": digest, "size": 1 });
            ImageBuilder::oci()
                .config(config.descriptor())
                .layer(layer)
                .build()
        };
        recorder
            .observe(put_manifest(&repository, "tag", &manifest))
            .await;
    }
    Ok(())
}

async fn missing_children(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let there = push_image(&recorder, &repository, "there", "there").await?;
    let missing = Content::new(media_type::OCI_IMAGE, "missing", Algorithm::Sha256);
    for (tag, index) in [
        (
            "amd64",
            IndexBuilder::oci()
                .platform(&there, "linux", "arm64")
                .platform(&missing, "linux", "amd64"),
        ),
        (
            "arm64",
            IndexBuilder::oci()
                .platform(&there, "linux", "amd64")
                .platform(&missing, "linux", "arm64"),
        ),
        (
            "list-amd64",
            IndexBuilder::docker().platform(&missing, "linux", "amd64"),
        ),
        (
            "list-arm64",
            IndexBuilder::docker().platform(&missing, "linux", "arm64"),
        ),
    ] {
        recorder
            .observe(put_manifest(&repository, tag, &index.build()))
            .await;
    }
    Ok(())
}

async fn layer_types(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let config = push_config(&recorder).await?;
    let missing =
        |kind: &str| Content::new(kind, Bytes::from_static(b"missing"), Algorithm::Sha256).descriptor();
    for kind in [
        media_type::OCI_LAYER,
        media_type::OCI_LAYER_GZIP,
        media_type::OCI_LAYER_ZSTD,
        media_type::OCI_LAYER_NONDISTRIBUTABLE,
        media_type::OCI_LAYER_NONDISTRIBUTABLE_GZIP,
        media_type::OCI_IMAGE,
        "application/vnd.example",
        "",
    ] {
        let image = ImageBuilder::oci()
            .config(config.descriptor())
            .layer(missing(kind))
            .build();
        recorder.observe(put_manifest(&repository, "oci", &image)).await;
    }
    for kind in [
        media_type::DOCKER_LAYER,
        media_type::DOCKER_FOREIGN_LAYER,
        media_type::DOCKER_IMAGE,
    ] {
        let image = ImageBuilder::docker()
            .config(config.descriptor())
            .layer(missing(kind))
            .build();
        recorder
            .observe(put_manifest(&repository, "docker", &image))
            .await;
    }
    Ok(())
}

async fn push_config(recorder: &Recorder) -> Result<Content, Failure> {
    let [config, ..] = image(recorder, "config");
    recorder.push_blob(&recorder.repository, &config).await?;
    Ok(config)
}

async fn layer_urls(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let config = push_config(&recorder).await?;
    let [_, present, _] = image(&recorder, "present");
    recorder.push_blob(&repository, &present).await?;
    for url in [
        "https://store.example.com/x",
        "http://example.com/x",
        "https://www.example.com/x",
        "https://other.org/x",
        "ftp://example.com/x",
        "https://example.com/x#fragment",
        "x",
        "",
    ] {
        let missing = |kind: &str| {
            let layer = Content::new(kind, Bytes::from_static(b"missing"), Algorithm::Sha256);
            layer.descriptor_with("urls", json!([url]))
        };
        for kind in [
            media_type::OCI_LAYER_NONDISTRIBUTABLE_GZIP,
            media_type::OCI_LAYER_GZIP,
            media_type::OCI_LAYER_ZSTD,
        ] {
            let image = ImageBuilder::oci()
                .config(config.descriptor())
                .layer(missing(kind))
                .build();
            recorder.observe(put_manifest(&repository, "oci", &image)).await;
        }
        let foreign = missing(media_type::DOCKER_FOREIGN_LAYER);
        let image = ImageBuilder::docker()
            .config(config.descriptor())
            .layer(foreign)
            .build();
        recorder
            .observe(put_manifest(&repository, "docker", &image))
            .await;
        let with_url = present.descriptor_with("urls", json!([url]));
        let image = ImageBuilder::oci()
            .config(config.descriptor())
            .layer(with_url)
            .build();
        recorder
            .observe(put_manifest(&repository, "present", &image))
            .await;
    }
    Ok(())
}

async fn tag_parameters(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let manifest = push_image(&recorder, &repository, "image", "tag").await?;
    let target = with_query(&manifest_path(&repository, "tag"), "tag", "other");
    let put = Request::put(target)
        .header("content-type", &manifest.media_type)
        .body(manifest.bytes.clone());
    recorder.observe(put).await;
    recorder.get(tags_path(&repository)).await;
    Ok(())
}
