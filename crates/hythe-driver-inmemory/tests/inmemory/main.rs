//! The behaviour suite on the in-memory driver.

mod plain;
