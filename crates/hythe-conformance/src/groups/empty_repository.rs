//! A repository that nobody has pushed to.

use hythe_testutil::{Algorithm, Request};

use crate::context::{Context, tags_path};
use crate::failure::{Outcome, ensure};
use crate::item::Item;
use crate::suite::{Group, Scope};

pub(super) fn empty_repository() -> Group {
    Group::new(
        "empty-repository",
        Scope::Specification,
        "a repository without content is not an error of the server",
    )
    .case(
        "the tag list of an unknown repository is 404, or 200 and empty",
        unknown,
    )
    .case(
        "the tag list of a repository whose only tag was deleted is 404, or 200 and empty",
        emptied,
    )
}

async fn unknown(context: Context) -> Outcome {
    check(&context).await
}

async fn emptied(mut context: Context) -> Outcome {
    let mut item = Item::default();
    item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("only");
    item.push(&context).await?;
    context.delete_manifest(&context.repository, "only").await?;
    check(&context).await
}

async fn check(context: &Context) -> Outcome {
    let response = context.send(Request::get(tags_path(&context.repository))).await?;
    response.expect_status(&[200, 404])?;
    if response.status == 404 {
        response.expect_error("NAME_UNKNOWN")?;
    } else {
        let tags = &response.json()?["tags"];
        ensure!(tags.as_array().is_some_and(Vec::is_empty), "the list is {tags}");
    }
    Ok(())
}
