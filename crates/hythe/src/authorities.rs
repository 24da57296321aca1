//! Certificate authorities of the system, without which nobody can be asked over HTTPS.

use hythe_configuration::Configuration;

/// The drivers that ask nobody.
const ALONE: [&str; 2] = ["filesystem", "inmemory"];

/// Tells the log when somebody will have to be asked and nobody can be believed, as in an image with nothing but the
/// program. The failures that follow come from libraries, and name no way out.
pub(crate) fn warn_if_missing(configuration: &Configuration) {
    let driver = configuration.storage.driver.name.as_str();
    let letsencrypt = &configuration.http.tls.letsencrypt;
    let who = match (ALONE.contains(&driver), &letsencrypt.cachefile) {
        (false, _) => driver,
        (true, Some(_)) => "ACME",
        (true, None) => return,
    };
    let found = openssl_probe::probe();
    if found.cert_file.is_none() && found.cert_dir.is_empty() {
        tracing::warn!(
            "no certificate authorities on this system, so HTTPS to {who} will fail; install ca-certificates, or name a \
             file of authorities in SSL_CERT_FILE"
        );
    }
}
