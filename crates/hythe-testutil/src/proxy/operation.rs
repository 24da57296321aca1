//! What a request asks of a storage service, by the name that the service's documentation has for it.

use http::{HeaderMap, Method};

/// The protocol that the service speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// Amazon's S3, addressed by path.
    S3,
    /// Azure's blob storage.
    Azure,
    /// Google's JSON interface.
    Gcs,
}

impl Dialect {
    /// The operation's name.
    pub(super) fn operation(
        self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> &'static str {
        let parameter = |name: &str| {
            query.split('&').find_map(|parameter| {
                let (found, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                (found == name).then_some(value)
            })
        };
        match self {
            Self::S3 => s3(
                method,
                path,
                &parameter,
                headers.contains_key("x-amz-copy-source"),
            ),
            Self::Azure => azure(method, &parameter, headers.contains_key("x-ms-copy-source")),
            Self::Gcs => gcs(method, path, &parameter),
        }
    }
}

fn s3<'a>(
    method: &Method,
    path: &str,
    parameter: &dyn Fn(&str) -> Option<&'a str>,
    is_copy: bool,
) -> &'static str {
    let is_bucket = !path.trim_matches('/').contains('/');
    match method.as_str() {
        "GET" if parameter("uploads").is_some() => "ListMultipartUploads",
        "GET" if parameter("uploadId").is_some() => "ListParts",
        "GET" if parameter("list-type").is_some() => "ListObjectsV2",
        "GET" if is_bucket => "ListObjects",
        "GET" => "GetObject",
        "HEAD" if is_bucket => "HeadBucket",
        "HEAD" => "HeadObject",
        "PUT" if parameter("uploadId").is_some() && is_copy => "UploadPartCopy",
        "PUT" if parameter("uploadId").is_some() => "UploadPart",
        "PUT" if is_copy => "CopyObject",
        "PUT" if is_bucket => "CreateBucket",
        "PUT" => "PutObject",
        "POST" if parameter("uploads").is_some() => "CreateMultipartUpload",
        "POST" if parameter("uploadId").is_some() => "CompleteMultipartUpload",
        "POST" if parameter("delete").is_some() => "DeleteObjects",
        "DELETE" if parameter("uploadId").is_some() => "AbortMultipartUpload",
        "DELETE" => "DeleteObject",
        _ => "other",
    }
}

fn azure<'a>(method: &Method, parameter: &dyn Fn(&str) -> Option<&'a str>, is_copy: bool) -> &'static str {
    match (method.as_str(), parameter("comp").unwrap_or_default()) {
        ("GET", "list") => "List Blobs",
        ("GET", "blocklist") => "Get Block List",
        ("PUT", "blocklist") => "Put Block List",
        ("PUT", "block") => "Put Block",
        ("PUT", "appendblock") => "Append Block",
        ("PUT", "lease") => "Lease Blob",
        ("GET", "") => "Get Blob",
        ("HEAD", "") => "Get Blob Properties",
        ("PUT", "") if is_copy => "Copy Blob",
        ("PUT", "") => "Put Blob",
        ("DELETE", "") => "Delete Blob",
        _ => "other",
    }
}

fn gcs<'a>(method: &Method, path: &str, parameter: &dyn Fn(&str) -> Option<&'a str>) -> &'static str {
    let is_session = parameter("upload_id").is_some();
    match method.as_str() {
        "PUT" if is_session => "upload to a session",
        "DELETE" if is_session => "cancel a session",
        "POST" if parameter("uploadType") == Some("resumable") => "begin a session",
        "POST" if path.starts_with("/upload/") || path.starts_with("/resumable/") => "objects.insert",
        "POST" if path.starts_with("/batch/") => "batch",
        "POST" if path.contains("/rewriteTo/") => "objects.rewrite",
        "POST" if path.contains("/copyTo/") => "objects.copy",
        "POST" if path.ends_with("/compose") => "objects.compose",
        "GET" if path.ends_with("/o") => "objects.list",
        "GET" if parameter("alt") == Some("media") || !path.contains("/storage/v1/") => "objects.get, media",
        "GET" => "objects.get",
        "DELETE" => "objects.delete",
        "PATCH" => "objects.patch",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn operations_are_named_as_the_services_name_them() {
        fn check(dialect: Dialect, method: &str, target: &str, expected: &str) {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let found = dialect.operation(&method, path, query, &HeaderMap::new());
            assert_eq!(found, expected, "{method} {target}");
        }
        check(
            Dialect::S3,
            "GET",
            "/bucket?list-type=2&prefix=a",
            "ListObjectsV2",
        );
        check(Dialect::S3, "GET", "/bucket/a/b", "GetObject");
        check(
            Dialect::S3,
            "PUT",
            "/bucket/a?partNumber=1&uploadId=x",
            "UploadPart",
        );
        check(Dialect::S3, "POST", "/bucket/a?uploads", "CreateMultipartUpload");
        check(Dialect::S3, "POST", "/bucket?delete=", "DeleteObjects");
        check(Dialect::S3, "HEAD", "/bucket", "HeadBucket");
        check(Dialect::Azure, "PUT", "/a/c/b?comp=block&blockid=x", "Put Block");
        check(
            Dialect::Azure,
            "GET",
            "/a/c?comp=list&restype=container",
            "List Blobs",
        );
        check(Dialect::Azure, "HEAD", "/a/c/b", "Get Blob Properties");
        check(Dialect::Gcs, "GET", "/storage/v1/b/x/o?prefix=a", "objects.list");
        check(
            Dialect::Gcs,
            "GET",
            "/storage/v1/b/x/o/a?alt=media",
            "objects.get, media",
        );
        check(
            Dialect::Gcs,
            "POST",
            "/upload/storage/v1/b/x/o?uploadType=media&name=a",
            "objects.insert",
        );
        check(
            Dialect::Gcs,
            "PUT",
            "/upload/storage/v1/b/x/o?upload_id=1",
            "upload to a session",
        );
    }

    #[test]
    fn a_copy_is_known_by_its_header() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-copy-source", HeaderValue::from_static("bucket/a"));
        let found = Dialect::S3.operation(&Method::PUT, "/bucket/b", "", &headers);
        assert_eq!(found, "CopyObject");
    }
}
