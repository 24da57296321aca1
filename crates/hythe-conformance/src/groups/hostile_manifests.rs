//! Manifests that are no manifests.

use bytes::Bytes;
use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Content, ImageBuilder, Request};
use serde_json::json;

use crate::context::{Context, manifest_path, tags_path, with_query};
use crate::failure::{Outcome, ensure};
use crate::item::Item;
use crate::suite::{Group, Scope};

pub(super) fn hostile_manifests() -> Group {
    let mut group = Group::new(
        "hostile-manifests",
        Scope::Hythe,
        "manifests that are no manifests are 400, not 500",
    );
    let empty = r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"#;
    for (what, body) in [
        ("nothing", String::new()),
        ("no JSON", "hello".to_owned()),
        ("JSON that stops early", "{\"schemaVersion\":2,".to_owned()),
        ("a JSON string", "\"x\"".to_owned()),
        ("a JSON list", "[]".to_owned()),
        ("null", "null".to_owned()),
        ("an empty object", "{}".to_owned()),
        ("something after the document", format!("{}x", image("x"))),
        ("two documents", format!("{}{}", image("x"), image("x"))),
        ("a byte order mark", format!("\u{feff}{}", image("x"))),
        (
            "schemaVersion 1",
            image("x").replace("\"schemaVersion\":2", "\"schemaVersion\":1"),
        ),
        (
            "schemaVersion 3",
            image("x").replace("\"schemaVersion\":2", "\"schemaVersion\":3"),
        ),
        (
            "schemaVersion as text",
            image("x").replace("\"schemaVersion\":2", "\"schemaVersion\":\"2\""),
        ),
        ("no schemaVersion", image("x").replace("\"schemaVersion\":2,", "")),
        (
            "layers as an object",
            r#"{"schemaVersion":2,"layers":{}}"#.to_owned(),
        ),
        (
            "layers as numbers",
            r#"{"schemaVersion":2,"layers":[1]}"#.to_owned(),
        ),
        (
            "a size as text",
            format!("{empty}\"sha256:x\",\"size\":\"1\"}},\"layers\":[]}}"),
        ),
        (
            "a negative size",
            format!(
                "{empty}\"sha256:{}\",\"size\":-1}},\"layers\":[]}}",
                "0".repeat(64)
            ),
        ),
        (
            "a size beyond 64 bits",
            format!(
                "{empty}\"sha256:{}\",\"size\":99999999999999999999}},\"layers\":[]}}",
                "0".repeat(64)
            ),
        ),
        ("a config with a malformed digest", image("sha256:abc")),
        (
            "a config with the digest of an unknown algorithm",
            image("md5:d41d8cd98f00b204e9800998ecf8427e"),
        ),
        ("a config with an empty digest", image("")),
        ("a config with a path as digest", image("../../../etc/passwd")),
        (
            "the mediaType of an index",
            image("x").replace("image.manifest", "image.index"),
        ),
        (
            "a manifests member",
            image("x").replace("\"layers\":[]", "\"layers\":[],\"manifests\":[]"),
        ),
        (
            "100000 nested lists",
            format!("{{\"schemaVersion\":2,\"x\":{}", "[".repeat(100_000)),
        ),
        (
            "100000 nested lists that are closed",
            format!(
                "{{\"schemaVersion\":2,\"x\":{}{}}}",
                "[".repeat(100_000),
                "]".repeat(100_000)
            ),
        ),
        ("100000 nested objects", "{\"a\":".repeat(100_000)),
    ] {
        group = group.case(format!("an image manifest with {what} is 400"), move |context| {
            refused(context, media_type::OCI_IMAGE, body.clone())
        });
    }
    for (what, body) in [
        (
            "a layers member",
            r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#,
        ),
        ("manifests as an object", r#"{"schemaVersion":2,"manifests":{}}"#),
        (
            "a child with a malformed digest",
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:abc","size":1}]}"#,
        ),
        (
            "a child with a path as digest",
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"../../x","size":1}]}"#,
        ),
        ("schemaVersion 1", r#"{"schemaVersion":1,"manifests":[]}"#),
    ] {
        group = group.case(format!("an index with {what} is 400"), move |context| {
            refused(context, media_type::OCI_INDEX, body.to_owned())
        });
    }
    for kind in [
        "",
        "text/plain",
        "bad/;;",
        "application/json",
        "application/vnd.oci.image.config.v1+json",
        "a",
        ";",
    ] {
        group = group.case(format!("the Content-Type {kind:?} is 400"), move |context| {
            refused(context, kind, image(&format!("sha256:{}", "0".repeat(64))))
        });
    }
    group
        .case(
            "a manifest of the largest size is 201, one byte more is 413",
            largest,
        )
        .case("a manifest of 64 MB is 413", huge)
        .case(
            "duplicate and unknown members and strange numbers are kept byte by byte",
            kept_verbatim,
        )
        .case(
            "parameters of the Content-Type are ignored",
            content_type_parameters,
        )
        .case(
            "tag parameters that are no tags are 400 and nothing is stored",
            bad_tag_parameters,
        )
        .case("a subject with a malformed digest is 400", bad_subject)
        .case("a body that stops early stores nothing", stops_early)
        .case("a refused manifest leaves the tag where it was", tag_stays)
}

fn image(config_digest: &str) -> String {
    format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{}\",\"config\":{{\"mediaType\":\"{}\",\"digest\":\"{config_digest}\",\
         \"size\":2}},\"layers\":[]}}",
        media_type::OCI_IMAGE,
        media_type::OCI_EMPTY
    )
}

async fn refused(context: Context, kind: &'static str, body: String) -> Outcome {
    let digest = Algorithm::Sha256.digest(body.as_bytes());
    for reference in ["tag", digest.as_str()] {
        let mut put = Request::put(manifest_path(&context.repository, reference));
        if !kind.is_empty() {
            put = put.header("content-type", kind);
        }
        let response = context.send(put.body(body.clone())).await?;
        response.expect_status(&[400])?;
        ensure!(
            response.error_code().is_some(),
            "{}: no error document",
            response.request
        );
        let text = String::from_utf8_lossy(&response.body).into_owned();
        ensure!(
            !text.contains("/docker/registry"),
            "{}: an internal path: {text}",
            response.request
        );
        context.check_no_manifest(&context.repository, reference).await?;
    }
    // A repository that only has refused manifests has no tags.
    context
        .send(Request::get(tags_path(&context.repository)))
        .await?
        .expect_status(&[404])?;
    Ok(())
}

async fn sized_manifest(context: &mut Context, length: usize) -> Result<Content, crate::failure::Failure> {
    let config = Content::empty_json(Algorithm::Sha256);
    context.push_blob(&context.repository, &config).await?;
    let image = ImageBuilder::oci()
        .config(config.descriptor())
        .annotation("salt", &context.random.letters(8));
    let without = image.clone().annotation("filling", "").build().bytes.len();
    Ok(image
        .annotation("filling", &"x".repeat(length.saturating_sub(without)))
        .build())
}

async fn largest(mut context: Context) -> Outcome {
    let limit = context.max_manifest_bytes;
    let fits = sized_manifest(&mut context, limit).await?;
    ensure!(
        fits.bytes.len() == limit,
        "the test made {} bytes",
        fits.bytes.len()
    );
    context.push_manifest(&context.repository, "fits", &fits).await?;
    context.check_manifest(&context.repository, "fits", &fits).await?;
    let larger = sized_manifest(&mut context, limit + 1).await?;
    let response = context
        .send(crate::manifest::put_manifest(
            &context.repository,
            "larger",
            &larger,
        ))
        .await?;
    response.expect_status(&[413])?;
    ensure!(response.error_code().is_some(), "413 without an error document");
    context.check_no_manifest(&context.repository, "larger").await
}

async fn huge(mut context: Context) -> Outcome {
    let huge = sized_manifest(&mut context, 64 << 20).await?;
    for request in [
        crate::manifest::put_manifest(&context.repository, "huge", &huge),
        Request::put(manifest_path(&context.repository, "huge"))
            .header("content-type", media_type::OCI_IMAGE)
            .chunked(crate::context::chunks(&huge.bytes, 1 << 20)),
    ] {
        // The registry may close before it has read everything, and the client may see only that.
        if let Ok(response) = context.send(request).await {
            response.expect_status(&[413])?;
        }
        context.check_no_manifest(&context.repository, "huge").await?;
    }
    Ok(())
}

async fn kept_verbatim(context: Context) -> Outcome {
    let config = Content::empty_json(Algorithm::Sha256);
    context.push_blob(&context.repository, &config).await?;
    let bytes = format!(
        " {{\"schemaVersion\":1,\n\t\"schemaVersion\" : 2, \"mediaType\":\"{}\",\"config\":{},\"layers\":[ ],\
         \"unknown\":{{\"b\":1e400,\"a\":-0.0,\"\\u0041\":\"\\ud83d\\ude00\",\"big\":123456789012345678901234567890}}}} \n",
        media_type::OCI_IMAGE,
        config.descriptor()
    );
    let manifest = Content::new(media_type::OCI_IMAGE, bytes, Algorithm::Sha256);
    for reference in ["tag", manifest.digest.as_str()] {
        context
            .push_manifest(&context.repository, reference, &manifest)
            .await?;
        context
            .check_manifest(&context.repository, reference, &manifest)
            .await?;
    }
    Ok(())
}

async fn content_type_parameters(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let manifest = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push_blobs(&context).await?;
    for (position, parameters) in ["; charset=utf-8", ";x=y;z=\"a;b\"", " "].iter().enumerate() {
        let tag = format!("tag-{position}");
        let put = Request::put(manifest_path(&context.repository, &tag))
            .header("content-type", format!("{}{parameters}", manifest.media_type))
            .body(manifest.bytes.clone());
        context.send(put).await?.expect_status(&[201])?;
        context
            .check_manifest(&context.repository, &tag, &manifest)
            .await?;
    }
    Ok(())
}

async fn bad_tag_parameters(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let manifest = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push_blobs(&context).await?;
    for tag in [".bad", "a/b", "a b", "", "../../x", &"a".repeat(129)] {
        let path = with_query(
            &manifest_path(&context.repository, &manifest.digest),
            "tag",
            "good",
        );
        let put = Request::put(with_query(&path, "tag", tag))
            .header("content-type", &manifest.media_type)
            .body(manifest.bytes.clone());
        context.send(put).await?.expect_status(&[400])?;
        context.check_no_manifest(&context.repository, "good").await?;
    }
    Ok(())
}

async fn bad_subject(context: Context) -> Outcome {
    let config = Content::empty_json(Algorithm::Sha256);
    context.push_blob(&context.repository, &config).await?;
    for digest in ["", "sha256:abc", "../../x"] {
        let subject = json!({ "mediaType": media_type::OCI_IMAGE, "digest": digest, "size": 1 });
        let manifest = ImageBuilder::oci()
            .config(config.descriptor())
            .subject(subject)
            .build();
        let response = context
            .send(crate::manifest::put_manifest(
                &context.repository,
                "tag",
                &manifest,
            ))
            .await?;
        response.expect_status(&[400])?;
        context.check_no_manifest(&context.repository, "tag").await?;
    }
    Ok(())
}

async fn stops_early(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let manifest = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push_blobs(&context).await?;
    let half: Bytes = manifest.bytes.slice(..manifest.bytes.len() / 2);
    let body = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("broken on purpose"))]);
    let put = Request::put(manifest_path(&context.repository, "tag"))
        .header("content-type", &manifest.media_type)
        .stream(Some(manifest.size()), body);
    if let Ok(response) = context.send(put).await {
        ensure!(
            (400..500).contains(&response.status),
            "{} to half a manifest",
            response.status
        );
    }
    context.check_no_manifest(&context.repository, "tag").await
}

async fn tag_stays(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let manifest = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("tag");
    item.push(&context).await?;
    let put = Request::put(manifest_path(&context.repository, "tag"))
        .header("content-type", media_type::OCI_IMAGE)
        .body(image("sha256:abc"));
    context.send(put).await?.expect_status(&[400])?;
    context
        .check_manifest(&context.repository, "tag", &manifest)
        .await
}
