//! Descriptors, media types and manifests of a container registry.
