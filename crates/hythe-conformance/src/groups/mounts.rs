//! Mounting a blob from another repository, with and without saying which.

use hythe_testutil::{Algorithm, Request, Response};

use crate::context::{Context, uploads_path, with_query};
use crate::failure::{Failure, Outcome};
use crate::suite::{Group, Scope};

pub(super) fn mounts() -> Group {
    Group::new(
        "mounts",
        Scope::Specification,
        "a blob can be taken over from a repository that is named",
    )
    .case(
        "a mount from a repository that has the blob is 201 and the blob is there",
        present,
    )
    .case(
        "a mount of a blob that is nowhere is 202 and the upload can be completed",
        missing,
    )
    .case(
        "a mount from a repository that does not have the blob is 202",
        elsewhere,
    )
    .case("a mounted blob stays when the source is deleted", source_deleted)
    .case("a mount from the repository itself is 201", itself)
}

pub(super) fn anonymous_mount() -> Group {
    Group::new(
        "anonymous-mount",
        Scope::Specification,
        "a blob can be taken over from a repository that is not named",
    )
    .case(
        "a mount without a source is 201 when the blob is somewhere",
        anonymous,
    )
    .case(
        "a mount without a source is 202 when the blob is nowhere",
        |context| nowhere(context, None),
    )
}

/// Asks for a mount into the case's repository.
pub(super) async fn mount(
    context: &Context,
    digest: &str,
    source: Option<&str>,
) -> Result<Response, Failure> {
    let mut target = with_query(&uploads_path(&context.repository), "mount", digest);
    if let Some(source) = source {
        target = with_query(&target, "from", source);
    }
    context.send(Request::post(target)).await
}

/// Asks for a mount without a source of a blob that the case's other repository has. Where rights are in tokens, one for
/// the case's repository does not open the other, and must not find there what it cannot read.
pub(super) async fn mount_anonymously(context: &Context, digest: &str) -> Result<Response, Failure> {
    let scopes = [
        format!("repository:{}:pull,push", context.repository),
        format!("repository:{}:pull", context.other_repository),
    ];
    let Some(authorization) = context.client.token_for(&scopes).await? else {
        return mount(context, digest, None).await;
    };
    mount(context, digest, None).await?.expect_status(&[202])?;
    let target = with_query(&uploads_path(&context.repository), "mount", digest);
    let request = Request::post(target).header("authorization", authorization);
    context.send(request).await
}

async fn present(mut context: Context) -> Outcome {
    let blob = context.blob(512, Algorithm::Sha256);
    context.push_blob(&context.other_repository, &blob).await?;
    context.check_no_blob(&context.repository, &blob.digest).await?;
    let response = mount(&context, &blob.digest, Some(&context.other_repository)).await?;
    context.check_pushed(&response, &blob).await?;
    context.check_blob(&context.repository, &blob).await?;
    context.delete_blob(&context.repository, &blob.digest).await?;
    context.check_blob(&context.other_repository, &blob).await
}

async fn missing(context: Context) -> Outcome {
    let source = context.other_repository.clone();
    nowhere(context, Some(source)).await
}

async fn nowhere(mut context: Context, source: Option<String>) -> Outcome {
    let blob = context.blob(512, Algorithm::Sha256);
    let response = mount(&context, &blob.digest, source.as_deref()).await?;
    response.expect_status(&[202])?;
    let put =
        Request::put(with_query(&response.location()?, "digest", &blob.digest)).body(blob.bytes.clone());
    let response = context.send(put).await?;
    context.check_pushed(&response, &blob).await?;
    context.check_blob(&context.repository, &blob).await
}

async fn elsewhere(mut context: Context) -> Outcome {
    let blob = context.blob(512, Algorithm::Sha256);
    context.push_blob(&context.other_repository, &blob).await?;
    let source = format!("{}-third", context.repository);
    let response = mount(&context, &blob.digest, Some(&source)).await?;
    response.expect_status(&[202])?;
    context.check_no_blob(&context.repository, &blob.digest).await
}

async fn source_deleted(mut context: Context) -> Outcome {
    let blob = context.blob(512, Algorithm::Sha256);
    context.push_blob(&context.other_repository, &blob).await?;
    mount(&context, &blob.digest, Some(&context.other_repository))
        .await?
        .expect_status(&[201])?;
    context
        .delete_blob(&context.other_repository, &blob.digest)
        .await?;
    context.check_blob(&context.repository, &blob).await
}

async fn itself(mut context: Context) -> Outcome {
    let blob = context.blob(512, Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let response = mount(&context, &blob.digest, Some(&context.repository)).await?;
    context.check_pushed(&response, &blob).await
}

async fn anonymous(mut context: Context) -> Outcome {
    let blob = context.blob(512, Algorithm::Sha256);
    context.push_blob(&context.other_repository, &blob).await?;
    let response = mount_anonymously(&context, &blob.digest).await?;
    context.check_pushed(&response, &blob).await?;
    context.check_blob(&context.repository, &blob).await
}
