//! The base route, liveness, methods that a route does not have.

use hythe_testutil::Request;

use super::Sequence;
use crate::context::{blob_path, manifest_path, tags_path, uploads_path};
use crate::diff::Recorder;
use crate::failure::Outcome;

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::new("base route, every method", base),
        Sequence::new("liveness at the root", liveness),
        Sequence::new("methods that a route does not have", methods),
        Sequence::new("OPTIONS on every route", options),
        Sequence::new("HEAD on lists", head_on_lists),
        Sequence::new("error answers to HEAD", head_errors),
    ]
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

async fn base(recorder: Recorder) -> Outcome {
    for method in METHODS {
        recorder.observe(Request::new(method, "/v2/")).await;
    }
    recorder.get("/v2/?query=ignored").await;
    recorder
        .observe(Request::get("/v2/").header("authorization", "Basic dTpw"))
        .await;
    Ok(())
}

async fn liveness(recorder: Recorder) -> Outcome {
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        recorder.observe(Request::new(method, "/")).await;
    }
    Ok(())
}

async fn methods(recorder: Recorder) -> Outcome {
    let repository = &recorder.repository;
    for target in [
        "/v2/_catalog".to_owned(),
        tags_path(repository),
        manifest_path(repository, "latest"),
        blob_path(repository, DIGEST),
        uploads_path(repository),
    ] {
        for method in METHODS.into_iter().filter(|method| *method != "OPTIONS") {
            // Manifests and uploads with their own methods have sequences of their own.
            let own = matches!((method, target.as_str()), ("POST", target) if target.ends_with("/uploads/"));
            if !own {
                recorder.observe(Request::new(method, &target)).await;
            }
        }
        recorder.observe(Request::new("BREW", &target)).await;
    }
    Ok(())
}

async fn options(recorder: Recorder) -> Outcome {
    let repository = &recorder.repository;
    for target in [
        "/v2/_catalog".to_owned(),
        tags_path(repository),
        manifest_path(repository, "latest"),
        blob_path(repository, DIGEST),
        uploads_path(repository),
        format!("{}01890a5d-ac96-774b-bcce-b302099a8057", uploads_path(repository)),
    ] {
        recorder.observe(Request::new("OPTIONS", target)).await;
    }
    Ok(())
}

async fn head_on_lists(recorder: Recorder) -> Outcome {
    recorder.observe(Request::head("/v2/_catalog")).await;
    recorder
        .observe(Request::head(tags_path(&recorder.repository)))
        .await;
    Ok(())
}

async fn head_errors(recorder: Recorder) -> Outcome {
    let repository = &recorder.repository;
    for target in [
        manifest_path(repository, "missing"),
        manifest_path(repository, DIGEST),
        manifest_path(repository, "sha256:abc"),
        blob_path(repository, DIGEST),
        blob_path(repository, "sha256:abc"),
        "/v2/unknown-route".to_owned(),
    ] {
        recorder.observe(Request::head(target)).await;
    }
    Ok(())
}
