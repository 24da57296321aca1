//! The wire contract of the /v2/ registry API: routes, errors, ranges, pagination.
//!
//! Everything a server and its clients have to agree on is here once, as values: [`Route`] reads and builds
//! paths, [`UrlBuilder`] the URLs that a server hands out, [`ErrorCode`] and [`ApiError`] the error document,
//! [`RequestedRange`] and [`ContentRange`] the two kinds of ranges, [`Accept`] what a client can take,
//! [`Query`] its parameters, [`UploadState`] the token that travels with an upload.
//!
//! The hard decision is that paths are matched by hand and not by a router. Names of repositories contain
//! slashes and may end in `tags/list` or `blobs/uploads`, so a path is read from its end: the last two or
//! three segments decide the route, whatever is before them is the name. A test holds [`Route::parse`] and
//! [`Route::to_path`] together.
//!
//! Behaviour is that of distribution v3, except where the [OCI distribution specification][spec] or the HTTP
//! RFCs ask for something else. This crate does no IO and knows no server: of HTTP it uses the types of the
//! `http` crate.
//!
//! [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
//!
//! ```
//! use hythe_api::Route;
//!
//! let route = Route::parse("/v2/library/ubuntu/manifests/latest")?;
//! assert_eq!(route.repository().map(|name| name.as_str()), Some("library/ubuntu"));
//! assert_eq!(route.to_path(), "/v2/library/ubuntu/manifests/latest");
//! # Ok::<(), hythe_api::RouteError>(())
//! ```

mod accept;
mod content_range;
mod documents;
mod error;
mod error_code;
mod etag;
mod forwarded;
pub mod headers;
mod pagination;
mod path;
mod query;
mod range;
mod route;
mod upload_state;
mod urls;

pub use crate::accept::{Accept, Wanted};
pub use crate::content_range::{ContentRange, ContentRangeError};
pub use crate::documents::{RepositoryList, TagList};
pub use crate::error::{ApiError, ErrorEntry, ErrorEnvelope};
pub use crate::error_code::{ErrorCode, UnknownErrorCode};
pub use crate::etag::{
    Precondition, evaluate_preconditions, if_match, if_none_match, if_range, manifest_not_modified,
};
pub use crate::pagination::{DEFAULT_CATALOG_ENTRIES, PageQuery, catalog_page, next_link, tags_page};
pub use crate::path::{PathError, decode_path, strip_prefix};
pub use crate::query::Query;
pub use crate::range::{RequestedRange, Span};
pub use crate::route::{Route, RouteError};
pub use crate::upload_state::{UploadState, UploadStateError};
pub use crate::urls::UrlBuilder;
