//! `cargo xtask dist`: one static program that needs nothing beside it, and a try in an empty root.
//!
//! Built against musl: a static glibc would still want the system's own libraries to look up names, which an empty root
//! does not have.

use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::install;
use crate::process::Step;
use crate::registry::free_address;
use crate::tools;
use crate::workspace::{self, cargo};

/// By this name the program takes the original's command line.
const LINK: &str = "registry";

const START_LIMIT: Duration = Duration::from_secs(30);

/// Builds `dist/hythe` with the link `dist/registry`, and pushes to it in an empty root.
pub(crate) fn build(installs: bool) -> Result<()> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    if installs {
        install::install(&tools::DIST)?;
        Step::new("rustup").args(["target", "add", &target]).shown()?;
    }
    cargo()
        .args(["build", "--release", "--package", "hythe", "--target", &target])
        .shown()
        .context("`cargo xtask dist --install` installs what the build needs")?;
    let built = workspace::target()?.join(&target).join("release/hythe");
    let folder = workspace::root().join("dist");
    let program = put(&built, &folder)?;
    let bytes = fs::metadata(&program)?.len();
    println!("{}: {} KiB", program.display(), bytes / 1024);
    if rustix::process::geteuid().is_root() {
        try_in_an_empty_root(&program)
    } else if workspace::in_ci() {
        bail!("only root can try the program in an empty root");
    } else {
        println!("not tried in an empty root, which takes root");
        Ok(())
    }
}

fn put(built: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let program = folder.join("hythe");
    // Never half a program, and none that runs is changed.
    let beside = folder.join("hythe.new");
    fs::copy(built, &beside)?;
    fs::rename(&beside, &program)?;
    let link = folder.join(LINK);
    if link.symlink_metadata().is_err() {
        symlink("hythe", link)?;
    }
    Ok(program)
}

/// A root with the program, its configuration and a folder for data; no library, no certificates, no `/etc`, no `/tmp`.
fn try_in_an_empty_root(program: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("data"))?;
    fs::copy(program, root.join("hythe"))?;
    fs::set_permissions(root.join("hythe"), fs::Permissions::from_mode(0o755))?;
    symlink("hythe", root.join(LINK))?;
    let address = free_address()?;
    let configuration = json!({
        "version": 0.1,
        "storage": { "filesystem": { "rootdirectory": "/data" } },
        "http": { "addr": address.to_string(), "secret": "of the test" },
    });
    fs::write(root.join("config.yml"), configuration.to_string())?;
    let mut server = Step::new("chroot")
        .arg(&root)
        .args([&format!("/{LINK}"), "serve", "/config.yml"])
        .serve(&folder.path().join("log"))?;
    server.wait_until(START_LIMIT, || TcpStream::connect(address).is_ok())?;
    push_and_pull(address)?;
    let kept = root.join("data/docker/registry/v2/repositories/a/b");
    ensure!(kept.is_dir(), "nothing is in {}", kept.display());
    println!("1 passed, 0 failed: a push to the program in an empty root");
    Ok(())
}

fn push_and_pull(address: SocketAddr) -> Result<()> {
    let content = b"{}";
    let digest = digest(content);
    let base = format!("http://{address}/v2/a/b");
    ureq::post(format!("{base}/blobs/uploads/?digest={digest}"))
        .header("content-type", "application/octet-stream")
        .send(&content[..])?;
    let descriptor = |kind: &str| json!({ "mediaType": kind, "digest": digest, "size": content.len() });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar")],
    });
    ureq::put(format!("{base}/manifests/tag"))
        .header("content-type", "application/vnd.oci.image.manifest.v1+json")
        .send(manifest.to_string())?;
    for (path, expected) in [
        (format!("blobs/{digest}"), content.to_vec()),
        ("manifests/tag".to_owned(), manifest.to_string().into_bytes()),
    ] {
        let mut body = Vec::new();
        let response = ureq::get(format!("{base}/{path}"))
            .header("accept", "application/vnd.oci.image.manifest.v1+json")
            .call()?;
        response.into_body().into_reader().read_to_end(&mut body)?;
        ensure!(body == expected, "{path} came back as something else");
    }
    Ok(())
}

fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter()
        .fold(String::from("sha256:"), |text, byte| format!("{text}{byte:02x}"))
}
