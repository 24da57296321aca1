//! Registries that only read.

use hythe_testutil::Request;

use super::{FILLED, Sequence, image};
use crate::context::{blob_path, manifest_path, tags_path, uploads_path};
use crate::diff::{Profile, Recorder};
use crate::failure::Outcome;
use crate::manifest::{ACCEPT_ALL, put_manifest};

pub(super) fn sequences() -> Vec<Sequence> {
    vec![
        Sequence::under(Profile::ReadOnly, "reading when only reading is allowed", reading),
        Sequence::under(Profile::ReadOnly, "writing when only reading is allowed", writing),
    ]
}

async fn reading(recorder: Recorder) -> Outcome {
    recorder.get("/v2/").await;
    recorder.get("/v2/_catalog").await;
    recorder.get(tags_path(FILLED)).await;
    recorder
        .observe(Request::get(manifest_path(FILLED, "latest")).header("accept", ACCEPT_ALL))
        .await;
    Ok(())
}

async fn writing(recorder: Recorder) -> Outcome {
    let [config, _, manifest] = image(&recorder, "image");
    recorder.observe(put_manifest(FILLED, "latest", &manifest)).await;
    recorder
        .observe(put_manifest(FILLED, &manifest.digest, &manifest))
        .await;
    recorder
        .observe(Request::delete(manifest_path(FILLED, "latest")))
        .await;
    recorder
        .observe(Request::delete(blob_path(FILLED, &config.digest)))
        .await;
    recorder.observe(Request::post(uploads_path(FILLED))).await;
    let upload = format!("{}01890a5d-ac96-774b-bcce-b302099a8057", uploads_path(FILLED));
    for method in ["GET", "HEAD", "PATCH", "PUT", "DELETE", "POST", "OPTIONS"] {
        recorder.observe(Request::new(method, &upload)).await;
        recorder.observe(Request::new(method, uploads_path(FILLED))).await;
    }
    for target in [manifest_path(FILLED, "latest"), blob_path(FILLED, &config.digest)] {
        recorder.observe(Request::new("OPTIONS", target)).await;
    }
    Ok(())
}
