//! The access log: Apache's combined format, one line a request.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderName, Request, Response, header};
use http_body::Body;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::lines::LineWriter;

const TIME: &[BorrowedFormatItem<'_>] = format_description!(
    "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
);

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

    /// Writes one line.
    pub(crate) fn write(&self, line: String) {
        self.writer.write(line);
    }
}

/// What of a request its line will show.
#[derive(Debug)]
pub(crate) struct AccessRecord {
    peer: SocketAddr,
    time: OffsetDateTime,
    request_line: String,
    referer: String,
    user_agent: String,
}

impl AccessRecord {
    /// Remembers a request before it is handled.
    pub(crate) fn begin<B>(request: &Request<B>, peer: SocketAddr) -> Self {
        let field = |name: HeaderName| {
            let value = request.headers().get(name);
            value.map(|value| escaped(value.as_bytes())).unwrap_or_default()
        };
        let uri = request.uri().path_and_query().map_or("*", |path| path.as_str());
        Self {
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

    /// The line, with its newline. The bytes are those announced: the body is still to be sent.
    pub(crate) fn finish<B: Body>(self, response: &Response<B>, _duration: Duration) -> String {
        let time = self.time.format(TIME).unwrap_or_default();
        let bytes = response.body().size_hint().exact().unwrap_or_default();
        format!(
            "{} - - [{time}] \"{}\" {} {bytes} \"{}\" \"{}\"\n",
            self.peer.ip(),
            self.request_line,
            response.status().as_u16(),
            self.referer,
            self.user_agent,
        )
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
    use http_body_util::Full;

    use super::*;

    #[test]
    fn a_line_is_apaches_combined_format() {
        let request = Request::get("/v2/a/tags/list?n=1")
            .header("user-agent", "agent \"x\"\\")
            .body(())
            .unwrap();
        let record = AccessRecord::begin(&request, "127.0.0.1:1234".parse().unwrap());
        let response = Response::builder()
            .status(404)
            .body(Full::new(bytes::Bytes::from_static(b"abc")))
            .unwrap();
        let line = record.finish(&response, Duration::ZERO);
        let (before, rest) = line.split_once(" [").unwrap();
        let (time, after) = rest.split_once("] ").unwrap();
        assert_eq!(before, "127.0.0.1 - -");
        assert!(time.ends_with("+0000"), "{time}");
        assert_eq!(
            after,
            "\"GET /v2/a/tags/list?n=1 HTTP/1.1\" 404 3 \"\" \"agent \\\"x\\\"\\\\\"\n"
        );
    }
}
