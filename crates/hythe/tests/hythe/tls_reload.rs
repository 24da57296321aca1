//! Certificates that change while clients are there, and files that cannot be used.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rcgen::KeyPair;
use rustix::process::Signal;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::pebble::trusting;
use crate::process::Setup;
use crate::tls::{Authority, with_tls};

const HOST: &str = "registry.test";
const REPLACEMENTS: usize = 20;
const CLIENTS: usize = 8;

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn connect(
    address: &str,
    trust: &Arc<ClientConfig>,
) -> Result<(SendRequest<Empty<Bytes>>, CertificateDer<'static>), Failure> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(HOST)?;
    let stream = TlsConnector::from(trust.clone()).connect(name, stream).await?;
    let certificate = stream.get_ref().1.peer_certificates().ok_or("no certificate")?[0].clone();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok((sender, certificate))
}

async fn ask(sender: &mut SendRequest<Empty<Bytes>>) -> Result<(), Failure> {
    let request = hyper::Request::get("/v2/")
        .header("host", HOST)
        .body(Empty::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    answer.into_body().collect().await?;
    if status == 200 {
        Ok(())
    } else {
        Err(status.to_string().into())
    }
}

/// Asks again and again: half of the clients on one connection, the others on a new one each time.
async fn client(
    keeps: bool,
    address: String,
    trust: Arc<ClientConfig>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
) -> Result<(), Failure> {
    let (mut sender, _) = connect(&address, &trust).await?;
    while !stop.load(Ordering::Relaxed) {
        if !keeps {
            (sender, _) = connect(&address, &trust).await?;
        }
        ask(&mut sender).await?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

#[tokio::test]
async fn certificates_are_replaced_under_load_and_no_request_fails() {
    let authority = Authority::new();
    authority.write(HOST, false);
    let server = Setup::with(&with_tls(authority.tls())).serve().await;
    let trust = trusting(authority.certificate());
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let address = server.address().to_owned();
            let (trust, stop, done) = (trust.clone(), stop.clone(), done.clone());
            tokio::spawn(client(number % 2 == 0, address, trust, stop, done))
        })
        .collect();

    let deadline = Instant::now() + Duration::from_secs(60);
    let (_, mut current) = connect(server.address(), &trust).await.unwrap();
    for _ in 0..REPLACEMENTS {
        authority.write(HOST, false);
        server.signal(Signal::HUP);
        let asked_before = done.load(Ordering::Relaxed);
        loop {
            let (_, certificate) = connect(server.address(), &trust).await.unwrap();
            if certificate != current && done.load(Ordering::Relaxed) > asked_before {
                current = certificate;
                break;
            }
            assert!(Instant::now() < deadline, "{}", server.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap().unwrap();
    }
    assert!(done.load(Ordering::Relaxed) > REPLACEMENTS * CLIENTS);
    let (code, log, _) = server.terminate().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn new_files_that_do_not_fit_leave_the_old_ones_in_use() {
    let authority = Authority::new();
    authority.write(HOST, false);
    let mut server = Setup::with(&with_tls(authority.tls())).serve().await;
    let trust = trusting(authority.certificate());
    let (mut open, old) = connect(server.address(), &trust).await.unwrap();

    let key = fs::read(authority.path("server.key")).unwrap();
    let other = KeyPair::generate().unwrap().serialize_pem();
    for (name, content, told) in [
        (
            "server.key",
            other.into_bytes(),
            "is not the key of the certificate",
        ),
        ("server.pem", key.clone(), "holds no certificate in PEM"),
    ] {
        let before = fs::read(authority.path(name)).unwrap();
        fs::write(authority.path(name), content).unwrap();
        server.signal(Signal::HUP);
        server.until_logged(told).await;
        let (mut sender, certificate) = connect(server.address(), &trust).await.unwrap();
        assert_eq!(certificate, old);
        ask(&mut sender).await.unwrap();
        ask(&mut open).await.unwrap();
        fs::write(authority.path(name), before).unwrap();
    }
    assert!(server.log().contains("the old one stays in use"));
}

#[tokio::test]
async fn who_may_read_the_key_is_looked_at() {
    let authority = Authority::new();
    authority.write(HOST, false);
    let key = authority.path("server.key");
    let chmod = |mode| fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();

    chmod(0o604);
    let server = Setup::with(&with_tls(authority.tls())).serve().await;
    let warning = format!("every user of this machine can read {}", key.display());
    assert!(server.log().contains(&warning), "{}", server.log());
    drop(server);

    chmod(0o600);
    let server = Setup::with(&with_tls(authority.tls())).serve().await;
    assert!(
        !server.log().contains("every user of this machine"),
        "{}",
        server.log()
    );
    drop(server);

    // For another user it is not there to be read.
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(authority.path(""), Permissions::from_mode(0o755)).unwrap();
        let setup = Setup::with(&with_tls(authority.tls()));
        fs::set_permissions(setup.folder(), Permissions::from_mode(0o755)).unwrap();
        let (code, log) = setup.user(65534).refused().await;
        assert_eq!(code, Some(1), "{log}");
        let expected = format!("http.tls.key: {}: ", key.display());
        assert!(
            log.contains(&expected) && log.contains("ermission denied"),
            "{log}"
        );
    }
    let tls = json!({ "certificate": authority.path("server.pem") });
    let (code, log) = Setup::with(&with_tls(tls)).refused().await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("http.tls.certificate: needs `key`"), "{log}");
}
