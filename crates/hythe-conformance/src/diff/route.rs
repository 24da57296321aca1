//! The route that a request takes, for the list of allowed differences.

/// Method and path template, for instance `GET /v2/{name}/manifests/{reference}`; paths that have no route are `other`.
pub(super) fn route(request_line: &str) -> String {
    let (method, target) = request_line.split_once(' ').unwrap_or((request_line, ""));
    let path = target.split('?').next().unwrap_or("");
    let path = path.strip_prefix("/registry").unwrap_or(path);
    let template = match path {
        "/" => "/",
        "/v2/" => "/v2/",
        "/v2/_catalog" => "/v2/_catalog",
        _ => named(path),
    };
    format!("{method} {template}")
}

fn named(path: &str) -> &'static str {
    if !path.starts_with("/v2/") {
        return "other";
    }
    let mut parts = path.rsplit('/');
    let (last, before, third) = (parts.next(), parts.next(), parts.next());
    match (third, before, last) {
        (_, Some("tags"), Some("list")) => "/v2/{name}/tags/list",
        (_, Some("manifests"), Some(_)) => "/v2/{name}/manifests/{reference}",
        (_, Some("referrers"), Some(_)) => "/v2/{name}/referrers/{digest}",
        (Some("blobs"), Some("uploads"), Some("")) => "/v2/{name}/blobs/uploads/",
        (Some("blobs"), Some("uploads"), Some(_)) => "/v2/{name}/blobs/uploads/{uuid}",
        (_, Some("blobs"), Some(last)) if last != "uploads" => "/v2/{name}/blobs/{digest}",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_recognised() {
        fn check(line: &str, expected: &str) {
            assert_eq!(route(line), expected);
        }
        check("GET /", "GET /");
        check("GET /v2/", "GET /v2/");
        check("GET /v2", "GET other");
        check("GET /registry/v2/_catalog?n=1", "GET /v2/_catalog");
        check("GET /v2/a/b/tags/list?n=1", "GET /v2/{name}/tags/list");
        check(
            "PUT /v2/a/manifests/x?tag=a/b",
            "PUT /v2/{name}/manifests/{reference}",
        );
        check("HEAD /v2/a/blobs/sha256:00", "HEAD /v2/{name}/blobs/{digest}");
        check("POST /v2/a/blobs/uploads/", "POST /v2/{name}/blobs/uploads/");
        check("POST /v2/a/blobs/uploads", "POST other");
        check(
            "PATCH /v2/a/blobs/uploads/1?_state=x",
            "PATCH /v2/{name}/blobs/uploads/{uuid}",
        );
        check("GET /v2/a/referrers/x", "GET /v2/{name}/referrers/{digest}");
    }
}
