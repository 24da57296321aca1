//! A load generator for container registries.
