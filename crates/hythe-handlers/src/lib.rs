//! The HTTP semantics of the /v2/ registry API over the interfaces of hythe-distribution.
//!
//! [`Handlers`] is a [`tower_service::Service`] from requests to responses; it knows neither sockets nor storage.
//! A server puts the [`RequestContext`] (peer, encryption) into each request's extensions, and takes the
//! [`ResponseBody`] apart: a file is still a file there, so that the connection can send it without copying.
//!
//! Every request takes the same way, from `service.rs`: path to route, authorization, the one table of `dispatch.rs`,
//! a handler, one line in the log. What the registry refuses becomes status and document in `error.rs` and
//! nowhere else; a client's mistake is never a 5xx, and no cause or path from below reaches a client.
//!
//! The hard decision is who lives longer, the request or its upload. The bytes of a body are copied by a task of
//! their own (`upload_body.rs`), which keeps what came when the client goes away; everything else is plain
//! futures that may be dropped anywhere. So a server calls [`Handlers::join`] before it ends.
//!
//! What this crate deliberately does not know: configuration, storage drivers, caches, connections, TLS.

mod authorize;
mod base;
mod batches;
mod blob;
mod blob_upload;
mod block_pool;
mod catalog;
mod classes;
mod client;
mod context;
mod dispatch;
mod error;
mod log;
mod manifests;
mod multipart;
mod options;
mod redirect;
mod referrers;
mod reply;
mod request_body;
mod response_body;
mod service;
mod tags;
mod upload_body;

pub use crate::context::{RequestContext, RouteObserver};
pub use crate::log::Completed;
pub use crate::options::{HandlersOptions, UrlOptions};
pub use crate::redirect::RedirectPolicy;
pub use crate::response_body::{ResponseBody, ResponseBodyError};
pub use crate::service::Handlers;
pub use crate::upload_body::UploadMemory;
