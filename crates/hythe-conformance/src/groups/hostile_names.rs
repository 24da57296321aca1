//! Names, tags, digests and paths that are none.

use hythe_testutil::Request;

use crate::context::{Context, blob_path, manifest_path, referrers_path, tags_path, uploads_path};
use crate::failure::{Outcome, ensure};
use crate::suite::{Group, Scope};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(super) fn hostile_names() -> Group {
    let mut group = Group::new(
        "hostile-names",
        Scope::Hythe,
        "names, tags, digests and paths that are none",
    );
    for name in [
        "UPPER",
        "a..b",
        "a/",
        "-a",
        "a-",
        "_a",
        "a__",
        "a___b",
        ".a",
        "a%00b",
        "a%2F",
        "a%0Ab",
        "%2e%2e/b",
        "a/%2e%2e/%2e%2e/b",
        "a%5Cb",
        "a b".replace(' ', "%20").as_str(),
        "%C3%A4",
        "%ff",
        "%",
        "%zz",
    ] {
        let name = name.to_owned();
        group = group.case(format!("the name {name} is 400 or 404"), move |context| {
            bad_name(context, name.clone())
        });
    }
    group = group.case("a name of 256 characters is 400 NAME_INVALID, once", long_name);
    group = group.case("a name of 8000 characters is refused", |context| {
        bad_name(context, "a".repeat(8000))
    });
    for tag in [".a", "-a", "a%20b", "a%2Fb", "a%00", "%C3%A4", "a~b"] {
        group = group.case(format!("the tag {tag} is 400 or 404"), move |context| {
            bad_tag(context, tag.to_owned())
        });
    }
    group = group.case("a tag of 129 characters is 400 or 404", |context| {
        bad_tag(context, "a".repeat(129))
    });
    for (what, digest) in [
        ("too short", "sha256:abc".to_owned()),
        ("too long", format!("{DIGEST}00")),
        ("in upper case", DIGEST.to_uppercase().replace("SHA256", "sha256")),
        ("of an unknown algorithm", DIGEST.replace("sha256", "md5")),
        (
            "of sha512 with the length of sha256",
            DIGEST.replace("sha256", "sha512"),
        ),
        ("that is not hexadecimal", DIGEST.replace('e', "g")),
    ] {
        group = group.case(format!("a digest {what} is 400 DIGEST_INVALID"), move |context| {
            bad_digest(context, digest.clone())
        });
    }
    for path in [
        "/v2//tags/list",
        "/v2/./a/tags/list",
        "/v2/../a/tags/list",
        "/v2/a/../b/tags/list",
        "/v2/a//b/tags/list",
        "/v2/a/blobs/uploads/../../manifests/x",
        "/v2/a/manifests/",
        "/v2/a/blobs/",
        "/v2/a/unknown",
        "/v3/",
        "/v2/a/tags/list/more",
        "/v2/_catalog/more",
        "//v2/",
        "/v2/%2e%2e/%2e%2e/etc/passwd",
        "/v2/a/manifests/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    ] {
        group = group.case(format!("GET {path} is 301, 400 or 404"), move |context| {
            bad_path(context, path)
        });
    }
    group
        .case("%2F in a name is a slash", encoded_slash)
        .case("a NUL byte in the path is 400", |context| {
            raw_path(context, b"/v2/a\0b/tags/list")
        })
        .case("bytes above 127 in the path are 400 or 404", |context| {
            raw_path(context, b"/v2/a\xff\xfe/tags/list")
        })
        .case("a method that nobody knows is 405 or 400", unknown_method)
        .case("an absolute URL as target is understood", absolute_target)
        .case("a path of 100 kB is refused", |context| async move {
            let response = context
                .send(Request::get(format!(
                    "/v2/{}/tags/list",
                    "a/".repeat(50_000) + "a"
                )))
                .await;
            match response {
                Ok(response) => response.expect_status(&[400, 404, 414, 431]).map(|_| ())?,
                Err(_) => context.still_serves().await?,
            }
            Ok(())
        })
}

/// Refused as the client's mistake; errors that we write have the JSON document.
async fn refused(context: &Context, request: Request, statuses: &[u16]) -> Outcome {
    let is_head = request.line().starts_with("HEAD");
    let response = context.send(request).await?;
    response.expect_status(statuses)?;
    if response.status >= 400 && !is_head {
        ensure!(
            response.error_code().is_some(),
            "{}: no error document: {:?}",
            response.request,
            response.body
        );
        let text = String::from_utf8_lossy(&response.body).into_owned();
        ensure!(
            !text.contains("/docker/registry"),
            "{}: an internal path: {text}",
            response.request
        );
    }
    Ok(())
}

async fn bad_name(context: Context, name: String) -> Outcome {
    for request in [
        Request::get(tags_path(&name)),
        Request::get(manifest_path(&name, "latest")),
        Request::head(blob_path(&name, DIGEST)),
        Request::post(uploads_path(&name)),
        Request::put(manifest_path(&name, "latest")).body("{}"),
        Request::get(referrers_path(&name, DIGEST)),
    ] {
        // A path that is not in its shortest form may be redirected before anything is looked at.
        refused(&context, request, &[301, 400, 404, 414]).await?;
    }
    Ok(())
}

async fn long_name(context: Context) -> Outcome {
    let name = format!("{}{}", "a/".repeat(120), "b".repeat(16));
    let response = context.send(Request::get(tags_path(&name))).await?;
    response.expect_status(&[400])?.expect_error("NAME_INVALID")?;
    refused(&context, Request::post(uploads_path(&name)), &[400]).await
}

async fn bad_tag(context: Context, tag: String) -> Outcome {
    let path = manifest_path(&context.repository, &tag);
    let media_type = "application/vnd.oci.image.index.v1+json";
    let put = Request::put(&path).header("content-type", media_type);
    for request in [
        Request::get(&path),
        Request::head(&path),
        put.body(r#"{"schemaVersion":2,"manifests":[]}"#),
        Request::delete(&path),
    ] {
        refused(&context, request, &[400, 404]).await?;
    }
    refused(&context, Request::get(tags_path(&context.repository)), &[404]).await
}

async fn bad_digest(context: Context, digest: String) -> Outcome {
    let repository = &context.repository;
    for path in [
        blob_path(repository, &digest),
        manifest_path(repository, &digest),
        referrers_path(repository, &digest),
    ] {
        let response = context.send(Request::get(&path)).await?;
        response.expect_status(&[400])?.expect_error("DIGEST_INVALID")?;
        refused(&context, Request::head(&path), &[400, 404, 405]).await?;
    }
    for path in [blob_path(repository, &digest), manifest_path(repository, &digest)] {
        refused(&context, Request::delete(&path), &[400]).await?;
    }
    let put = Request::put(manifest_path(repository, &digest)).body("{}");
    refused(&context, put, &[400]).await
}

async fn bad_path(context: Context, path: &'static str) -> Outcome {
    refused(&context, Request::get(path), &[301, 400, 404]).await?;
    refused(&context, Request::put(path).body("{}"), &[301, 400, 404, 405]).await
}

async fn encoded_slash(mut context: Context) -> Outcome {
    let blob = context.blob(100, hythe_testutil::Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let name = context.repository.replace('/', "%2F");
    let response = context.send(Request::get(blob_path(&name, &blob.digest))).await?;
    response.expect_status(&[200])?.expect_body(&blob.bytes)?;
    Ok(())
}

async fn raw_path(context: Context, path: &'static [u8]) -> Outcome {
    let mut connection = context.client.raw().await?;
    // Nobody has to know who asks for what is no path.
    let base = context.client.base_path().as_bytes();
    let request = [b"GET ", base, path, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
    connection.send(&request).await?;
    if let Some(response) = connection.receive(false).await? {
        ensure!(
            matches!(response.status, 400 | 404),
            "the answer is {}",
            response.head
        );
    }
    Ok(())
}

async fn unknown_method(context: Context) -> Outcome {
    for path in [
        tags_path(&context.repository),
        manifest_path(&context.repository, "a"),
        "/v2/_catalog".to_owned(),
    ] {
        let response = context.send(Request::new("BREW", &path)).await?;
        response.expect_status(&[400, 405, 501])?;
    }
    Ok(())
}

async fn absolute_target(context: Context) -> Outcome {
    let mut connection = context.client.raw().await?;
    let head = context.client.head_of("GET", "/v2/").await?;
    let absolute = format!("GET {}/v2/ ", context.client.url());
    let relative = format!("GET {}/v2/ ", context.client.base_path());
    let request = head.replacen(&relative, &absolute, 1) + "\r\n";
    connection.send(request.as_bytes()).await?;
    let response = connection.receive(false).await?;
    ensure!(
        response.as_ref().is_some_and(|response| response.status == 200),
        "the answer is {response:?}"
    );
    Ok(())
}
