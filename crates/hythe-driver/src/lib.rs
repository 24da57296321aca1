//! The storage driver contract of the Hythe registry.
