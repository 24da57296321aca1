//! How `Location` is built.

use hythe_testutil::Request;

use super::{Sequence, push_image};
use crate::context::{tags_path, uploads_path};
use crate::diff::{Profile, Recorder};
use crate::failure::Outcome;

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("Location behind proxies", proxies),
        Sequence::under(Profile::Host, "Location with a configured host", locations),
        Sequence::under(Profile::RelativeUrls, "Location without a host", locations),
        Sequence::under(Profile::Headers, "configured headers", headers),
    ]
}

async fn proxies(recorder: Recorder) -> Outcome {
    let start = || Request::post(uploads_path(&recorder.repository));
    for (name, value) in [
        ("host", "registry.example.com"),
        ("host", "registry.example.com:8443"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-proto", "https, http"),
        ("x-forwarded-host", "public.example.com"),
        ("x-forwarded-host", " public.example.com , inner.example.com"),
        ("x-forwarded-port", "8443"),
        ("x-forwarded-prefix", "/below"),
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "proto=https;host=public.example.com"),
        (
            "forwarded",
            "for=192.0.2.1;host=\"public.example.com:8443\";proto=https, host=inner",
        ),
        ("forwarded", "host=public.example.com:8443"),
        ("forwarded", "for=192.0.2.1"),
        ("forwarded", "nonsense"),
    ] {
        recorder.observe(start().header(name, value)).await;
    }
    let both = start()
        .header("forwarded", "for=192.0.2.1")
        .header("x-forwarded-host", "public.example.com");
    recorder.observe(both).await;
    let proto_and_host = start()
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "public.example.com");
    recorder.observe(proto_and_host).await;
    Ok(())
}

async fn locations(recorder: Recorder) -> Outcome {
    let start =
        Request::post(uploads_path(&recorder.repository)).header("x-forwarded-host", "public.example.com");
    recorder.observe(start).await;
    recorder
        .get(format!("{}?n=1", tags_path(&recorder.repository)))
        .await;
    let response = recorder
        .send(Request::post(uploads_path(&recorder.repository)))
        .await?;
    // With a configured path, the place is below that path, where a proxy would take it off.
    let target = response.location()?.replacen("/below/", "/", 1);
    let blob = hythe_testutil::Content::blob(recorder.bytes("blob", 100));
    let put = crate::context::with_query(&target, "digest", &blob.digest);
    recorder.observe(Request::put(put).body(blob.bytes)).await;
    Ok(())
}

async fn headers(recorder: Recorder) -> Outcome {
    let repository = recorder.repository.clone();
    recorder.get("/v2/").await;
    recorder.get("/").await;
    recorder.get("/v2/unknown-route").await;
    recorder.get("/v2").await;
    push_image(&recorder, &repository, "image", "latest").await?;
    recorder.get(tags_path(&repository)).await;
    recorder.observe(Request::delete(tags_path(&repository))).await;
    recorder
        .observe(Request::new("OPTIONS", tags_path(&repository)))
        .await;
    Ok(())
}
