//! Tags as query parameters of a manifest pushed by digest.

use hythe_testutil::{Algorithm, Content, Response};

use crate::context::{Context, manifest_path, with_query};
use crate::failure::{Failure, Outcome, ensure};
use crate::item::{Item, list_tags};
use crate::suite::{Group, Scope};

pub(super) fn tag_parameters() -> Group {
    let mut group = Group::new(
        "tag-param",
        Scope::Specification,
        "a manifest pushed by digest can be tagged on the way",
    );
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for count in [1, 2, 10] {
            let name = format!("{count} tags are set on an image by {}", algorithm.name());
            group = group.case(name, move |context| tagged(context, algorithm, count));
        }
        group = group.case(
            format!("an index and its images by {} are tagged", algorithm.name()),
            move |context| index(context, algorithm),
        );
    }
    group.case("a tag is moved by a tag parameter", moved)
}

async fn push(context: &Context, manifest: &Content, tags: &[String]) -> Outcome {
    let path = manifest_path(&context.repository, &manifest.digest);
    let target = tags
        .iter()
        .fold(path, |target, tag| with_query(&target, "tag", tag));
    let request = hythe_testutil::Request::put(target)
        .header("content-type", &manifest.media_type)
        .body(manifest.bytes.clone());
    let response = context.send(request).await?;
    response
        .expect_status(&[201])?
        .expect_header("docker-content-digest", &manifest.digest)?;
    let mut listed = listed(&response);
    listed.sort_unstable();
    let mut expected: Vec<&str> = tags.iter().map(String::as_str).collect();
    expected.sort_unstable();
    ensure!(
        listed == expected,
        "{}: OCI-Tag lists {listed:?}, expected {expected:?}",
        response.request
    );
    for tag in tags {
        check_tag(context, tag, manifest).await?;
    }
    Ok(())
}

fn listed(response: &Response) -> Vec<&str> {
    let lines = response.header_values("oci-tag");
    lines
        .into_iter()
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .collect()
}

/// A tag that was set with a sha512 digest still serves those bytes; the digest in the answer is one of the bytes.
async fn check_tag(context: &Context, tag: &str, manifest: &Content) -> Outcome {
    let response = context
        .send(crate::manifest::get_manifest(&context.repository, tag))
        .await?;
    response
        .expect_status(&[200])?
        .expect_header("content-type", &manifest.media_type)?
        .expect_header("docker-content-digest", &manifest.digest)?
        .expect_body(&manifest.bytes)?;
    Ok(())
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}-{number}")).collect()
}

async fn tagged(mut context: Context, algorithm: Algorithm, count: usize) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, algorithm, "amd64");
    item.push_blobs(&context).await?;
    let tags = names("tag", count);
    push(&context, &image, &tags).await?;
    let found = list_tags(&context, &crate::context::tags_path(&context.repository)).await?;
    ensure!(found == tags, "the tag list is {found:?}, expected {tags:?}");
    context
        .check_manifest(&context.repository, &image.digest, &image)
        .await?;
    for tag in &tags {
        context.delete_manifest(&context.repository, tag).await?;
    }
    context.delete_manifest(&context.repository, &image.digest).await
}

async fn index(mut context: Context, algorithm: Algorithm) -> Outcome {
    let mut item = Item::default();
    item.add_index(&mut context, algorithm);
    item.push_blobs(&context).await?;
    for (position, manifest) in item.manifests.iter().enumerate() {
        push(&context, manifest, &names(&format!("m{position}"), 2))
            .await
            .map_err(|failure: Failure| failure.while_doing(&format!("manifest {position}")))?;
    }
    item.check(&context).await
}

async fn moved(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let images = [
        item.add_image(&mut context, Algorithm::Sha256, "amd64"),
        item.add_image(&mut context, Algorithm::Sha256, "amd64"),
    ];
    item.push_blobs(&context).await?;
    for image in &images {
        push(&context, image, &names("tag", 2)).await?;
    }
    Ok(())
}
