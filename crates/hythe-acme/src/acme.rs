//! The certificates of a server: read, handed out, kept fresh.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand::RngExt as _;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::account::Owner;
use crate::cache::Cache;
use crate::certificate::Certificate;
use crate::challenge::{Challenge, Challenges};
use crate::order::Ordering;
use crate::{Error, hosts, renewal};

/// Let's Encrypt, as in distribution.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5 * 60);

/// Names that are asked for at once at the most.
const ORDERS_AT_ONCE: usize = 4;

/// The clock is looked at this often while a certificate ages, for machines sleep and clocks are set.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);

/// What is asked for, and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder for keys and certificates, in the layout of Go's `autocert.DirCache`; made when it is not there.
    pub folder: PathBuf,
    /// The names; each has a certificate of its own. Upper case, a dot at the end and characters beyond ASCII are brought
    /// into the form that clients send.
    pub hosts: Vec<String>,
    /// Whom the ACME server may write to.
    pub email: Option<String>,
    /// The URL of the server's directory; Let's Encrypt's own when absent.
    pub directory: Option<String>,
    /// The challenges that can be met, in the order in which they are tried.
    pub challenges: Vec<Challenge>,
}

/// The certificates of a server.
#[derive(Debug)]
pub struct Acme {
    owner: Owner,
    cache: Cache,
    challenges: Challenges,
    allowed: Vec<Challenge>,
    provider: Arc<CryptoProvider>,
    hosts: BTreeMap<String, watch::Sender<Held>>,
    places: Semaphore,
    asked: watch::Sender<()>,
}

/// What there is for a name.
#[derive(Debug, Default)]
struct Held {
    certificate: Option<Aging>,
    /// Whether it has been asked for in vain, so that nobody waits.
    has_failed: bool,
}

#[derive(Debug)]
struct Aging {
    certificate: Certificate,
    due: SystemTime,
}

impl Acme {
    /// Reads the certificates that are in the folder. Nobody is asked yet.
    ///
    /// A kept file that cannot be used is told to the log, and replaced later.
    ///
    /// # Errors
    /// [`Error::NoHosts`], [`Error::Host`], or [`Error::Cache`] when the folder cannot be made or read.
    pub fn open(settings: Settings, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let names = hosts::normalized(&settings.hosts)?;
        let cache = Cache::open(settings.folder)?;
        let acme = Self {
            owner: Owner {
                directory: settings.directory.unwrap_or_else(|| LETS_ENCRYPT.to_owned()),
                email: settings.email,
            },
            challenges: Challenges::new(cache.clone()),
            cache,
            allowed: settings.challenges,
            provider,
            hosts: names
                .into_iter()
                .map(|host| (host, watch::Sender::default()))
                .collect(),
            places: Semaphore::new(ORDERS_AT_ONCE),
            asked: watch::Sender::default(),
        };
        for (host, held) in &acme.hosts {
            if let Some(aging) = acme.usable(host, acme.cache.read(host)?) {
                held.send_modify(|held| held.certificate = Some(aging));
            } else {
                tracing::info!(
                    host,
                    directory = acme.owner.directory,
                    "a certificate will be asked for"
                );
            }
        }
        Ok(acme)
    }

    /// The certificate for a name as it comes in a handshake. The last one there was, even when it has expired: clients
    /// can tell their users more about that than about a handshake that fails.
    pub fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let held = self.hosts.get(&name.to_ascii_lowercase())?.borrow();
        let certificate = &held.certificate.as_ref()?.certificate;
        Some(certificate.certified.clone())
    }

    /// Waits for the first certificate of a name: until it is there, or was asked for in vain, or the name turns out to be
    /// none of ours.
    pub async fn ready(&self, name: &str) {
        let Some(held) = self.hosts.get(&name.to_ascii_lowercase()) else {
            return;
        };
        let mut held = held.subscribe();
        // It cannot fail: the other end is here.
        drop(
            held.wait_for(|held| held.certificate.is_some() || held.has_failed)
                .await,
        );
    }

    /// The certificate for a handshake by the ACME server, which asks for the protocol `acme-tls/1`.
    pub async fn challenge_certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        self.hosts.contains_key(&name).then_some(())?;
        self.challenges.certificate(&name, &self.provider).await
    }

    /// The answer to `GET /.well-known/acme-challenge/<token>`.
    pub async fn key_authorization(&self, token: &str) -> Option<String> {
        self.challenges.answer(token).await
    }

    /// Looks into the folder again, and tries again at once what is due.
    pub fn refresh(&self) {
        self.asked.send_replace(());
    }

    /// Asks for what is missing, and for what grows old, until `stop`. Failures are told to the log and tried again after
    /// growing pauses; the certificates of before stay in use.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        for host in self.hosts.keys() {
            let (acme, host, stop) = (self.clone(), host.clone(), stop.clone());
            tasks.spawn(async move { stop.run_until_cancelled(acme.keep(&host)).await });
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn keep(&self, host: &str) {
        let mut asked = self.asked.subscribe();
        let mut pauses = renewal::pauses();
        loop {
            self.until_due(host, &mut asked).await;
            let Err(error) = self.renew(host).await else {
                pauses = renewal::pauses();
                continue;
            };
            let pause = pauses.next().unwrap_or(LOOK_EVERY);
            self.tell(host, &error, pause);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = asked.changed() => {}
            }
        }
    }

    /// Returns when the certificate has to be replaced, or somebody asked to look again.
    async fn until_due(&self, host: &str, asked: &mut watch::Receiver<()>) {
        loop {
            let due = self.hosts[host]
                .borrow()
                .certificate
                .as_ref()
                .map(|aging| aging.due);
            let left = due.and_then(|due| due.duration_since(SystemTime::now()).ok());
            let Some(left) = left.filter(|left| !left.is_zero()) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK_EVERY)) => {}
                _ = asked.changed() => return,
            }
        }
    }

    /// Takes up what another one obtained, or obtains a certificate.
    async fn renew(&self, host: &str) -> Result<(), Error> {
        let kept = self.cache.load(host.to_owned()).await?;
        if let Some(kept) = self.usable(host, kept)
            && kept.due > SystemTime::now()
        {
            self.hold(host, kept);
            return Ok(());
        }
        // It is never closed.
        let _place = self.places.acquire().await;
        let obtained = tokio::time::timeout(ATTEMPT, async {
            let account = self.owner.log_in(&self.cache).await?;
            let ordering = Ordering {
                owner: &self.owner,
                challenges: &self.challenges,
                provider: &self.provider,
            };
            ordering.obtain(&account, host, &self.allowed).await
        });
        let pem = obtained.await.map_err(|_| Error::Timeout(ATTEMPT))??;
        let aging = self.parse(host, pem.as_bytes())?;
        let stored = self.cache.store(host.to_owned(), pem).await;
        // A full disk is no reason to serve an old one.
        self.hold(host, aging);
        stored
    }

    fn hold(&self, host: &str, aging: Aging) {
        self.hosts[host].send_modify(|held| {
            let is_known = |known: &Aging| known.certificate.is(&aging.certificate);
            if !held.certificate.as_ref().is_some_and(is_known) {
                let days = aging.certificate.not_after.duration_since(SystemTime::now());
                let days = days.unwrap_or_default().as_secs() / (24 * 60 * 60);
                tracing::info!(host, days, "a new certificate is in use");
            }
            held.certificate = Some(aging);
            held.has_failed = false;
        });
    }

    /// What was kept for a name, unless it cannot be used.
    fn usable(&self, host: &str, kept: Option<Vec<u8>>) -> Option<Aging> {
        let parsed = self.parse(host, &kept?);
        let told = parsed.inspect_err(|error| {
            let path = self.cache.path(host);
            tracing::warn!(path = %path.display(), error = %error, "a kept certificate will be replaced");
        });
        told.ok()
    }

    fn parse(&self, host: &str, pem: &[u8]) -> Result<Aging, Error> {
        let parsed = Certificate::parse(pem, host, &self.provider);
        let certificate = parsed.map_err(|reason| Error::Certificate {
            host: host.to_owned(),
            reason,
        })?;
        let due = renewal::due(&certificate, rand::rng().random_range(0.0..1.0));
        Ok(Aging { certificate, due })
    }

    fn tell(&self, host: &str, error: &Error, pause: Duration) {
        self.hosts[host].send_modify(|held| held.has_failed = true);
        let held = self.hosts[host].borrow();
        let end = held.certificate.as_ref().map(|aging| aging.certificate.not_after);
        let what_clients_get = match end {
            Some(end) if end > SystemTime::now() => "the old certificate, which is still valid",
            Some(_) => "a certificate that has expired",
            None => "no certificate, so that nobody can connect by this name",
        };
        let (error, minutes) = (chain(error), pause.as_secs() / 60);
        tracing::error!(
            host,
            "no new certificate: {error}; clients get {what_clients_get}; next attempt in {minutes} min"
        );
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some libraries repeat the cause in their own words.
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
