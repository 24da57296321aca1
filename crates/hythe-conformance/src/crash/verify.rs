//! Whether the registry kept its word.

use std::collections::BTreeSet;

use hythe_testutil::{Client, Content, Request};
use serde_json::Value;

use super::CrashSummary;
use super::ledger::{Ledger, OpenUpload};
use crate::context::{blob_path, tags_path, uploads_path, with_query};
use crate::failure::{Failure, Outcome, ensure};
use crate::item::tag_names;
use crate::manifest::get_manifest;
use crate::upload::received;

/// Reads what was answered 201, completes what was cut off, and looks that every manifest that is served is whole.
pub(crate) async fn verify(client: &Client, ledger: &Ledger) -> Result<CrashSummary, Failure> {
    let mut summary = CrashSummary {
        blobs: ledger.blobs.len(),
        manifests: ledger.manifests.len(),
        ..CrashSummary::default()
    };
    for recipe in &ledger.blobs {
        let checked = check_blob(client, &recipe.repository, &recipe.make()).await;
        checked.map_err(|failure| failure.while_doing("a blob that was answered 201"))?;
    }
    for tagged in &ledger.manifests {
        for reference in [tagged.tag.as_str(), tagged.manifest.digest.as_str()] {
            let response = client.send(get_manifest(&tagged.repository, reference)).await?;
            response
                .expect_status(&[200])?
                .expect_body(&tagged.manifest.bytes)?;
        }
    }
    for upload in &ledger.uploads {
        if resume(client, upload).await? {
            summary.resumed += 1;
        } else {
            summary.completed += 1;
        }
    }
    let repositories: BTreeSet<&str> = ledger
        .manifests
        .iter()
        .map(|tagged| tagged.repository.as_str())
        .collect();
    for repository in repositories {
        check_whole(client, repository).await?;
    }
    Ok(summary)
}

async fn check_blob(client: &Client, repository: &str, blob: &Content) -> Outcome {
    let response = client.get(&blob_path(repository, &blob.digest)).await?;
    response.expect_status(&[200])?.expect_body(&blob.bytes)?;
    Ok(())
}

/// Goes on with an upload. False when it was already complete.
async fn resume(client: &Client, upload: &OpenUpload) -> Result<bool, Failure> {
    let blob = upload.recipe.make();
    let repository = &upload.recipe.repository;
    let status = client.get(&upload.target).await?;
    if upload.is_closing && status.status == 404 {
        // It came through, or the bytes were taken but not yet linked: then a client begins again.
        let found = client.get(&blob_path(repository, &blob.digest)).await?;
        if found.status == 404 {
            let response = client.send(Request::post(uploads_path(repository))).await?;
            let target = with_query(
                &response.expect_status(&[202])?.location()?,
                "digest",
                &blob.digest,
            );
            client
                .send(Request::put(target).body(blob.bytes.clone()))
                .await?
                .expect_status(&[201])?;
        }
        check_blob(client, repository, &blob)
            .await
            .map_err(|failure| failure.while_doing("an upload cut off at its end"))?;
        return Ok(false);
    }
    let target = status.expect_status(&[204])?.location()?;
    let mut stored = received(&status)?;
    if stored == 1 {
        // `0-0` means none or one; a chunk at the wrong place is refused.
        stored = 0;
    }
    // While it is being completed its bytes may already be in their final place, from where they are sent again.
    ensure!(
        stored >= upload.acknowledged || upload.is_closing,
        "{}: {} bytes were answered 202, {stored} are there",
        status.request,
        upload.acknowledged
    );
    let complete = with_query(&target, "digest", &blob.digest);
    let put = |first: usize| {
        let rest = blob.bytes.slice(first..);
        let put = Request::put(&complete);
        if rest.is_empty() {
            return put;
        }
        put.header("content-range", format!("{first}-{}", blob.bytes.len() - 1))
            .body(rest)
    };
    let mut response = client.send(put(stored)).await?;
    if response.status == 416 && stored == 0 {
        response = client.send(put(1)).await?;
    }
    response.expect_status(&[201])?;
    check_blob(client, repository, &blob).await?;
    Ok(true)
}

/// Every tag that is served leads to a manifest whose blobs are there, also those that were never answered.
async fn check_whole(client: &Client, repository: &str) -> Outcome {
    for tag in tag_names(&client.get(&tags_path(repository)).await?)? {
        let response = client.send(get_manifest(repository, &tag)).await?;
        if response.status == 404 {
            continue;
        }
        let document: Value = response.expect_status(&[200])?.json()?;
        let layers = document["layers"].as_array().cloned().unwrap_or_default();
        for descriptor in layers.iter().chain(document.get("config")) {
            let digest = descriptor["digest"].as_str().unwrap_or_default();
            client
                .head(&blob_path(repository, digest))
                .await?
                .expect_status(&[200])?;
        }
    }
    Ok(())
}
