//! Several parts of a blob in one answer: `multipart/byteranges` (RFC 9110, section 14.6).

use std::collections::VecDeque;

use bytes::Bytes;
use hythe_api::Span;
use uuid::Uuid;

use crate::response_body::ResponseBody;

/// The frame around the parts.
#[derive(Debug)]
pub(crate) struct Multipart {
    boundary: String,
    spans: Vec<Span>,
    /// What stands before each of them.
    heads: Vec<Bytes>,
    end: Bytes,
}

impl Multipart {
    /// Parts of a blob of `size` bytes, in the order they are asked for.
    pub(crate) fn new(media_type: &str, spans: Vec<Span>, size: u64) -> Self {
        Self::with_boundary(Uuid::new_v4().simple().to_string(), media_type, spans, size)
    }

    fn with_boundary(boundary: String, media_type: &str, spans: Vec<Span>, size: u64) -> Self {
        let head = |(index, span): (usize, &Span)| {
            let line = if index == 0 { "" } else { "\r\n" };
            let range = span.content_range(size);
            Bytes::from(format!(
                "{line}--{boundary}\r\nContent-Range: {range}\r\nContent-Type: {media_type}\r\n\r\n"
            ))
        };
        let heads = spans.iter().enumerate().map(head).collect();
        let end = Bytes::from(format!("\r\n--{boundary}--\r\n"));
        Self {
            boundary,
            spans,
            heads,
            end,
        }
    }

    /// The parts without their frame.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The media type of the whole.
    pub(crate) fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// The length of the whole, in bytes.
    pub(crate) fn length(&self) -> u64 {
        let heads = self.heads.iter().map(|head| head.len() as u64);
        let spans = self.spans.iter().map(|span| span.len);
        heads.chain(spans).sum::<u64>() + self.end.len() as u64
    }

    /// The body, made of the content of each part.
    pub(crate) fn body(&self, mut content: impl FnMut(Span) -> ResponseBody) -> ResponseBody {
        let mut parts = VecDeque::with_capacity(2 * self.spans.len() + 1);
        for (head, span) in self.heads.iter().zip(&self.spans) {
            parts.push_back(ResponseBody::Full(head.clone()));
            parts.push_back(content(*span));
        }
        parts.push_back(ResponseBody::Full(self.end.clone()));
        ResponseBody::Parts(parts)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn parts_are_framed_as_the_rfc_shows() {
        let spans = vec![Span { start: 0, len: 2 }, Span { start: 5, len: 1 }];
        let multipart = Multipart::with_boundary("B".to_owned(), "text/plain", spans, 9);
        let content = |span: Span| {
            let content = Bytes::from_static(b"abcdefghi");
            ResponseBody::Full(content.slice(span.start as usize..(span.start + span.len) as usize))
        };
        let body = multipart.body(content);
        let expected = "--B\r\nContent-Range: bytes 0-1/9\r\nContent-Type: text/plain\r\n\r\nab\r\n\
             --B\r\nContent-Range: bytes 5-5/9\r\nContent-Type: text/plain\r\n\r\nf\r\n--B--\r\n";
        assert_eq!(multipart.length(), expected.len() as u64);
        assert_eq!(body.length(), expected.len() as u64);
        assert_eq!(body.collect().await.unwrap().to_bytes(), expected);
    }
}
