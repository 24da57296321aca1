//! Many clients at once, each doing nothing unusual.

use std::future::Future;

use futures_util::future::try_join_all;
use hythe_testutil::{Algorithm, Content};

use crate::context::{Context, tags_path};
use crate::failure::{Failure, Outcome, ensure};
use crate::item::{Item, list_tags};
use crate::manifest::{get_manifest, put_manifest};
use crate::suite::{Group, Scope};
use crate::upload::Style;

const CLIENTS: usize = 24;

pub(super) fn concurrency() -> Group {
    Group::new(
        "concurrency",
        Scope::Specification,
        "clients that work at the same time do not disturb each other",
    )
    .case(
        "many clients push the same blob to one repository",
        |mut context| async move {
            let blob = context.blob(50_000, Algorithm::Sha256);
            let pushes = |number| push(context.clone(), context.repository.clone(), blob.clone(), number);
            try_join_all((0..CLIENTS).map(pushes)).await?;
            context.check_blob(&context.repository, &blob).await
        },
    )
    .case(
        "many clients push the same blob to different repositories",
        |mut context| async move {
            let blob = context.blob(50_000, Algorithm::Sha256);
            let repository = |number: usize| format!("{}-{number}", context.repository);
            let pushes = |number| push(context.clone(), repository(number), blob.clone(), number);
            try_join_all((0..CLIENTS).map(pushes)).await?;
            for number in 0..CLIENTS {
                context.check_blob(&repository(number), &blob).await?;
            }
            Ok(())
        },
    )
    .case(
        "many clients push different blobs to one repository",
        |mut context| async move {
            let blobs: Vec<Content> = (0..CLIENTS)
                .map(|_| context.blob(50_000, Algorithm::Sha256))
                .collect();
            let pushes = |(number, blob): (usize, &Content)| {
                push(context.clone(), context.repository.clone(), blob.clone(), number)
            };
            try_join_all(blobs.iter().enumerate().map(pushes)).await?;
            for blob in &blobs {
                context.check_blob(&context.repository, blob).await?;
            }
            Ok(())
        },
    )
    .case("many clients push the same manifest under the same tag", same_tag)
    .case(
        "many clients push the same manifest under different tags",
        different_tags,
    )
    .case(
        "many clients move one tag, and it ends on one of their manifests",
        moved_tag,
    )
    .case("many clients read one blob while others push it", readers)
}

/// Tasks that really run beside each other, not only in turns.
async fn spawn<Running>(running: Running) -> Outcome
where
    Running: Future<Output = Outcome> + Send + 'static,
{
    tokio::spawn(running)
        .await
        .map_err(|error| Failure::new(format!("a client failed: {error}")))?
}

async fn push(context: Context, repository: String, blob: Content, number: usize) -> Outcome {
    let style = [Style::PostPut, Style::Stream, Style::OneChunk][number % 3];
    spawn(async move { context.push_blob_by(&repository, &blob, style).await }).await
}

async fn same_tag(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push_blobs(&context).await?;
    tag_all(&context, &image, |_| "same".to_owned()).await?;
    context.check_manifest(&context.repository, "same", &image).await
}

async fn different_tags(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push_blobs(&context).await?;
    tag_all(&context, &image, |number| format!("tag-{number:02}")).await?;
    let tags = list_tags(&context, &tags_path(&context.repository)).await?;
    ensure!(
        tags.len() == CLIENTS,
        "{} tags are listed, not {CLIENTS}",
        tags.len()
    );
    Ok(())
}

async fn tag_all(context: &Context, image: &Content, tag: impl Fn(usize) -> String) -> Outcome {
    let pushes = (0..CLIENTS).map(|number| {
        let (context, image, tag) = (context.clone(), image.clone(), tag(number));
        spawn(async move {
            context
                .send(put_manifest(&context.repository, &tag, &image))
                .await?
                .expect_status(&[201])?;
            Ok(())
        })
    });
    try_join_all(pushes).await.map(|_| ())
}

async fn moved_tag(mut context: Context) -> Outcome {
    let mut item = Item::default();
    for _ in 0..CLIENTS {
        item.add_image(&mut context, Algorithm::Sha256, "amd64");
    }
    item.push_blobs(&context).await?;
    let pushes = item.manifests.iter().cloned().map(|image| {
        let context = context.clone();
        spawn(async move {
            context
                .send(put_manifest(&context.repository, "moved", &image))
                .await?
                .expect_status(&[201])?;
            Ok(())
        })
    });
    try_join_all(pushes).await?;
    let response = context.send(get_manifest(&context.repository, "moved")).await?;
    response.expect_status(&[200])?;
    let known = item.manifests.iter().any(|image| image.bytes == response.body);
    ensure!(known, "the tag points to none of the manifests that were pushed");
    for image in &item.manifests {
        context
            .check_manifest(&context.repository, &image.digest, image)
            .await?;
    }
    Ok(())
}

async fn readers(mut context: Context) -> Outcome {
    let blob = context.blob(300_000, Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let clients = (0..CLIENTS).map(|number| {
        let (context, blob) = (context.clone(), blob.clone());
        spawn(async move {
            if number % 4 == 0 {
                context.push_blob(&context.repository, &blob).await
            } else {
                context.check_blob(&context.repository, &blob).await
            }
        })
    });
    try_join_all(clients).await.map(|_| ())
}
