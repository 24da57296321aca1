//! Bytes on a TCP connection, for requests that an HTTP library refuses to write: bad framing, NUL in a path, several
//! requests at once, a body that stops early.

use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::error::Error;
use crate::http::Stream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection to a registry.
pub struct RawConnection {
    stream: Box<dyn Stream>,
    received: Vec<u8>,
}

impl fmt::Debug for RawConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RawConnection")
            .field("received", &self.received.len())
            .finish_non_exhaustive()
    }
}

/// One answer on a [`RawConnection`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RawResponse {
    /// The status code; zero when the first line is no status line.
    pub status: u16,
    /// Status line and headers, as received.
    pub head: String,
    /// The body, without transfer encoding.
    pub body: Vec<u8>,
}

impl RawResponse {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl RawConnection {
    /// A connection that is open already.
    pub(crate) fn over(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// Connects to `host:port`, without TLS.
    pub async fn connect(authority: &str) -> Result<Self, Error> {
        let connect = |source| Error::Connect {
            authority: authority.to_owned(),
            source,
        };
        let stream = TcpStream::connect(authority).await.map_err(connect)?;
        stream.set_nodelay(true).map_err(connect)?;
        Ok(Self::over(Box::new(stream)))
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let sent = async { self.stream.write_all(bytes).await };
        tokio::time::timeout(PATIENCE, sent)
            .await
            .map_err(|_| Self::timeout("sending"))??;
        Ok(())
    }

    /// Sends bytes and says whether the other side took them all: a registry that refuses a request may close before
    /// it has read everything, which is no error here.
    pub async fn send_if_open(&mut self, bytes: &[u8]) -> bool {
        self.send(bytes).await.is_ok()
    }

    /// Says that nothing more will be sent; answers can still be read.
    pub async fn finish(&mut self) -> Result<(), Error> {
        Ok(self.stream.shutdown().await?)
    }

    /// The next answer, or `None` when the connection was closed (or reset) before the first byte of one. `to_head`
    /// says that the request was a HEAD, whose answer has no body whatever its headers say.
    pub async fn receive(&mut self, to_head: bool) -> Result<Option<RawResponse>, Error> {
        tokio::time::timeout(PATIENCE, self.receive_patiently(to_head))
            .await
            .map_err(|_| Self::timeout("waiting for an answer"))?
    }

    async fn receive_patiently(&mut self, to_head: bool) -> Result<Option<RawResponse>, Error> {
        let end_of_head = loop {
            if let Some(position) = find(&self.received, b"\r\n\r\n") {
                break position + 4;
            }
            if !self.fill().await {
                return if self.received.is_empty() {
                    Ok(None)
                } else {
                    Err(Self::unexpected(
                        "the connection was closed within the head of an answer",
                    ))
                };
            }
        };
        let head: Vec<u8> = self.received.drain(..end_of_head).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        let mut response = RawResponse {
            status,
            head,
            body: Vec::new(),
        };
        let without_body = to_head || (100..200).contains(&status) || status == 204 || status == 304;
        if !without_body {
            response.body = self.receive_body(&response).await?;
        }
        Ok(Some(response))
    }

    async fn receive_body(&mut self, response: &RawResponse) -> Result<Vec<u8>, Error> {
        let chunked = response
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        if chunked {
            return self.receive_chunks().await;
        }
        if let Some(length) = response
            .header("content-length")
            .and_then(|length| length.parse().ok())
        {
            return self.take(length).await;
        }
        while self.fill().await {}
        Ok(std::mem::take(&mut self.received))
    }

    async fn receive_chunks(&mut self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        loop {
            let line = self.take_line().await?;
            let size = usize::from_str_radix(line.split(';').next().unwrap_or("").trim(), 16)
                .map_err(|_| Self::unexpected("an answer has a bad chunk size"))?;
            body.extend(self.take(size).await?);
            self.take_line().await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn take_line(&mut self) -> Result<String, Error> {
        loop {
            if let Some(position) = find(&self.received, b"\r\n") {
                let line: Vec<u8> = self.received.drain(..position + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..position]).into_owned());
            }
            if !self.fill().await {
                return Err(Self::unexpected("the connection was closed within a body"));
            }
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Error> {
        while self.received.len() < length {
            if !self.fill().await {
                return Err(Self::unexpected("the connection was closed within a body"));
            }
        }
        Ok(self.received.drain(..length).collect())
    }

    /// Reads once; false at the end of the connection, in whatever way it ended.
    async fn fill(&mut self) -> bool {
        self.stream
            .read_buf(&mut self.received)
            .await
            .is_ok_and(|count| count > 0)
    }

    fn timeout(what: &str) -> Error {
        Error::Timeout {
            request: format!("raw connection, {what}"),
            limit: PATIENCE,
        }
    }

    fn unexpected(reason: &str) -> Error {
        Error::Unexpected {
            request: "raw connection".to_owned(),
            reason: reason.to_owned(),
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers whatever comes with fixed bytes and closes.
    async fn answers(bytes: &'static [u8], to_head: bool) -> Vec<RawResponse> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(bytes).await.unwrap();
        });
        let mut connection = RawConnection::connect(&authority).await.unwrap();
        let mut responses = Vec::new();
        while let Some(response) = connection.receive(to_head).await.unwrap() {
            responses.push(response);
        }
        server.await.unwrap();
        responses
    }

    #[tokio::test]
    async fn answers_are_told_apart_by_length_and_by_chunks() {
        let responses = answers(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n\
              3\r\nxyz\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            false,
        )
        .await;
        let seen: Vec<_> = responses
            .iter()
            .map(|response| (response.status, response.body.as_slice()))
            .collect();
        assert_eq!(seen, [(200, b"ab".as_slice()), (404, b"xyz"), (204, b"")]);
    }

    #[tokio::test]
    async fn an_answer_to_head_has_no_body() {
        let responses = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true).await;
        assert_eq!(responses[0].header("content-length"), Some("2"));
        assert_eq!(responses.len(), 1);
    }
}
