//! What is sent, where no server at hand would show it.

use std::time::Duration;

use hythe_driver::Version;
use serde_json::{Value, json};

use super::*;
use crate::recording::{Recording, Sent, path};

const MIB: u64 = 1 << 20;

async fn put(parameters: Value) -> Sent {
    let service = Recording::accepting();
    let driver = service.driver(parameters).await;
    let options = PutOptions::default();
    let content = Bytes::from_static(b"content");
    driver.put_content(&path("/a/b"), content, options).await.unwrap();
    service.only()
}

#[tokio::test]
async fn objects_are_put_as_distribution_puts_them() {
    let sent = put(json!({"rootdirectory": "/root/"})).await;
    let address = "https://bucket.s3.eu-west-1.amazonaws.com/root/a/b?x-id=PutObject";
    assert_eq!((sent.method.as_str(), sent.address.as_str()), ("PUT", address));
    assert_eq!(sent.header("content-type"), Some("application/octet-stream"));
    assert_eq!(sent.header("x-amz-acl"), Some("private"));
    assert_eq!(sent.header("x-amz-storage-class"), Some("STANDARD"));
    assert_eq!(sent.header("x-amz-server-side-encryption"), None);
    assert_eq!(sent.header("x-amz-security-token"), None);
    for checksum in [
        "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-trailer",
    ] {
        assert_eq!(sent.header(checksum), None);
    }
}

#[tokio::test]
async fn parameters_are_headers() {
    let sent = put(json!({
        "storageclass": "none", "objectacl": "bucket-owner-full-control", "encrypt": true,
        "useragent": "harbour/1", "sessiontoken": "token",
    }))
    .await;
    assert_eq!(sent.header("x-amz-storage-class"), None);
    assert_eq!(sent.header("x-amz-acl"), Some("bucket-owner-full-control"));
    assert_eq!(sent.header("x-amz-server-side-encryption"), Some("AES256"));
    assert_eq!(sent.header("x-amz-security-token"), Some("token"));
    let agent = sent.header("user-agent").unwrap();
    assert!(
        agent.starts_with("aws-sdk-rust/") && agent.ends_with(" harbour/1"),
        "{agent}"
    );
}

#[tokio::test]
async fn the_key_of_the_key_service_is_sent_whenever_it_is_set() {
    let sent = put(json!({"keyid": "k", "encrypt": true})).await;
    assert_eq!(sent.header("x-amz-server-side-encryption"), Some("aws:kms"));
    assert_eq!(
        sent.header("x-amz-server-side-encryption-aws-kms-key-id"),
        Some("k")
    );
    let sent = put(json!({"keyid": "k"})).await;
    assert_eq!(sent.header("x-amz-server-side-encryption"), None);
    assert_eq!(
        sent.header("x-amz-server-side-encryption-aws-kms-key-id"),
        Some("k")
    );
}

#[tokio::test]
async fn amazon_is_found_where_the_parameters_say() {
    let check = async |parameters: Value, host: &str| {
        let sent = put(parameters).await;
        assert!(sent.address.starts_with(host), "{}", sent.address);
    };
    check(
        json!({"usedualstack": true}),
        "https://bucket.s3.dualstack.eu-west-1.amazonaws.com/a/b",
    )
    .await;
    check(
        json!({"usefipsendpoint": "true", "region": "us-east-1"}),
        "https://bucket.s3-fips.us-east-1.amazonaws.com/a/b",
    )
    .await;
    check(
        json!({"accelerate": true}),
        "https://bucket.s3-accelerate.amazonaws.com/a/b",
    )
    .await;
    check(
        json!({"forcepathstyle": true}),
        "https://s3.eu-west-1.amazonaws.com/bucket/a/b",
    )
    .await;
    check(
        json!({"secure": false}),
        "http://bucket.s3.eu-west-1.amazonaws.com/a/b",
    )
    .await;
    check(
        json!({"region": "cn-north-1"}),
        "https://bucket.s3.cn-north-1.amazonaws.com.cn/a/b",
    )
    .await;
    check(
        json!({"regionendpoint": "http://127.0.0.1:9000", "accelerate": true}),
        "http://127.0.0.1:9000/bucket/a/b",
    )
    .await;
    check(
        json!({"regionendpoint": "https://s3.example"}),
        "https://bucket.s3.example/a/b",
    )
    .await;
}

#[tokio::test]
async fn bodies_are_signed_only_where_nothing_else_protects_them() {
    let sent = put(json!({})).await;
    assert_eq!(sent.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    let sent = put(json!({"secure": false})).await;
    assert_eq!(
        sent.header("x-amz-content-sha256"),
        Some("ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73")
    );
}

#[tokio::test]
async fn copies_and_uploads_carry_what_puts_carry() {
    let parameters = json!({"encrypt": true, "keyid": "k", "storageclass": "GLACIER_IR"});
    for (size, calls) in [(32 * MIB, 1), (70 * MIB, 5)] {
        let service = Recording::accepting();
        let driver = service.driver(parameters.clone()).await;
        let mode = PutMode::Overwrite;
        driver.client.copy("x y", "to", size, &mode).await.unwrap();
        let sent = service.sent();
        assert_eq!(sent.len(), calls, "{sent:?}");
        assert_eq!(sent[0].header("x-amz-server-side-encryption"), Some("aws:kms"));
        assert_eq!(
            sent[0].header("x-amz-server-side-encryption-aws-kms-key-id"),
            Some("k")
        );
        assert_eq!(sent[0].header("x-amz-storage-class"), Some("GLACIER_IR"));
        assert_eq!(sent[0].header("x-amz-acl"), Some("private"));
        assert_eq!(sent[0].header("content-type"), Some("application/octet-stream"));
    }
}

#[tokio::test]
async fn parts_are_copied_in_ranges_with_a_length_of_nothing() {
    let service = Recording::accepting();
    let driver = service.driver(json!({})).await;
    let mode = PutMode::Overwrite;
    driver.client.copy("x y", "to", 70 * MIB, &mode).await.unwrap();
    let sent = service.sent();
    let mut ranges = Vec::new();
    for part in sent.iter().filter(|sent| sent.asks("partNumber")) {
        assert_eq!(part.header("x-amz-copy-source"), Some("bucket/x%20y"));
        assert_eq!(part.header("content-length"), Some("0"));
        ranges.push(part.header("x-amz-copy-source-range").unwrap());
    }
    ranges.sort_unstable();
    assert_eq!(
        ranges,
        [
            "bytes=0-33554431",
            "bytes=33554432-67108863",
            "bytes=67108864-73400319"
        ]
    );
}

#[tokio::test]
async fn a_copy_that_fails_is_aborted() {
    let service = Recording::answering(|sent| match sent.method.as_str() {
        "POST" if sent.asks("uploads") => {
            let answer =
                "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
            (200, answer.to_owned())
        }
        "DELETE" => (204, String::new()),
        _ => (403, "<Error><Code>AccessDenied</Code></Error>".to_owned()),
    });
    let driver = service.driver(json!({})).await;
    let copied = driver
        .client
        .copy("from", "to", 70 * MIB, &PutMode::Overwrite)
        .await;
    assert_eq!(copied.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let last = service.sent().pop().unwrap();
    assert!(last.method == "DELETE" && last.asks("uploadId"), "{last:?}");
}

#[tokio::test]
async fn amazon_is_not_probed() {
    let service = Recording::accepting();
    let driver = service.driver(json!({})).await;
    driver.find_out().await;
    assert!(service.sent().is_empty());
    assert!(driver.capabilities().conditional_update);
    let options = PutOptions {
        mode: PutMode::Create,
        durable: true,
    };
    let put = driver.put_content(&path("/a"), Bytes::new(), options).await;
    assert_eq!(put.unwrap(), Some(Version::new("etag")));
    assert_eq!(service.only().header("if-none-match"), Some("*"));
}

/// As Garage: conditions are ignored.
#[tokio::test]
async fn a_service_that_ignores_conditions_is_found_out() {
    let service = Recording::answering(|sent| match sent.method.as_str() {
        "HEAD" => (404, String::new()),
        _ => (200, "\"etag\"".to_owned()),
    });
    let endpoint = json!({"regionendpoint": "http://garage.example"});
    let driver = service.driver(endpoint).await;
    driver.find_out().await;
    assert!(!driver.capabilities().conditional_update);
    let probes = service.sent();
    assert_eq!(probes.len(), 4, "{probes:?}");
    assert_eq!(probes[3].method, "DELETE");
    let put = async |mode| {
        let options = PutOptions { mode, durable: true };
        driver.put_content(&path("/a"), Bytes::new(), options).await
    };
    put(PutMode::Create).await.unwrap();
    let calls: Vec<String> = service.sent()[4..]
        .iter()
        .map(|sent| sent.method.clone())
        .collect();
    assert_eq!(calls, ["HEAD", "PUT"]);
    let updated = put(PutMode::Update(Version::new("etag"))).await;
    assert_eq!(updated.unwrap_err().kind(), ErrorKind::Unsupported);
}

/// As Ceph 16: the quotes of an ETag count.
#[tokio::test]
async fn a_service_that_wants_bare_etags_gets_them() {
    let refused = || (412, "<Error><Code>PreconditionFailed</Code></Error>".to_owned());
    let service = Recording::answering(move |sent| match sent.header("if-match") {
        _ if sent.header("if-none-match").is_some() => refused(),
        None | Some("etag") => (200, "\"etag\"".to_owned()),
        Some(_) => refused(),
    });
    let driver = service
        .driver(json!({"regionendpoint": "http://ceph.example"}))
        .await;
    driver.find_out().await;
    assert!(driver.capabilities().conditional_update);
    let options = PutOptions {
        mode: PutMode::Update(Version::new("etag")),
        durable: true,
    };
    driver
        .put_content(&path("/a"), Bytes::new(), options)
        .await
        .unwrap();
    assert_eq!(service.sent().last().unwrap().header("if-match"), Some("etag"));
}

#[tokio::test]
async fn nothing_is_assumed_of_a_service_that_did_not_answer() {
    let service = Recording::answering(|_| (403, "<Error><Code>AccessDenied</Code></Error>".to_owned()));
    let driver = service
        .driver(json!({"regionendpoint": "http://elsewhere.example"}))
        .await;
    driver.find_out().await;
    let options = PutOptions {
        mode: PutMode::Create,
        durable: true,
    };
    let put = driver.put_content(&path("/a"), Bytes::new(), options).await;
    assert_eq!(put.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

async fn redirect(parameters: Value, method: http::Method) -> String {
    let service = Recording::accepting();
    let driver = service.driver(parameters).await;
    let request = RedirectRequest {
        method,
        client: None,
        content_type: Some("application/vnd.oci.image.layer.v1.tar+gzip".to_owned()),
        valid_for: Duration::from_secs(300),
    };
    let address = driver.redirect_url(&path("/a/b"), &request).await.unwrap();
    assert!(service.sent().is_empty());
    address.unwrap().to_string()
}

#[tokio::test]
async fn addresses_for_clients_are_signed() {
    let address = redirect(json!({}), http::Method::GET).await;
    assert!(
        address.starts_with("https://bucket.s3.eu-west-1.amazonaws.com/a/b?"),
        "{address}"
    );
    for part in [
        "X-Amz-Expires=300",
        "X-Amz-Signature=",
        "response-content-type=application%2Fvnd.oci.image.layer.v1.tar%2Bgzip",
    ] {
        assert!(address.contains(part), "{address}");
    }
    let head = redirect(json!({}), http::Method::HEAD).await;
    assert_ne!(
        head.split("Signature=").last(),
        address.split("Signature=").last()
    );
}

#[tokio::test]
async fn clients_are_sent_to_the_redirect_endpoint() {
    let parameters = json!({
        "regionendpoint": "http://10.0.0.1:9000", "redirectendpoint": "https://cdn.example",
        "forcepathstyle": true,
    });
    let address = redirect(parameters, http::Method::GET).await;
    assert!(
        address.starts_with("https://cdn.example/bucket/a/b?"),
        "{address}"
    );
}

#[tokio::test]
async fn a_long_retry_after_is_told_and_not_waited_for() {
    let service = Recording::answering(|_| (503, "<Error><Code>SlowDown</Code></Error>".to_owned()));
    let service = service.with_header("retry-after", "120");
    let driver = service.driver(json!({})).await;
    let error = driver.get_content(&path("/a"), 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(error.retry_delay(), Some(Duration::from_secs(120)));
    service.only();
}

#[tokio::test]
async fn errors_name_call_bucket_key_and_what_to_look_at() {
    let check = async |status: u16, code: &str, kind: ErrorKind, hint: &str| {
        let answer = format!("<Error><Code>{code}</Code><Message>why</Message></Error>");
        let service = Recording::answering(move |_| (status, answer.clone()));
        let driver = service.driver(json!({})).await;
        let error = driver.get_content(&path("/a/b"), 10).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.path(), Some(&path("/a/b")));
        let cause = std::error::Error::source(&error).unwrap().to_string();
        for part in ["GetObject", "\"bucket\"", "\"a/b\"", code, "why", hint] {
            assert!(cause.contains(part), "{cause}");
        }
        assert!(!format!("{error} {error:?}").contains("hush"));
    };
    check(
        403,
        "SignatureDoesNotMatch",
        ErrorKind::PermissionDenied,
        "secretkey",
    )
    .await;
    check(
        403,
        "InvalidAccessKeyId",
        ErrorKind::PermissionDenied,
        "accesskey",
    )
    .await;
    check(403, "RequestTimeTooSkewed", ErrorKind::PermissionDenied, "clocks").await;
    check(404, "NoSuchBucket", ErrorKind::Unavailable, "does not exist").await;
    check(400, "AuthorizationHeaderMalformed", ErrorKind::Other, "region").await;
}

#[tokio::test]
async fn objects_that_could_not_be_deleted_are_told() {
    let service = Recording::answering(|_| {
        let errors = "<Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error>";
        (200, format!("<DeleteResult>{errors}</DeleteResult>"))
    });
    let driver = service.driver(json!({})).await;
    let error = driver.delete_files(&[path("/a"), path("/b")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("\"b\"") && cause.contains("1 of 2"), "{cause}");
}

#[tokio::test]
async fn a_role_is_assumed_with_the_credentials() {
    let service = Recording::answering(|sent| {
        if !sent.address.starts_with("https://sts.") {
            return (200, "\"etag\"".to_owned());
        }
        let credentials = "<AccessKeyId>other</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                           <SessionToken>token</SessionToken><Expiration>2126-01-01T00:00:00Z</Expiration>";
        let result = format!("<AssumeRoleResult><Credentials>{credentials}</Credentials></AssumeRoleResult>");
        (200, format!("<AssumeRoleResponse>{result}</AssumeRoleResponse>"))
    });
    let role = json!({"rolearn": "arn:aws:iam::123456789012:role/registry", "externalid": "agreed"});
    let driver = service.driver(role).await;
    let at = path("/a");
    for _ in 0..2 {
        let put = driver.put_content(&at, Bytes::new(), PutOptions::default());
        put.await.unwrap();
    }
    let sent = service.sent();
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert!(
        sent[0].address.starts_with("https://sts.eu-west-1.amazonaws.com"),
        "{sent:?}"
    );
    assert!(
        sent[0]
            .header("authorization")
            .unwrap()
            .contains("Credential=key/")
    );
    for put in &sent[1..] {
        assert!(put.header("authorization").unwrap().contains("Credential=other/"));
        assert_eq!(put.header("x-amz-security-token"), Some("token"));
    }
}
