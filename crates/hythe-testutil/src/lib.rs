//! Test helpers of the Hythe registry: random content, manifests, a test server, an HTTP client.
