use std::fmt::{self, Debug};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::Client;
use reqwest::redirect::Policy;

use crate::check::{Check, Down};
use crate::error::Error;

/// As many as Go's client follows.
const MOST_REDIRECTS: usize = 10;

/// That an HTTP server answers HEAD with the expected status. Redirects are followed, and the proxies of the
/// environment are used.
#[derive(Clone)]
pub struct HttpCheck {
    client: Client,
    uri: String,
    headers: HeaderMap,
    expected: StatusCode,
}

/// What an HTTP check asks and expects.
#[derive(Clone)]
pub struct HttpCheckOptions {
    /// The URL, with scheme and host.
    pub uri: String,
    /// The status that is expected.
    pub expected: StatusCode,
    /// Fields added to the request; may hold secrets.
    pub headers: Vec<(String, Vec<String>)>,
    /// For the whole exchange, redirects included.
    pub timeout: Option<Duration>,
}

impl HttpCheck {
    /// A check with these options, and a client of its own.
    pub fn new(options: HttpCheckOptions) -> Result<Self, Error> {
        let HttpCheckOptions {
            uri,
            expected,
            headers,
            timeout,
        } = options;
        if let Err(error) = reqwest::Url::parse(&uri) {
            let source = error.into();
            return Err(Error::Url { uri, source });
        }
        let headers = header_map(&headers)?;
        // The first one counts; another part of the program may have been quicker.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder().redirect(Policy::limited(MOST_REDIRECTS));
        if let Some(timeout) = timeout {
            client = client.timeout(timeout);
        }
        match client.build() {
            Ok(client) => Ok(Self {
                client,
                uri,
                headers,
                expected,
            }),
            Err(error) => {
                let source = error.into();
                Err(Error::Client { uri, source })
            }
        }
    }
}

fn header_map(fields: &[(String, Vec<String>)]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, values) in fields {
        let of_header = |source: http::Error| Error::Header {
            name: name.clone(),
            source,
        };
        let parsed = HeaderName::try_from(name).map_err(|error| of_header(error.into()))?;
        for value in values {
            let value = HeaderValue::try_from(value).map_err(|error| of_header(error.into()))?;
            headers.append(parsed.clone(), value);
        }
    }
    Ok(headers)
}

#[async_trait]
impl Check for HttpCheck {
    async fn check(&self) -> Result<(), Down> {
        let request = self.client.head(&self.uri).headers(self.headers.clone());
        let response = request.send().await.map_err(|error| {
            // The URL is in front already.
            Down::because(
                format!("{}: error while checking", self.uri),
                &error.without_url(),
            )
        })?;
        if response.status() == self.expected {
            return Ok(());
        }
        Err(Down::new(format!(
            "{}: downstream service returned unexpected status: {}",
            self.uri,
            response.status().as_u16()
        )))
    }
}

/// Leaves the headers out: they may hold secrets.
impl Debug for HttpCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCheck")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

/// Leaves the headers out: they may hold secrets.
impl Debug for HttpCheckOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCheckOptions")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers by path and writes down the heads of its requests.
    async fn server() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, heads) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    assert_ne!(stream.read_line(&mut head).await.unwrap(), 0);
                }
                let answer = match head.split(' ').nth(1) {
                    Some("/well") => "204 No Content\r\n",
                    Some("/moved") => "302 Found\r\nlocation: /well\r\ncontent-length: 0\r\n",
                    // Until the client gives up.
                    Some("/silent") => {
                        assert_eq!(stream.read_line(&mut head).await.unwrap_or(0), 0);
                        continue;
                    }
                    _ => "500 Internal Server Error\r\ncontent-length: 0\r\n",
                };
                seen.send(head).unwrap();
                let answer = format!("HTTP/1.1 {answer}connection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (format!("http://{address}"), heads)
    }

    fn options(uri: String, expected: u16) -> HttpCheckOptions {
        HttpCheckOptions {
            uri,
            expected: StatusCode::from_u16(expected).unwrap(),
            headers: Vec::new(),
            timeout: None,
        }
    }

    #[tokio::test]
    async fn the_expected_status_passes_and_another_one_fails() {
        let (server, mut heads) = server().await;
        let check = async |path: &str, expected: u16| {
            let check = HttpCheck::new(options(format!("{server}{path}"), expected)).unwrap();
            check.check().await.map_err(|down| down.to_string())
        };
        assert_eq!(check("/well", 204).await, Ok(()));
        assert!(heads.recv().await.unwrap().starts_with("HEAD /well HTTP/1.1\r\n"));
        assert_eq!(check("/moved", 204).await, Ok(()), "redirects are followed");
        let down = format!("{server}/ill: downstream service returned unexpected status: 500");
        assert_eq!(check("/ill", 200).await, Err(down));
        assert_eq!(check("/ill", 500).await, Ok(()));
    }

    #[tokio::test]
    async fn headers_are_sent_and_hidden() {
        let (server, mut heads) = server().await;
        let mut options = options(format!("{server}/well"), 204);
        options.headers = vec![("Authorization".to_owned(), vec!["Bearer secret".to_owned()])];
        let check = HttpCheck::new(options.clone()).unwrap();
        check.check().await.unwrap();
        assert!(
            heads
                .recv()
                .await
                .unwrap()
                .contains("authorization: Bearer secret\r\n")
        );
        assert!(!format!("{check:?} {options:?}").contains("secret"));
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_in_time_fails() {
        let (server, _heads) = server().await;
        let mut options = options(format!("{server}/silent"), 200);
        options.timeout = Some(Duration::from_millis(50));
        let down = HttpCheck::new(options).unwrap().check().await.unwrap_err();
        let expected = format!("{server}/silent: error while checking: ");
        assert!(down.to_string().starts_with(&expected), "{down}");
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let error = HttpCheck::new(options("not a url".to_owned(), 200)).unwrap_err();
        assert_eq!(error.to_string(), "not a url is no URL");
        let mut options = options("http://a.test/".to_owned(), 200);
        options.headers = vec![("A B".to_owned(), vec!["c".to_owned()])];
        let error = HttpCheck::new(options).unwrap_err();
        assert_eq!(error.to_string(), "the header field A B cannot be sent");
    }
}
