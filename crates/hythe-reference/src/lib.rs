//! Names of a container registry: repositories, tags and references.
