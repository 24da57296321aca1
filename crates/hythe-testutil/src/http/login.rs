//! Getting in: what a registry asked for, and the tokens that were fetched for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::challenge::Challenge;
use super::options::{Credentials, Options};
use super::response::Response;
use super::seen::{Seen, count};
use super::tokens;
use crate::error::Error;

/// A client's credentials and what it has got for them.
pub(super) struct Login {
    credentials: Credentials,
    options: Options,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_basic: bool,
    /// Realm and service of the last challenge that asked for a token.
    token_server: Option<(String, String)>,
    /// The value of `Authorization`, and when it is too old.
    tokens: HashMap<Purpose, (String, Instant)>,
}

/// Requests that need the same rights: of one kind, on one repository, with one source.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Purpose(String);

impl Purpose {
    pub(super) fn of(method: &str, target: &str) -> Self {
        let kind = match method {
            "GET" | "HEAD" => "read",
            "POST" | "PUT" | "PATCH" => "write",
            other => other,
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let ends = ["/manifests/", "/blobs/", "/tags/", "/referrers/"].map(|part| path.rfind(part));
        let resource = ends.into_iter().flatten().max().map_or(path, |end| &path[..end]);
        let source = query.split('&').find(|parameter| parameter.starts_with("from="));
        Self(format!("{kind} {resource} {}", source.unwrap_or_default()))
    }
}

impl Login {
    pub(super) fn new(options: &Options) -> Option<Self> {
        Some(Self {
            credentials: options.credentials.clone()?,
            options: options.clone(),
            state: Mutex::default(),
        })
    }

    /// The value of `Authorization` that is known to be right for this.
    pub(super) fn authorization(&self, purpose: &Purpose) -> Option<String> {
        let state = self.state();
        if state.is_basic {
            return Some(self.credentials.basic());
        }
        let (token, until) = state.tokens.get(purpose)?;
        (Instant::now() < *until).then(|| token.clone())
    }

    /// The value of `Authorization` for an answer that demands one; `None`: there is nothing to answer with, or what
    /// was sent was just this.
    pub(super) async fn answer(
        &self,
        refusal: &Response,
        purpose: &Purpose,
        seen: &Seen,
    ) -> Result<Option<String>, Error> {
        let challenge = refusal.header("www-authenticate").and_then(Challenge::parse);
        match challenge {
            None => Ok(None),
            Some(Challenge::Basic) => {
                let is_known = std::mem::replace(&mut self.state().is_basic, true);
                Ok((!is_known).then(|| self.credentials.basic()))
            }
            Some(Challenge::Bearer {
                realm,
                service,
                scopes,
            }) => {
                self.state().token_server = Some((realm.clone(), service.clone()));
                let token =
                    tokens::fetch(&realm, &service, &scopes, &self.credentials, &self.options).await?;
                count(&seen.tokens);
                let authorization = format!("Bearer {}", token.text);
                // Not used to its very end, so that it does not expire on the way.
                let until = Instant::now() + token.lasts / 2;
                let mut state = self.state();
                state
                    .tokens
                    .insert(purpose.clone(), (authorization.clone(), until));
                Ok(Some(authorization))
            }
        }
    }

    /// A token for these scopes, from the token server that the registry named.
    pub(super) async fn token_for(&self, scopes: &[String]) -> Result<Option<String>, Error> {
        let Some((realm, service)) = self.state().token_server.clone() else {
            return Ok(None);
        };
        let token = tokens::fetch(&realm, &service, scopes, &self.credentials, &self.options).await?;
        Ok(Some(format!("Bearer {}", token.text)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_need_the_same_rights_share_a_token() {
        let same = |left: (&str, &str), right: (&str, &str)| {
            Purpose::of(left.0, left.1) == Purpose::of(right.0, right.1)
        };
        assert!(same(("GET", "/v2/a/manifests/x"), ("HEAD", "/v2/a/blobs/y?z=1")));
        assert!(same(
            ("POST", "/v2/a/blobs/uploads/"),
            ("PUT", "/v2/a/manifests/x")
        ));
        assert!(!same(
            ("GET", "/v2/a/tags/list"),
            ("POST", "/v2/a/blobs/uploads/")
        ));
        assert!(!same(("GET", "/v2/a/tags/list"), ("GET", "/v2/b/tags/list")));
        assert!(!same(
            ("POST", "/v2/a/blobs/uploads/"),
            ("POST", "/v2/a/blobs/uploads/?mount=x&from=b"),
        ));
        assert!(!same(
            ("DELETE", "/v2/a/manifests/x"),
            ("PUT", "/v2/a/manifests/x")
        ));
    }
}
