//! The client itself: connections, what is in the way, answers.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::address::Address;
use super::login::{Login, Purpose};
use super::options::{Locations, Options};
use super::request::{Request, Sent};
use super::response::Response;
use super::seen::{Seen, count};
use super::tls::{Stream, Transport};
use crate::error::Error;
use crate::raw::RawConnection;
use crate::redirects::{Redirects, is_blob_get, merged, place};

/// How long an answer may take. Generous: test machines are slow and shared.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client of one registry. Clones share idle connections and tokens.
#[derive(Clone)]
pub struct Client {
    address: Address,
    transport: Transport,
    login: Option<Arc<Login>>,
    locations: Option<Locations>,
    seen: Arc<Seen>,
    idle: Arc<Mutex<Vec<SendRequest<Sent>>>>,
    redirects: Option<Arc<Redirects>>,
    replicas: Option<Arc<Replicas>>,
}

/// Clients of registries that share their storage, and how many requests were sent.
struct Replicas {
    clients: Vec<Client>,
    sent: AtomicUsize,
}

impl Client {
    /// A client of the registry at `http://host:port`, with or without a path behind it.
    pub fn new(address: &str) -> Result<Self, Error> {
        Self::with(address, &Options::default())
    }

    /// A client of the registry at `http://host:port` or `https://host:port`, with or without a path behind it.
    pub fn with(address: &str, options: &Options) -> Result<Self, Error> {
        Self::counting(address, options, &Arc::default())
    }

    fn counting(address: &str, options: &Options, seen: &Arc<Seen>) -> Result<Self, Error> {
        let address = Address::parse(address)?;
        Ok(Self {
            transport: Transport::new(&address, options)?,
            address,
            login: Login::new(options).map(Arc::new),
            locations: options.locations,
            seen: Arc::clone(seen),
            idle: Arc::default(),
            redirects: None,
            replicas: None,
        })
    }

    /// A client of several registries that share their storage: each request goes to the next one, as behind a load
    /// balancer that does not care who began an upload.
    pub fn of_replicas(addresses: &[String], options: &Options) -> Result<Self, Error> {
        let seen = Arc::default();
        let clients: Vec<Self> = addresses
            .iter()
            .map(|address| Self::counting(address, options, &seen))
            .collect::<Result<_, _>>()?;
        let first = clients.first().ok_or_else(|| Error::Address {
            address: "no address".to_owned(),
        })?;
        Ok(Self {
            replicas: Some(Arc::new(Replicas {
                sent: AtomicUsize::new(0),
                clients: clients.clone(),
            })),
            ..first.clone()
        })
    }

    /// The same client, which follows redirects of a GET of a blob and counts them.
    #[must_use]
    pub fn following_redirects(self) -> Self {
        Self {
            redirects: Some(Arc::default()),
            ..self
        }
    }

    /// What was counted, if it follows redirects.
    pub fn redirects(&self) -> Option<&Redirects> {
        self.redirects.as_deref()
    }

    /// What was met on the way.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.address.authority
    }

    /// The path that everything of the registry is under: empty, or without a slash at its end.
    pub fn base_path(&self) -> &str {
        &self.address.base_path
    }

    /// Scheme, host, port and that path.
    pub fn url(&self) -> String {
        self.address.url()
    }

    /// A connection for bytes of the caller's own making; see [`Client::head_of`] for what they have to begin with.
    pub async fn raw(&self) -> Result<RawConnection, Error> {
        Ok(RawConnection::over(self.open().await?))
    }

    /// Request line, `Host`, and `Authorization` if there are credentials; the caller goes on after its last CRLF.
    pub async fn head_of(&self, method: &str, target: &str) -> Result<String, Error> {
        let line = format!("{method} {} HTTP/1.1\r\nHost: a\r\n", self.address.target(target));
        let Some(login) = self.login.as_deref() else {
            return Ok(line);
        };
        let authorization = self.authorization(login, method, target).await?;
        let field = authorization.map(|value| format!("Authorization: {value}\r\n"));
        Ok(line + &field.unwrap_or_default())
    }

    /// The value of `Authorization` with a token for these scopes; `None`: the registry has sent nobody to a token
    /// server yet.
    pub async fn token_for(&self, scopes: &[String]) -> Result<Option<String>, Error> {
        match self.login.as_deref() {
            Some(login) => login.token_for(scopes).await,
            None => Ok(None),
        }
    }

    /// A GET without headers.
    pub async fn get(&self, target: &str) -> Result<Response, Error> {
        self.send(Request::get(target)).await
    }

    /// A HEAD without headers.
    pub async fn head(&self, target: &str) -> Result<Response, Error> {
        self.send(Request::head(target)).await
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// *Behaviour*
    /// - An idle connection is used again; if it turns out to be closed, a request whose body is in memory is sent once
    ///   more on a new connection.
    /// - With credentials, a challenge is answered and the request sent again. A request whose body is a stream can be
    ///   sent only once, so one without a body learns first what it needs. A request that has an `Authorization` of its
    ///   own is left alone.
    /// - When the registry answers before it has read the body, the answer counts and the rest is not sent.
    /// - Where a form of `Location` is demanded, an answer with another one is [`Error::Unexpected`].
    /// - After two minutes without the whole answer: [`Error::Timeout`].
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let line = request.line();
        tokio::time::timeout(PATIENCE, self.exchange_and_follow(request))
            .await
            .unwrap_or(Err(Error::Timeout {
                request: line,
                limit: PATIENCE,
            }))
    }

    async fn exchange_and_follow(&self, request: Request) -> Result<Response, Error> {
        let line = request.line();
        let counted = self.redirects.as_deref().filter(|_| is_blob_get(&line));
        let Some(redirects) = counted else {
            return self.exchange(request).await;
        };
        let mut again = Request::get("");
        again.headers.clone_from(&request.headers);
        let response = self.exchange(request).await?;
        redirects.count(&again.headers, response.status);
        if response.status != 307 {
            return Ok(response);
        }
        let (authority, target) = place(&response)?;
        again.target = target;
        // Another host gets neither this host's name nor what opens this host.
        again.headers.retain(|(name, _)| {
            !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("authorization")
        });
        let there = Self::new(&format!("http://{authority}"))?;
        let answer = there.exchange(again).await?;
        Ok(merged(response, answer))
    }

    async fn exchange(&self, request: Request) -> Result<Response, Error> {
        match &self.replicas {
            Some(replicas) => {
                let turn = replicas.sent.fetch_add(1, Ordering::Relaxed);
                let client = &replicas.clients[turn % replicas.clients.len()];
                client.exchange_as_somebody(request).await
            }
            None => self.exchange_as_somebody(request).await,
        }
    }

    async fn exchange_as_somebody(&self, mut request: Request) -> Result<Response, Error> {
        let login = self.login.as_deref();
        let Some(login) = login.filter(|_| !request.has_header("authorization")) else {
            return self.exchange_once(request).await;
        };
        let purpose = Purpose::of(&request.method, &request.target);
        let again = request.repeat();
        let known = match login.authorization(&purpose) {
            None if again.is_none() => {
                self.authorization(login, &request.method, &request.target)
                    .await?
            }
            known => known,
        };
        if let Some(authorization) = &known {
            request = request.header("authorization", authorization);
        }
        let response = self.exchange_once(request).await?;
        if response.status != 401 {
            if let Some(authorization) = known {
                self.seen.let_in(&authorization);
            }
            return Ok(response);
        }
        let Some(again) = again else {
            return Ok(response);
        };
        let Some(authorization) = login.answer(&response, &purpose, &self.seen).await? else {
            return Ok(response);
        };
        let again = again.header("authorization", &authorization);
        let response = self.exchange_once(again).await?;
        if response.status != 401 {
            self.seen.let_in(&authorization);
        }
        Ok(response)
    }

    /// What a request needs, asked for by the same request without a body, which nobody lets in.
    async fn authorization(
        &self,
        login: &Login,
        method: &str,
        target: &str,
    ) -> Result<Option<String>, Error> {
        let purpose = Purpose::of(method, target);
        if let Some(known) = login.authorization(&purpose) {
            return Ok(Some(known));
        }
        let response = self.exchange_once(Request::new(method, target)).await?;
        if response.status != 401 {
            return Ok(None);
        }
        let answer = login.answer(&response, &purpose, &self.seen).await?;
        // Another task may have learned it meanwhile.
        Ok(answer.or_else(|| login.authorization(&purpose)))
    }

    async fn exchange_once(&self, mut request: Request) -> Result<Response, Error> {
        let line = request.line();
        let keeps_name = !["host", "forwarded", "x-forwarded-host", "x-forwarded-proto"]
            .iter()
            .any(|name| request.has_header(name));
        while let Some(mut sender) = self.take_idle() {
            if sender.ready().await.is_err() {
                continue;
            }
            let again = request.repeat();
            match (self.round_trip(&line, sender, request).await, again) {
                (Err(Error::Exchange { source, .. }), Some(again))
                    if source.is_canceled() || source.is_incomplete_message() || source.is_closed() =>
                {
                    request = again;
                }
                (outcome, _) => return self.with_right_location(outcome?, keeps_name),
            }
            break;
        }
        let sender = self.connect(&line).await?;
        let response = self.round_trip(&line, sender, request).await?;
        self.with_right_location(response, keeps_name)
    }

    /// Looks at the form of `Location`, unless the request gave other names for this registry, or the answer sends the
    /// client elsewhere.
    fn with_right_location(&self, response: Response, keeps_name: bool) -> Result<Response, Error> {
        let location = response.header("location");
        let Some((form, location)) = self.locations.zip(location) else {
            return Ok(response);
        };
        if !keeps_name || matches!(response.status, 300..=399) {
            return Ok(response);
        }
        if !self.address.leads_here(location, form) {
            return Err(response.unexpected(format!(
                "Location leads elsewhere or has another form: {location}"
            )));
        }
        count(&self.seen.locations);
        Ok(response)
    }

    fn take_idle(&self) -> Option<SendRequest<Sent>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        let stream = self.transport.connect(&self.address.authority).await?;
        if self.address.is_tls {
            count(&self.seen.tls_connections);
        }
        Ok(stream)
    }

    async fn connect(&self, line: &str) -> Result<SendRequest<Sent>, Error> {
        let stream = self.open().await?;
        let (sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| Error::Exchange {
                request: line.to_owned(),
                source,
            })?;
        // Errors of the connection reach the request that waits on it.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn round_trip(
        &self,
        line: &str,
        mut sender: SendRequest<Sent>,
        request: Request,
    ) -> Result<Response, Error> {
        let exchange = |source| Error::Exchange {
            request: line.to_owned(),
            source,
        };
        let answer = sender
            .send_request(request.into_http(&self.address)?)
            .await
            .map_err(exchange)?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(exchange)?.to_bytes();
        if sender.is_ready() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(sender);
        }
        Ok(Response {
            request: line.to_owned(),
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
