//! What can go wrong while talking to a registry or running one.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A failure of the helpers themselves: no answer, a broken answer, a program that does not start. An answer with an
/// unwelcome status is not an error here; see [`Response::expect_status`](crate::Response::expect_status).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The base address is not `http://host:port` or `https://host:port`.
    #[error("{address} is not an address of the form http(s)://host:port")]
    Address {
        /// As given.
        address: String,
    },
    /// The request could not be written down as HTTP.
    #[error("{request}: cannot be sent")]
    Request {
        /// Method and target.
        request: String,
        /// What the HTTP library objects to.
        #[source]
        source: ::http::Error,
    },
    /// Nothing listens, or the connection was refused.
    #[error("{authority}: cannot connect: {source}")]
    Connect {
        /// Host and port.
        authority: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The connection broke before the answer was complete, or the answer was no HTTP.
    #[error("{request}: no complete answer: {source}")]
    Exchange {
        /// Method and target.
        request: String,
        /// What the HTTP library saw.
        source: hyper::Error,
    },
    /// The connection of a raw exchange broke.
    #[error("connection broke: {source}")]
    Raw {
        /// The system's answer.
        #[from]
        source: io::Error,
    },
    /// No answer in time.
    #[error("{request}: no answer within {limit:?}")]
    Timeout {
        /// Method and target, or a description.
        request: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The answer is not what the caller asked for.
    #[error("{request}: {reason}")]
    Unexpected {
        /// Method and target.
        request: String,
        /// Expected and received.
        reason: String,
    },
    /// A program could not be started or did not become ready.
    #[error("{program}: {reason}\n{log}", program = program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What happened.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// A file of the helper itself (configuration, log, temporary folder).
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}
