//! Where the messages of a connection begin and end.
//!
//! hyper reads the messages; this only watches the same bytes go by, for two questions that hyper does not answer.
//! Was the length of a message said in two ways, which is how requests are smuggled past proxies (RFC 9112,
//! section 6.3) and which hyper mends in silence? And is the peer in the middle of a message, so that closing at
//! once would destroy the answer on its way?
//!
//! It never decides what a message says: when it loses track, it says nothing more, and hyper's reading stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longer heads are refused by hyper.
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// Watches the bytes that a client sends on one connection.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    heads: u64,
    findings: Arc<Findings>,
}

/// What [`Framing`] found, for whoever answers the requests of the same connection.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The number of the message that says its length in two ways, counted from 1; 0: none did.
    ambiguous: AtomicU64,
    /// How many messages have been taken up for an answer.
    taken_up: AtomicU64,
}

impl Findings {
    /// To be called once for each request in their order: whether its length was said in two ways.
    pub(crate) fn take_up(&self) -> bool {
        let number = self.taken_up.fetch_add(1, Ordering::Relaxed) + 1;
        self.ambiguous.load(Ordering::Relaxed) == number
    }
}

#[derive(Debug)]
enum State {
    /// In a head, with what came of it so far; with nothing, between two messages.
    Head(Vec<u8>),
    /// In a body of which so many bytes are still to come.
    Body(u64),
    /// In the line before a chunk.
    ChunkSize { size: u64, in_extension: bool },
    /// In a chunk of which so many bytes are still to come, the line end behind it included.
    Chunk(u64),
    /// Behind the last chunk.
    Trailers { line_is_empty: bool },
    /// Whatever comes is of no interest: HTTP/2, or nothing that hyper would go on reading.
    Lost,
}

const BETWEEN_MESSAGES: State = State::Head(Vec::new());
const FIRST_CHUNK: State = State::ChunkSize {
    size: 0,
    in_extension: false,
};

impl Framing {
    /// For a new connection.
    pub(crate) fn new(findings: Arc<Findings>) -> Self {
        Self {
            state: BETWEEN_MESSAGES,
            heads: 0,
            findings,
        }
    }

    /// Whether everything that the client began to send has come.
    pub(crate) fn is_between_messages(&self) -> bool {
        matches!(&self.state, State::Head(seen) if seen.is_empty())
    }

    /// Takes note of the next bytes.
    pub(crate) fn observe(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = self.step(bytes);
        }
    }

    /// Takes note of at least one byte and gives back the rest.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (next, rest) = match &mut self.state {
            State::Lost => return &[],
            State::Head(seen) => {
                // Empty lines before a message do not count (RFC 9112, section 2.2).
                let blank = seen.is_empty() && matches!(bytes[0], b'\r' | b'\n');
                if blank {
                    return &bytes[1..];
                }
                match end_of_head(seen, bytes) {
                    Some(end) if seen.is_empty() => (self.begin_message(&bytes[..end]), &bytes[end..]),
                    Some(end) => {
                        let mut head = std::mem::take(seen);
                        head.extend_from_slice(&bytes[..end]);
                        (self.begin_message(&head), &bytes[end..])
                    }
                    None if seen.len() + bytes.len() > MAX_HEAD_BYTES => (State::Lost, &[][..]),
                    None => {
                        seen.extend_from_slice(bytes);
                        return &[];
                    }
                }
            }
            State::Body(remaining) => {
                let (remaining, rest) = skip(*remaining, bytes);
                (after_body(remaining), rest)
            }
            State::ChunkSize { size, in_extension } => {
                (chunk_size(*size, *in_extension, bytes[0]), &bytes[1..])
            }
            State::Chunk(remaining) => match skip(*remaining, bytes) {
                (0, rest) => (FIRST_CHUNK, rest),
                (remaining, rest) => (State::Chunk(remaining), rest),
            },
            State::Trailers { line_is_empty } => {
                let next = match bytes[0] {
                    b'\n' if *line_is_empty => BETWEEN_MESSAGES,
                    b'\n' => State::Trailers { line_is_empty: true },
                    b'\r' => return &bytes[1..],
                    _ => State::Trailers { line_is_empty: false },
                };
                (next, &bytes[1..])
            }
        };
        self.state = next;
        rest
    }

    /// What follows a head.
    fn begin_message(&mut self, head: &[u8]) -> State {
        self.heads += 1;
        if head.starts_with(b"PRI * HTTP/2") {
            return State::Lost;
        }
        let mut length = None;
        let mut is_chunked = false;
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                continue;
            };
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            if name.eq_ignore_ascii_case(b"content-length") {
                length = Some(value);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                is_chunked = true;
            }
        }
        match (length, is_chunked) {
            (None, false) => BETWEEN_MESSAGES,
            (None, true) => FIRST_CHUNK,
            (Some(length), false) => parse_length(length).map_or(State::Lost, after_body),
            // hyper closes after the answer, so this was the last message.
            (Some(_), true) => {
                self.findings.ambiguous.store(self.heads, Ordering::Relaxed);
                State::Lost
            }
        }
    }
}

fn after_body(remaining: u64) -> State {
    if remaining == 0 {
        BETWEEN_MESSAGES
    } else {
        State::Body(remaining)
    }
}

fn chunk_size(size: u64, in_extension: bool, byte: u8) -> State {
    let digit = char::from(byte).to_digit(16).filter(|_| !in_extension);
    match (byte, digit) {
        (b'\n', _) if size == 0 => State::Trailers { line_is_empty: true },
        // The line end behind the chunk is part of it here.
        (b'\n', _) => size.checked_add(2).map_or(State::Lost, State::Chunk),
        (b'\r', _) => State::ChunkSize { size, in_extension },
        (_, Some(digit)) => size.checked_mul(16).map_or(State::Lost, |size| State::ChunkSize {
            size: size + u64::from(digit),
            in_extension,
        }),
        (_, None) => State::ChunkSize {
            size,
            in_extension: true,
        },
    }
}

/// Skips as much of `remaining` as there is.
fn skip(remaining: u64, bytes: &[u8]) -> (u64, &[u8]) {
    let here = usize::try_from(remaining).unwrap_or(usize::MAX).min(bytes.len());
    (remaining - here as u64, &bytes[here..])
}

fn parse_length(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// Where in `bytes` the head ends that began with `seen`; behind its empty line. Lines may end with a bare line
/// feed, as hyper takes them.
fn end_of_head(seen: &[u8], bytes: &[u8]) -> Option<usize> {
    let mut last = [0_u8; 2];
    for (place, byte) in last.iter_mut().rev().zip(seen.iter().rev()) {
        *place = *byte;
    }
    let [mut before, mut previous] = last;
    for (index, &byte) in bytes.iter().enumerate() {
        let line_was_empty = previous == b'\n' || (before == b'\n' && previous == b'\r');
        if byte == b'\n' && line_was_empty {
            return Some(index + 1);
        }
        (before, previous) = (previous, byte);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the ambiguous messages among as many as are asked about, and whether the last byte ended one.
    fn watch(bytes: &[u8], step: usize, messages: u64) -> (Vec<u64>, bool) {
        let findings = Arc::new(Findings::default());
        let mut framing = Framing::new(findings.clone());
        for piece in bytes.chunks(step) {
            framing.observe(piece);
        }
        let ambiguous = (1..=messages).filter(|_| findings.take_up()).collect();
        (ambiguous, framing.is_between_messages())
    }

    #[track_caller]
    fn check(bytes: &str, ambiguous: &[u64], complete: bool) {
        for step in [1, 2, 3, 7, bytes.len().max(1)] {
            let seen = watch(bytes.as_bytes(), step, 4);
            assert_eq!(seen, (ambiguous.to_vec(), complete), "{bytes:?} by {step}");
        }
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const BOTH: &str = "PUT / HTTP/1.1\r\ncontent-length: 3\r\nTRANSFER-ENCODING: chunked\r\n\r\n0\r\n\r\n";

    #[test]
    fn a_message_that_says_its_length_twice_is_found() {
        check(BOTH, &[1], false);
        check(
            "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
            &[1],
            false,
        );
    }

    #[test]
    fn messages_before_it_are_counted() {
        check(&format!("{GET}{GET}{BOTH}"), &[3], false);
        check(
            &format!("PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello{BOTH}"),
            &[2],
            false,
        );
        check(
            &format!(
                "PUT / HTTP/1.1\nTransfer-Encoding: chunked\n\n4;a=b\r\n\r\n\r\n\r\n0\r\nX: y\r\n\r\n{BOTH}"
            ),
            &[2],
            false,
        );
        check(&format!("\r\n\r\n{GET}\n{BOTH}"), &[2], false);
    }

    #[test]
    fn a_body_is_not_taken_for_a_head() {
        let body = "PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let length = body.len();
        check(
            &format!("PUT / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"),
            &[],
            true,
        );
        check(
            &format!(
                "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{length:X}\r\n{body}\r\n0\r\n\r\n{GET}"
            ),
            &[],
            true,
        );
    }

    #[test]
    fn the_end_of_a_message_is_seen() {
        check("", &[], true);
        check(GET, &[], true);
        check("GET / HTTP/1.1\r\n", &[], false);
        check("PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell", &[], false);
        check(
            "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            &[],
            false,
        );
    }

    #[test]
    fn what_cannot_be_followed_is_left_to_hyper() {
        check(&format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{BOTH}"), &[], false);
        check(
            &format!("PUT / HTTP/1.1\r\nContent-Length: x\r\n\r\n{BOTH}"),
            &[],
            false,
        );
        check(
            &format!("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{BOTH}"),
            &[],
            false,
        );
        let endless = vec![b'x'; MAX_HEAD_BYTES + 1];
        assert_eq!(watch(&endless, 1000, 1), (Vec::new(), false));
    }
}
