//! Let's Encrypt's test server on this machine, with a DNS server that says of every name that it is here.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(60);

/// The server and what it needs; it runs between `start` and `stop`.
pub(crate) struct Pebble {
    folder: TempDir,
    programs: [PathBuf; 2],
    own: CertificateDer<'static>,
    port: u16,
    management: u16,
    dns: u16,
    /// Where challenges are looked for.
    pub(crate) tls: u16,
    /// Where challenges over plain HTTP are looked for.
    pub(crate) http: u16,
    running: Vec<Child>,
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A program that is installed by `cargo xtask emulators install` or `peers install`. Without it there is nothing to
/// test, which is a failure in continuous integration only.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name);
    let path = variable("PATH").unwrap_or_default();
    let go = variable("GOBIN").map(PathBuf::from);
    let go = go.or_else(|| variable("HOME").map(|home| Path::new(&home).join("go/bin")));
    let found = std::env::split_paths(&path)
        .chain(go)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(variable("CI").is_none(), "{name} is not installed");
        let _ = writeln!(std::io::stderr(), "SKIPPED: {name} is not installed");
    }
    found
}

impl Pebble {
    /// Certificates are to be valid for so long.
    pub(crate) fn new(validity: Duration) -> Option<Self> {
        let programs = [installed("pebble")?, installed("pebble-challtestsrv")?];
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &authority).unwrap();
        let write = |name: &str, content: String| fs::write(folder.path().join(name), content).unwrap();
        write("ca.pem", authority.pem());
        write("certificate.pem", certificate.pem());
        write("key.pem", key.serialize_pem());
        let pebble = Self {
            programs,
            own: authority.der().clone(),
            port: free_port(),
            management: free_port(),
            dns: free_port(),
            tls: free_port(),
            http: free_port(),
            running: Vec::new(),
            folder,
        };
        pebble.configure(validity);
        Some(pebble)
    }

    fn configure(&self, validity: Duration) {
        let configuration = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{}", self.port),
            "managementListenAddress": format!("127.0.0.1:{}", self.management),
            "certificate": self.path("certificate.pem"),
            "privateKey": self.path("key.pem"),
            "httpPort": self.http,
            "tlsPort": self.tls,
            "profiles": { "default": { "description": "of the test", "validityPeriod": validity.as_secs() } },
        } });
        fs::write(self.path("pebble.json"), configuration.to_string()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it; it knows nothing of what it did before.
    pub(crate) async fn start(&mut self) {
        let [pebble, names] = self.programs.clone();
        let names = Command::new(names)
            .args(["-dnsserver", &format!("127.0.0.1:{}", self.dns)])
            .args(["-management", &format!("127.0.0.1:{}", free_port())])
            .args([
                "-defaultIPv6",
                "",
                "-doh",
                "",
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let log = fs::File::create(self.path("log")).unwrap();
        let pebble = Command::new(pebble)
            .args(["-config", self.path("pebble.json").to_str().unwrap()])
            .args(["-dnsserver", &format!("127.0.0.1:{}", self.dns)])
            // It may wait for seconds, forget proofs and refuse at random; here it is to be the same every time.
            .envs([
                ("PEBBLE_VA_NOSLEEP", "1"),
                ("PEBBLE_AUTHZREUSE", "0"),
                ("PEBBLE_WFE_NONCEREJECT", "0"),
            ])
            .stdout(log)
            .spawn();
        self.running = vec![names.unwrap(), pebble.unwrap()];
        let deadline = Instant::now() + PATIENCE;
        for port in [self.port, self.management, self.dns] {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                assert!(Instant::now() < deadline, "not in time: {}", self.log());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Ends it, so that nobody answers.
    pub(crate) fn stop(&mut self) {
        for mut process in self.running.drain(..) {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// What it wrote since it was started.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The section `letsencrypt` for it.
    pub(crate) fn section(&self, cache: &Path, hosts: &[&str]) -> Value {
        json!({
            "directoryurl": format!("https://127.0.0.1:{}/dir", self.port),
            "email": "somebody@example.com",
            "cachefile": cache,
            "hosts": hosts,
        })
    }

    /// The file of the authority to be trusted when it is asked.
    pub(crate) fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// The authority itself.
    pub(crate) fn own(&self) -> &CertificateDer<'static> {
        &self.own
    }

    /// The root of the certificates it gives since it was started.
    pub(crate) async fn root(&self) -> CertificateDer<'static> {
        let address = format!("127.0.0.1:{}", self.management);
        let config = trusting(&self.own);
        let stream = TcpStream::connect(&address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get("/roots/0").header("host", address);
        let answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap());
        let pem = answer
            .await
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        CertificateDer::from_pem_slice(&pem).unwrap()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a client needs that trusts this authority and no other.
pub(crate) fn trusting(root: &CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let config = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    // Who resumes is not shown the certificate of the day.
    config.resumption = Resumption::disabled();
    Arc::new(config)
}
