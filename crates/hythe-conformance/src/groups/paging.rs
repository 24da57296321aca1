//! Lists in pages: tags and the catalog, by `n`, `last` and `Link`.

use futures_util::{StreamExt as _, stream};
use hythe_testutil::{Algorithm, Request};
use serde_json::Value;

use crate::context::{Context, tags_path, with_query};
use crate::failure::{Failure, Outcome, ensure};
use crate::item::{Item, list_tags};
use crate::manifest::put_manifest;
use crate::suite::{Group, Scope};

const TAGS: [&str; 9] = ["1.0", "1.10", "1.2", "Latest", "_x", "a", "b.c", "b_c", "latest"];

pub(super) fn tags() -> Group {
    let mut group = Group::new(
        "tags",
        Scope::Specification,
        "tags are listed in order and in pages",
    )
    .case("all tags are listed in order", all_tags)
    .case("n=0 is an empty list without a Link", none)
    .case("last begins after a tag, which need not exist", last)
    .case("last beyond the end is an empty list", beyond)
    .case(
        "a number that is none is 400 PAGINATION_NUMBER_INVALID",
        bad_number,
    )
    .case("1200 tags are listed, in order and by following Links", many);
    for size in [1, 2, 4, 8, 9, 10] {
        group = group.case(
            format!("following Links with n={size} gives every tag once"),
            move |context| pages(context, size),
        );
    }
    group
}

pub(super) fn catalog() -> Group {
    Group::new(
        "catalog",
        Scope::Specification,
        "repositories are listed in pages",
    )
    .case("following Links gives every repository once", all_repositories)
    .case("n=0 is an empty list without a Link", no_repositories)
    .case("last is exclusive", repositories_after)
    .case(
        "a number that is none is 400 PAGINATION_NUMBER_INVALID",
        |context| async move {
            for number in ["x", "-1", "1000000"] {
                let response = context
                    .send(Request::get(with_query("/v2/_catalog", "n", number)))
                    .await?;
                response
                    .expect_status(&[400])?
                    .expect_error("PAGINATION_NUMBER_INVALID")?;
            }
            Ok(())
        },
    )
}

async fn push_tags(context: &mut Context) -> Outcome {
    let mut item = Item::default();
    item.add_image(context, Algorithm::Sha256, "amd64");
    for tag in TAGS {
        item.tag(tag);
    }
    item.push(context).await
}

async fn all_tags(mut context: Context) -> Outcome {
    push_tags(&mut context).await?;
    let mut tags = list_tags(&context, &tags_path(&context.repository)).await?;
    tags.sort();
    ensure!(tags == TAGS, "the tags are {tags:?}");
    Ok(())
}

async fn pages(mut context: Context, size: usize) -> Outcome {
    push_tags(&mut context).await?;
    let mut found = follow(
        &context,
        &with_query(&tags_path(&context.repository), "n", &size.to_string()),
        size,
    )
    .await?;
    found.sort();
    ensure!(found == TAGS, "the pages have {found:?}");
    Ok(())
}

/// Follows the links from a first page of tags; a page that is not the last one has exactly `size` entries.
async fn follow(context: &Context, first: &str, size: usize) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = Vec::new();
    let mut page = Some(first.to_owned());
    while let Some(target) = page {
        let response = context.send(Request::get(&target)).await?;
        response.expect_status(&[200])?;
        let tags = names(&response.json()?["tags"]);
        page = context.next_page(&response)?;
        ensure!(
            tags.len() <= size,
            "{target}: {} entries, not more than {size} were asked for",
            tags.len()
        );
        ensure!(
            tags.len() == size || page.is_none(),
            "{target}: {} entries and a Link",
            tags.len()
        );
        ensure!(found.len() < 10_000, "{first}: the links do not end");
        found.extend(tags);
    }
    Ok(found)
}

fn names(list: &Value) -> Vec<String> {
    let list = list.as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|name| name.as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn none(mut context: Context) -> Outcome {
    push_tags(&mut context).await?;
    let response = context
        .send(Request::get(with_query(
            &tags_path(&context.repository),
            "n",
            "0",
        )))
        .await?;
    response.expect_status(&[200])?;
    ensure!(
        response.json()?["tags"] == serde_json::json!([]),
        "n=0 gives {}",
        response.json()?["tags"]
    );
    ensure!(response.header("link").is_none(), "n=0 has a Link");
    Ok(())
}

async fn last(mut context: Context) -> Outcome {
    push_tags(&mut context).await?;
    let path = tags_path(&context.repository);
    let all = list_tags(&context, &path).await?;
    for (position, tag) in all.iter().enumerate() {
        let rest = list_tags(&context, &with_query(&path, "last", tag)).await?;
        ensure!(rest == all[position + 1..], "after {tag}: {rest:?}");
        let two = list_tags(&context, &with_query(&with_query(&path, "last", tag), "n", "2")).await?;
        let expected: Vec<_> = all.iter().skip(position + 1).take(2).cloned().collect();
        ensure!(two == expected, "two after {tag}: {two:?}, expected {expected:?}");
    }
    // "a" and "aa" stand beside each other in every order that is allowed.
    let after = list_tags(&context, &with_query(&path, "last", "aa")).await?;
    let position = all.iter().position(|tag| tag == "a").unwrap_or(0);
    ensure!(after == all[position + 1..], "after aa: {after:?}");
    Ok(())
}

async fn beyond(mut context: Context) -> Outcome {
    push_tags(&mut context).await?;
    let tags = list_tags(
        &context,
        &with_query(&tags_path(&context.repository), "last", "zzz"),
    )
    .await?;
    ensure!(tags.is_empty(), "after zzz: {tags:?}");
    Ok(())
}

async fn bad_number(mut context: Context) -> Outcome {
    push_tags(&mut context).await?;
    for number in ["x", "-1", "1.5", "99999999999999999999999"] {
        let response = context
            .send(Request::get(with_query(
                &tags_path(&context.repository),
                "n",
                number,
            )))
            .await?;
        response
            .expect_status(&[400])?
            .expect_error("PAGINATION_NUMBER_INVALID")?;
    }
    Ok(())
}

async fn many(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push(&context).await?;
    let mut expected: Vec<String> = (0..1200).map(|number| format!("v{number}")).collect();
    let requests: Vec<Request> = expected
        .iter()
        .map(|tag| put_manifest(&context.repository, tag, &image))
        .collect();
    // Each is a few calls to a storage that may be far away.
    let mut responses = stream::iter(requests)
        .map(|request| context.send(request))
        .buffer_unordered(16);
    while let Some(response) = responses.next().await {
        response?.expect_status(&[201])?;
    }
    drop(responses);
    expected.sort();
    let path = tags_path(&context.repository);
    let all = list_tags(&context, &path).await?;
    ensure!(
        all == expected,
        "{} tags are listed, not {}",
        all.len(),
        expected.len()
    );
    let found = follow(&context, &with_query(&path, "n", "250"), 250).await?;
    ensure!(
        found == expected,
        "{} tags are in the pages, not {}",
        found.len(),
        expected.len()
    );
    Ok(())
}

async fn push_repositories(context: &mut Context) -> Result<Vec<String>, Failure> {
    let base = context.repository.clone();
    let mut repositories = Vec::new();
    for number in 0..5 {
        context.repository = format!("{base}-r{number}");
        let mut item = Item::default();
        item.add_image(context, Algorithm::Sha256, "amd64");
        item.push(context).await?;
        repositories.push(context.repository.clone());
    }
    Ok(repositories)
}

async fn catalog_pages(context: &Context, first: &str, size: usize) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut page = Some(first.to_owned());
    while let Some(target) = page {
        let response = context.send(Request::get(&target)).await?;
        response.expect_status(&[200])?;
        let repositories = names(&response.json()?["repositories"]);
        ensure!(
            repositories.len() <= size,
            "{target}: {} entries",
            repositories.len()
        );
        page = context.next_page(&response)?;
        ensure!(found.len() < 100_000, "{first}: the links do not end");
        found.extend(repositories);
    }
    Ok(found)
}

async fn all_repositories(mut context: Context) -> Outcome {
    let expected = push_repositories(&mut context).await?;
    for size in [3, 100] {
        let found = catalog_pages(
            &context,
            &with_query("/v2/_catalog", "n", &size.to_string()),
            size,
        )
        .await?;
        for repository in &expected {
            let count = found.iter().filter(|found| *found == repository).count();
            ensure!(
                count == 1,
                "{repository} is listed {count} times in pages of {size}"
            );
        }
    }
    Ok(())
}

async fn no_repositories(context: Context) -> Outcome {
    let response = context.send(Request::get("/v2/_catalog?n=0")).await?;
    response.expect_status(&[200])?;
    ensure!(
        response.json()?["repositories"] == serde_json::json!([]),
        "n=0 gives {}",
        response.json()?
    );
    ensure!(response.header("link").is_none(), "n=0 has a Link");
    Ok(())
}

async fn repositories_after(mut context: Context) -> Outcome {
    let expected = push_repositories(&mut context).await?;
    let target = with_query(&with_query("/v2/_catalog", "last", &expected[1]), "n", "2");
    let response = context.send(Request::get(target)).await?;
    let found = names(&response.expect_status(&[200])?.json()?["repositories"]);
    ensure!(found == expected[2..4], "two after {}: {found:?}", expected[1]);
    Ok(())
}
