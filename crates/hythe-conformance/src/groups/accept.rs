//! What is served to clients that accept everything, nothing in particular, or only images.

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Content, ImageBuilder, IndexBuilder, Request};

use crate::context::{Context, manifest_path};
use crate::failure::Outcome;
use crate::item::Item;
use crate::suite::{Group, Scope};

pub(super) fn accept() -> Group {
    Group::new(
        "accept",
        Scope::Hythe,
        "the stored manifest is served, but old clients get the image from a Docker list",
    )
    .case(
        "an OCI image is served without Accept, with wildcards and with other types",
        image,
    )
    .case(
        "an OCI index is served without Accept, with wildcards and with other types",
        index,
    )
    .case(
        "a Docker list is served by tag without Accept and with wildcards",
        list_to_everybody,
    )
    .case(
        "a Docker list is replaced by its linux/amd64 image for clients that accept only images",
        list_to_old_clients,
    )
    .case(
        "a Docker list is served by digest whatever is accepted",
        list_by_digest,
    )
}

const ANYTHING: [Option<&str>; 4] = [
    None,
    Some("*/*"),
    Some("application/*"),
    Some("text/html, */*;q=0.1"),
];

async fn check(context: &Context, reference: &str, accept: Option<&str>, expected: &Content) -> Outcome {
    let path = manifest_path(&context.repository, reference);
    for request in [Request::get(&path), Request::head(&path)] {
        let is_get = request.line().starts_with("GET");
        let request = match accept {
            Some(accept) => request.header("accept", accept),
            None => request,
        };
        let response = context.send(request).await?;
        response
            .expect_status(&[200])?
            .expect_header("content-type", &expected.media_type)?
            .expect_header("docker-content-digest", &expected.digest)?;
        if is_get {
            response.expect_body(&expected.bytes)?;
        }
    }
    Ok(())
}

async fn image(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("tag");
    item.push(&context).await?;
    for accept in ANYTHING
        .into_iter()
        .chain([Some(media_type::DOCKER_IMAGE), Some(media_type::OCI_IMAGE)])
    {
        check(&context, "tag", accept, &image).await?;
        check(&context, &image.digest, accept, &image).await?;
    }
    Ok(())
}

async fn index(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let index = item.add_index(&mut context, Algorithm::Sha256);
    item.tag("tag");
    item.push(&context).await?;
    for accept in ANYTHING
        .into_iter()
        .chain([Some(media_type::OCI_IMAGE), Some(media_type::OCI_INDEX)])
    {
        check(&context, "tag", accept, &index).await?;
        check(&context, &index.digest, accept, &index).await?;
    }
    Ok(())
}

/// A Docker list under the tag `list`, and its linux/amd64 image.
async fn push_list(context: &mut Context) -> Result<(Content, Content), crate::failure::Failure> {
    let mut item = Item::default();
    let mut list = IndexBuilder::docker();
    let mut images = Vec::new();
    for architecture in ["arm64", "amd64"] {
        let mut config = Content::config("linux", architecture, context.random.number(), Algorithm::Sha256);
        media_type::DOCKER_CONFIG.clone_into(&mut config.media_type);
        let image = item.add_manifest(ImageBuilder::docker().config(config.descriptor()).build());
        item.blobs.push(config);
        list = list.platform(&image, "linux", architecture);
        images.push(image);
    }
    let list = item.add_manifest(list.build());
    item.tag("list");
    item.push(context).await?;
    Ok((list, images.swap_remove(1)))
}

async fn list_to_everybody(mut context: Context) -> Outcome {
    let (list, _) = push_list(&mut context).await?;
    for accept in ANYTHING.into_iter().chain([Some(media_type::DOCKER_LIST)]) {
        check(&context, "list", accept, &list).await?;
    }
    Ok(())
}

async fn list_to_old_clients(mut context: Context) -> Outcome {
    let (_, image) = push_list(&mut context).await?;
    check(&context, "list", Some(media_type::DOCKER_IMAGE), &image).await
}

async fn list_by_digest(mut context: Context) -> Outcome {
    let (list, _) = push_list(&mut context).await?;
    for accept in ANYTHING.into_iter().chain([Some(media_type::DOCKER_IMAGE)]) {
        check(&context, &list.digest, accept, &list).await?;
    }
    Ok(())
}
