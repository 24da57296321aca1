use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::TokenParameters;
use crate::certificates::{Roots, certificate_key};

/// Nobody trusts so many keys that they need more.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Why the keys that were configured cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: is not {expected}: {reason}", path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// A PEM file of certificates, or a JWK set.
        expected: &'static str,
        /// What the parser said.
        reason: String,
    },
    /// There is no key that could have signed a token.
    #[error("no key that can verify tokens is in {}", files.join(" or "))]
    Empty {
        /// Where one was looked for.
        files: Vec<String>,
    },
    /// The thread that should have read them is gone.
    #[error("the keys could not be read")]
    Interrupted,
}

/// The keys that tokens may be signed with.
#[derive(Default)]
pub(crate) struct TrustedKeys {
    by_id: HashMap<String, DecodingKey>,
    pub(crate) roots: Roots,
}

impl std::fmt::Debug for TrustedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustedKeys")
            .field("ids", &self.by_id.keys())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl TrustedKeys {
    /// Reads the files. A key of a kind that cannot be used is left out with a warning; to be left with none is an
    /// error.
    pub(crate) fn read(parameters: &TokenParameters) -> Result<Self, KeysError> {
        let mut keys = Self::default();
        if let Some(path) = &parameters.root_certificates {
            keys.roots = Roots::read(&read(path)?).map_err(|reason| KeysError::Form {
                path: path.clone(),
                expected: "a PEM file of certificates",
                reason,
            })?;
            keys.add_certificates();
        }
        if let Some(path) = &parameters.jwks {
            let set: Set = serde_json::from_slice(&read(path)?).map_err(|error| KeysError::Form {
                path: path.clone(),
                expected: "a JWK set",
                reason: error.to_string(),
            })?;
            keys.add_set(set);
        }
        if keys.by_id.is_empty() && keys.roots.certificates().is_empty() {
            let files = [&parameters.root_certificates, &parameters.jwks];
            let files = files.into_iter().flatten().map(|path| path.display().to_string());
            return Err(KeysError::Empty {
                files: files.collect(),
            });
        }
        Ok(keys)
    }

    /// A key by its id.
    pub(crate) fn get(&self, id: &str) -> Option<&DecodingKey> {
        self.by_id.get(id)
    }

    fn add_certificates(&mut self) {
        for (number, certificate) in (1..).zip(self.roots.certificates()) {
            match certificate_key(certificate) {
                Ok(found) => {
                    for id in found.ids {
                        self.by_id.insert(id, found.key.clone());
                    }
                }
                Err(reason) => tracing::warn!(
                    number,
                    reason,
                    "the key of this certificate of auth.token.rootcertbundle cannot be used"
                ),
            }
        }
    }

    fn add_set(&mut self, set: Set) {
        for (number, value) in (1..).zip(set.keys) {
            match set_key(value) {
                Ok((id, key)) => {
                    self.by_id.insert(id, key);
                }
                Err(reason) => tracing::warn!(number, reason, "this key of auth.token.jwks cannot be used"),
            }
        }
    }
}

fn set_key(value: Value) -> Result<(String, DecodingKey), String> {
    let jwk: Jwk = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let id = jwk.common.key_id.clone().ok_or("it has no kid")?;
    if jwk.common.public_key_use == Some(PublicKeyUse::Encryption) {
        return Err("it is for encryption".to_owned());
    }
    if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
        return Err("it is a shared secret".to_owned());
    }
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
    if key.family() == AlgorithmFamily::Hmac {
        return Err("it is a shared secret".to_owned());
    }
    Ok((id, key))
}

fn read(path: &Path) -> Result<Vec<u8>, KeysError> {
    let failed = |source| KeysError::Read {
        path: path.to_owned(),
        source,
    };
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err(failed(io::Error::other("more than 16 MiB")));
    }
    Ok(content)
}
