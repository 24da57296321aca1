use azure_core::http::headers::Headers;

use super::*;

fn refused(status: u16, code: &str, body: &str, retry_after: Option<&'static str>) -> Failure {
    let mut headers = Headers::new();
    if let Some(value) = retry_after {
        headers.insert("retry-after", value);
    }
    let answer = RawResponse::from_bytes(status.into(), headers, body.to_owned());
    let kind = AzureErrorKind::HttpResponse {
        status: status.into(),
        error_code: Some(code.to_owned()),
        raw_response: Some(Box::new(answer)),
    };
    Failure::of_request(
        "reg",
        "docker/a",
        &azure_core::Error::with_message(kind, "refused"),
    )
}

fn told(failure: Failure) -> String {
    let error = failure.of("read", &DriverPath::parse("/docker/a").unwrap());
    chain(&error)
}

#[test]
fn answers_have_the_kind_that_callers_act_on() {
    let check = |status: u16, code: &str, expected: ErrorKind| {
        assert_eq!(
            refused(status, code, "", None).kind(),
            expected,
            "{status} {code}"
        );
    };
    check(404, "BlobNotFound", ErrorKind::NotFound);
    check(404, "ContainerNotFound", ErrorKind::Other);
    check(409, "BlobAlreadyExists", ErrorKind::AlreadyExists);
    check(409, "ContainerBeingDeleted", ErrorKind::Unavailable);
    check(409, "BlobImmutableDueToPolicy", ErrorKind::PermissionDenied);
    check(412, "ConditionNotMet", ErrorKind::PreconditionFailed);
    check(412, "LeaseIdMissing", ErrorKind::Busy);
    check(403, "AuthenticationFailed", ErrorKind::PermissionDenied);
    check(401, "InvalidAuthenticationInfo", ErrorKind::PermissionDenied);
    check(413, "RequestBodyTooLarge", ErrorKind::TooLarge);
    check(429, "TooManyRequests", ErrorKind::Throttled);
    check(503, "ServerBusy", ErrorKind::Throttled);
    check(503, "", ErrorKind::Unavailable);
    check(500, "OperationTimedOut", ErrorKind::Unavailable);
    check(400, "InvalidHeaderValue", ErrorKind::Other);
}

#[test]
fn a_busy_server_says_when_to_come_again() {
    let error = refused(503, "ServerBusy", "", Some("30")).of("read", &DriverPath::root());
    assert_eq!(error.retry_delay(), Some(Duration::from_secs(30)));
}

#[test]
fn an_error_names_the_container_the_key_and_the_operation() {
    let body = "<?xml version=\"1.0\"?><Error><Code>BlobNotFound</Code><Message>The specified blob does not exist.\n\
                RequestId:1</Message></Error>";
    assert_eq!(
        told(refused(404, "BlobNotFound", body, None)),
        "azure: read: path not found: /docker/a: container \"reg\", key \"docker/a\": the service answered 404 \
         BlobNotFound: The specified blob does not exist."
    );
}

#[test]
fn what_the_service_says_of_clocks_is_told_and_of_signatures_is_not() {
    let of = |detail: &str| {
        let body = format!(
            "<Error><Message>Server failed to authenticate the request.</Message>\
             <AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail></Error>"
        );
        told(refused(403, "AuthenticationFailed", &body, None))
    };
    assert!(of("Request date header too old: 'Sun, 22 Nov 2020'").ends_with("(Request date header too old)"));
    let signature = of("The MAC signature found in the HTTP request 'c2VjcmV0' is not the same");
    assert!(!signature.contains("c2VjcmV0"), "{signature}");
}

#[test]
fn signatures_in_addresses_are_not_told() {
    let check = |text: &str, expected: &str| assert_eq!(redacted(text), expected);
    check(
        "https://x/a?sv=1&sig=abc%3D&se=2 failed",
        "https://x/a?sv=1&sig=REDACTED&se=2 failed",
    );
    check("(sig=abc) sig=def", "(sig=REDACTED) sig=REDACTED");
    check("client_secret=abc&x", "client_secret=REDACTED&x");
    check("design=1", "design=1");
    check("nothing", "nothing");
}

#[test]
fn a_server_that_is_down_is_unavailable() {
    let check = |kind: AzureErrorKind, expected: ErrorKind| {
        let error = azure_core::Error::with_message(kind, "down");
        assert_eq!(Failure::of_request("reg", "a", &error).kind(), expected);
    };
    check(AzureErrorKind::Connection, ErrorKind::Unavailable);
    check(AzureErrorKind::Io, ErrorKind::Unavailable);
    check(AzureErrorKind::Credential, ErrorKind::Unavailable);
    check(AzureErrorKind::DataConversion, ErrorKind::Other);
}
