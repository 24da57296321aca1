//! A folder that changes hands.

use hythe_testutil::ServerProcess;
use hythe_testutil::server::collect_garbage;
use tempfile::TempDir;

use super::script::Script;
use super::tree::Tree;
use super::{Programs, shared};
use crate::failure::{Failure, Outcome, ensure};

/// Distribution fills a folder; Hythe serves it, extends it and deletes from it; distribution serves what Hythe left and collects
/// garbage; both serve what is left. Gives one line for each station.
pub async fn handover(programs: &Programs) -> Result<Vec<String>, Failure> {
    let folder = TempDir::new().map_err(|error| Failure::new(format!("temporary folder: {error}")))?;
    let root = folder.path().join("registry");
    let configuration = shared(&root);
    let start = |program| ServerProcess::start(program, &configuration);
    let mut script = programs.common_script();
    let mut stations = Vec::new();
    let mut station = |what: &str, script: &Script| {
        let (manifests, blobs) = script.size();
        stations.push(format!(
            "{what}: {manifests} manifests by tag or digest, {blobs} blobs"
        ));
    };

    let server = start(&programs.original).await?;
    script
        .begin(&server.client())
        .await
        .map_err(|failure| failure.while_doing("the original fills"))?;
    server.terminate().await?;
    station("filled by the original", &script);

    let server = start(&programs.hythe).await?;
    script
        .check(&server.client())
        .await
        .map_err(|failure| failure.while_doing("Hythe serves"))?;
    script
        .extend(&server.client())
        .await
        .map_err(|failure| failure.while_doing("Hythe extends"))?;
    script
        .check(&server.client())
        .await
        .map_err(|failure| failure.while_doing("Hythe serves what it extended"))?;
    server.terminate().await?;
    station("extended and partly deleted by Hythe", &script);

    serve(
        &start(&programs.original).await?,
        &script,
        "the original serves what Hythe left",
    )
    .await?;
    station("served by the original", &script);

    let before = blob_files(&root)?;
    collect_garbage(&programs.original, &[], &configuration)?;
    let after = blob_files(&root)?;
    ensure!(
        after < before,
        "garbage collection found nothing: {before} blobs before, {after} after"
    );
    script.forget_unreferenced();
    serve(
        &start(&programs.original).await?,
        &script,
        "the original serves what it collected",
    )
    .await?;
    serve(
        &start(&programs.hythe).await?,
        &script,
        "Hythe serves what the original collected",
    )
    .await?;
    station(
        &format!("collected by the original, {before} blobs to {after}"),
        &script,
    );
    Ok(stations)
}

async fn serve(server: &ServerProcess, script: &Script, what: &str) -> Outcome {
    script
        .check(&server.client())
        .await
        .map_err(|failure| failure.while_doing(what))
}

fn blob_files(root: &std::path::Path) -> Result<usize, Failure> {
    let tree = Tree::read(root)?;
    Ok(tree
        .paths()
        .filter(|path| path.contains("/blobs/") && path.ends_with("/data"))
        .count())
}
