//! Manifests that are not there, digests that do not fit, and the digest in the answers.

use hythe_testutil::{Algorithm, Content, ImageBuilder, Request};

use crate::context::{Context, manifest_path};
use crate::failure::Outcome;
use crate::item::Item;
use crate::manifest::{get_manifest, put_manifest};
use crate::suite::{Group, Scope};

pub(super) fn manifest_errors() -> Group {
    Group::new(
        "manifest-errors",
        Scope::Specification,
        "wrong references and digests of manifests are refused",
    )
    .case(
        "a manifest that was never pushed is 404 by digest",
        |mut context| async move {
            let digest = context.missing_digest(Algorithm::Sha256);
            context.check_no_manifest(&context.repository, &digest).await?;
            unknown(&context, &digest).await
        },
    )
    .case(
        "a manifest that was never pushed is 404 by tag",
        |context| async move {
            context.check_no_manifest(&context.repository, "missing").await?;
            unknown(&context, "missing").await
        },
    )
    .case(
        "a manifest pushed by the digest of other bytes is 400",
        other_bytes,
    )
    .case("a manifest pushed by a malformed digest is 400", malformed_put)
    .case(
        "a manifest asked for by a malformed digest is 400 or 404",
        malformed_get,
    )
    .case(
        "a manifest that refers to a missing blob is accepted or 400 MANIFEST_BLOB_UNKNOWN",
        missing_blob,
    )
    .case("a manifest is in its repository only", other_repository)
    .case("a manifest that is there can be pushed again", pushed_again)
}

async fn unknown(context: &Context, reference: &str) -> Outcome {
    let response = context.send(get_manifest(&context.repository, reference)).await?;
    response.expect_error("MANIFEST_UNKNOWN")?;
    Ok(())
}

async fn other_bytes(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let mut manifest = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push_blobs(&context).await?;
    let mut longer = manifest.bytes.to_vec();
    longer.extend_from_slice(b"  ");
    manifest.bytes = longer.into();
    let response = context
        .send(put_manifest(&context.repository, &manifest.digest, &manifest))
        .await?;
    response.expect_status(&[400])?.expect_error("DIGEST_INVALID")?;
    context
        .check_no_manifest(&context.repository, &manifest.digest)
        .await
}

async fn malformed_put(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let manifest = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push_blobs(&context).await?;
    let response = context
        .send(put_manifest(
            &context.repository,
            "sha256:baddigeststring",
            &manifest,
        ))
        .await?;
    response.expect_status(&[400])?;
    Ok(())
}

async fn malformed_get(context: Context) -> Outcome {
    for request in [
        get_manifest(&context.repository, "sha256:baddigeststring"),
        Request::delete(manifest_path(&context.repository, "sha256:baddigeststring")),
    ] {
        context.send(request).await?.expect_status(&[400, 404])?;
    }
    Ok(())
}

async fn missing_blob(mut context: Context) -> Outcome {
    let config = Content::config("linux", "amd64", context.random.number(), Algorithm::Sha256);
    let manifest = ImageBuilder::oci().config(config.descriptor()).build();
    let response = context
        .send(put_manifest(&context.repository, &manifest.digest, &manifest))
        .await?;
    response.expect_status(&[201, 400])?;
    if response.status == 400 {
        response.expect_error("MANIFEST_BLOB_UNKNOWN")?;
        context
            .check_no_manifest(&context.repository, &manifest.digest)
            .await?;
    }
    Ok(())
}

async fn other_repository(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let manifest = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push(&context).await?;
    context
        .check_no_manifest(&context.other_repository, &manifest.digest)
        .await
}

async fn pushed_again(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let manifest = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push(&context).await?;
    for reference in [manifest.digest.as_str(), "tag", "tag"] {
        context
            .push_manifest(&context.repository, reference, &manifest)
            .await?;
        context
            .check_manifest(&context.repository, reference, &manifest)
            .await?;
    }
    Ok(())
}
