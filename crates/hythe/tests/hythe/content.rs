//! Content, and how a client pushes it.

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Client, Content, ImageBuilder, Random, Request, Response};

/// A blob that does not compress.
pub(crate) fn blob(seed: u64, length: usize) -> Content {
    Content::blob(Random::new(seed).bytes(length))
}

/// The path of a blob.
pub(crate) fn blob_path(repository: &str, blob: &Content) -> String {
    format!("/v2/{repository}/blobs/{}", blob.digest)
}

/// Pushes a blob with one request.
pub(crate) async fn push_blob(client: &Client, repository: &str, blob: &Content) -> Response {
    let target = format!("/v2/{repository}/blobs/uploads/?digest={}", blob.digest);
    let request = Request::post(target)
        .header("content-type", media_type::OCTET_STREAM)
        .body(blob.bytes.clone());
    client.send(request).await.unwrap()
}

/// Pushes a manifest by tag.
pub(crate) async fn push_manifest(
    client: &Client,
    repository: &str,
    tag: &str,
    manifest: &Content,
) -> Response {
    let request = Request::put(format!("/v2/{repository}/manifests/{tag}"))
        .header("content-type", &manifest.media_type)
        .body(manifest.bytes.clone());
    client.send(request).await.unwrap()
}

/// Pushes an image with one layer and gives its manifest.
pub(crate) async fn push_image(client: &Client, repository: &str, tag: &str) -> Content {
    let config = Content::config("linux", "amd64", 1, Algorithm::Sha256);
    let layer = blob(1, 1000);
    for blob in [&config, &layer] {
        push_blob(client, repository, blob)
            .await
            .expect_status(&[201])
            .unwrap();
    }
    let image = ImageBuilder::oci()
        .config(config.descriptor())
        .layer(layer.descriptor())
        .annotation("tag", tag)
        .build();
    push_manifest(client, repository, tag, &image)
        .await
        .expect_status(&[201])
        .unwrap();
    image
}

/// Starts an upload and gives its place.
pub(crate) async fn start_upload(client: &Client, repository: &str) -> String {
    let request = Request::post(format!("/v2/{repository}/blobs/uploads/"));
    let started = client.send(request).await.unwrap();
    started.expect_status(&[202]).unwrap();
    started.location().unwrap()
}

/// Appends to an upload and gives its next place.
pub(crate) async fn append(client: &Client, place: &str, bytes: &[u8]) -> String {
    let request = Request::patch(place)
        .header("content-type", media_type::OCTET_STREAM)
        .body(bytes.to_vec());
    let appended = client.send(request).await.unwrap();
    appended.expect_status(&[202]).unwrap();
    appended.location().unwrap()
}

/// Finishes an upload with its last bytes.
pub(crate) async fn finish(client: &Client, place: &str, bytes: &[u8], blob: &Content) -> Response {
    let separator = if place.contains('?') { '&' } else { '?' };
    let request = Request::put(format!("{place}{separator}digest={}", blob.digest))
        .header("content-type", media_type::OCTET_STREAM)
        .body(bytes.to_vec());
    client.send(request).await.unwrap()
}

/// How many bytes an upload has, as a client learns it.
pub(crate) async fn upload_size(client: &Client, place: &str) -> Option<usize> {
    let status = client.get(place).await.unwrap();
    let range = (status.status == 204).then(|| status.header("range"))??;
    let (_, last) = range.split_once('-')?;
    let last: usize = last.parse().ok()?;
    // "0-0" says nothing and one byte alike; these tests never send one byte.
    Some(if last == 0 { 0 } else { last + 1 })
}

/// Fails unless the blob is there with its bytes.
pub(crate) async fn check_blob(client: &Client, repository: &str, blob: &Content) {
    let got = client.get(&blob_path(repository, blob)).await.unwrap();
    got.expect_status(&[200])
        .unwrap()
        .expect_body(&blob.bytes)
        .unwrap();
}
