//! Which access a request needs, and asking for it.

use http::{HeaderValue, Method, StatusCode, header};
use hythe_api::{ApiError, ErrorCode, Route};
use hythe_auth::{Access, Action, AuthError, Challenge, Grant, RequestHead};
use hythe_reference::RepositoryName;
use serde_json::{Value, json};

use crate::context::Call;
use crate::error::HttpError;

/// What a request is about, as far as access is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// Nothing in particular: the client only has to be somebody.
    Registry,
    /// The list of all repositories.
    Catalog,
    /// A repository.
    Repository(&'a RepositoryName),
}

impl<'a> Scope<'a> {
    pub(crate) fn of(route: &'a Route) -> Self {
        match route.repository() {
            Some(name) => Self::Repository(name),
            None if matches!(route, Route::Catalog) => Self::Catalog,
            None => Self::Registry,
        }
    }
}

/// Asks the access controller for what the request needs. Without a controller everybody may do everything.
pub(crate) async fn authorize(call: &Call<'_>, scope: Scope<'_>) -> Result<Grant, HttpError> {
    let access = required(scope, call.method(), call.query.get("from"));
    match ask(call, &access).await {
        Ok(grant) => Ok(grant),
        Err(AuthError::Challenge(challenge)) => Err(unauthorized(call, challenge, &access)),
        Err(error @ AuthError::TooMany { retry_after }) => {
            tracing::warn!(
                http.request.id = %call.context.request_id,
                error = &error as &dyn std::error::Error,
                "error authorizing context"
            );
            // Rounded up, so that who comes back in time is not refused again.
            let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
            let error = HttpError::from(ErrorCode::TooManyRequests);
            Err(error.with_header(header::RETRY_AFTER, HeaderValue::from(seconds)))
        }
        Err(error) => {
            tracing::error!(
                http.request.id = %call.context.request_id,
                error = &error as &dyn std::error::Error,
                "error authorizing context"
            );
            Err(HttpError::bare(StatusCode::BAD_REQUEST))
        }
    }
}

/// Whether the client of this request also has other access.
pub(crate) async fn may(call: &Call<'_>, access: &[Access]) -> bool {
    ask(call, access).await.is_ok()
}

async fn ask(call: &Call<'_>, access: &[Access]) -> Result<Grant, AuthError> {
    let Some(controller) = &call.shared.access else {
        return Ok(Grant::default());
    };
    let head = RequestHead {
        headers: call.headers(),
        host: call.host(),
        remote: call.client(),
    };
    controller.authorize(head, access).await
}

/// The access records of a request. A method that no route has needs none: who may ask at all learns from the
/// answer that it is not allowed.
fn required(scope: Scope<'_>, method: &Method, from: Option<&str>) -> Vec<Access> {
    let name = match scope {
        Scope::Registry => return Vec::new(),
        Scope::Catalog => return vec![Access::catalog()],
        Scope::Repository(name) => name,
    };
    let actions: &[Action] = match *method {
        Method::GET | Method::HEAD => &[Action::Pull],
        Method::POST | Method::PUT | Method::PATCH => &[Action::Pull, Action::Push],
        Method::DELETE => &[Action::Delete],
        _ => &[],
    };
    let mut access: Vec<_> = actions
        .iter()
        .map(|action| Access::repository(name, *action))
        .collect();
    // What is no name is no source either: the mount is not tried. It must not get into a challenge, where a blank
    // would begin another scope.
    if let Some(source) = from.and_then(|source| RepositoryName::parse(source).ok()) {
        access.push(Access::repository(&source, Action::Pull));
    }
    access
}

fn unauthorized(call: &Call<'_>, challenge: Challenge, access: &[Access]) -> HttpError {
    tracing::warn!(
        http.request.id = %call.context.request_id,
        reason = challenge.reason,
        "error authorizing context"
    );
    let records: Vec<_> = access.iter().map(record).collect();
    let detail = if records.is_empty() {
        Value::Null
    } else {
        Value::Array(records)
    };
    let mut error = HttpError::from(ApiError::new(ErrorCode::Unauthorized).with_detail(detail));
    for value in challenge.authenticate {
        error = error.with_header(header::WWW_AUTHENTICATE, value);
    }
    error
}

/// A record in the words of distribution, which marshals its Go structure; nothing has a class here.
fn record(access: &Access) -> Value {
    json!({
        "Type": access.resource.kind.as_str(),
        "Class": "",
        "Name": access.resource.name,
        "Action": access.action.as_str(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scope: Scope<'_>, method: &str, from: Option<&str>, expected: &[&str]) {
        let access = required(scope, &method.parse().unwrap(), from);
        let access: Vec<_> = access.iter().map(ToString::to_string).collect();
        assert_eq!(access, expected, "{method} {scope:?} {from:?}");
    }

    #[test]
    fn method_and_route_decide_what_is_asked_for() {
        let name = RepositoryName::parse("a/b").unwrap();
        let repository = Scope::Repository(&name);
        check(Scope::Registry, "GET", None, &[]);
        check(Scope::Catalog, "GET", None, &["registry:catalog:*"]);
        check(repository, "GET", None, &["repository:a/b:pull"]);
        check(repository, "HEAD", None, &["repository:a/b:pull"]);
        for method in ["POST", "PUT", "PATCH"] {
            check(
                repository,
                method,
                None,
                &["repository:a/b:pull", "repository:a/b:push"],
            );
        }
        check(repository, "DELETE", None, &["repository:a/b:delete"]);
        check(repository, "OPTIONS", None, &[]);
    }

    #[test]
    fn a_source_has_to_be_readable_and_what_is_no_name_is_none() {
        let name = RepositoryName::parse("a").unwrap();
        let repository = Scope::Repository(&name);
        check(
            repository,
            "GET",
            Some("b/c"),
            &["repository:a:pull", "repository:b/c:pull"],
        );
        for no_name in ["../b", "b:pull repository:c", "B"] {
            check(repository, "GET", Some(no_name), &["repository:a:pull"]);
        }
        check(repository, "GET", Some(""), &["repository:a:pull"]);
    }
}
