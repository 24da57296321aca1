//! `http.tls.letsencrypt`, with Let's Encrypt's test server.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use hythe_testutil::Configuration;
use rustix::process::Signal;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::pebble::{Pebble, free_port, installed, trusting};
use crate::process::Setup;

const MONTHS: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const HOST: &str = "registry.test";

/// A registry on the port where the test server looks for challenges over TLS.
fn configuration(pebble: &Pebble, section: Value) -> Configuration {
    Configuration::inmemory()
        .set(&["http", "addr"], json!(format!("127.0.0.1:{}", pebble.tls)))
        .set(&["http", "tls", "letsencrypt"], section)
}

fn setup(pebble: &Pebble, section: Value) -> Setup {
    let setup = Setup::with_text(&configuration(pebble, section).text());
    setup.variable("SSL_CERT_FILE", pebble.authority().to_str().unwrap())
}

/// One connection.
struct Connection {
    certificate: CertificateDer<'static>,
    sender: SendRequest<Empty<Bytes>>,
}

impl Connection {
    async fn open(address: &str, name: &str, trust: &Arc<ClientConfig>) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(trust.clone()).connect(name, stream).await?;
        let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(Self { certificate, sender })
    }

    async fn works(&mut self) {
        let request = hyper::Request::get("/v2/")
            .header("host", HOST)
            .body(Empty::new());
        let answer = self.sender.send_request(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

/// The certificate that a client gets, and is content with.
async fn served(address: &str, trust: &Arc<ClientConfig>) -> CertificateDer<'static> {
    let mut connection = Connection::open(address, HOST, trust).await.unwrap();
    connection.works().await;
    connection.certificate
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_certificate_is_obtained_kept_and_used_when_nobody_answers() {
    let Some(mut pebble) = Pebble::new(MONTHS) else {
        return;
    };
    pebble.start().await;
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("certificates");
    let section = pebble.section(&cache, &["Registry.Test", "second.test"]);
    let server = setup(&pebble, section.clone()).serve().await;
    let trust = trusting(&pebble.root().await);
    // The first client may come before the certificate.
    let first = served(server.address(), &trust).await;
    let other = Connection::open(server.address(), "second.test", &trust)
        .await
        .unwrap();
    assert_ne!(other.certificate, first);
    for unlisted in ["other.test", "127.0.0.1"] {
        assert!(
            Connection::open(server.address(), unlisted, &trust)
                .await
                .is_err(),
            "{unlisted}"
        );
    }
    drop(server);
    assert_eq!(names(&cache), ["acme_account+key", HOST, "second.test"]);
    for name in names(&cache) {
        assert_eq!(fs::metadata(cache.join(name)).unwrap().mode() & 0o777, 0o600);
    }

    // Nobody can be asked, and nobody needs to be.
    pebble.stop();
    let server = setup(&pebble, section).serve().await;
    assert_eq!(served(server.address(), &trust).await, first);
    let (code, log, _) = server.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("level=error"), "{log}");
}

#[tokio::test]
async fn without_a_certificate_and_a_server_it_says_so_and_waits_for_it() {
    let Some(mut pebble) = Pebble::new(MONTHS) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let mut server = setup(&pebble, pebble.section(folder.path(), &[HOST]))
        .serve()
        .await;
    server.until_logged("clients get no certificate").await;
    let log = server.log();
    assert!(log.contains("cannot log in at https://127.0.0.1:"), "{log}");
    assert!(log.contains("Connection refused"), "{log}");
    let failed = Connection::open(server.address(), HOST, &trusting(pebble.own())).await;
    assert!(failed.is_err());

    pebble.start().await;
    server.signal(Signal::HUP);
    server.until_logged("a new certificate is in use").await;
    served(server.address(), &trusting(&pebble.root().await)).await;
}

#[tokio::test]
async fn challenges_are_met_over_plain_http() {
    let Some(mut pebble) = Pebble::new(MONTHS) else {
        return;
    };
    pebble.start().await;
    let folder = TempDir::new().unwrap();
    let mut section = pebble.section(folder.path(), &[HOST]);
    section["httpaddr"] = json!(format!("127.0.0.1:{}", pebble.http));
    // Not where the test server would look for the other challenge.
    let elsewhere = configuration(&pebble, section).set(&["http", "addr"], json!("127.0.0.1:0"));
    let setup = Setup::with_text(&elsewhere.text());
    let server = setup
        .variable("SSL_CERT_FILE", pebble.authority().to_str().unwrap())
        .serve()
        .await;
    served(server.address(), &trusting(&pebble.root().await)).await;
    assert_eq!(names(folder.path()), ["acme_account+key", HOST]);
}

#[tokio::test]
async fn when_one_challenge_fails_the_other_is_tried() {
    let Some(mut pebble) = Pebble::new(MONTHS) else {
        return;
    };
    pebble.start().await;
    let folder = TempDir::new().unwrap();
    let mut section = pebble.section(folder.path(), &[HOST]);
    // Not where the test server looks.
    section["httpaddr"] = json!(format!("127.0.0.1:{}", free_port()));
    let mut server = setup(&pebble, section).serve().await;
    served(server.address(), &trusting(&pebble.root().await)).await;
    server.until_logged("HTTP-01 challenge of registry.test").await;
}

#[tokio::test]
async fn certificates_are_renewed_before_their_end_and_nobody_notices() {
    let Some(mut pebble) = Pebble::new(Duration::from_secs(15)) else {
        return;
    };
    pebble.start().await;
    let folder = TempDir::new().unwrap();
    let server = setup(&pebble, pebble.section(folder.path(), &[HOST]))
        .serve()
        .await;
    let trust = trusting(&pebble.root().await);
    let mut open = Connection::open(server.address(), HOST, &trust).await.unwrap();
    open.works().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    // Every handshake on the way succeeds.
    while served(server.address(), &trust).await == open.certificate {
        assert!(Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    open.works().await;
    let kept = fs::read_to_string(folder.path().join(HOST)).unwrap();
    assert!(kept.contains("-----BEGIN CERTIFICATE-----"));
    assert!(!server.log().contains("level=error"), "{}", server.log());
}

/// The original, killed when dropped.
struct Original(Child);

impl Original {
    async fn serve(program: &Path, pebble: &Pebble, section: Value, folder: &Path) -> Self {
        let path = folder.join("original.yml");
        fs::write(&path, configuration(pebble, section).text()).unwrap();
        let child = Command::new(program)
            .arg("serve")
            .arg(path)
            .envs([
                ("SSL_CERT_FILE", pebble.authority().to_str().unwrap()),
                ("OTEL_TRACES_EXPORTER", "none"),
            ])
            .stdout(fs::File::create(folder.join("original.out")).unwrap())
            .stderr(fs::File::create(folder.join("original.err")).unwrap())
            .spawn();
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", pebble.tls)).await.is_err() {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self(child.unwrap())
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The original's library cannot fetch a certificate from the test server, which signs after it has answered: all that
/// the original leaves here is its account, in the form that Go writes.
#[tokio::test]
async fn the_account_of_the_original_is_used() {
    let (Some(mut pebble), Some(original)) = (Pebble::new(MONTHS), installed("registry")) else {
        return;
    };
    pebble.start().await;
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("cache");
    let section = pebble.section(&cache, &[HOST]);
    let trust = trusting(&pebble.root().await);
    let address = format!("127.0.0.1:{}", pebble.tls);
    let running = Original::serve(&original, &pebble, section.clone(), folder.path()).await;
    // It asks when the first client comes, who learns that it was in vain.
    drop(Connection::open(&address, HOST, &trust).await);
    drop(running);
    let key = fs::read_to_string(cache.join("acme_account+key")).unwrap();
    assert!(key.contains("EC PRIVATE KEY"));

    let server = setup(&pebble, section).serve().await;
    served(server.address(), &trust).await;
    let accounts = pebble.log().matches("accounts in memory").count();
    assert_eq!(accounts, 1, "{}", pebble.log());
    assert_eq!(fs::read_to_string(cache.join("acme_account+key")).unwrap(), key);
}

#[tokio::test]
async fn the_original_serves_the_certificates_of_hythe() {
    let (Some(mut pebble), Some(original)) = (Pebble::new(MONTHS), installed("registry")) else {
        return;
    };
    pebble.start().await;
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("cache");
    let section = pebble.section(&cache, &[HOST]);
    let trust = trusting(&pebble.root().await);
    let server = setup(&pebble, section.clone()).serve().await;
    let ours = served(server.address(), &trust).await;
    let address = server.address().to_owned();
    drop(server);
    pebble.stop();
    let _running = Original::serve(&original, &pebble, section, folder.path()).await;
    assert_eq!(served(&address, &trust).await, ours);
}

#[tokio::test]
async fn a_section_that_cannot_work_stops_the_start() {
    let check = async |section: Value, expected: &str| {
        let configuration = Configuration::inmemory().set(&["http", "tls", "letsencrypt"], section);
        let (code, log) = Setup::with(&configuration).refused().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(expected), "{expected}: {log}");
    };
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let cache = folder.path().join("cache");
    check(json!({ "cachefile": cache }), "letsencrypt: no host is named").await;
    check(
        json!({ "cachefile": cache, "hosts": ["*.a.test"] }),
        "\\\"*.a.test\\\" is no host",
    )
    .await;
    check(
        json!({ "cachefile": file, "hosts": ["a.test"] }),
        "cannot make the folder",
    )
    .await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let section = json!({ "cachefile": cache, "hosts": ["a.test"], "httpaddr": taken });
    check(section, "letsencrypt.httpaddr: cannot listen on").await;
}
