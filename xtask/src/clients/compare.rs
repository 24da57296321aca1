//! Whether what came back is what was sent.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde_json::Value;

use super::content::{Content, Image, digest, named_digest};

/// How much of an image must be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sameness {
    /// Every byte of every manifest, configuration and layer.
    Exact,
    /// Every byte of the configurations and of the layers before compression, for clients that unpack an image and
    /// compress it again.
    Unpacked,
}

/// Compares an OCI image layout with what it should hold.
pub(super) fn layout(folder: &Path, expected: &Content, sameness: Sameness) -> Result<()> {
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json"))?)?;
    let entries = index["manifests"]
        .as_array()
        .context("index.json lists nothing")?;
    let read = |digest: &str| {
        let path = folder.join("blobs").join(digest.replace(':', "/"));
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let [root] = entries.as_slice() else {
        bail!("{} has {} roots", folder.display(), entries.len());
    };
    tree(named_digest(root)?, expected, sameness, &read)
}

/// Compares the manifest `root`, and everything it refers to, with what is expected.
///
/// `read` gets the bytes for a digest, from wherever they are.
pub(super) fn tree(
    root: &str,
    expected: &Content,
    sameness: Sameness,
    read: &dyn Fn(&str) -> Result<Vec<u8>>,
) -> Result<()> {
    match sameness {
        Sameness::Exact => {
            ensure!(
                root == expected.root_digest()?,
                "the manifest is {root}, not {}",
                expected.root_digest()?
            );
            for (digest, bytes) in &expected.blobs {
                ensure!(read(digest)? == *bytes, "{digest} has other bytes");
            }
            Ok(())
        }
        Sameness::Unpacked => {
            let found = images_below(root, read)?;
            let wanted = expected
                .images
                .iter()
                .map(|image| (image.config.clone(), image.diff_ids.clone()));
            ensure!(found == wanted.collect(), "other images came back: {found:#?}");
            Ok(())
        }
    }
}

/// The layers before compression, by the configuration of their image.
type Images = BTreeMap<String, Vec<String>>;

fn images_below(manifest: &str, read: &dyn Fn(&str) -> Result<Vec<u8>>) -> Result<Images> {
    let manifest: Value = serde_json::from_slice(&checked(manifest, read)?)?;
    if let Some(children) = manifest["manifests"].as_array() {
        let mut images = Images::new();
        for child in children {
            images.extend(images_below(named_digest(child)?, read)?);
        }
        return Ok(images);
    }
    let config = named_digest(&manifest["config"])?;
    checked(config, read)?;
    let layers = manifest["layers"]
        .as_array()
        .context("a manifest without layers")?;
    let mut diff_ids = Vec::new();
    for layer in layers {
        let bytes = checked(named_digest(layer)?, read)?;
        diff_ids.push(digest(&unpacked(bytes)?));
    }
    Ok(Images::from([(config.to_owned(), diff_ids)]))
}

fn checked(expected: &str, read: &dyn Fn(&str) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let bytes = read(expected)?;
    ensure!(
        digest(&bytes) == expected,
        "the bytes of {expected} have the digest {}",
        digest(&bytes)
    );
    Ok(bytes)
}

fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut tar = Vec::new();
    GzDecoder::new(bytes.as_slice()).read_to_end(&mut tar)?;
    Ok(tar)
}

/// Compares what `docker save` wrote with the image that was meant.
pub(super) fn docker_archive(file: &Path, expected: &Image) -> Result<()> {
    let entries = entries(file)?;
    let entry = |name: &str| {
        entries
            .get(name)
            .with_context(|| format!("the archive has no {name}"))
    };
    let list: Value = serde_json::from_slice(entry("manifest.json")?)?;
    let [image] = list.as_array().map(Vec::as_slice).unwrap_or_default() else {
        bail!("the archive does not hold one image");
    };
    let config = digest(entry(
        image["Config"]
            .as_str()
            .context("an image without a configuration")?,
    )?);
    ensure!(
        config == expected.config,
        "the configuration is {config}, not {}",
        expected.config
    );
    let layers = image["Layers"].as_array().context("an image without layers")?;
    let mut diff_ids = Vec::new();
    for layer in layers {
        let bytes = entry(layer.as_str().context("a layer without a name")?)?;
        diff_ids.push(digest(&unpacked(bytes.clone())?));
    }
    ensure!(
        diff_ids == expected.diff_ids,
        "other layers came back: {diff_ids:?}"
    );
    Ok(())
}

/// The files of a tar file by name.
fn entries(file: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = tar::Archive::new(std::fs::File::open(file)?);
    let mut files = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(name, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_the_same_as_what_it_was_made_from() {
        let content = Content::multi("compare").unwrap();
        let folder = tempfile::tempdir().unwrap();
        content.write_layout(folder.path(), "v1").unwrap();
        layout(folder.path(), &content, Sameness::Exact).unwrap();
        layout(folder.path(), &content, Sameness::Unpacked).unwrap();
    }

    #[test]
    fn a_changed_byte_in_any_blob_is_found() {
        let content = Content::single("compare").unwrap();
        for changed in content.blobs.keys() {
            let read = |digest: &str| {
                let mut bytes = content.blobs[digest].clone();
                if digest == changed {
                    *bytes.last_mut().unwrap() ^= 1;
                }
                Ok(bytes)
            };
            for sameness in [Sameness::Exact, Sameness::Unpacked] {
                tree(content.root_digest().unwrap(), &content, sameness, &read).unwrap_err();
            }
        }
    }

    #[test]
    fn another_image_is_not_the_same() {
        let (sent, other) = (
            Content::single("sent").unwrap(),
            Content::single("other").unwrap(),
        );
        let read = |digest: &str| Ok(other.blobs[digest].clone());
        for sameness in [Sameness::Exact, Sameness::Unpacked] {
            tree(other.root_digest().unwrap(), &sent, sameness, &read).unwrap_err();
        }
    }

    #[test]
    fn a_missing_platform_is_found() {
        let both = Content::multi("compare").unwrap();
        let one = Content {
            images: vec![both.images[0].clone()],
            ..both.clone()
        };
        let read = |digest: &str| Ok(both.blobs[digest].clone());
        tree(both.root_digest().unwrap(), &one, Sameness::Unpacked, &read).unwrap_err();
    }

    #[test]
    fn a_docker_archive_is_the_same_as_what_it_was_made_from_and_as_nothing_else() {
        let content = Content::multi("compare").unwrap();
        let [amd64, arm64] = content.images.as_slice() else {
            panic!("two platforms")
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        content
            .write_docker_archive(arm64, file.path(), "localhost/a:b")
            .unwrap();
        docker_archive(file.path(), arm64).unwrap();
        docker_archive(file.path(), amd64).unwrap_err();
    }
}
