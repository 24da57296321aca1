//! Removing uploads that nobody finished.
//!
//! To be written: `PurgeOptions`, `PurgeReport`, `purge_once`, `run`.
