//! `http.tls` and `http.net: unix`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hythe_testutil::Configuration;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustix::process::{Signal, kill_process};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::process::{Server, Setup};

pub(crate) const ONLY_1_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
const ONLY_1_3: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// An authority with a folder for the files it makes.
pub(crate) struct Authority {
    folder: TempDir,
    root: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key in memory.
pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), root.pem()).unwrap();
        Self { folder, root }
    }

    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        self.root.der()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `server.pem` and `server.key` for a name.
    pub(crate) fn write(&self, name: &str, is_expired: bool) {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if is_expired {
            parameters.not_before = date_time_ymd(2000, 1, 1);
            parameters.not_after = date_time_ymd(2001, 1, 1);
        }
        let pair = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&pair, &self.root).unwrap();
        fs::write(self.path("server.pem"), certificate.pem()).unwrap();
        fs::write(self.path("server.key"), pair.serialize_pem()).unwrap();
    }

    pub(crate) fn client(&self) -> Identity {
        let pair = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["client".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&pair, &self.root).unwrap();
        Identity {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(pair.serialize_der()).unwrap(),
        }
    }

    pub(crate) fn tls(&self) -> serde_json::Value {
        json!({ "certificate": self.path("server.pem"), "key": self.path("server.key") })
    }
}

pub(crate) fn with_tls(tls: serde_json::Value) -> Configuration {
    Configuration::inmemory().set(&["http", "tls"], tls)
}

pub(crate) struct Caller<'a> {
    authority: &'a Authority,
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    pub(crate) protocols: &'static [&'static [u8]],
    pub(crate) identity: Option<Identity>,
}

impl<'a> Caller<'a> {
    pub(crate) fn of(authority: &'a Authority) -> Self {
        Self {
            authority,
            versions: rustls::ALL_VERSIONS,
            protocols: &[],
            identity: None,
        }
    }

    pub(crate) async fn connect(self, server: &Server, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.root.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.identity {
            Some(identity) => builder
                .with_client_auth_cert(vec![identity.certificate], identity.key)
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.protocols.iter().map(|name| name.to_vec()).collect();
        let stream = TcpStream::connect(server.address()).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// The status of `GET /v2/`. A client learns only from the answer whether its certificate was taken.
    pub(crate) async fn status(self, server: &Server, name: &str) -> std::io::Result<u16> {
        let stream = self.connect(server, name).await?;
        let broken = |_| std::io::Error::from(ErrorKind::ConnectionReset);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(connection);
        let answer = sender.send_request(request("/v2/")).await.map_err(broken)?;
        Ok(answer.status().as_u16())
    }
}

fn request(target: &str) -> hyper::Request<Empty<Bytes>> {
    let request = hyper::Request::get(target).header("host", "registry.test");
    request.body(Empty::new()).unwrap()
}

#[tokio::test]
async fn both_versions_and_both_protocols_are_spoken() {
    let authority = Authority::new();
    authority.write("registry.test", false);
    let server = Setup::with(&with_tls(authority.tls())).serve().await;
    assert!(server.log().contains(", tls"), "{}", server.log());
    for versions in [ONLY_1_2, ONLY_1_3] {
        let caller = Caller {
            versions,
            ..Caller::of(&authority)
        };
        assert_eq!(caller.status(&server, "registry.test").await.unwrap(), 200);
    }
    let caller = Caller {
        protocols: &[b"h2", b"http/1.1"],
        ..Caller::of(&authority)
    };
    let stream = caller.connect(&server, "registry.test").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::post("https://registry.test/v2/a/blobs/uploads/");
    let answer = sender
        .send_request(request.body(Empty::<Bytes>::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(
        location.starts_with("https://registry.test/v2/a/blobs/uploads/"),
        "{location}"
    );
    answer.into_body().collect().await.unwrap();
}

#[tokio::test]
async fn older_versions_and_other_protocols_are_left_out_when_told() {
    let authority = Authority::new();
    authority.write("registry.test", false);
    let mut tls = authority.tls();
    tls["minimumtls"] = "tls1.3".into();
    let configuration = with_tls(tls).set(&["http", "http2", "disabled"], json!(true));
    let server = Setup::with(&configuration).serve().await;
    let old = Caller {
        versions: ONLY_1_2,
        ..Caller::of(&authority)
    };
    old.status(&server, "registry.test").await.unwrap_err();
    let caller = Caller {
        protocols: &[b"h2", b"http/1.1"],
        ..Caller::of(&authority)
    };
    let stream = caller.connect(&server, "registry.test").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_so() {
    let authority = Authority::new();
    authority.write("registry.test", false);
    let server = Setup::with(&with_tls(authority.tls())).serve().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream
        .write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{answer}");
    assert!(
        answer.ends_with("Client sent an HTTP request to an HTTPS server.\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn client_certificates_are_asked_for_as_configured() {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.write("registry.test", false);
    for (mode, without, of_other) in [
        ("request-client-cert", true, true),
        ("require-any-client-cert", false, true),
        ("verify-client-cert-if-given", true, false),
        ("require-and-verify-client-cert", false, false),
    ] {
        let mut tls = authority.tls();
        tls["clientcas"] = json!([authority.path("ca.pem")]);
        tls["clientauth"] = mode.into();
        let server = Setup::with(&with_tls(tls)).serve().await;
        let status = async |identity| {
            let caller = Caller {
                identity,
                ..Caller::of(&authority)
            };
            caller.status(&server, "registry.test").await.ok() == Some(200)
        };
        assert!(status(Some(authority.client())).await, "{mode}");
        assert_eq!(status(None).await, without, "{mode}");
        assert_eq!(status(Some(other.client())).await, of_other, "{mode}");
    }
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_and_a_bad_one_is_not() {
    let authority = Authority::new();
    authority.write("old.test", false);
    let mut server = Setup::with(&with_tls(authority.tls())).serve().await;
    // It stays open through all changes.
    let open = Caller::of(&authority).connect(&server, "old.test").await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(open)).await.unwrap();
    tokio::spawn(connection);

    fs::write(authority.path("server.key"), "nonsense").unwrap();
    server.until_logged("the old one stays in use").await;
    assert_eq!(
        Caller::of(&authority).status(&server, "old.test").await.unwrap(),
        200
    );

    authority.write("new.test", false);
    server.until_logged("http.tls: read again").await;
    assert_eq!(
        Caller::of(&authority).status(&server, "new.test").await.unwrap(),
        200
    );
    Caller::of(&authority)
        .status(&server, "old.test")
        .await
        .unwrap_err();

    kill_process(server.id(), Signal::HUP).unwrap();
    server.until_logged("reading certificates").await;
    let answer = sender.send_request(request("/v2/")).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn what_cannot_be_used_stops_the_start() {
    let authority = Authority::new();
    authority.write("registry.test", false);
    let check = async |tls: serde_json::Value, expected: &str| {
        let (code, log) = Setup::with(&with_tls(tls)).refused().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(expected), "{log}");
    };
    let with = |key: &str, value: serde_json::Value| {
        let mut tls = authority.tls();
        tls[key] = value;
        tls
    };
    check(
        with("certificate", json!("/nowhere.pem")),
        "http.tls.certificate: /nowhere.pem: ",
    )
    .await;
    check(
        with("clientcas", json!(["/nowhere.pem"])),
        "http.tls.clientcas: /nowhere.pem: ",
    )
    .await;
    check(
        with("ciphersuites", json!(["TLS_RSA_WITH_AES_128_CBC_SHA"])),
        "http.tls.ciphersuites: none",
    )
    .await;
    fs::write(
        authority.path("other.key"),
        KeyPair::generate().unwrap().serialize_pem(),
    )
    .unwrap();
    check(
        with("key", json!(authority.path("other.key"))),
        "is not the key of the certificate",
    )
    .await;
}

#[tokio::test]
async fn an_expired_certificate_is_served_with_a_warning() {
    let authority = Authority::new();
    authority.write("registry.test", true);
    let server = Setup::with(&with_tls(authority.tls())).serve().await;
    assert!(server.log().contains("expired at"), "{}", server.log());
    Caller::of(&authority)
        .status(&server, "registry.test")
        .await
        .unwrap_err();
}

/// The status of `GET /v2/` over a socket.
pub(crate) async fn socket_status(path: &Path) -> u16 {
    let stream = UnixStream::connect(path).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
        .send_request(request("/v2/"))
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn a_unix_socket_is_served_and_a_stale_one_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.sock");
    // Nobody listens on it any more.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let configuration = Configuration::inmemory().set(&["http", "net"], json!("unix"));
    let setup = || Setup::with(&configuration).variable("REGISTRY_HTTP_ADDR", path.to_str().unwrap());
    let mut server = setup().spawn();
    server.until_logged("listening on").await;
    assert_eq!(socket_status(&path).await, 200);

    let (code, log) = setup().refused().await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("cannot listen on"), "{log}");
    let (code, log, access) = server.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(access.starts_with("@ - - ["), "{access}");
    assert!(!path.exists());

    fs::write(&path, "a file").unwrap();
    let (_, log) = setup().refused().await;
    assert!(log.contains("no socket is in the way"), "{log}");
    assert_eq!(fs::read(&path).unwrap(), b"a file");
}
