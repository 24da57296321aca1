//! The access control contract of the Hythe registry.
