//! The interfaces of a container registry: namespace, repository, blobs, manifests and tags.
