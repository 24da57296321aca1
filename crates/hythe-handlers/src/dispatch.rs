//! The whole API on one screen: which method on which route is what.

use http::{Method, StatusCode, header};
use hythe_api::{ApiError, Route};
use hythe_auth::Grant;

use crate::context::Call;
use crate::reply::{Answer, Reply};
use crate::request_body::RequestBody;
use crate::{base, blob, blob_upload, catalog, manifests, referrers, tags};

/// What the registry can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Ping,
    ListRepositories,
    ListTags,
    ListReferrers,
    GetManifest,
    PutManifest,
    DeleteManifest,
    GetBlob,
    HeadBlob,
    DeleteBlob,
    StartUpload,
    ShowUpload,
    AppendToUpload,
    FinishUpload,
    CancelUpload,
    /// Anything but a start, of an upload that is not named.
    MissUpload,
}

/// The table. `None`: the route does not have the method. A HEAD without an operation of its own is a GET whose
/// body is dropped at the end.
fn operation(route: &Route, method: &Method) -> Option<Operation> {
    let operation = match (route, method.as_str()) {
        (Route::Base, _) => Operation::Ping,
        (Route::Catalog, "GET" | "HEAD") => Operation::ListRepositories,
        (Route::Tags { .. }, "GET" | "HEAD") => Operation::ListTags,
        (Route::Referrers { .. }, "GET" | "HEAD") => Operation::ListReferrers,

        (Route::Manifest { .. }, "GET" | "HEAD") => Operation::GetManifest,
        (Route::Manifest { .. }, "PUT") => Operation::PutManifest,
        (Route::Manifest { .. }, "DELETE") => Operation::DeleteManifest,

        (Route::Blob { .. }, "GET") => Operation::GetBlob,
        (Route::Blob { .. }, "HEAD") => Operation::HeadBlob,
        (Route::Blob { .. }, "DELETE") => Operation::DeleteBlob,

        (Route::BlobUploads { .. } | Route::BlobUpload { .. }, "POST") => Operation::StartUpload,
        (Route::BlobUploads { .. }, "GET" | "HEAD" | "PATCH" | "PUT" | "DELETE") => Operation::MissUpload,
        (Route::BlobUpload { .. }, "GET" | "HEAD") => Operation::ShowUpload,
        (Route::BlobUpload { .. }, "PATCH") => Operation::AppendToUpload,
        (Route::BlobUpload { .. }, "PUT") => Operation::FinishUpload,
        (Route::BlobUpload { .. }, "DELETE") => Operation::CancelUpload,
        _ => return None,
    };
    Some(operation)
}

/// Does what the request asks for. Access was granted before.
pub(crate) async fn dispatch(call: &Call<'_>, grant: &Grant, route: &Route, body: RequestBody) -> Answer {
    let allowed = allowed_methods(call, route);
    let Some(operation) = operation(route, call.method())
        .filter(|operation| *operation == Operation::Ping || allowed.contains(call.method()))
    else {
        return not_allowed(call, allowed);
    };
    match (operation, route) {
        (Operation::Ping, _) => base::ping(),
        (Operation::ListRepositories, _) => catalog::list(call).await,
        (Operation::ListTags, Route::Tags { name }) => tags::list(call, name).await,
        (Operation::ListReferrers, Route::Referrers { name, digest }) => {
            referrers::list(call, name, digest).await
        }

        (Operation::GetManifest, Route::Manifest { name, reference }) => {
            manifests::get(call, name, reference).await
        }
        (Operation::PutManifest, Route::Manifest { name, reference }) => {
            manifests::put(call, grant, name, reference, body).await
        }
        (Operation::DeleteManifest, Route::Manifest { name, reference }) => {
            manifests::delete(call, name, reference).await
        }

        (Operation::GetBlob, Route::Blob { name, digest }) => blob::get(call, name, digest).await,
        (Operation::HeadBlob, Route::Blob { name, digest }) => blob::head(call, name, digest).await,
        (Operation::DeleteBlob, Route::Blob { name, digest }) => blob::delete(call, name, digest).await,

        (Operation::StartUpload, Route::BlobUploads { name }) => blob_upload::start(call, name, body).await,
        (Operation::StartUpload, Route::BlobUpload { name, uuid }) => {
            blob_upload::start_beside(call, name, uuid, body).await
        }
        (Operation::ShowUpload, Route::BlobUpload { name, uuid }) => {
            blob_upload::show(call, name, uuid).await
        }
        (Operation::AppendToUpload, Route::BlobUpload { name, uuid }) => {
            blob_upload::append(call, name, uuid, body).await
        }
        (Operation::FinishUpload, Route::BlobUpload { name, uuid }) => {
            blob_upload::finish(call, name, uuid, body).await
        }
        (Operation::CancelUpload, Route::BlobUpload { name, uuid }) => {
            blob_upload::cancel(call, name, uuid).await
        }
        (Operation::MissUpload, _) => blob_upload::miss(),
        _ => not_allowed(call, allowed),
    }
}

fn allowed_methods(call: &Call<'_>, route: &Route) -> &'static [Method] {
    if call.shared.read_only {
        route.read_only_methods()
    } else {
        route.allowed_methods()
    }
}

/// OPTIONS asks which methods there are; all others are told.
fn not_allowed(call: &Call<'_>, allowed: &[Method]) -> Answer {
    if *call.method() == Method::OPTIONS {
        let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
        return Reply::new(StatusCode::OK)
            .text(header::ALLOW, names.join(", "))
            .no_content()
            .into();
    }
    Err(ApiError::method_not_allowed(allowed).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_exactly_the_methods_that_are_announced() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let methods = [
            "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "CONNECT", "BREW",
        ];
        for path in [
            "/v2/_catalog",
            "/v2/a/tags/list",
            "/v2/a/manifests/latest",
            "/v2/a/blobs/uploads/",
            "/v2/a/blobs/uploads/x",
            &format!("/v2/a/blobs/{digest}"),
            &format!("/v2/a/referrers/{digest}"),
        ] {
            let route = Route::parse(path).unwrap();
            let has = |method: &&&str| operation(&route, &method.parse().unwrap()).is_some();
            let in_table: Vec<_> = methods.iter().filter(has).copied().collect();
            let announced: Vec<_> = route.allowed_methods().iter().map(Method::as_str).collect();
            assert_eq!(in_table, announced, "{path}");
        }
    }
}
