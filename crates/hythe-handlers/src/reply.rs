//! Responses as handlers make them.

use std::fmt::Display;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::error::HttpError;
use crate::response_body::ResponseBody;

/// What a handler answers.
pub(crate) type Answer = Result<Response<ResponseBody>, HttpError>;

/// A response in the making.
pub(crate) struct Reply(Response<ResponseBody>);

impl Reply {
    /// Without headers and body.
    pub(crate) fn new(status: StatusCode) -> Self {
        let mut response = Response::new(ResponseBody::Empty);
        *response.status_mut() = status;
        Self(response)
    }

    /// With a JSON document of the given type for a body. Documents end with a newline, as distribution's do.
    pub(crate) fn json(status: StatusCode, media_type: &'static str, document: &impl Serialize) -> Self {
        let mut json = serde_json::to_vec(document).expect("documents have text for keys and cannot fail");
        json.push(b'\n');
        Self::new(status)
            .fixed(header::CONTENT_TYPE, media_type)
            .body(Bytes::from(json))
    }

    /// With a header field whose value is known beforehand.
    pub(crate) fn fixed(self, name: HeaderName, value: &'static str) -> Self {
        self.value(name, HeaderValue::from_static(value))
    }

    /// With a header field. What cannot be a header value (that needs a control character) is left out.
    pub(crate) fn text(self, name: HeaderName, value: impl Display) -> Self {
        match HeaderValue::try_from(value.to_string()) {
            Ok(value) => self.value(name, value),
            Err(_) => self,
        }
    }

    /// With one more line of a header field.
    pub(crate) fn value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().append(name, value);
        self
    }

    /// Announces that there is no body.
    pub(crate) fn no_content(self) -> Self {
        self.fixed(header::CONTENT_LENGTH, "0")
    }

    /// With a body; its length is announced by the connection.
    pub(crate) fn body(mut self, body: impl Into<ResponseBody>) -> Self {
        *self.0.body_mut() = body.into();
        self
    }

    /// The response.
    pub(crate) fn done(self) -> Response<ResponseBody> {
        self.0
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Ok(reply.done())
    }
}
