//! Deletion takes what was named, at once, and nothing else.

use hythe_testutil::{Algorithm, Request};

use crate::context::{Context, blob_path, manifest_path, tags_path};
use crate::failure::{Outcome, ensure};
use crate::item::{Item, list_tags};
use crate::suite::{Group, Scope};

pub(super) fn deletes() -> Group {
    Group::new(
        "deletes",
        Scope::Specification,
        "tags, manifests and blobs can be deleted",
    )
    .case(
        "deleting a manifest takes the tags that point to it and no others",
        manifest_with_tags,
    )
    .case("deleting a tag leaves the manifest and other tags", tag)
    .case("deleting a blob leaves it in other repositories", blob)
    .case("deleting what is not there is 404", missing)
    .case("deleting twice is 202 and 404", twice)
    .case("what was deleted can be pushed again", again)
}

async fn manifest_with_tags(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let gone = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("one");
    item.tag("two");
    let stays = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("three");
    item.push(&context).await?;
    context.delete_manifest(&context.repository, &gone.digest).await?;
    for tag in ["one", "two"] {
        context.check_no_manifest(&context.repository, tag).await?;
    }
    context
        .check_manifest(&context.repository, "three", &stays)
        .await?;
    let tags = list_tags(&context, &tags_path(&context.repository)).await?;
    ensure!(tags == ["three"], "the tags are {tags:?}");
    Ok(())
}

async fn tag(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("one");
    item.tag("two");
    item.push(&context).await?;
    context.delete_manifest(&context.repository, "one").await?;
    context.check_manifest(&context.repository, "two", &image).await?;
    context
        .check_manifest(&context.repository, &image.digest, &image)
        .await?;
    let tags = list_tags(&context, &tags_path(&context.repository)).await?;
    ensure!(tags == ["two"], "the tags are {tags:?}");
    Ok(())
}

async fn blob(mut context: Context) -> Outcome {
    let blob = context.blob(300, Algorithm::Sha256);
    for repository in [&context.repository, &context.other_repository] {
        context.push_blob(repository, &blob).await?;
    }
    context.delete_blob(&context.repository, &blob.digest).await?;
    context.check_blob(&context.other_repository, &blob).await
}

async fn missing(mut context: Context) -> Outcome {
    let digest = context.missing_digest(Algorithm::Sha256);
    let repository = &context.repository;
    let requests = [
        (Request::delete(blob_path(repository, &digest)), "BLOB_UNKNOWN"),
        (
            Request::delete(manifest_path(repository, &digest)),
            "MANIFEST_UNKNOWN",
        ),
        (
            Request::delete(manifest_path(repository, "missing")),
            "MANIFEST_UNKNOWN",
        ),
    ];
    for (request, code) in requests {
        context
            .send(request)
            .await?
            .expect_status(&[404])?
            .expect_error(code)?;
    }
    Ok(())
}

async fn twice(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("tag");
    item.push(&context).await?;
    let repository = &context.repository;
    for target in [
        manifest_path(repository, "tag"),
        manifest_path(repository, &image.digest),
        blob_path(repository, &item.blobs[0].digest),
    ] {
        context
            .send(Request::delete(&target))
            .await?
            .expect_status(&[202])?;
        context
            .send(Request::delete(&target))
            .await?
            .expect_status(&[404])?;
    }
    Ok(())
}

async fn again(mut context: Context) -> Outcome {
    let mut item = Item::default();
    item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("tag");
    for _ in 0..2 {
        item.live(&context).await?;
    }
    Ok(())
}
