//! `/v2/<name>/tags/list`: the tags of a repository, all or a page at a time.

use http::{StatusCode, header};
use hythe_api::{PageQuery, TagList, tags_page};
use hythe_distribution::{Error, PageRequest, Result, TagService};
use hythe_reference::{RepositoryName, Tag};

use crate::context::Call;
use crate::reply::{Answer, Reply};

pub(crate) async fn list(call: &Call<'_>, name: &RepositoryName) -> Answer {
    let query = tags_page(&call.query, call.shared.tags_max)?;
    let tags = match query.limit {
        Some(0) => Vec::new(),
        _ => match page(call.repository(name).tags(), &query).await {
            Ok(tags) => tags,
            // Who is in the middle of a list has come to its end.
            Err(Error::RepositoryUnknown { .. }) if query.last.is_some() => Vec::new(),
            Err(error) => return Err(error.into()),
        },
    };
    let document = TagList {
        name: name.to_string(),
        tags: tags.iter().map(ToString::to_string).collect(),
    };
    let mut reply = Reply::json(StatusCode::OK, "application/json", &document);
    // As in distribution, a full page has a next one, even if nothing is left for that.
    let is_full = query.limit.is_some_and(|limit| document.tags.len() >= limit);
    let last = document.tags.last().filter(|_| is_full);
    if let Some(link) = last.and_then(|last| query.next_link(call.parts.uri.path(), last)) {
        reply = reply.text(header::LINK, link);
    }
    reply.into()
}

async fn page(tags: &dyn TagService, query: &PageQuery) -> Result<Vec<Tag>> {
    match query.last.as_deref().map(Tag::parse) {
        None => Ok(tags
            .list(PageRequest {
                after: None,
                limit: query.limit,
            })
            .await?
            .items),
        Some(Ok(last)) => Ok(tags
            .list(PageRequest {
                after: Some(last),
                limit: query.limit,
            })
            .await?
            .items),
        // Something that is no tag has its place in the order of tags all the same.
        Some(Err(_)) => {
            let last = query.last.as_deref().unwrap_or_default();
            let all = tags.list(PageRequest::default()).await?.items;
            let behind = all.into_iter().filter(|tag| tag.as_str() > last);
            Ok(behind.take(query.limit.unwrap_or(usize::MAX)).collect())
        }
    }
}
