//! One keep-alive connection: requests out, status and length in, bodies read and forgotten.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// Room for a response's head.
const HEAD_BYTES: usize = 16 * 1024;

/// Bytes read at once.
const READ_BYTES: usize = 1024 * 1024;

/// Why a measurement is void.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The connection broke.
    #[error("{request}: connection failed")]
    Io {
        /// What was asked.
        request: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The answer is not the one a healthy registry gives.
    #[error("{request}: answered {status}, expected {expected}")]
    Status {
        /// What was asked.
        request: String,
        /// The answer.
        status: u16,
        /// What was expected.
        expected: u16,
    },
    /// The answer is no HTTP response with a length.
    #[error("{request}: {what}")]
    Malformed {
        /// What was asked.
        request: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// What of a response matters here.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The `Location` header, as a path with its query.
    pub(crate) location: Option<String>,
    /// Bytes of body read.
    pub(crate) body_bytes: u64,
}

/// What a client does until the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Waiting {
    /// It sleeps, as clients do; waking it is part of what is measured.
    Asleep,
    /// It looks again and again. This takes one processor for each connection and leaves the rest to the registry; what
    /// is measured is the registry and the sockets.
    Awake,
}

/// A connection to one registry.
#[derive(Debug)]
pub(crate) struct Connection {
    authority: String,
    authorization: String,
    stream: TcpStream,
    waiting: Waiting,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    pub(crate) fn open(authority: &str, waiting: Waiting) -> Result<Self, ClientError> {
        let connect = || -> io::Result<TcpStream> {
            let stream = TcpStream::connect(authority)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = connect().map_err(|source| ClientError::Io {
            request: "connect".to_owned(),
            source,
        })?;
        Ok(Self {
            authority: authority.to_owned(),
            authorization: String::new(),
            stream,
            waiting,
            buffer: vec![0; READ_BYTES],
        })
    }

    /// From now on this header line, which ends with CRLF, goes with every request.
    pub(crate) fn authorize(&mut self, line: &str) {
        line.clone_into(&mut self.authorization);
    }

    /// Sends a request whose body is the given pieces, and reads the whole answer.
    pub(crate) fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &str,
        body: &[&[u8]],
        expected: u16,
    ) -> Result<Answer, ClientError> {
        let request = format!("{method} {}", target.split('?').next().unwrap_or(target));
        let broken = |source| ClientError::Io {
            request: request.clone(),
            source,
        };
        let length: usize = body.iter().map(|piece| piece.len()).sum();
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n{}{headers}",
            self.authority, self.authorization
        );
        if method != "GET" && method != "HEAD" {
            // Writing to a string cannot fail.
            let _ = write!(head, "Content-Length: {length}\r\n");
        }
        head.push_str("\r\n");
        self.stream.write_all(head.as_bytes()).map_err(broken)?;
        for piece in body {
            self.stream.write_all(piece).map_err(broken)?;
        }
        self.receive(&request, method == "HEAD", expected)
    }

    fn receive(&mut self, request: &str, head_only: bool, expected: u16) -> Result<Answer, ClientError> {
        let broken = |source| ClientError::Io {
            request: request.to_owned(),
            source,
        };
        let malformed = |what| ClientError::Malformed {
            request: request.to_owned(),
            what,
        };
        let mut filled = 0;
        let (head_bytes, status, length, location) = loop {
            let count = self.read_head(filled).map_err(broken)?;
            if count == 0 {
                return Err(malformed("connection closed before the response"));
            }
            filled += count;
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response
                .parse(&self.buffer[..filled])
                .map_err(|_| malformed("no HTTP response"))?;
            if let httparse::Status::Complete(head_bytes) = parsed {
                let status = response.code.unwrap_or_default();
                let field = |name: &str| {
                    let header = response
                        .headers
                        .iter()
                        .find(|header| header.name.eq_ignore_ascii_case(name));
                    header.and_then(|header| std::str::from_utf8(header.value).ok())
                };
                let length = field("content-length").and_then(|text| text.parse::<u64>().ok());
                break (head_bytes, status, length, field("location").map(path_of));
            }
            if filled == HEAD_BYTES {
                return Err(malformed("response head is too long"));
            }
        };
        let without_body = head_only || status == 204 || status == 304;
        let length = match length {
            _ if without_body => 0,
            Some(length) => length,
            None => return Err(malformed("response without a length")),
        };
        let mut received = (filled - head_bytes) as u64;
        while received < length {
            // The kernel drops the bytes instead of copying them: what the client would do with them costs the same
            // whatever registry they come from, and is not what is measured.
            let remaining = (length - received).min(self.buffer.len() as u64) as usize;
            let count = match recv(&self.stream, &mut self.buffer[..remaining], RecvFlags::TRUNC) {
                Ok((_, count)) => count,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(broken(error.into())),
            };
            if count == 0 {
                return Err(malformed("connection closed within the body"));
            }
            received += count as u64;
        }
        if status != expected {
            return Err(ClientError::Status {
                request: request.to_owned(),
                status,
                expected,
            });
        }
        Ok(Answer {
            location,
            body_bytes: length,
        })
    }
}

impl Connection {
    fn read_head(&mut self, filled: usize) -> io::Result<usize> {
        let room = &mut self.buffer[filled..HEAD_BYTES];
        if self.waiting == Waiting::Asleep {
            return self.stream.read(room);
        }
        loop {
            match recv(&self.stream, &mut *room, RecvFlags::DONTWAIT) {
                Ok((count, _)) => return Ok(count),
                Err(Errno::AGAIN | Errno::INTR) => std::hint::spin_loop(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The path and query of an absolute or relative address.
fn path_of(address: &str) -> String {
    match address.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]).to_owned(),
        None => address.to_owned(),
    }
}
