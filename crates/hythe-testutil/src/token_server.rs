//! A server that gives tokens for names and passwords, as the Docker token specification has it.
//!
//! Whoever knows the password gets whatever he asks for: which rights somebody has is no business of a registry, and
//! tokens that lack something are made with [`SigningKey`] alone.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::error::Error;
use crate::http::Credentials;
use crate::jwt::SigningKey;

/// How long a token lasts.
const SECONDS: u64 = 300;

/// Who signs, how, for whom.
#[derive(Debug)]
pub struct Issuer {
    /// With what.
    pub key: SigningKey,
    /// One that the key can sign with.
    pub algorithm: String,
    /// The claim `iss`.
    pub name: String,
    /// Who may ask.
    pub user: Credentials,
    /// Scopes that every token opens besides those that were asked for.
    pub always: Vec<String>,
}

impl Issuer {
    /// The set of keys that a registry has to trust (RFC 7517).
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.key.jwk()] })
    }

    /// A token that opens `scopes` for the registry of that name.
    pub fn token(&self, service: &str, scopes: &[String]) -> Result<String, Error> {
        let access: Vec<Value> = scopes
            .iter()
            .chain(&self.always)
            .filter_map(|scope| granted(scope))
            .collect();
        let now = now();
        let claims = json!({
            "iss": self.name, "sub": self.user.user, "aud": service,
            "nbf": now, "iat": now, "exp": now + SECONDS,
            "access": access,
        });
        self.key.token(&self.key.header(&self.algorithm), &claims)
    }
}

/// A running server. Dropping it closes the port.
#[derive(Debug)]
pub struct TokenServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl TokenServer {
    /// Listens, without TLS.
    pub async fn start(address: SocketAddr, issuer: Issuer) -> Result<Self, Error> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, Arc::new(issuer)));
        Ok(Self { address, task })
    }

    /// What a registry has to be told: where clients are to ask.
    pub fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// Serves until something goes wrong.
    pub async fn serve(mut self) {
        // The task ends only with the process.
        let _ = (&mut self.task).await;
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, issuer: Arc<Issuer>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let issuer = Arc::clone(&issuer);
                connections.spawn(async move {
                    let service = service_fn(|request| {
                        let answer = answer(&issuer, &request);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    // A client may go away whenever it likes.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

type Answer = http::Response<Full<Bytes>>;

fn answer<B>(issuer: &Issuer, request: &http::Request<B>) -> Answer {
    if request.uri().path() != "/token" {
        return document(StatusCode::NOT_FOUND, &json!({}));
    }
    if request.method() != http::Method::GET {
        // Clients that try OAuth first go on with GET.
        return document(StatusCode::METHOD_NOT_ALLOWED, &json!({}));
    }
    let authorization = request.headers().get(http::header::AUTHORIZATION);
    if authorization.is_none_or(|value| value != issuer.user.basic().as_str()) {
        let errors =
            json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "incorrect username or password" }] });
        let mut answer = document(StatusCode::UNAUTHORIZED, &errors);
        let challenge = http::HeaderValue::from_static("Basic realm=\"tokens\"");
        answer
            .headers_mut()
            .insert(http::header::WWW_AUTHENTICATE, challenge);
        return answer;
    }
    let query = request.uri().query().unwrap_or_default();
    let service = values(query, "service").concat();
    let scopes = values(query, "scope");
    let scopes: Vec<String> = scopes
        .iter()
        .flat_map(|scope| scope.split_ascii_whitespace())
        .map(str::to_owned)
        .collect();
    match issuer.token(&service, &scopes) {
        Ok(token) => {
            let body = json!({ "token": token, "access_token": token, "expires_in": SECONDS });
            document(StatusCode::OK, &body)
        }
        Err(error) => document(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({ "error": error.to_string() }),
        ),
    }
}

fn document(status: StatusCode, body: &Value) -> Answer {
    let mut answer = http::Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    answer
}

/// All values of a query parameter.
fn values(query: &str, name: &str) -> Vec<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| {
            let value = value.replace('+', " ");
            percent_decode_str(&value).decode_utf8_lossy().into_owned()
        })
        .collect()
}

/// An entry of the claim `access` for `<type>:<name>:<action>[,<action>]`; a name may have colons.
fn granted(scope: &str) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let actions: Vec<&str> = actions.split(',').collect();
    Some(json!({ "type": kind, "name": name, "actions": actions }))
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_become_entries() {
        let expected = json!({ "type": "repository", "name": "a:1/b", "actions": ["pull", "push"] });
        assert_eq!(granted("repository:a:1/b:pull,push"), Some(expected));
        assert_eq!(granted("nonsense"), None);
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(values("a=1&scope=x%3Ay&scope=b+c", "scope"), ["x:y", "b c"]);
        assert!(values("", "scope").is_empty());
    }
}
