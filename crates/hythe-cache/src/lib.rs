//! An in-memory blob descriptor cache for the Hythe registry.
