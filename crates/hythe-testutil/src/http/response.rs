//! Answers as they were received.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::error::Error;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Method and target of the request, for messages.
    pub request: String,
    /// The status code.
    pub status: u16,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The body, without transfer encoding.
    pub body: Bytes,
}

impl Response {
    /// The first value of a header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// All values of a header.
    pub fn header_values(&self, name: &str) -> Vec<&str> {
        self.headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect()
    }

    /// All headers by name, several values joined with `, ` as RFC 9110 (section 5.3) allows.
    pub fn header_table(&self) -> BTreeMap<String, String> {
        let joined = |name: &HeaderName| {
            let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            self.headers
                .get_all(name)
                .iter()
                .map(text)
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.headers
            .keys()
            .map(|name| (name.as_str().to_owned(), joined(name)))
            .collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| self.unexpected(format!("the body is no JSON: {error}")))
    }

    /// The code of the first error in the error document, if the body is one.
    pub fn error_code(&self) -> Option<String> {
        self.json().ok()?["errors"][0]["code"].as_str().map(str::to_owned)
    }

    /// Path and query of the `Location` header, whether it is relative or absolute.
    pub fn location(&self) -> Result<String, Error> {
        let location = self
            .header("location")
            .ok_or_else(|| self.unexpected("there is no Location header".to_owned()))?;
        let target = match location.split_once("://") {
            Some((_, rest)) => rest.find('/').map(|slash| &rest[slash..]),
            None => Some(location).filter(|location| location.starts_with('/')),
        };
        target
            .map(str::to_owned)
            .ok_or_else(|| self.unexpected(format!("Location has no path: {location}")))
    }

    /// Fails unless the status is one of `statuses`.
    pub fn expect_status(&self, statuses: &[u16]) -> Result<&Self, Error> {
        if statuses.contains(&self.status) {
            return Ok(self);
        }
        let expected: Vec<String> = statuses.iter().map(u16::to_string).collect();
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(300)])
            .trim_end()
            .to_owned();
        Err(self.unexpected(format!(
            "expected status {}, got {}: {body}",
            expected.join(" or "),
            self.status
        )))
    }

    /// Fails unless the header is there with exactly this value.
    pub fn expect_header(&self, name: &str, value: &str) -> Result<&Self, Error> {
        match self.header(name) {
            Some(found) if found == value => Ok(self),
            Some(found) => Err(self.unexpected(format!("expected {name}: {value}, got {found}"))),
            None => Err(self.unexpected(format!("expected {name}: {value}, but there is no such header"))),
        }
    }

    /// Fails unless the body is exactly these bytes.
    pub fn expect_body(&self, bytes: &[u8]) -> Result<&Self, Error> {
        if self.body == bytes {
            return Ok(self);
        }
        let position = self
            .body
            .iter()
            .zip(bytes)
            .position(|(left, right)| left != right);
        let position = position.unwrap_or_else(|| self.body.len().min(bytes.len()));
        Err(self.unexpected(format!(
            "expected a body of {} bytes, got {} bytes that differ from byte {position} on",
            bytes.len(),
            self.body.len()
        )))
    }

    /// Fails unless the body is an error document whose first code is `code`.
    pub fn expect_error(&self, code: &str) -> Result<&Self, Error> {
        match self.error_code() {
            Some(found) if found == code => Ok(self),
            Some(found) => Err(self.unexpected(format!("expected error {code}, got {found}"))),
            None => {
                let body = String::from_utf8_lossy(&self.body[..self.body.len().min(300)]).into_owned();
                Err(self.unexpected(format!("expected error {code}, got no error document: {body:?}")))
            }
        }
    }

    /// The error that says what is wrong with this answer.
    pub fn unexpected(&self, reason: String) -> Error {
        Error::Unexpected {
            request: self.request.clone(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(location: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_str(location).unwrap());
        Response {
            request: "GET /".to_owned(),
            status: 200,
            headers,
            body: Bytes::from_static(b"{\"a\":1}"),
        }
    }

    #[test]
    fn locations_are_reduced_to_path_and_query() {
        fn check(location: &str, expected: Option<&str>) {
            assert_eq!(
                response(location).location().ok().as_deref(),
                expected,
                "{location}"
            );
        }
        check("http://127.0.0.1:5000/v2/a?b=c", Some("/v2/a?b=c"));
        check("/v2/a", Some("/v2/a"));
        check("http://127.0.0.1:5000", None);
        check("v2/a", None);
    }

    #[test]
    fn expectations_name_what_was_received() {
        let message = response("/").expect_status(&[201, 202]).unwrap_err().to_string();
        assert_eq!(message, "GET /: expected status 201 or 202, got 200: {\"a\":1}");
        assert!(response("/").expect_body(b"{\"a\":2}").is_err());
        assert!(response("/").expect_header("location", "/").is_ok());
    }
}
