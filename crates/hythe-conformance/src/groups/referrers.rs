//! The list of manifests that have a subject (OCI distribution specification, Listing referrers).

use std::collections::BTreeMap;

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Content, ImageBuilder, IndexBuilder, Request};
use serde_json::{Map, Value, json};

use super::subject::pushed_subject;
use crate::context::{Context, referrers_path, with_query};
use crate::failure::{Failure, Outcome, ensure};
use crate::item::Item;
use crate::suite::{Group, Scope};

const SIGNATURE: &str = "application/vnd.example.signature.v1";
const SBOM: &str = "application/vnd.example.sbom.v1+json";

/// A page that is larger could not be pushed as a manifest to the registry that serves it.
const MAX_PAGE_BYTES: usize = 4 << 20;

pub(super) fn referrers() -> Group {
    Group::new(
        "referrers",
        Scope::Specification,
        "who refers to a manifest can be listed",
    )
    .case("an unknown repository has an empty list", empty)
    .case("a manifest without referrers has an empty list", nobody)
    .case("a malformed digest is 400", malformed)
    .case("artifacts are listed with their type and all annotations", listed)
    .case(
        "an image without artifactType is listed with the type of its configuration",
        config_type,
    )
    .case(
        "an index is listed with its artifactType, or without one",
        indexes,
    )
    .case("artifactType selects and OCI-Filters-Applied says so", filtered)
    .case("artifacts pushed before their subject are listed", before_subject)
    .case("a subject addressed by sha512 has referrers", sha512_subject)
    .case("an artifact that is pushed twice and tagged is listed once", once)
    .case(
        "an artifact that is deleted is no longer listed, and listed again after it was pushed again",
        deleted,
    )
    .case(
        "artifacts stay listed when their subject is deleted",
        subject_deleted,
    )
    .case("deleting the tag of an artifact does not unlist it", untagged)
    .case("referrers are those of the repository", other_repository)
    .case("artifacts listed under the fallback tag are listed", fallback_tag)
    .case(
        "a list of 5 MB comes in pages that each could be a manifest",
        |context| paged(context, None),
    )
    .case("a selected list of 5 MB comes in pages too", |context| {
        paged(context, Some(SBOM))
    })
}

/// The descriptor under which a registry must list a manifest.
fn listing(manifest: &Content) -> Value {
    let document: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
    let mut descriptor = manifest.descriptor();
    let own_type = document["artifactType"].as_str().filter(|own| !own.is_empty());
    let config_type = document["config"]["mediaType"].as_str();
    if let Some(artifact_type) = own_type.or(config_type) {
        descriptor["artifactType"] = json!(artifact_type);
    }
    if let Some(annotations) = document.get("annotations") {
        descriptor["annotations"] = annotations.clone();
    }
    descriptor
}

/// All pages of a list by digest; every page must be a proper index.
async fn list(context: &Context, target: &str) -> Result<BTreeMap<String, Value>, Failure> {
    let mut found = BTreeMap::new();
    let mut page = Some(target.to_owned());
    while let Some(target) = page {
        let response = context.send(Request::get(&target)).await?;
        response
            .expect_status(&[200])?
            .expect_header("content-type", media_type::OCI_INDEX)?;
        ensure!(
            response.body.len() <= MAX_PAGE_BYTES,
            "{target}: a page has {} bytes",
            response.body.len()
        );
        if target.contains("artifactType=") {
            let filters = response.header("oci-filters-applied").unwrap_or("");
            let applied = filters.split(',').any(|filter| filter.trim() == "artifactType");
            ensure!(applied, "{target}: OCI-Filters-Applied is {filters:?}");
        }
        let document = response.json()?;
        ensure!(
            document["schemaVersion"] == json!(2),
            "{target}: schemaVersion is {}",
            document["schemaVersion"]
        );
        ensure!(
            document["mediaType"] == json!(media_type::OCI_INDEX),
            "{target}: mediaType is {}",
            document["mediaType"]
        );
        let Some(manifests) = document["manifests"].as_array() else {
            return Err(Failure::new(format!(
                "{target}: manifests is {}",
                document["manifests"]
            )));
        };
        for manifest in manifests {
            let digest = manifest["digest"].as_str().unwrap_or_default().to_owned();
            ensure!(
                found.insert(digest.clone(), manifest.clone()).is_none(),
                "{target}: {digest} is listed twice"
            );
        }
        page = context.next_page(&response)?;
    }
    Ok(found)
}

/// The list for a subject has exactly these manifests.
async fn check(
    context: &Context,
    subject: &str,
    expected: &[&Content],
    artifact_type: Option<&str>,
) -> Outcome {
    let mut target = referrers_path(&context.repository, subject);
    if let Some(artifact_type) = artifact_type {
        target = with_query(&target, "artifactType", artifact_type);
    }
    let mut found = list(context, &target).await?;
    for manifest in expected {
        let expected = listing(manifest);
        match found.remove(&manifest.digest) {
            Some(found) if contains(&found, &expected) => {}
            Some(found) => {
                return Err(Failure::new(format!(
                    "{target}: listed as {found}, expected {expected}"
                )));
            }
            None => return Err(Failure::new(format!("{target}: not listed: {expected}"))),
        }
    }
    ensure!(found.is_empty(), "{target}: listed too: {:?}", found.values());
    Ok(())
}

/// Equal in all members that the specification names; more members may be there, but no other type or annotation.
fn contains(found: &Value, expected: &Value) -> bool {
    let empty = json!({});
    let annotations = |descriptor: &Value| -> Map<String, Value> {
        descriptor
            .get("annotations")
            .unwrap_or(&empty)
            .as_object()
            .cloned()
            .unwrap_or_default()
    };
    ["mediaType", "digest", "size", "artifactType"]
        .iter()
        .all(|member| found.get(member) == expected.get(member))
        && annotations(found) == annotations(expected)
}

/// Pushes an artifact that refers to a subject.
async fn refer(context: &mut Context, subject: &Content, artifact_type: &str) -> Result<Content, Failure> {
    let salt = context.random.letters(10);
    let mut item = Item::default();
    let artifact = item.add_artifact(context, artifact_type, |artifact| {
        artifact
            .subject(subject.descriptor())
            .annotation("org.example.salt", &salt)
            .annotation("org.opencontainers.image.created", "2024-05-06T07:08:09Z")
    });
    item.push(context).await?;
    Ok(artifact)
}

async fn empty(mut context: Context) -> Outcome {
    let digest = context.missing_digest(Algorithm::Sha256);
    check(&context, &digest, &[], None).await?;
    check(&context, &digest, &[], Some(SIGNATURE)).await
}

async fn nobody(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    check(&context, &subject.digest, &[], None).await
}

async fn malformed(context: Context) -> Outcome {
    for digest in [
        "sha256:baddigeststring",
        "sha256:0",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
    ] {
        let response = context
            .send(Request::get(referrers_path(&context.repository, digest)))
            .await?;
        response.expect_status(&[400])?;
    }
    Ok(())
}

async fn listed(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let signature = refer(&mut context, &subject, SIGNATURE).await?;
    let sbom = refer(&mut context, &subject, SBOM).await?;
    check(&context, &subject.digest, &[&signature, &sbom], None).await
}

async fn config_type(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let config = Content::new("application/vnd.example.config.v1+json", "{}", Algorithm::Sha256);
    context.push_blob(&context.repository, &config).await?;
    let image = ImageBuilder::oci()
        .config(config.descriptor())
        .subject(subject.descriptor());
    let absent = image.clone().build();
    let blank = image.artifact_type("").build();
    for image in [&absent, &blank] {
        context
            .push_manifest(&context.repository, &image.digest, image)
            .await?;
    }
    check(&context, &subject.digest, &[&absent, &blank], None).await
}

async fn indexes(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let index = IndexBuilder::oci()
        .subject(subject.descriptor())
        .annotation("a", "b");
    let untyped = index.clone().build();
    let typed = index.artifact_type(SBOM).build();
    for index in [&untyped, &typed] {
        context
            .push_manifest(&context.repository, &index.digest, index)
            .await?;
    }
    check(&context, &subject.digest, &[&untyped, &typed], None).await?;
    check(&context, &subject.digest, &[&typed], Some(SBOM)).await
}

async fn filtered(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let signatures = [
        refer(&mut context, &subject, SIGNATURE).await?,
        refer(&mut context, &subject, SIGNATURE).await?,
    ];
    let sbom = refer(&mut context, &subject, SBOM).await?;
    check(
        &context,
        &subject.digest,
        &[&signatures[0], &signatures[1]],
        Some(SIGNATURE),
    )
    .await?;
    check(&context, &subject.digest, &[&sbom], Some(SBOM)).await?;
    check(
        &context,
        &subject.digest,
        &[],
        Some("application/vnd.example.other"),
    )
    .await
}

async fn before_subject(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let subject = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    let signature = refer(&mut context, &subject, SIGNATURE).await?;
    check(&context, &subject.digest, &[&signature], None).await?;
    item.push(&context).await?;
    check(&context, &subject.digest, &[&signature], None).await
}

async fn sha512_subject(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let subject = item.add_image(&mut context, Algorithm::Sha512, "amd64");
    item.push(&context).await?;
    let signature = refer(&mut context, &subject, SIGNATURE).await?;
    check(&context, &subject.digest, &[&signature], None).await
}

async fn once(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let signature = refer(&mut context, &subject, SIGNATURE).await?;
    for reference in ["tag", signature.digest.as_str()] {
        context
            .push_manifest(&context.repository, reference, &signature)
            .await?;
    }
    check(&context, &subject.digest, &[&signature], None).await
}

async fn deleted(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let signature = refer(&mut context, &subject, SIGNATURE).await?;
    let sbom = refer(&mut context, &subject, SBOM).await?;
    context
        .delete_manifest(&context.repository, &signature.digest)
        .await?;
    check(&context, &subject.digest, &[&sbom], None).await?;
    context
        .push_manifest(&context.repository, &signature.digest, &signature)
        .await?;
    check(&context, &subject.digest, &[&sbom, &signature], None).await
}

async fn subject_deleted(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let signature = refer(&mut context, &subject, SIGNATURE).await?;
    context
        .delete_manifest(&context.repository, &subject.digest)
        .await?;
    check(&context, &subject.digest, &[&signature], None).await
}

async fn untagged(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let signature = refer(&mut context, &subject, SIGNATURE).await?;
    context
        .push_manifest(&context.repository, "tag", &signature)
        .await?;
    context.delete_manifest(&context.repository, "tag").await?;
    check(&context, &subject.digest, &[&signature], None).await
}

async fn other_repository(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    refer(&mut context, &subject, SIGNATURE).await?;
    std::mem::swap(&mut context.repository, &mut context.other_repository);
    check(&context, &subject.digest, &[], None).await
}

async fn fallback_tag(mut context: Context) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let signature = refer(&mut context, &subject, SIGNATURE).await?;
    let index = IndexBuilder::oci().manifest(listing(&signature)).build();
    let tag = subject.digest.replace(':', "-");
    context.push_manifest(&context.repository, &tag, &index).await?;
    check(&context, &subject.digest, &[&signature], None).await
}

async fn paged(mut context: Context, artifact_type: Option<&'static str>) -> Outcome {
    let subject = pushed_subject(&mut context).await?;
    let config = Content::empty_json(Algorithm::Sha256);
    context.push_blob(&context.repository, &config).await?;
    let filling = "x".repeat(250_000);
    let mut pushed = Vec::new();
    for number in 0..20 {
        let artifact = ImageBuilder::oci()
            .artifact_type(SBOM)
            .config(config.descriptor())
            .subject(subject.descriptor())
            .annotation("number", &format!("{number}"))
            .annotation("filling", &filling)
            .build();
        context
            .push_manifest(&context.repository, &artifact.digest, &artifact)
            .await?;
        pushed.push(artifact);
    }
    refer(&mut context, &subject, SIGNATURE).await.map(|signature| {
        if artifact_type.is_none() {
            pushed.push(signature);
        }
    })?;
    let expected: Vec<&Content> = pushed.iter().collect();
    check(&context, &subject.digest, &expected, artifact_type).await
}
