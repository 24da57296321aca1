//! The in-memory storage driver of the Hythe registry.
