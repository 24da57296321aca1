//! The behaviour suite on the in-memory driver, as a file system and as an object store.

#![allow(clippy::unwrap_used, reason = "tests panic by design")]

mod budget;
mod failing_requests;
mod object_store;
mod odd_service;
mod parts;
mod plain;
mod tiny_parts;
