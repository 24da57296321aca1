//! Routing: slashes, cleaning, encoding, patterns of names, tags and digests.

use hythe_testutil::Request;

use super::{Sequence, push_image};
use crate::context::{blob_path, manifest_path, tags_path, uploads_path};
use crate::diff::{Profile, Recorder};
use crate::failure::Outcome;

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("trailing slashes", trailing_slashes),
        Sequence::new("paths that are not clean", unclean),
        Sequence::new("paths without a route", unrouted),
        Sequence::new("encoded slash in a name", encoded_slash),
        Sequence::new("repositories named like routes", ambiguous),
        Sequence::new("patterns of names", names),
        Sequence::new("patterns of tags", tags),
        Sequence::new("patterns of digests", digests),
        Sequence::new("a name of 255 characters", |recorder| length(recorder, 255)),
        Sequence::new("a name of 256 characters", |recorder| length(recorder, 256)),
        Sequence::new("a name of 256 characters after its first component", |recorder| {
            let first = recorder.repository.find('/').map_or(0, |slash| slash + 1);
            length(recorder, first + 256)
        }),
        Sequence::new("names with a host", host_part),
        Sequence::under(
            Profile::Cache,
            "a single component of 247 characters with a cache",
            |recorder| single_component(recorder, 247),
        ),
        Sequence::under(
            Profile::Cache,
            "a single component of 248 characters with a cache",
            |recorder| single_component(recorder, 248),
        ),
        Sequence::under(Profile::Prefix, "paths under a prefix", prefix),
        Sequence::under(Profile::Prefix, "paths outside the prefix", outside_prefix),
    ]
}

async fn trailing_slashes(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    for target in [
        "/v2".to_owned(),
        "/v2?a=b".to_owned(),
        "/v2/_catalog/".to_owned(),
        format!("{}/", tags_path(&repository)),
        format!("{}/?n=1", tags_path(&repository)),
        format!("{}/", manifest_path(&repository, "latest")),
        format!("/v2/{repository}/blobs/uploads"),
    ] {
        recorder.get(&target).await;
        recorder.observe(Request::head(&target)).await;
        recorder.observe(Request::post(&target)).await;
    }
    Ok(())
}

async fn unclean(recorder: Recorder) -> Outcome {
    for target in [
        "//v2/",
        "/v2//",
        "/v2//a/tags/list",
        "/v2/./a/tags/list",
        "/v2/../v2/",
        "/v2/a/../b/tags/list?n=1",
    ] {
        recorder.get(target).await;
        recorder.observe(Request::post(target)).await;
    }
    Ok(())
}

async fn unrouted(recorder: Recorder) -> Outcome {
    for target in [
        "/v1/",
        "/favicon.ico",
        "/v2/a",
        "/v2/a/unknown",
        "/v2/a/tags",
        "/v2/a/tags/list/x",
        "/metrics",
    ] {
        recorder.get(target).await;
        recorder.observe(Request::delete(target)).await;
    }
    Ok(())
}

async fn encoded_slash(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    push_image(&recorder, &repository, "image", "latest").await?;
    recorder.get(tags_path(&repository.replace('/', "%2F"))).await;
    recorder.get(tags_path(&repository.replace('/', "%2f"))).await;
    Ok(())
}

async fn ambiguous(recorder: Recorder) -> Outcome {
    for name in ["tags/list", "manifests/x", "blobs/uploads", "a/manifests/b"] {
        let repository = format!("{}/{name}", recorder.repository);
        push_image(&recorder, &repository, name, "latest").await?;
        recorder.get(tags_path(&repository)).await;
        recorder.get(manifest_path(&repository, "missing")).await;
    }
    recorder.get(tags_path("_catalog")).await;
    Ok(())
}

async fn names(recorder: Recorder) -> Outcome {
    for name in [
        "UPPER", "a_b", "a__b", "a___b", "a-b", "a--b", "a.b", "a..b", "-a", "a-", "_a", "a_", ".a", "0",
        "a//b", "A/b", "a/B", "%C3%A4",
    ] {
        recorder.get(tags_path(name)).await;
    }
    Ok(())
}

async fn tags(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let longest = "a".repeat(128);
    let too_long = "a".repeat(129);
    for tag in [
        "a", "A", "0", "_a", ".a", "-a", "a.b-c_d", "a+b", "a%20b", &longest, &too_long,
    ] {
        recorder.get(manifest_path(&repository, tag)).await;
    }
    Ok(())
}

async fn digests(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    let zeros = |count: usize| "0".repeat(count);
    for digest in [
        format!("sha256:{}", zeros(64)),
        format!("sha384:{}", zeros(96)),
        format!("sha512:{}", zeros(128)),
        "sha256:abc".to_owned(),
        format!("sha256:{}", zeros(65)),
        format!("sha256:{}", "A".repeat(64)),
        format!("sha256:{}", "g".repeat(64)),
        format!("md5:{}", zeros(32)),
        format!("SHA256:{}", zeros(64)),
        format!("sha256+b:{}", zeros(64)),
        "sha256:".to_owned(),
        ":abc".to_owned(),
    ] {
        recorder.get(blob_path(&repository, &digest)).await;
        recorder
            .observe(Request::delete(blob_path(&repository, &digest)))
            .await;
        for method in ["GET", "PUT", "DELETE"] {
            recorder
                .observe(Request::new(method, manifest_path(&repository, &digest)))
                .await;
        }
    }
    Ok(())
}

async fn length(recorder: Recorder, length: usize) -> Outcome {
    let mut name = recorder.repository.clone();
    while name.len() + 2 < length {
        name.push_str("/a");
    }
    name.push_str(&"b".repeat(length - name.len()));
    recorder.get(tags_path(&name)).await;
    recorder.get(manifest_path(&name, "latest")).await;
    recorder.observe(Request::post(uploads_path(&name))).await;
    Ok(())
}

async fn host_part(recorder: Recorder) -> Outcome {
    for host in [
        "localhost:5000",
        "[fe80::1]",
        "[fe80::1]:5000",
        "EXAMPLE",
        "Example.Com",
    ] {
        let name = format!("{host}/{}", recorder.repository);
        recorder.get(tags_path(&name)).await;
        recorder.observe(Request::post(uploads_path(&name))).await;
    }
    Ok(())
}

async fn single_component(recorder: Recorder, length: usize) -> Outcome {
    let name = "a".repeat(length);
    recorder.get(tags_path(&name)).await;
    recorder.get(manifest_path(&name, "latest")).await;
    Ok(())
}

async fn prefix(recorder: Recorder) -> Outcome {
    for target in [
        "/registry/v2/",
        "/registry/v2",
        "/registry/v2/_catalog",
        "/registry/v2/_catalog?n=x",
        "/registry/v2/a/tags/list",
        "/registry/",
    ] {
        recorder.get(target).await;
    }
    let response = recorder
        .send(Request::post("/registry/v2/a/blobs/uploads/"))
        .await?;
    recorder.observe(Request::get(response.location()?)).await;
    Ok(())
}

async fn outside_prefix(recorder: Recorder) -> Outcome {
    for target in ["/", "/v2/", "/v2/_catalog", "/other/v2/"] {
        recorder.get(target).await;
    }
    Ok(())
}
