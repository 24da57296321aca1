//! Trees as distribution wrote them, releases 2.0 to 3.1, and the tree that we write.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hythe_digest::{Algorithm, Digest, Digester};
use hythe_distribution::{
    BlobCreated, BlobRange, CreateOptions, Error, Mount, Namespace, PageRequest, PutManifestOptions,
    ReferrersQuery, Repository, ResumeOptions, Trust, UploadId,
};
use hythe_driver::StorageDriver;
use hythe_driver_filesystem::{FilesystemDriver, FilesystemParameters};
use hythe_manifest::{Descriptor, ImageBuilder, Manifest, MediaType};
use hythe_reference::{RepositoryName, Tag};
use hythe_storage::Registry;
use tempfile::TempDir;

use crate::registries;

const V4: &str = "3d2c7ae4-6a0e-4d6f-9c1f-1b7a4f0f6a11";

/// A directory of files, written byte by byte.
struct Tree {
    directory: TempDir,
}

impl Tree {
    fn new() -> Self {
        Self {
            directory: registries::directory(),
        }
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.directory.path().join("docker/registry/v2").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn has(&self, path: &str) -> bool {
        self.directory
            .path()
            .join("docker/registry/v2")
            .join(path)
            .exists()
    }

    fn put_content(&self, content: &[u8]) -> Digest {
        let digest = Digest::sha256(content);
        let hex = digest.hex();
        self.put(&format!("blobs/sha256/{}/{hex}/data", &hex[..2]), content);
        digest
    }

    fn put_layer(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = self.put_content(content);
        let link = format!("repositories/{repository}/_layers/sha256/{}/link", digest.hex());
        self.put(&link, digest.to_string());
        digest
    }

    fn put_manifest(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = self.put_content(content);
        let revisions = format!("repositories/{repository}/_manifests/revisions");
        self.put(
            &format!("{revisions}/sha256/{}/link", digest.hex()),
            digest.to_string(),
        );
        digest
    }

    fn put_tag(&self, repository: &str, tag: &str, digest: &Digest) {
        let tag = format!("repositories/{repository}/_manifests/tags/{tag}");
        let index = format!("{tag}/index/sha256/{}/link", digest.hex());
        self.put(&index, digest.to_string());
        self.put(&format!("{tag}/current/link"), digest.to_string());
    }

    fn image(&self, repository: &str) -> (Manifest, Bytes) {
        let layer = Bytes::from_static(b"a layer");
        let config = self.put_layer(repository, b"{}");
        let digest = self.put_layer(repository, &layer);
        let image = ImageBuilder::new(Descriptor::new(Some(MediaType::OCI_CONFIG), config, 2))
            .layer(Descriptor::new(Some(MediaType::OCI_LAYER_GZIP), digest, 7))
            .build();
        (image, layer)
    }

    fn registry(&self) -> Registry {
        let parameters = FilesystemParameters::at(self.directory.path());
        let driver: Arc<dyn StorageDriver> = Arc::new(FilesystemDriver::new(parameters).unwrap());
        registries::registry(&driver)
    }

    fn repository(&self, name: &str) -> Arc<dyn Repository> {
        self.registry().repository(&RepositoryName::parse(name).unwrap())
    }

    /// Every file with its content, below `docker/registry/v2`.
    fn files(&self) -> BTreeMap<String, Bytes> {
        let root = self.directory.path().join("docker/registry/v2");
        let mut files = BTreeMap::new();
        collect(&root, &root, &mut files);
        files
    }
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, Bytes>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, Bytes::from(fs::read(&path).unwrap()));
        }
    }
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

#[tokio::test]
async fn an_image_of_the_original_is_served() {
    let tree = Tree::new();
    let (image, layer) = tree.image("library/app");
    let digest = tree.put_manifest("library/app", image.bytes());
    tree.put_tag("library/app", "v1", &digest);
    let repository = tree.repository("library/app");

    assert_eq!(repository.tags().get(&tag("v1")).await.unwrap(), digest);
    let served = repository.manifests().get(&digest).await.unwrap();
    assert_eq!(
        (served.bytes(), served.media_type()),
        (image.bytes(), image.media_type())
    );
    let content = repository
        .blobs()
        .get(&Digest::sha256(&layer), 100)
        .await
        .unwrap();
    assert_eq!(content, layer);
    let names = tree
        .registry()
        .repositories(PageRequest::default())
        .await
        .unwrap();
    assert_eq!(names.items[0].as_str(), "library/app");
    let tags = repository.tags().list(PageRequest::default()).await.unwrap();
    assert_eq!(tags.items, [tag("v1")]);
}

/// Whatever is not part of the layout, or was once.
#[tokio::test]
async fn remains_of_older_releases_are_overlooked() {
    let tree = Tree::new();
    let (image, _) = tree.image("a");
    let digest = tree.put_manifest("a", image.bytes());
    tree.put_tag("a", "v1", &digest);
    let signature = tree.put_content(b"a signature");
    let hex = digest.hex();
    for (path, content) in [
        // Signatures of schema 1.
        (
            format!(
                "_manifests/revisions/sha256/{hex}/signatures/sha256/{}/link",
                signature.hex()
            ),
            signature.to_string(),
        ),
        // Layers by tarsum.
        (
            format!("_layers/tarsum/v1/sha256/{}/link", signature.hex()),
            signature.to_string(),
        ),
        // Of a crash in the middle of a put.
        (
            format!("_manifests/revisions/sha256/{hex}/link.{V4}.tmp"),
            "sha2".to_owned(),
        ),
        (format!("_layers/sha256/{hex}/link.{V4}.tmp"), String::new()),
        // Version 1.
        ("_manifests/other".to_owned(), String::new()),
    ] {
        tree.put(&format!("repositories/a/{path}"), content);
    }
    let repository = tree.repository("a");
    let manifests = repository.manifests().list(PageRequest::default()).await.unwrap();
    assert_eq!(manifests.items, [digest]);
    repository.manifests().get(&digest).await.unwrap();
    let tags = repository.tags().list(PageRequest::default()).await.unwrap();
    assert_eq!(tags.items, [tag("v1")]);
    let found = repository
        .manifests()
        .referrers(&digest, ReferrersQuery::default())
        .await
        .unwrap();
    assert_eq!(found.items, []);
}

/// 2.1.0 linked manifests among the layers only.
#[tokio::test]
async fn a_manifest_that_is_linked_as_a_layer_is_served() {
    let tree = Tree::new();
    let (image, _) = tree.image("a");
    let digest = tree.put_layer("a", image.bytes());
    let repository = tree.repository("a");
    assert!(
        repository
            .manifests()
            .exists(&digest, Trust::Stored)
            .await
            .unwrap()
    );
    let served = repository.manifests().get(&digest).await.unwrap();
    assert_eq!(served.bytes(), image.bytes());
}

/// They cannot be served, but they can go.
#[tokio::test]
async fn a_manifest_of_schema_1_is_invalid_and_can_be_deleted() {
    let tree = Tree::new();
    let digest = tree.put_manifest("a", br#"{"schemaVersion":1,"name":"a","tag":"v1","fsLayers":[]}"#);
    tree.put_tag("a", "v1", &digest);
    let repository = tree.repository("a");
    let got = repository.manifests().get(&digest).await;
    assert!(matches!(got, Err(Error::ManifestInvalid(_))), "{got:?}");
    repository.manifests().delete(&digest).await.unwrap();
    assert_eq!(repository.tags().untag_all(&digest).await.unwrap(), [tag("v1")]);
    assert!(
        !repository
            .manifests()
            .exists(&digest, Trust::Stored)
            .await
            .unwrap()
    );
}

/// The original stores once, by sha256, and links both digests to that.
#[tokio::test]
async fn an_alias_of_the_original_is_read_mounted_and_deleted() {
    let tree = Tree::new();
    let content = Bytes::from_static(b"content");
    let digest = tree.put_layer("a", &content);
    let alias = Digest::of(Algorithm::Sha512, &content);
    let link = format!("repositories/a/_layers/sha512/{}/link", alias.hex());
    tree.put(&link, digest.to_string());
    let repository = tree.repository("a");
    for named in [&alias, &digest] {
        for trust in [Trust::Stored, Trust::Cached] {
            let stat = repository.blobs().stat(named, trust).await.unwrap();
            assert_eq!((stat.digest, stat.size), (*named, 7));
        }
        let blob = repository.blobs().open(named, BlobRange::Full).await.unwrap();
        assert_eq!(blob.descriptor.digest, *named);
        assert_eq!(repository.blobs().get(named, 100).await.unwrap(), content);
    }

    let other = tree.repository("b");
    let options = CreateOptions {
        mount: Some(Mount {
            digest: alias,
            from: vec![repository.name().clone()],
        }),
        algorithm: None,
    };
    let mounted = other.blobs().create(options).await.unwrap();
    assert!(matches!(mounted, BlobCreated::Mounted(_)), "{mounted:?}");
    assert_eq!(other.blobs().get(&alias, 100).await.unwrap(), content);

    // Where the original answers with an internal error: its alias leads nowhere once the other link is gone.
    repository.blobs().delete(&digest).await.unwrap();
    assert_eq!(repository.blobs().get(&alias, 100).await.unwrap(), content);
    repository.blobs().delete(&alias).await.unwrap();
    let stat = repository.blobs().stat(&alias, Trust::Cached).await;
    assert!(matches!(stat, Err(Error::BlobUnknown { .. })), "{stat:?}");
}

#[tokio::test]
async fn a_damaged_link_is_told_and_can_be_deleted() {
    let tree = Tree::new();
    let digest = tree.put_layer("a", b"content");
    let link = format!("repositories/a/_layers/sha256/{}/link", digest.hex());
    for damage in [
        format!("{digest}\n"),
        String::new(),
        "sha256:abc".to_owned(),
        "x".repeat(5000),
    ] {
        tree.put(&link, &damage);
        let repository = tree.repository("a");
        let stat = repository.blobs().stat(&digest, Trust::Stored).await;
        assert!(matches!(stat, Err(Error::Damaged { .. })), "{damage:?}: {stat:?}");
        repository.blobs().delete(&digest).await.unwrap();
        assert!(!tree.has(&link), "{damage:?}");
    }
}

/// What an upload of the original looks like after `received` bytes.
fn put_upload(tree: &Tree, started_at: &str, received: &[u8], states: &[(usize, Vec<u8>)]) -> UploadId {
    let upload = format!("repositories/a/_uploads/{V4}");
    tree.put(&format!("{upload}/startedat"), started_at);
    tree.put(&format!("{upload}/data"), received);
    for (offset, state) in states {
        tree.put(&format!("{upload}/hashstates/sha256/{offset}"), state);
    }
    UploadId::parse(V4).unwrap()
}

fn state_after(content: &[u8]) -> Vec<u8> {
    let mut digester = Digester::new(Algorithm::Sha256);
    digester.update(content);
    digester.save_state()
}

#[tokio::test]
async fn an_upload_of_the_original_is_finished() {
    let content = Bytes::from(
        (0..1000_u32)
            .map(|number| (number % 251) as u8)
            .collect::<Vec<u8>>(),
    );
    let received = &content[..600];
    let check = async |states: &[(usize, Vec<u8>)], what: &str| {
        let tree = Tree::new();
        let id = put_upload(&tree, "2026-11-21T18:14:09.123456789Z", received, states);
        let repository = tree.repository("a");
        let status = repository.blobs().upload_status(&id).await.unwrap();
        assert_eq!(status.size, 600, "{what}");
        let since = status.started_at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 1_795_284_849, "{what}");

        let expected = ResumeOptions {
            expected_size: Some(600),
            ..ResumeOptions::default()
        };
        let mut writer = repository.blobs().resume(&id, expected).await.unwrap();
        writer.write(vec![content.slice(600..)]).await.unwrap();
        let digest = Digest::sha256(&content);
        writer.commit(&digest).await.unwrap();
        assert_eq!(
            repository.blobs().get(&digest, 10_000).await.unwrap(),
            content,
            "{what}"
        );
        assert!(!tree.has(&format!("repositories/a/_uploads/{V4}")), "{what}");
    };
    let other = state_after(b"something else");
    check(&[(0, state_after(b"")), (600, state_after(received))], "complete").await;
    check(&[(0, state_after(b""))], "no state of this size").await;
    check(&[], "no states").await;
    check(&[(600, b"sha\x03 but short".to_vec())], "a damaged state").await;
    check(&[(600, vec![0; 108])], "a state of a very old release").await;
    check(&[(600, other)], "a state of another size").await;
    check(
        &[
            (599, state_after(&content[..599])),
            (601, state_after(&content[..601])),
        ],
        "neighbours",
    )
    .await;
}

#[tokio::test]
async fn start_times_of_every_form_are_read() {
    for (text, seconds) in [
        ("2026-11-21T18:14:09Z", 1_795_284_849),
        ("2026-11-21T18:14:09.5Z", 1_795_284_849),
        ("2026-11-21T19:14:09+01:00", 1_795_284_849),
        ("2026-11-21T10:14:09.000000001-08:00", 1_795_284_849),
    ] {
        let tree = Tree::new();
        let id = put_upload(&tree, text, b"", &[]);
        let status = tree.repository("a").blobs().upload_status(&id).await.unwrap();
        let since = status.started_at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(
            Duration::from_secs(since.as_secs()),
            Duration::from_secs(seconds),
            "{text}"
        );
    }
}

/// What the original leaves of a cancelled upload is no upload.
#[tokio::test]
async fn an_upload_without_start_is_unknown() {
    let tree = Tree::new();
    let state = format!("repositories/a/_uploads/{V4}/hashstates/sha256/0");
    tree.put(&state, state_after(b""));
    let id = UploadId::parse(V4).unwrap();
    let repository = tree.repository("a");
    let status = repository.blobs().upload_status(&id).await;
    assert!(matches!(status, Err(Error::UploadUnknown { .. })), "{status:?}");
    let resumed = repository.blobs().resume(&id, ResumeOptions::default()).await;
    assert!(matches!(resumed, Err(Error::UploadUnknown { .. })), "{resumed:?}");
}

/// Byte for byte what the original would write, and the index of referrers beside it.
#[tokio::test]
async fn a_push_writes_the_tree_of_the_original() {
    let ours = Tree::new();
    let repository = ours.repository("library/app");
    let layer = Bytes::from_static(b"a layer");
    for content in [Bytes::from_static(b"{}"), layer.clone()] {
        let created = repository.blobs().create(CreateOptions::default()).await.unwrap();
        let BlobCreated::Upload(mut writer) = created else {
            panic!("{created:?}")
        };
        let digest = Digest::sha256(&content);
        let id = writer.id();
        writer.write(vec![content]).await.unwrap();
        writer.suspend().await.unwrap();
        let writer = repository
            .blobs()
            .resume(&id, ResumeOptions::default())
            .await
            .unwrap();
        writer.commit(&digest).await.unwrap();
    }
    let theirs = Tree::new();
    let (image, _) = theirs.image("library/app");
    let digest = theirs.put_manifest("library/app", image.bytes());
    theirs.put_tag("library/app", "v1", &digest);
    repository
        .manifests()
        .put(&image, PutManifestOptions::default())
        .await
        .unwrap();
    repository.tags().tag(&tag("v1"), &digest).await.unwrap();

    let mut written = ours.files();
    written.retain(|path, _| !path.starts_with("repositories/library/app/_referrers/"));
    assert_eq!(written, theirs.files());
}

/// An open upload, as the original would find it to go on.
#[tokio::test]
async fn an_upload_is_kept_as_the_original_keeps_it() {
    let tree = Tree::new();
    let repository = tree.repository("a");
    let created = repository.blobs().create(CreateOptions::default()).await.unwrap();
    let BlobCreated::Upload(mut writer) = created else {
        panic!("{created:?}")
    };
    let id = writer.id();
    writer.write(vec![Bytes::from_static(b"content")]).await.unwrap();
    writer.suspend().await.unwrap();

    let files = tree.files();
    let upload = format!("repositories/a/_uploads/{id}");
    let file = |name: &str| files.get(&format!("{upload}/{name}")).cloned();
    assert_eq!(file("data"), Some(Bytes::from_static(b"content")));
    assert_eq!(
        file("startedat"),
        Some(Bytes::from_static(b"2026-11-21T18:14:09Z"))
    );
    assert_eq!(file("hashstates/sha256/7"), Some(state_after(b"content").into()));

    let writer = repository
        .blobs()
        .resume(&id, ResumeOptions::default())
        .await
        .unwrap();
    writer.cancel().await.unwrap();
    assert_eq!(tree.files(), BTreeMap::new());
}
