//! The access log: Apache's combined format, one line a request.

use std::net::SocketAddr;

use http::{HeaderName, Request, Response, header};
use http_body::Body;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::lines::LineWriter;

const TIME: &[BorrowedFormatItem<'_>] = format_description!(
    "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
);

/// The status of a line whose request was never answered: the client went away, or was cut off. It is never sent;
/// nginx made it known.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Writes access lines.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    writer: LineWriter,
}

impl AccessLog {
    /// A log that writes there.
    pub(crate) fn new(writer: LineWriter) -> Self {
        Self { writer }
    }

    /// Remembers a request before it is handled.
    pub(crate) fn begin<B>(&self, request: &Request<B>, peer: Option<SocketAddr>) -> AccessRecord {
        let field = |name: HeaderName| {
            let value = request.headers().get(name);
            value.map(|value| escaped(value.as_bytes())).unwrap_or_default()
        };
        let uri = request.uri().path_and_query().map_or("*", |path| path.as_str());
        AccessRecord {
            writer: self.writer.clone(),
            is_written: false,
            peer,
            time: OffsetDateTime::now_utc(),
            request_line: format!(
                "{} {} {:?}",
                request.method(),
                escaped(uri.as_bytes()),
                request.version()
            ),
            referer: field(header::REFERER),
            user_agent: field(header::USER_AGENT),
        }
    }
}

/// What of a request its line will show. The line is written in any case: dropped before the answer, it says so.
#[derive(Debug)]
pub(crate) struct AccessRecord {
    writer: LineWriter,
    is_written: bool,
    peer: Option<SocketAddr>,
    time: OffsetDateTime,
    request_line: String,
    referer: String,
    user_agent: String,
}

impl AccessRecord {
    /// Writes the line. The bytes are those announced: the body is still to be sent.
    pub(crate) fn finish<B: Body>(mut self, response: &Response<B>) {
        let bytes = response.body().size_hint().exact().unwrap_or_default();
        self.write(response.status().as_u16(), bytes);
    }

    fn write(&mut self, status: u16, bytes: u64) {
        self.is_written = true;
        let time = self.time.format(TIME).unwrap_or_default();
        self.writer.write(format!(
            "{} - - [{time}] \"{}\" {status} {bytes} \"{}\" \"{}\"\n",
            // A Unix socket has no address; Go writes it so.
            self.peer
                .map_or_else(|| "@".to_owned(), |peer| peer.ip().to_string()),
            self.request_line,
            self.referer,
            self.user_agent,
        ));
    }
}

impl Drop for AccessRecord {
    fn drop(&mut self) {
        if !self.is_written {
            self.write(CLIENT_CLOSED_REQUEST, 0);
        }
    }
}

/// Escapes quotes, backslashes and everything that could break the line.
fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => out.extend(control.escape_default()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use http_body_util::Full;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The line of a request, without its time.
    fn line(end: impl FnOnce(AccessRecord)) -> (String, String) {
        let memory = Memory::default();
        let writer = LineWriter::start("test-log", memory.clone(), |_| None).unwrap();
        let request = Request::get("/v2/a/tags/list?n=1")
            .header("user-agent", "agent \"x\"\\")
            .body(())
            .unwrap();
        let log = AccessLog::new(writer.clone());
        end(log.begin(&request, Some("127.0.0.1:1234".parse().unwrap())));
        writer.close();
        let line = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        let (before, rest) = line.split_once(" [").unwrap();
        let (time, after) = rest.split_once("] ").unwrap();
        assert!(time.ends_with("+0000"), "{time}");
        (before.to_owned(), after.to_owned())
    }

    #[test]
    fn a_line_is_apaches_combined_format() {
        let response = Response::builder()
            .status(404)
            .body(Full::new(bytes::Bytes::from_static(b"abc")))
            .unwrap();
        let (before, after) = line(|record| record.finish(&response));
        assert_eq!(before, "127.0.0.1 - -");
        assert_eq!(
            after,
            "\"GET /v2/a/tags/list?n=1 HTTP/1.1\" 404 3 \"\" \"agent \\\"x\\\"\\\\\"\n"
        );
    }

    #[test]
    fn a_request_that_was_never_answered_has_a_line_too() {
        let (_, after) = line(drop);
        assert!(after.contains("HTTP/1.1\" 499 0 "), "{after}");
    }
}
