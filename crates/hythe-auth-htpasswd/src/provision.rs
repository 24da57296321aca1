use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const USER: &str = "docker";
/// What the passwords of people should have at least.
const COST: u32 = 10;
const PASSWORD_BYTES: usize = 32;

/// Makes a file with one user and a random password, which is told in the log, as distribution does. A file that is
/// there stays as it is.
pub(crate) fn provision(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        private_directories(parent)?;
    }
    let mut file = match private_file(path) {
        // Another replica on the same disk was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        file => file?,
    };
    let password = URL_SAFE_NO_PAD.encode(rand::random::<[u8; PASSWORD_BYTES]>());
    let hash = bcrypt::hash(&password, COST).map_err(io::Error::other)?;
    file.write_all(format!("{USER}:{hash}").as_bytes())?;
    file.sync_all()?;
    tracing::warn!(
        user = USER,
        password,
        "htpasswd is missing, provisioning with default user"
    );
    Ok(())
}

fn private_directories(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use crate::file::Users;

    use super::*;

    #[test]
    fn a_missing_file_is_made_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/htpasswd");
        provision(&path).unwrap();
        let content = std::fs::read(&path).unwrap();
        assert!(Users::parse(&content).unwrap().hash("docker").is_some());
        assert!(!content.ends_with(b"\n"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().unwrap()), 0o700);
        }
    }

    #[test]
    fn a_file_that_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        std::fs::write(&path, "anything").unwrap();
        provision(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"anything");
    }
}
