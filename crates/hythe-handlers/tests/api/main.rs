//! The API over a registry in memory, request by request.

mod access;
mod base;
mod blob;
mod blob_upload;
mod catalog;
mod manifests;
mod properties;
mod referrers;
mod server;
mod tags;
