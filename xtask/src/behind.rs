//! What a registry may stand behind: TLS, certificates of clients, access control, a path, other forms of URLs.
//!
//! One word for each, joined with `+` where several stand together. The files that a registry then needs are made
//! anew for each start, and the address and the words that a client needs are kept with it.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::process::{Server, Step};
use crate::registry::free_address;
use crate::workspace;

/// Who is let in.
pub(crate) const USER: &str = "harbour-master";
pub(crate) const PASSWORD: &str = "a password: 7 € & more";
/// What `htpasswd -B` is told by people who think about it.
const BCRYPT_COST: u32 = 10;
const PREFIX: &str = "/harbour/registry/";
const SERVICE: &str = "the harbour";
const ISSUER: &str = "the harbour's token server";
const START_LIMIT: Duration = Duration::from_secs(30);
/// The names of the files in a registry's folder.
const AUTHORITY: &str = "ca.pem";
const HTPASSWD: &str = "htpasswd";

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    Tls,
    /// TLS, and clients have to show a certificate.
    ClientCertificate,
    Htpasswd,
    /// Clients log in with a token server, which runs as long as the registry.
    Token,
    /// `http.prefix`: everything is under a path.
    Prefix,
    /// `http.relativeurls`: addresses in answers are paths.
    RelativeUrls,
}

const WORDS: [(&str, Front); 6] = [
    ("tls", Front::Tls),
    ("client-certificate", Front::ClientCertificate),
    ("htpasswd", Front::Htpasswd),
    ("token", Front::Token),
    ("prefix", Front::Prefix),
    ("relativeurls", Front::RelativeUrls),
];

/// Those that stand together; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Behind(Vec<Front>);

impl Behind {
    pub(crate) fn has(&self, front: Front) -> bool {
        self.0.contains(&front)
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.has(Front::Tls) || self.has(Front::ClientCertificate)
    }

    pub(crate) fn has_password(&self) -> bool {
        self.has(Front::Htpasswd) || self.has(Front::Token)
    }

    /// The path that everything is under, with a slash at both ends.
    pub(crate) fn path(&self) -> &'static str {
        if self.has(Front::Prefix) { PREFIX } else { "/" }
    }

    /// Makes the files that a registry behind this needs, adds its sections to the configuration, and starts the token
    /// server if there is to be one.
    pub(crate) fn prepare(&self, folder: &Path, configuration: &mut Value) -> Result<Option<Server>> {
        let http = &mut configuration["http"];
        if self.has(Front::Prefix) {
            http["prefix"] = json!(PREFIX);
        }
        if self.has(Front::RelativeUrls) {
            http["relativeurls"] = json!(true);
        }
        if self.has_tls() {
            write_certificates(folder)?;
            http["tls"] = json!({
                "certificate": folder.join("server.pem"),
                "key": folder.join("server.key"),
            });
            if self.has(Front::ClientCertificate) {
                http["tls"]["clientcas"] = json!([folder.join(AUTHORITY)]);
                http["tls"]["clientauth"] = json!("require-and-verify-client-cert");
            }
        }
        if self.has(Front::Htpasswd) {
            let file = folder.join(HTPASSWD);
            let hash = bcrypt::hash(PASSWORD, BCRYPT_COST)?;
            std::fs::write(&file, format!("{USER}:{hash}\n"))?;
            configuration["auth"] = json!({ "htpasswd": { "realm": "the harbour", "path": file } });
        }
        if self.has(Front::Token) {
            let (server, section) = token_server(folder)?;
            configuration["auth"] = json!({ "token": section });
            return Ok(Some(server));
        }
        Ok(None)
    }

    /// Where a client finds the registry, and how it gets in.
    pub(crate) fn way(&self, folder: &Path, address: SocketAddr, configuration: &Value) -> Way {
        let realm = configuration["auth"]["token"]["realm"].as_str();
        Way {
            realm: realm.map(str::to_owned),
            behind: self.clone(),
            folder: folder.to_path_buf(),
            address,
        }
    }
}

/// How clients get to a registry that was started behind something.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) behind: Behind,
    folder: PathBuf,
    address: SocketAddr,
    /// Where tokens are given.
    realm: Option<String>,
}

impl Way {
    /// Scheme, host, port and path, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.behind.has_tls() { "https" } else { "http" };
        let path = self.behind.path().trim_end_matches('/');
        format!("{scheme}://{}{path}", self.address)
    }

    /// The certificate to be trusted, in PEM.
    pub(crate) fn authority(&self) -> Option<PathBuf> {
        self.behind.has_tls().then(|| self.folder.join(AUTHORITY))
    }

    /// The value of `Authorization` that opens a scope; nothing where everybody may do everything.
    pub(crate) fn authorization(&self, scope: &str) -> Result<Option<String>> {
        if !self.behind.has_password() {
            return Ok(None);
        }
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let Some(realm) = &self.realm else {
            return Ok(Some(basic));
        };
        let mut answer = ureq::get(realm)
            .query("service", SERVICE)
            .query("scope", scope)
            .header("Authorization", basic)
            .call()?;
        let document: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        let token = document["token"]
            .as_str()
            .context("the token server gave no token")?;
        Ok(Some(format!("Bearer {token}")))
    }

    /// What `hythe-conformance check` has to be told.
    pub(crate) fn options(&self) -> Vec<String> {
        let mut options = vec!["--registry".to_owned(), self.url()];
        let mut add = |name: &str, value: String| options.extend([name.to_owned(), value]);
        let file = |name: &str| self.folder.join(name).display().to_string();
        if self.behind.has_tls() {
            add("--ca", file(AUTHORITY));
        }
        if self.behind.has(Front::ClientCertificate) {
            add("--client-certificate", file("client.pem"));
            add("--client-key", file("client.key"));
        }
        if self.behind.has_password() {
            add("--user", format!("{USER}:{PASSWORD}"));
        }
        if self.behind != Behind::default() {
            let is_relative = self.behind.has(Front::RelativeUrls);
            add(
                "--locations",
                if is_relative { "relative" } else { "absolute" }.to_owned(),
            );
        }
        options
    }

    /// What the official suite has to be told. Its address may have a path, and it trusts what all Go programs trust.
    pub(crate) fn official_variables(&self) -> Vec<(&'static str, String)> {
        let path = self.behind.path().trim_end_matches('/');
        let tls = if self.behind.has_tls() {
            "enabled"
        } else {
            "disabled"
        };
        let mut variables = vec![
            ("OCI_REGISTRY", format!("{}{path}", self.address)),
            ("OCI_TLS", tls.to_owned()),
        ];
        if self.behind.has_tls() {
            variables.push(("SSL_CERT_FILE", self.folder.join(AUTHORITY).display().to_string()));
        }
        if self.behind.has_password() {
            variables.push(("OCI_USERNAME", USER.to_owned()));
            variables.push(("OCI_PASSWORD", PASSWORD.to_owned()));
        }
        variables
    }
}

/// A server that gives tokens, and the section of the configuration that trusts it.
fn token_server(folder: &Path) -> Result<(Server, Value)> {
    let address = free_address()?;
    let jwks = folder.join("jwks.json");
    let mut server = Step::new(workspace::build("hythe-conformance")?)
        .args([
            "token-server",
            "--listen",
            &address.to_string(),
            "--issuer",
            ISSUER,
        ])
        .args(["--user", &format!("{USER}:{PASSWORD}")])
        // The official suite mounts without a source, which is nothing to be found where tokens open one repository.
        .args(["--always", "repository:conformance/repo1:pull"])
        .args(["--always", "repository:conformance/repo2:pull"])
        .arg("--jwks")
        .arg(&jwks)
        .serve(&folder.join("token-server.log"))?;
    server.wait_until(START_LIMIT, || TcpStream::connect(address).is_ok())?;
    let realm = format!("http://{address}/token");
    let section = json!({ "realm": realm, "service": SERVICE, "issuer": ISSUER, "jwks": jwks });
    Ok((server, section))
}

/// An authority, and a certificate of it for the registry and one for a client.
fn write_certificates(folder: &Path) -> Result<()> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Under one name for both, OpenSSL takes what the authority issued for an authority of its own.
    parameters
        .distinguished_name
        .push(DnType::CommonName, "the harbour's authority");
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
    std::fs::write(folder.join(AUTHORITY), authority.pem())?;
    for (role, names) in [
        ("server", vec!["127.0.0.1".to_owned(), "localhost".to_owned()]),
        ("client", vec![USER.to_owned()]),
    ] {
        let pair = KeyPair::generate()?;
        let mut parameters = CertificateParams::new(names)?;
        parameters.distinguished_name.push(DnType::CommonName, role);
        let certificate = parameters.signed_by(&pair, &authority)?;
        std::fs::write(folder.join(format!("{role}.pem")), certificate.pem())?;
        std::fs::write(folder.join(format!("{role}.key")), pair.serialize_pem())?;
    }
    Ok(())
}

impl FromStr for Behind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut fronts = Vec::new();
        for word in text.split('+') {
            let known = WORDS.iter().find(|(name, _)| *name == word);
            let Some((_, front)) = known else {
                let known = WORDS.map(|(name, _)| name).join(", ");
                bail!("{word:?} is none of {known}, which can be joined with `+`");
            };
            fronts.push(*front);
        }
        Ok(Self(fronts))
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |front: &Front| {
            WORDS
                .iter()
                .find(|(_, known)| known == front)
                .map_or("", |(name, _)| *name)
        };
        formatter.write_str(&self.0.iter().map(name).collect::<Vec<_>>().join("+"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined() {
        let behind: Behind = "tls+htpasswd".parse().unwrap();
        assert_eq!(behind, Behind(vec![Front::Tls, Front::Htpasswd]));
        assert_eq!(behind.to_string(), "tls+htpasswd");
        for text in ["", "tls+", "moat"] {
            text.parse::<Behind>().unwrap_err();
        }
    }
}
