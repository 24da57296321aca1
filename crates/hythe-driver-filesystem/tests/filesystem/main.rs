//! The behaviour suite on the filesystem driver, and what only a file system has.

mod suite;
