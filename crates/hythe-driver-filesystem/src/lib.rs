//! The filesystem storage driver of the Hythe registry.
