//! Messages that HTTP forbids and hyper lets through, refused before anybody looks at what they ask for.

use http::header::{CONNECTION, CONTENT_TYPE, EXPECT, HOST, HeaderMap, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hythe_api::{ApiError, ErrorCode};
use hythe_handlers::ResponseBody;

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    reason: &'static str,
}

/// Looks at a request's head. `ambiguous`: its length was said in two ways.
pub(crate) fn check<B>(request: &Request<B>, ambiguous: bool) -> Result<(), Refusal> {
    let bad = |reason| Refusal {
        status: StatusCode::BAD_REQUEST,
        reason,
    };
    let headers = request.headers();
    // HTTP/2 has neither of these fields.
    if request.version() <= Version::HTTP_11 {
        if ambiguous {
            return Err(bad("both Content-Length and Transfer-Encoding"));
        }
        check_coding(headers)?;
        if !is_target(request.method(), request.uri()) {
            return Err(bad("malformed request target"));
        }
        check_host(headers, request.version()).map_err(bad)?;
    }
    match headers.get(EXPECT) {
        Some(expectation) if !expectation.as_bytes().eq_ignore_ascii_case(b"100-continue") => Err(Refusal {
            status: StatusCode::EXPECTATION_FAILED,
            reason: "the only expectation that can be met is 100-continue",
        }),
        _ => Ok(()),
    }
}

/// A coding that is not understood must not be stored as if it were content (RFC 9112, section 6.1).
fn check_coding(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_understood = match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    };
    if is_understood {
        return Ok(());
    }
    Err(Refusal {
        status: StatusCode::NOT_IMPLEMENTED,
        reason: "the only transfer coding that is understood is chunked",
    })
}

/// RFC 9112, section 3.2: a bare authority is for CONNECT, an asterisk for OPTIONS.
fn is_target(method: &Method, target: &Uri) -> bool {
    match target.path_and_query().map(PathAndQuery::as_str) {
        None => method == Method::CONNECT,
        Some("*") => method == Method::OPTIONS,
        Some(_) => true,
    }
}

/// RFC 9112, section 3.2: one Host, and in HTTP/1.1 not none.
fn check_host(headers: &HeaderMap, version: Version) -> Result<(), &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (None, _) => Err("missing required Host header"),
        (Some(_), Some(_)) => Err("several Host headers"),
        (Some(host), None) if is_host(host) => Ok(()),
        (Some(_), None) => Err("malformed Host header"),
    }
}

/// `uri-host [ ":" port ]`, where the host may be empty.
fn is_host(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    value.is_empty() || !value.contains(&b'@') && Authority::try_from(value).is_ok()
}

impl Refusal {
    /// For the log.
    pub(crate) fn reason(self) -> &'static str {
        self.reason
    }

    /// The answer, after which the connection ends: what else comes on it is not to be trusted.
    pub(crate) fn to_response(self) -> Response<ResponseBody> {
        let error = ApiError::new(ErrorCode::Unsupported)
            .with_status(self.status)
            .with_message(self.reason);
        let mut response = Response::new(ResponseBody::Full(error.to_body().into()));
        *response.status_mut() = error.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, headers: &[(&str, &str)]) -> Request<()> {
        let mut builder = Request::get("/v2/").version(version);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap()
    }

    #[track_caller]
    fn check_status(version: Version, headers: &[(&str, &str)], expected: Option<u16>) {
        let refused = check(&request(version, headers), false).err();
        let status = refused.map(|refusal| refusal.status.as_u16());
        assert_eq!(status, expected, "{version:?} {headers:?}");
    }

    #[test]
    fn one_valid_host_is_needed() {
        let v11 = Version::HTTP_11;
        check_status(v11, &[], Some(400));
        check_status(v11, &[("host", "a"), ("host", "a")], Some(400));
        check_status(v11, &[("host", "a b")], Some(400));
        check_status(v11, &[("host", "user@a")], Some(400));
        check_status(v11, &[("host", "a/b")], Some(400));
        check_status(v11, &[("host", "")], None);
        check_status(v11, &[("host", "registry.example.com:5000")], None);
        check_status(v11, &[("host", "[::1]:5000")], None);
        check_status(Version::HTTP_10, &[], None);
        check_status(Version::HTTP_10, &[("host", "a"), ("host", "b")], Some(400));
        check_status(Version::HTTP_2, &[], None);
    }

    #[test]
    fn a_target_fits_its_method() {
        let check = |method: Method, target: &str, expected: bool| {
            let uri: Uri = target.parse().unwrap();
            assert_eq!(is_target(&method, &uri), expected, "{method} {target}");
        };
        check(Method::GET, "/v2/", true);
        check(Method::GET, "http://a/v2/", true);
        check(Method::GET, "http://a", true);
        check(Method::GET, "v2", false);
        check(Method::GET, "*", false);
        check(Method::OPTIONS, "*", true);
        check(Method::CONNECT, "a:443", true);
    }

    #[test]
    fn only_chunked_is_understood() {
        let v11 = Version::HTTP_11;
        let coded = |coding| [("host", "a"), ("transfer-encoding", coding)];
        check_status(v11, &coded("chunked"), None);
        check_status(v11, &coded("Chunked"), None);
        check_status(v11, &coded("gzip, chunked"), Some(501));
        check_status(v11, &coded("chunked, chunked"), Some(501));
        let twice = [
            ("host", "a"),
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked"),
        ];
        check_status(v11, &twice, Some(501));
    }

    #[test]
    fn only_100_continue_can_be_expected() {
        let v11 = Version::HTTP_11;
        check_status(v11, &[("host", "a"), ("expect", "100-Continue")], None);
        check_status(v11, &[("host", "a"), ("expect", "a pony")], Some(417));
        check_status(Version::HTTP_2, &[("expect", "a pony")], Some(417));
    }

    #[test]
    fn a_length_said_in_two_ways_is_refused_and_the_connection_ends() {
        let refusal = check(&request(Version::HTTP_11, &[("host", "a")]), true).unwrap_err();
        let response = refusal.to_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["connection"], "close");
        let ResponseBody::Full(body) = response.body() else {
            panic!("{:?}", response.body());
        };
        let document: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(document["errors"][0]["code"], "UNSUPPORTED");
        assert_eq!(
            document["errors"][0]["message"],
            "both Content-Length and Transfer-Encoding"
        );
    }
}
