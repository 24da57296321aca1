//! `/v2/_catalog`: the repositories, a page at a time.

use http::{StatusCode, header};
use hythe_api::{PageQuery, RepositoryList, catalog_page};
use hythe_distribution::{Namespace, Page, PageRequest, Result};
use hythe_reference::RepositoryName;

use crate::context::Call;
use crate::reply::{Answer, Reply};

pub(crate) async fn list(call: &Call<'_>) -> Answer {
    let query = catalog_page(&call.query, call.shared.catalog_max_entries)?;
    let page = match query.limit {
        Some(0) => Page::default(),
        _ => page(call.shared.namespace.as_ref(), &query).await?,
    };
    let document = RepositoryList {
        repositories: page.items.iter().map(ToString::to_string).collect(),
    };
    let mut reply = Reply::json(StatusCode::OK, "application/json", &document);
    let last = document.repositories.last().filter(|_| page.next.is_some());
    if let Some(link) = last.and_then(|last| query.next_link(call.parts.uri.path(), last)) {
        reply = reply.text(header::LINK, link);
    }
    reply.into()
}

async fn page(namespace: &dyn Namespace, query: &PageQuery) -> Result<Page<RepositoryName>> {
    let after = match query.last.as_deref().map(RepositoryName::parse) {
        None => None,
        Some(Ok(name)) => Some(name),
        Some(Err(_)) => before(namespace, query.last.as_deref().unwrap_or_default()).await?,
    };
    namespace
        .repositories(PageRequest {
            after,
            limit: query.limit,
        })
        .await
}

/// The last repository that is not behind `text`, which may be anything, in the order of the catalog.
async fn before(namespace: &dyn Namespace, text: &str) -> Result<Option<RepositoryName>> {
    let mut before = None;
    loop {
        let request = PageRequest {
            after: before.clone(),
            limit: Some(1000),
        };
        let page = namespace.repositories(request).await?;
        let count = page.items.len();
        let not_behind = page.items.into_iter().take_while(|name| !is_behind(name, text));
        let found: Vec<_> = not_behind.collect();
        let all = found.len() == count;
        before = found.into_iter().next_back().or(before);
        if !all || page.next.is_none() {
            return Ok(before);
        }
    }
}

/// Names are ordered as if each ended in a slash.
fn is_behind(name: &RepositoryName, text: &str) -> bool {
    name.as_str().bytes().chain([b'/']).gt(text.bytes().chain([b'/']))
}
