//! The images that clients push: made here, without a network, different for every cell.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Layers of an image: some files, and more than any client sends or any server keeps in one piece.
const LAYER_BYTES: [usize; 3] = [1_000, 300_000, 3_000_000];

/// Things named by their digest, and the one that the rest hangs on.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// All blobs and manifests by digest.
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
    /// The descriptor of the image or index.
    pub(super) root: Value,
    /// The images in it, one for each platform.
    pub(super) images: Vec<Image>,
}

/// One image in the forms that clients keep it in.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) architecture: &'static str,
    /// The digest of the configuration, by which engines call an image.
    pub(super) config: String,
    /// The digests of the layers before compression.
    pub(super) diff_ids: Vec<String>,
    /// The layers before compression.
    pub(super) tars: Vec<Vec<u8>>,
}

/// The digest of `bytes` as it is written.
pub(super) fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter()
        .fold(String::from("sha256:"), |text, byte| format!("{text}{byte:02x}"))
}

/// The digest that a descriptor names.
pub(super) fn named_digest(descriptor: &Value) -> Result<&str> {
    descriptor["digest"]
        .as_str()
        .context("a descriptor without a digest")
}

impl Content {
    /// An image for one platform.
    pub(super) fn single(seed: &str) -> Result<Self> {
        let mut content = Self::empty();
        content.root = content.add_image(seed, "amd64")?;
        Ok(content)
    }

    /// An index of images for two platforms.
    pub(super) fn multi(seed: &str) -> Result<Self> {
        let mut content = Self::empty();
        let mut manifests = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let mut descriptor = content.add_image(seed, architecture)?;
            descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
            manifests.push(descriptor);
        }
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
        content.root = content.add_json(OCI_INDEX, &index)?;
        Ok(content)
    }

    pub(super) fn empty() -> Self {
        Self {
            blobs: BTreeMap::new(),
            root: Value::Null,
            images: Vec::new(),
        }
    }

    /// Adds a blob and returns its descriptor.
    pub(super) fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
        self.blobs.insert(digest, bytes);
        descriptor
    }

    pub(super) fn add_json(&mut self, media_type: &str, value: &Value) -> Result<Value> {
        Ok(self.add(media_type, serde_json::to_vec(value)?))
    }

    fn add_image(&mut self, seed: &str, architecture: &'static str) -> Result<Value> {
        let mut layers = Vec::new();
        let mut image = Image {
            architecture,
            config: String::new(),
            diff_ids: Vec::new(),
            tars: Vec::new(),
        };
        for (number, length) in LAYER_BYTES.into_iter().enumerate() {
            // The first layer is the same on every platform, as a base image's data often is.
            let platform = if number == 0 { "any" } else { architecture };
            let tar = tar_of(
                &format!("files/{platform}-{number}"),
                &noise(&format!("{seed}/{platform}/{number}"), length),
            )?;
            image.diff_ids.push(digest(&tar));
            layers.push(self.add(OCI_LAYER, gzip(&tar)?));
            image.tars.push(tar);
        }
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "created": "2024-01-01T00:00:00Z",
            "config": { "Cmd": ["/bin/true"] },
            "rootfs": { "type": "layers", "diff_ids": image.diff_ids },
            "history": layers.iter().map(|_| json!({ "created": "2024-01-01T00:00:00Z" })).collect::<Vec<_>>(),
        });
        let config = self.add_json(OCI_CONFIG, &config)?;
        named_digest(&config)?.clone_into(&mut image.config);
        self.images.push(image);
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers });
        self.add_json(OCI_MANIFEST, &manifest)
    }

    pub(super) fn root_digest(&self) -> Result<&str> {
        named_digest(&self.root)
    }

    /// Writes an OCI image layout in which the root is called `name`.
    pub(super) fn write_layout(&self, folder: &Path, name: &str) -> Result<()> {
        let blobs = folder.join("blobs/sha256");
        std::fs::create_dir_all(&blobs)?;
        for (digest, bytes) in &self.blobs {
            std::fs::write(blobs.join(digest.trim_start_matches("sha256:")), bytes)?;
        }
        let mut root = self.root.clone();
        root["annotations"] = json!({
            "org.opencontainers.image.ref.name": name,
            // containerd looks for its own name first.
            "io.containerd.image.name": name,
        });
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [root] });
        std::fs::write(folder.join("index.json"), serde_json::to_vec(&index)?)?;
        std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(())
    }

    /// Writes the same layout as one tar file.
    pub(super) fn write_oci_archive(&self, file: &Path, name: &str) -> Result<()> {
        let folder = tempfile::tempdir()?;
        self.write_layout(folder.path(), name)?;
        let mut archive = tar::Builder::new(File::create(file)?);
        archive.append_dir_all("", folder.path())?;
        archive.finish()?;
        Ok(())
    }

    /// Writes one image as `docker save` does, called `name`.
    pub(super) fn write_docker_archive(&self, image: &Image, file: &Path, name: &str) -> Result<()> {
        let mut archive = tar::Builder::new(File::create(file)?);
        let config = self
            .blobs
            .get(&image.config)
            .context("the image has a configuration")?;
        let config_name = format!("{}.json", image.config.trim_start_matches("sha256:"));
        append(&mut archive, &config_name, config)?;
        let mut layers = Vec::new();
        for (diff_id, tar) in image.diff_ids.iter().zip(&image.tars) {
            let name = format!("{}/layer.tar", diff_id.trim_start_matches("sha256:"));
            append(&mut archive, &name, tar)?;
            layers.push(name);
        }
        let list = json!([{ "Config": config_name, "RepoTags": [name], "Layers": layers }]);
        append(&mut archive, "manifest.json", &serde_json::to_vec(&list)?)?;
        archive.finish()?;
        Ok(())
    }
}

/// Bytes that look random and are the same for the same seed.
pub(super) fn noise(seed: &str, length: usize) -> Vec<u8> {
    let blocks = (0_u64..).flat_map(|number| Sha256::digest(format!("{seed}/{number}")));
    blocks.take(length).collect()
}

/// A tar file with one file in it.
pub(super) fn tar_of(name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    append(&mut archive, name, bytes)?;
    Ok(archive.into_inner()?)
}

fn append(archive: &mut tar::Builder<impl std::io::Write>, name: &str, bytes: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    archive.append_data(&mut header, name, bytes)?;
    Ok(())
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    // Noise does not get smaller, and trying takes long.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
