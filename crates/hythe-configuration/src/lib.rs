//! Typed configuration of the Hythe registry, read from YAML and the environment.
