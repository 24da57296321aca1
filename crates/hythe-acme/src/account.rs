//! Who asks: the account at the ACME server, known by its key.

use instant_acme::{Account, AccountBuilder, Key, Problem};
use p256::SecretKey;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::Error;
use crate::cache::{ACCOUNT, Cache, OLD_ACCOUNT};

/// Whose the account is, and where.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    /// The URL of the server's directory.
    pub(crate) directory: String,
    /// Whom the server may write to.
    pub(crate) email: Option<String>,
}

impl Owner {
    /// Logs in with the key in the folder; makes a key and an account where there is none. The terms of the server are
    /// accepted, as in distribution.
    pub(crate) async fn log_in(&self, cache: &Cache) -> Result<Account, Error> {
        let key = own_key(cache).await?;
        let found = self.builder()?.from_key(self.pair(&key)?, self.directory.clone());
        match found.await {
            Ok((account, _)) => Ok(account),
            Err(instant_acme::Error::Api(problem)) if is_unknown(&problem) => self.open_account(&key).await,
            Err(error) => Err(self.failed("log in")(error)),
        }
    }

    async fn open_account(&self, key: &PrivatePkcs8KeyDer<'_>) -> Result<Account, Error> {
        let opened = self
            .builder()?
            .create_from_key(self.pair(key)?, self.directory.clone());
        let (account, _) = opened.await.map_err(self.failed("open an account"))?;
        tracing::info!(
            directory = self.directory,
            account = account.id(),
            "opened an ACME account"
        );
        if let Some(email) = &self.email {
            let contact = format!("mailto:{email}");
            // Certificates come without it.
            if let Err(error) = account.update_contacts(&[&contact]).await {
                tracing::warn!(error = %error, email, "the ACME server does not take the account's address");
            }
        }
        Ok(account)
    }

    fn builder(&self) -> Result<AccountBuilder, Error> {
        Account::builder().map_err(self.failed("find an authority of this system to trust"))
    }

    fn pair(&self, key: &PrivatePkcs8KeyDer<'_>) -> Result<(Key, PrivateKeyDer<'static>), Error> {
        let signing = Key::from_pkcs8_der(key.clone_key()).map_err(self.failed("sign"))?;
        Ok((signing, PrivateKeyDer::Pkcs8(key.clone_key())))
    }

    pub(crate) fn failed(&self, action: &'static str) -> impl FnOnce(instant_acme::Error) -> Error {
        Error::server(&self.directory, action)
    }
}

/// RFC 8555, section 7.3.1.
fn is_unknown(problem: &Problem) -> bool {
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
}

/// The key in the folder, which may be in the form that Go writes (SEC 1); a new one where there is none.
async fn own_key(cache: &Cache) -> Result<PrivatePkcs8KeyDer<'static>, Error> {
    for name in [ACCOUNT, OLD_ACCOUNT] {
        let Some(pem) = cache.load(name.to_owned()).await? else {
            continue;
        };
        return parse(&pem).map_err(|reason| Error::AccountKey {
            path: cache.path(name),
            reason,
        });
    }
    let key = KeyPair::generate().map_err(|error| Error::AccountKey {
        path: cache.path(ACCOUNT),
        reason: error.to_string(),
    })?;
    cache.store(ACCOUNT.to_owned(), key.serialize_pem()).await?;
    Ok(PrivatePkcs8KeyDer::from(key.serialize_der()))
}

fn parse(pem: &[u8]) -> Result<PrivatePkcs8KeyDer<'static>, String> {
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| error.to_string())?;
    let secret = match &key {
        PrivateKeyDer::Sec1(der) => SecretKey::from_sec1_der(der.secret_sec1_der()).ok(),
        PrivateKeyDer::Pkcs8(der) => SecretKey::from_pkcs8_der(der.secret_pkcs8_der()).ok(),
        _ => None,
    };
    let secret = secret.ok_or("only keys of the curve P-256 can be used")?;
    let document = secret.to_pkcs8_der().map_err(|error| error.to_string())?;
    Ok(PrivatePkcs8KeyDer::from(document.as_bytes().to_vec()))
}

#[cfg(test)]
pub(crate) mod tests {
    use p256::pkcs8::LineEnding;

    use super::*;

    /// The same key in the form that Go writes.
    pub(crate) fn to_sec1(pkcs8: &[u8]) -> String {
        let secret = SecretKey::from_pkcs8_der(pkcs8).unwrap();
        secret.to_sec1_pem(LineEnding::LF).unwrap().to_string()
    }

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned()).unwrap();
        (folder, cache)
    }

    #[tokio::test]
    async fn the_key_stays_the_same() {
        let (_folder, cache) = cache();
        let first = own_key(&cache).await.unwrap();
        assert_eq!(own_key(&cache).await.unwrap(), first);
        Key::from_pkcs8_der(first).unwrap();
    }

    #[tokio::test]
    async fn a_key_that_go_wrote_is_used_under_its_new_and_its_old_name() {
        for name in [ACCOUNT, OLD_ACCOUNT] {
            let (_folder, cache) = cache();
            let written = KeyPair::generate().unwrap();
            cache
                .write(name, to_sec1(&written.serialize_der()).as_bytes())
                .unwrap();
            let read = own_key(&cache).await.unwrap();
            let again = KeyPair::try_from(&read).unwrap();
            assert_eq!(again.public_key_raw(), written.public_key_raw(), "{name}");
            Key::from_pkcs8_der(read).unwrap();
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_such_key_is_named() {
        for content in [
            "",
            "nonsense",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            let (_folder, cache) = cache();
            cache.write(ACCOUNT, content.as_bytes()).unwrap();
            let error = own_key(&cache).await.unwrap_err().to_string();
            assert!(error.contains("acme_account+key is no account key"), "{error}");
        }
    }
}
