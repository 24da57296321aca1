//! The folder: Go's `autocert.DirCache`.
//!
//! | file | content |
//! |---|---|
//! | `<host>` | PEM: the private key, then the chain of certificates |
//! | `acme_account+key` | PEM: the private key of the account; `acme_account.key` in old folders |
//! | `<host>+token` | a certificate for TLS-ALPN-01, in the form of the first, while the challenge lasts |
//! | `<token>+http-01` | the answer to HTTP-01, while the challenge lasts |
//!
//! Files are for their owner alone, and are written beside and renamed, so that nobody reads half of one.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rand::RngExt as _;

use crate::Error;

/// The account's key.
pub(crate) const ACCOUNT: &str = "acme_account+key";
/// The account's key in folders of old versions of `autocert`.
pub(crate) const OLD_ACCOUNT: &str = "acme_account.key";

/// A folder of small files.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// The name of the certificate for TLS-ALPN-01.
pub(crate) fn challenge_certificate(host: &str) -> String {
    format!("{host}+token")
}

/// The name of the answer to HTTP-01.
pub(crate) fn key_authorization(token: &str) -> String {
    format!("{token}+http-01")
}

impl Cache {
    /// Makes the folder where there is none.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(failed("make the folder", &folder))?;
        Ok(Self { folder })
    }

    /// Where a name is kept.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The content of a file; `None` when it is not there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Replaces a file as a whole. After an error it is as it was.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let path = self.path(name);
        let beside = self.path(&format!("{name}{:016x}.tmp", rand::rng().random::<u64>()));
        let written = write_new(&beside, content)
            .and_then(|()| fs::rename(&beside, &path))
            .and_then(|()| fs::File::open(&self.folder)?.sync_all());
        written.map_err(|error| {
            // Not there, or of no use to anybody.
            drop(fs::remove_file(&beside));
            failed("write", &path)(error)
        })
    }

    /// [`Cache::read`] on a thread that may block.
    pub(crate) async fn load(&self, name: String) -> Result<Option<Vec<u8>>, Error> {
        let cache = self.clone();
        self.beside("read", move || cache.read(&name)).await
    }

    /// [`Cache::write`] on a thread that may block.
    pub(crate) async fn store(&self, name: String, content: String) -> Result<(), Error> {
        let cache = self.clone();
        self.beside("write", move || cache.write(&name, content.as_bytes()))
            .await
    }

    async fn beside<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(failed(action, &self.folder)(error.into())))
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), error = %error, "a file of ACME cannot be removed");
            }
            _ => {}
        }
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Cache {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("a/b")).unwrap();
        (folder, cache)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_read_and_is_for_its_owner_alone() {
        let (_folder, cache) = cache();
        assert_eq!(cache.read("a.test").unwrap(), None);
        for content in [&b"first"[..], b"second"] {
            cache.write("a.test", content).unwrap();
            assert_eq!(cache.read("a.test").unwrap().as_deref(), Some(content));
        }
        assert_eq!(mode(&cache.path("a.test")), 0o600);
        assert_eq!(mode(&cache.folder), 0o700);
        assert_eq!(fs::read_dir(&cache.folder).unwrap().count(), 1);
        cache.remove("a.test");
        cache.remove("a.test");
        assert_eq!(cache.read("a.test").unwrap(), None);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let (_folder, cache) = cache();
        fs::create_dir(cache.path("a.test")).unwrap();
        fs::write(cache.path("a.test/in the way"), "").unwrap();
        let error = cache.write("a.test", b"new").unwrap_err();
        assert!(matches!(error, Error::Cache { action: "write", .. }), "{error}");
        assert_eq!(fs::read_dir(&cache.folder).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Cache::open(file.path().join("a")).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot make the folder "),
            "{error}"
        );
    }
}
