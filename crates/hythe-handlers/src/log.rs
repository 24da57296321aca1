//! The one line that each request leaves in the application log, under distribution's field names.

use std::error::Error;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderName, Method, Response, header};
use hythe_api::Route;
use hythe_reference::RepositoryName;
use uuid::Uuid;

use crate::context::Call;
use crate::error::HttpError;
use crate::response_body::ResponseBody;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// What a request was about, for the server's own logs and metrics; found in the extensions of its response.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Completed {
    /// The request's id.
    pub request_id: Uuid,
    /// What metrics call the route: `base`, `catalog`, `tags`, `manifest`, `blob`, `blob_upload`,
    /// `blob_upload_chunk`, `referrers`; `None` if its tag or digest is not valid.
    pub route: Option<&'static str>,
    /// The authenticated user.
    pub user: Option<String>,
}

/// How a request ended.
pub(crate) struct Ending<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) route: Option<&'a Route>,
    pub(crate) user: Option<&'a str>,
    pub(crate) failure: Option<&'a HttpError>,
    pub(crate) response: &'a Response<ResponseBody>,
    pub(crate) duration: Duration,
}

/// Writes the line: at level info when the status says so, else at level error.
pub(crate) fn write(ending: &Ending<'_>) {
    let Ending {
        call,
        route,
        user,
        failure,
        response,
        duration,
    } = ending;
    let variables = route.map(variables).unwrap_or_default();
    let document = failure.and_then(HttpError::document);
    let cause = failure.and_then(HttpError::cause).map(|cause| chain(cause));
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());

    let written = if *call.method() == Method::HEAD {
        0
    } else {
        response.body().length()
    };

    macro_rules! line {
        ($level:expr, $message:literal) => {
            tracing::event!(
                $level,
                http.request.id = %call.context.request_id,
                http.request.method = %call.method(),
                http.request.host = call.host(),
                http.request.uri = %call.parts.uri,
                http.request.remoteaddr = remote_address(call),
                http.request.useragent = call.header(header::USER_AGENT),
                http.request.contenttype = call.header(header::CONTENT_TYPE),
                http.request.referer = call.header(header::REFERER),
                vars.name = variables.name,
                vars.reference = variables.reference,
                vars.digest = variables.digest,
                vars.uuid = variables.uuid,
                auth.user.name = user,
                http.response.status = response.status().as_u16(),
                http.response.written = written,
                http.response.duration = ?duration,
                http.response.contenttype = content_type,
                err.code = document.map(|error| error.code().as_str().to_ascii_lowercase().replace('_', " ")),
                err.message = document.map(|error| error.message()),
                err.detail = document.and_then(|error| error.detail()).map(tracing::field::display),
                err.cause = cause,
                $message
            )
        };
    }
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        line!(tracing::Level::ERROR, "response completed with error");
    } else {
        line!(tracing::Level::INFO, "response completed");
    }
}

#[derive(Default)]
struct Variables<'a> {
    name: Option<&'a str>,
    reference: Option<String>,
    digest: Option<String>,
    uuid: Option<&'a str>,
}

fn variables(route: &Route) -> Variables<'_> {
    let mut variables = Variables {
        name: route.repository().map(RepositoryName::as_str),
        ..Variables::default()
    };
    match route {
        Route::Manifest { reference, .. } => variables.reference = Some(reference.to_string()),
        Route::Blob { digest, .. } | Route::Referrers { digest, .. } => {
            variables.digest = Some(digest.to_string());
        }
        Route::BlobUpload { uuid, .. } => variables.uuid = Some(uuid),
        Route::Base | Route::Catalog | Route::Tags { .. } | Route::BlobUploads { .. } => {}
    }
    variables
}

/// Where the request comes from: what proxies say if that is an address, else the peer.
fn remote_address(call: &Call<'_>) -> Option<String> {
    let forwarded_for = call.header(FORWARDED_FOR).and_then(|list| list.split(',').next());
    let named = forwarded_for
        .into_iter()
        .chain(call.header(REAL_IP))
        .map(str::trim);
    let mut addresses = named.filter(|text| text.parse::<IpAddr>().is_ok());
    addresses
        .next()
        .map(str::to_owned)
        .or_else(|| call.context.remote.map(|peer| peer.to_string()))
}

/// An error with all its causes in one text.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}
