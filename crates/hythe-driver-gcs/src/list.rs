use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::Method;
use hythe_driver::objects::{KeyRoot, Object, ObjectStore, Page, PageRequest, PageStart};
use hythe_driver::{Error, Result};
use serde::Deserialize;

use crate::client::Client;
use crate::error::{self, NAME};
use crate::resource::{FIELDS, Resource};
use crate::session;
use crate::{delete, read};

/// The bucket as directories see it.
#[derive(Debug)]
pub(crate) struct Store {
    client: Arc<Client>,
    keys: KeyRoot,
    sessions: Sessions,
}

/// What becomes of objects that stand for unfinished uploads.
#[derive(Debug)]
enum Sessions {
    /// They are no files, so nobody sees them.
    Hidden,
    /// They are told, and their addresses gathered, because they are about to be deleted.
    Gathered(Mutex<Vec<Resource>>),
}

impl Store {
    /// For whoever looks for files.
    pub(crate) fn new(client: &Arc<Client>, keys: &KeyRoot) -> Self {
        Self::with(client, keys, Sessions::Hidden)
    }

    /// For deleting a directory with all in it.
    pub(crate) fn to_delete(client: &Arc<Client>, keys: &KeyRoot) -> Self {
        Self::with(client, keys, Sessions::Gathered(Mutex::default()))
    }

    fn with(client: &Arc<Client>, keys: &KeyRoot, sessions: Sessions) -> Self {
        Self {
            client: Arc::clone(client),
            keys: keys.clone(),
            sessions,
        }
    }

    fn is_seen(&self, found: &Resource) -> bool {
        match &self.sessions {
            _ if !found.is_session() => true,
            Sessions::Hidden => false,
            Sessions::Gathered(sessions) => {
                sessions
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(found.clone());
                true
            }
        }
    }
}

/// A page as the service writes it.
/// <https://cloud.google.com/storage/docs/json_api/v1/objects/list>
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Listing {
    items: Vec<Resource>,
    prefixes: Vec<String>,
    next_page_token: Option<String>,
}

fn object(found: Resource) -> Object {
    Object {
        size: found.size(),
        modified: found.modified(),
        version: found.version(),
        key: found.name,
    }
}

#[async_trait]
impl ObjectStore for Store {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &KeyRoot {
        &self.keys
    }

    fn seeks(&self) -> bool {
        true
    }

    async fn list_page(&self, request: PageRequest<'_>) -> Result<Page> {
        let mut query = format!(
            "{}?prefix={}&maxResults={}&fields=items({FIELDS}),prefixes,nextPageToken",
            self.client.objects_path(),
            Client::encode(request.prefix),
            request.limit
        );
        if request.delimited {
            query.push_str("&delimiter=%2F");
        }
        let _ = match request.start {
            PageStart::First => Ok(()),
            PageStart::After(key) => write!(query, "&startOffset={}", Client::encode(key)),
            PageStart::Continue(token) => write!(query, "&pageToken={}", Client::encode(token)),
        };
        let request = self
            .client
            .request(Method::GET, "LIST objects under", request.prefix, &query);
        let answered = self.client.json_of(&request).await;
        let listing: Listing = answered.map_err(|failure| failure.missing_bucket().alone())?;
        let seen = listing.items.into_iter().filter(|found| self.is_seen(found));
        Ok(Page {
            objects: seen.map(object).collect(),
            prefixes: listing.prefixes,
            next: listing.next_page_token.filter(|token| !token.is_empty()),
        })
    }

    async fn head_object(&self, key: &str) -> Result<Object> {
        let mut found = read::look(&self.client, key)
            .await
            .map_err(error::Failure::alone)?;
        if found.is_session() {
            return Err(Error::new(NAME, "stat", hythe_driver::ErrorKind::NotFound));
        }
        key.clone_into(&mut found.name);
        Ok(object(found))
    }

    async fn delete_keys(&self, keys: &[String]) -> Result<()> {
        let deleted = delete::objects(&self.client, keys).await;
        deleted.map_err(error::Failure::alone)
    }

    /// Sessions cannot be listed; those are known of which an object in the listing tells.
    async fn abort_uploads(&self, _key: &str) -> Result<bool> {
        let Sessions::Gathered(sessions) = &self.sessions else {
            return Ok(false);
        };
        let gathered = std::mem::take(&mut *sessions.lock().unwrap_or_else(PoisonError::into_inner));
        for found in &gathered {
            if let Some(address) = session::address_in(found) {
                let cancelled = session::cancel(&self.client, &found.name, address).await;
                cancelled.map_err(error::Failure::alone)?;
            }
        }
        Ok(!gathered.is_empty())
    }
}
