//! The API over a registry in memory, request by request.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod base;
mod blob;
mod blob_upload;
mod catalog;
mod classes;
mod failures;
mod files;
mod manifests;
mod properties;
mod redirect;
mod referrers;
mod server;
mod tags;
