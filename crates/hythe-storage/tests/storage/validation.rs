//! What a manifest may refer to, as configured.

use std::sync::Arc;

use bytes::Bytes;
use hythe_digest::Digest;
use hythe_distribution::{Error, ManifestViolation, Namespace, PutManifestOptions, Repository, Result};
use hythe_driver::StorageDriver;
use hythe_driver_inmemory::InMemoryDriver;
use hythe_manifest::{
    Descriptor, DockerManifestBuilder, DockerManifestListBuilder, ImageBuilder, IndexBuilder, Manifest,
    MediaType, Platform, media_types,
};
use hythe_reference::RepositoryName;
use hythe_storage::{
    ImageBlobs, ImagePlatform, IndexPlatforms, Layout, Registry, RegistryOptions, UrlSettings,
    ValidationRules, ValidationSettings,
};

use crate::registries;

struct Fixture {
    driver: Arc<dyn StorageDriver>,
    repository: Arc<dyn Repository>,
}

impl Fixture {
    fn new(settings: &ValidationSettings) -> Self {
        let driver: Arc<dyn StorageDriver> = Arc::new(InMemoryDriver::new());
        let options = RegistryOptions {
            validation: ValidationRules::new(settings).unwrap(),
            ..registries::options()
        };
        let registry = Registry::new(driver.clone(), options);
        let repository = registry.repository(&RepositoryName::parse("a").unwrap());
        Self { driver, repository }
    }

    async fn push(&self, content: &'static str) -> Descriptor {
        let content = Bytes::from_static(content.as_bytes());
        self.repository.blobs().put(None, content.clone()).await.unwrap();
        layer(media_types::OCI_LAYER_GZIP, &content, &[])
    }

    async fn put(&self, manifest: &Manifest) -> Result<Descriptor> {
        let options = PutManifestOptions::default();
        self.repository.manifests().put(manifest, options).await
    }

    async fn violations(&self, manifest: &Manifest) -> Vec<ManifestViolation> {
        match self.put(manifest).await {
            Ok(_) => Vec::new(),
            Err(Error::ManifestVerification(violations)) => violations,
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn layer(media_type: &str, content: &Bytes, urls: &[&str]) -> Descriptor {
    let media_type = MediaType::parse(media_type).unwrap();
    let mut layer = Descriptor::new(Some(media_type), Digest::sha256(content), content.len() as u64);
    layer.urls = urls.iter().map(|&url| url.to_owned()).collect();
    layer
}

fn missing(content: &'static str) -> Descriptor {
    layer(
        media_types::OCI_LAYER_GZIP,
        &Bytes::from_static(content.as_bytes()),
        &[],
    )
}

fn child(content: &'static str, platform: Option<(&str, &str)>) -> Descriptor {
    let mut child = missing(content);
    child.media_type = Some(MediaType::OCI_MANIFEST);
    child.platform = platform.map(|(os, architecture)| Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        ..Platform::default()
    });
    child
}

fn indexes(platforms: IndexPlatforms) -> ValidationSettings {
    ValidationSettings {
        indexes: Some(platforms),
        ..ValidationSettings::default()
    }
}

#[tokio::test]
async fn without_configuration_children_may_be_missing() {
    let fixture = Fixture::new(&ValidationSettings::default());
    let child = child("child", None);
    assert_eq!(
        fixture
            .violations(&IndexBuilder::new().manifest(child.clone()).build())
            .await,
        []
    );
    assert_eq!(
        fixture
            .violations(&DockerManifestListBuilder::new().manifest(child).build())
            .await,
        []
    );
}

#[tokio::test]
async fn configured_children_are_looked_up_among_manifests() {
    let fixture = Fixture::new(&indexes(IndexPlatforms::All));
    let config = fixture.push("{}").await;
    let present = fixture
        .put(&ImageBuilder::new(config.clone()).build())
        .await
        .unwrap();
    let absent = [child("one", None), child("two", Some(("linux", "amd64")))];
    let index = IndexBuilder::new()
        .manifest(absent[0].clone())
        .manifest(present)
        .manifest(absent[1].clone())
        // A blob of the repository is no manifest of it.
        .manifest(config.clone())
        .build();
    let expected = [absent[0].digest, absent[1].digest, config.digest];
    let expected = expected.map(|digest| ManifestViolation::ManifestUnknown { digest });
    assert_eq!(fixture.violations(&index).await, expected);
}

#[tokio::test]
async fn only_listed_platforms_are_looked_up() {
    let listed = ImagePlatform {
        architecture: "amd64".to_owned(),
        os: "linux".to_owned(),
    };
    let fixture = Fixture::new(&indexes(IndexPlatforms::List(vec![listed])));
    let linux = child("linux", Some(("linux", "amd64")));
    let index = IndexBuilder::new()
        .manifest(child("windows", Some(("windows", "amd64"))))
        .manifest(child("arm", Some(("linux", "arm64"))))
        .manifest(child("nothing", None))
        .manifest(linux.clone())
        .build();
    let expected = [ManifestViolation::ManifestUnknown { digest: linux.digest }];
    assert_eq!(fixture.violations(&index).await, expected);
}

#[tokio::test]
async fn images_may_be_sparse_where_configured() {
    let fixture = Fixture::new(&ValidationSettings {
        image_blobs: ImageBlobs::None,
        ..ValidationSettings::default()
    });
    let image = ImageBuilder::new(missing("config"))
        .layer(missing("layer"))
        .build();
    assert_eq!(fixture.violations(&image).await, []);
    let index = IndexBuilder::new().manifest(child("child", None)).build();
    assert_eq!(fixture.violations(&index).await, []);
}

#[tokio::test]
async fn each_missing_blob_is_named_once() {
    let fixture = Fixture::new(&ValidationSettings::default());
    let (config, layer) = (missing("config"), missing("layer"));
    let image = ImageBuilder::new(config.clone())
        .layer(layer.clone())
        .layer(config.clone())
        .layer(layer.clone())
        .build();
    let expected = [config.digest, layer.digest].map(|digest| ManifestViolation::BlobUnknown { digest });
    assert_eq!(fixture.violations(&image).await, expected);
}

#[tokio::test]
async fn one_blob_may_be_config_and_layer() {
    let fixture = Fixture::new(&ValidationSettings::default());
    let empty = fixture.push("{}").await;
    let artifact = ImageBuilder::new(empty.clone())
        .layer(empty)
        .artifact_type(MediaType::OCTET_STREAM)
        .build();
    assert_eq!(fixture.violations(&artifact).await, []);
}

/// A link proves membership, not content: that the collector of another process has taken the content is seen.
#[tokio::test]
async fn a_blob_whose_content_is_gone_is_missing() {
    let fixture = Fixture::new(&ValidationSettings::default());
    let config = fixture.push("{}").await;
    let layer = fixture.push("layer").await;
    let content = Layout::default().blob(&layer.digest);
    fixture.driver.delete(&content).await.unwrap();
    let image = ImageBuilder::new(config).layer(layer.clone()).build();
    let expected = [ManifestViolation::BlobUnknown { digest: layer.digest }];
    assert_eq!(fixture.violations(&image).await, expected);
}

#[tokio::test]
async fn layers_that_are_elsewhere_need_not_be_here() {
    let fixture = Fixture::new(&ValidationSettings::default());
    let config = fixture.push("{}").await;
    let content = Bytes::from_static(b"elsewhere");
    let urls = &["https://example.org/layer", "http://example.org/layer"];
    for media_type in [
        media_types::OCI_LAYER_NONDISTRIBUTABLE,
        media_types::OCI_LAYER_NONDISTRIBUTABLE_GZIP,
        media_types::OCI_LAYER_NONDISTRIBUTABLE_ZSTD,
    ] {
        let elsewhere = layer(media_type, &content, urls);
        let image = ImageBuilder::new(config.clone()).layer(elsewhere).build();
        assert_eq!(fixture.violations(&image).await, [], "{media_type}");

        let nowhere = layer(media_type, &content, &[]);
        let image = ImageBuilder::new(config.clone()).layer(nowhere).build();
        let digest = Digest::sha256(&content);
        let expected = [ManifestViolation::BlobUnknown { digest }];
        assert_eq!(fixture.violations(&image).await, expected, "{media_type}");
    }
    let mut config = config;
    config.media_type = Some(MediaType::DOCKER_CONFIG);
    let foreign = layer(media_types::DOCKER_FOREIGN_LAYER, &content, urls);
    let image = DockerManifestBuilder::new(config).layer(foreign).build();
    assert_eq!(fixture.violations(&image).await, []);
}

#[tokio::test]
async fn every_forbidden_address_is_named() {
    let fixture = Fixture::new(&ValidationSettings {
        urls: Some(UrlSettings {
            allow: vec!["^https?://example\\.org/".to_owned()],
            deny: vec!["secret".to_owned()],
        }),
        ..ValidationSettings::default()
    });
    let mut config = fixture.push("{}").await;
    config.media_type = Some(MediaType::DOCKER_CONFIG);
    let content = Bytes::from_static(b"elsewhere");
    let urls = &[
        "https://example.org/layer",
        "https://example.com/layer",
        "https://example.org/secret",
        "ftp://example.org/layer",
        "https://example.org/layer#1",
    ];
    let foreign = layer(media_types::DOCKER_FOREIGN_LAYER, &content, urls);
    let nowhere = layer(
        media_types::DOCKER_FOREIGN_LAYER,
        &Bytes::from_static(b"nowhere"),
        &[],
    );
    let image = DockerManifestBuilder::new(config)
        .layer(foreign.clone())
        .layer(nowhere.clone())
        .build();
    let mut expected: Vec<ManifestViolation> = urls[1..]
        .iter()
        .map(|&url| ManifestViolation::ForbiddenUrl {
            digest: foreign.digest,
            url: url.to_owned(),
        })
        .collect();
    expected.push(ManifestViolation::MissingUrl {
        digest: nowhere.digest,
    });
    assert_eq!(fixture.violations(&image).await, expected);
}

#[tokio::test]
async fn nothing_of_a_refused_manifest_is_stored() {
    let fixture = Fixture::new(&ValidationSettings::default());
    let subject = child("subject", None);
    let image = ImageBuilder::new(missing("config")).subject(subject).build();
    assert_ne!(fixture.violations(&image).await, []);
    let content = Layout::default().blob_data(&Digest::sha256(image.bytes()));
    assert!(fixture.driver.stat(&content).await.unwrap_err().is_not_found());
    let entries = Layout::default().repositories();
    assert!(fixture.driver.stat(&entries).await.unwrap_err().is_not_found());
}
