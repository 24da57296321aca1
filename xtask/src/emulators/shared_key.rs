//! Azure's signature of a request with an account's key, as far as making a container needs it.
//!
//! Source: "Authorize with Shared Key" of Azure's storage documentation. Headers without the prefix `x-ms-` are taken
//! to be absent, and so is a body.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The value of `Authorization`. `headers` are those with the prefix `x-ms-`, in the order of their names; `resource`
/// is the path after the account's name with one line for each query parameter.
pub(super) fn authorization(
    method: &str,
    headers: &[(&str, &str)],
    resource: &str,
    account: &str,
    key: &str,
) -> Result<String> {
    // Twelve lines after the method, of which each is a standard header.
    let mut text = format!("{method}\n\n\n\n\n\n\n\n\n\n\n\n");
    for (name, value) in headers {
        let _ = writeln!(text, "{name}:{value}");
    }
    text.push_str(resource);
    let key = STANDARD.decode(key).context("the account's key is not base64")?;
    let mut hmac = Hmac::<Sha256>::new_from_slice(&key).context("the account's key has a wrong length")?;
    hmac.update(text.as_bytes());
    let signature = STANDARD.encode(hmac.finalize().into_bytes());
    Ok(format!("SharedKey {account}:{signature}"))
}
