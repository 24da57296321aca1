//! Manifests with a subject: the registry says that it has understood.

use hythe_testutil::{Algorithm, Content, IndexBuilder};

use crate::context::Context;
use crate::failure::{Outcome, ensure};
use crate::item::Item;
use crate::suite::{Group, Scope};

const ARTIFACT_TYPE: &str = "application/vnd.example.signature.v1";

pub(super) fn subject() -> Group {
    Group::new(
        "subject",
        Scope::Specification,
        "OCI-Subject answers every manifest that has a subject",
    )
    .case(
        "an artifact with a subject by digest and by tag",
        |mut context| async move {
            let subject = pushed_subject(&mut context).await?;
            artifact(context, &subject).await
        },
    )
    .case(
        "an artifact whose subject is not there",
        |mut context| async move {
            let subject = Content::new(
                hythe_testutil::content::media_type::OCI_IMAGE,
                context.random.bytes(123),
                Algorithm::Sha256,
            );
            artifact(context, &subject).await
        },
    )
    .case("an image with a subject", image)
    .case("an index with a subject by digest and by tag", index)
    .case(
        "an artifact whose subject is addressed by sha512",
        |mut context| async move {
            let mut item = Item::default();
            let subject = item.add_image(&mut context, Algorithm::Sha512, "amd64");
            item.push(&context).await?;
            artifact(context, &subject).await
        },
    )
    .case("a manifest without a subject has no OCI-Subject", without)
}

pub(super) async fn pushed_subject(context: &mut Context) -> Result<Content, crate::failure::Failure> {
    let mut item = Item::default();
    let subject = item.add_image(context, Algorithm::Sha256, "amd64");
    item.tag("subject");
    item.push(context).await?;
    Ok(subject)
}

async fn push_both_ways(context: &Context, manifest: &Content, subject: &Content) -> Outcome {
    for reference in [manifest.digest.as_str(), "with-subject"] {
        let response = context
            .push_manifest(&context.repository, reference, manifest)
            .await?;
        response.expect_header("oci-subject", &subject.digest)?;
        context
            .check_manifest(&context.repository, reference, manifest)
            .await?;
    }
    Ok(())
}

async fn artifact(mut context: Context, subject: &Content) -> Outcome {
    let mut item = Item::default();
    let artifact = item.add_artifact(&mut context, ARTIFACT_TYPE, |artifact| {
        artifact.subject(subject.descriptor())
    });
    item.push_blobs(&context).await?;
    push_both_ways(&context, &artifact, subject).await
}

async fn image(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let config = Content::config("linux", "arm64", context.random.number(), Algorithm::Sha256);
    let image = hythe_testutil::ImageBuilder::oci()
        .config(config.descriptor())
        .subject(subject.descriptor())
        .build();
    context.push_blob(&context.repository, &config).await?;
    push_both_ways(&context, &image, &subject).await
}

async fn index(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let mut item = Item::default();
    let artifact = item.add_artifact(&mut context, ARTIFACT_TYPE, |artifact| artifact);
    item.push(&context).await?;
    let index = IndexBuilder::oci()
        .artifact_type(ARTIFACT_TYPE)
        .subject(subject.descriptor())
        .manifest(artifact.descriptor())
        .build();
    push_both_ways(&context, &index, &subject).await
}

async fn without(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push_blobs(&context).await?;
    let response = context
        .push_manifest(&context.repository, &image.digest, &image)
        .await?;
    ensure!(
        response.header("oci-subject").is_none(),
        "{}: OCI-Subject without a subject",
        response.request
    );
    Ok(())
}
