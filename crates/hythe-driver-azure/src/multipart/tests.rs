//! On Azurite, behind the driver's back: what distribution leaves, and what must not be left.

use std::sync::Arc;

use azure_core::http::{Context, Method, PipelineSendOptions};
use hythe_driver::multipart::MultipartFileWriter;
use hythe_driver::{CommitOptions, FileWriter, PutOptions, StorageDriver, WriterMode};

use super::*;
use crate::client::request;
use crate::list::{Listing, Start};
use crate::{AzureDriver, AzureParameters};

const MIB: usize = 1 << 20;

/// A driver on a fresh folder, and its backend. `None` without Azurite, which is said by the tests of the suite.
fn fixture() -> Option<(AzureDriver, Backend)> {
    let endpoint = std::env::var("HYTHE_TEST_AZURE_ENDPOINT").ok()?;
    let variable = |name: &str| std::env::var(name).unwrap();
    let parameters = serde_json::json!({
        "accountname": variable("HYTHE_TEST_AZURE_ACCOUNT"),
        "accountkey": variable("HYTHE_TEST_AZURE_KEY"),
        "container": variable("HYTHE_TEST_AZURE_CONTAINER"),
        "serviceurl": endpoint,
        "rootdirectory": format!("test-{}", Uuid::new_v4()),
        "chunksize": MIB,
    });
    let parameters = AzureParameters::read(parameters.as_object().unwrap()).unwrap();
    let backend = Backend {
        client: Client::new(&parameters).unwrap(),
        keys: KeyRoot::new(&parameters.root_directory),
        limits: limits(parameters.chunk_bytes),
        budget: PartBudget::default(),
    };
    Some((AzureDriver::new(&parameters).unwrap(), backend))
}

fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

fn content(seed: u8, length: usize) -> Bytes {
    (0..length)
        .map(|index| (index as u8).wrapping_mul(31).wrapping_add(seed))
        .collect()
}

async fn send(backend: &Backend, key: &str, query: Option<&str>, content: Bytes) {
    let mut url = backend.client.blob(key).url().clone();
    url.set_query(query);
    let mut request = request(Method::Put, url);
    request.insert_header("content-length", content.len().to_string());
    if query.is_none() {
        request.insert_header("x-ms-blob-type", "AppendBlob");
    }
    request.set_body(content);
    let options = PipelineSendOptions::default();
    let plain = Context::new();
    let sent = backend
        .client
        .pipeline()
        .send(&plain, &mut request, Some(options));
    sent.await.unwrap();
}

/// What distribution writes: an append blob.
async fn append_blob(backend: &Backend, at: &str, blocks: &[Bytes]) {
    let key = backend.keys.key(&path(at));
    send(backend, &key, None, Bytes::new()).await;
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        send(backend, &key, Some("comp=appendblock"), block.clone()).await;
    }
}

/// All keys below the root, also those that have blocks only.
async fn everything(backend: &Backend) -> Vec<String> {
    let listing = Listing {
        prefix: &backend.keys.directory(&DriverPath::root()),
        is_delimited: false,
        start: Start::First,
        limit: 1000,
        has_uncommitted: true,
    };
    let listed = backend.client.list(listing).await.unwrap().blobs.into_iter();
    listed
        .map(|blob| backend.keys.path(&blob.key).unwrap().as_str().to_owned())
        .collect()
}

async fn writer(backend: &Backend, at: &str, mode: WriterMode) -> Box<dyn FileWriter> {
    let opened = MultipartFileWriter::open(Arc::new(backend.clone()), &path(at), mode).await;
    Box::new(opened.unwrap())
}

async fn commit(writer: Box<dyn FileWriter>, to: &str) -> Result<()> {
    let options = CommitOptions {
        destination: Some(path(to)),
        ..CommitOptions::default()
    };
    writer.commit(options).await
}

#[tokio::test]
async fn an_upload_that_distribution_began_is_continued() {
    let Some((driver, backend)) = fixture() else {
        return;
    };
    for (index, length) in [0, 10, 2 * MIB + 3].into_iter().enumerate() {
        let (first, second) = (content(1, length), content(2, 3 * MIB));
        append_blob(&backend, "/uploads/one/data", std::slice::from_ref(&first)).await;
        let mut writer = writer(&backend, "/uploads/one/data", WriterMode::Append).await;
        assert_eq!(writer.size(), length as u64);
        writer.write(vec![second.clone()]).await.unwrap();
        let to = format!("/blobs/{index}/data");
        commit(writer, &to).await.unwrap();
        let stored = driver.get_content(&path(&to), u64::MAX).await.unwrap();
        assert!(stored == [first, second].concat(), "{length}");
        driver.delete(&path(&to)).await.unwrap();
        assert_eq!(everything(&backend).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_upload_that_distribution_began_is_committed_as_it_is() {
    let Some((driver, backend)) = fixture() else {
        return;
    };
    let first = content(1, MIB + 1);
    append_blob(&backend, "/uploads/one/data", std::slice::from_ref(&first)).await;
    let writer = writer(&backend, "/uploads/one/data", WriterMode::Append).await;
    commit(writer, "/blob").await.unwrap();
    assert!(driver.get_content(&path("/blob"), u64::MAX).await.unwrap() == first);
    assert_eq!(everything(&backend).await, ["/blob"]);
}

#[tokio::test]
async fn an_upload_that_distribution_began_is_cancelled() {
    let Some((_, backend)) = fixture() else { return };
    append_blob(&backend, "/uploads/one/data", &[content(1, MIB)]).await;
    let mut writer = writer(&backend, "/uploads/one/data", WriterMode::Append).await;
    writer.write(vec![content(2, 3 * MIB)]).await.unwrap();
    writer.cancel().await.unwrap();
    assert_eq!(everything(&backend).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_put_replaces_what_distribution_appended_to() {
    let Some((driver, backend)) = fixture() else {
        return;
    };
    append_blob(&backend, "/file", &[content(1, 100)]).await;
    let create = PutOptions {
        mode: PutMode::Create,
        durable: true,
    };
    let refused = driver.put_content(&path("/file"), "new".into(), create).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let put = driver
        .put_content(&path("/file"), "new".into(), PutOptions::default())
        .await;
    put.unwrap();
    assert_eq!(driver.get_content(&path("/file"), 10).await.unwrap(), "new");
}

#[tokio::test]
async fn cancelling_leaves_no_blocks() {
    let Some((_, backend)) = fixture() else { return };
    let mut writer = writer(&backend, "/uploads/one/data", WriterMode::Create).await;
    writer.write(vec![content(1, 5 * MIB)]).await.unwrap();
    let token = writer.suspend().await.unwrap().unwrap();
    assert_eq!(everything(&backend).await, ["/uploads/one/data"]);
    let writer = self::writer(&backend, "/uploads/one/data", WriterMode::Resume(token)).await;
    writer.cancel().await.unwrap();
    assert_eq!(everything(&backend).await, Vec::<String>::new());
}

#[tokio::test]
async fn deleting_a_folder_leaves_no_blocks() {
    let Some((driver, backend)) = fixture() else {
        return;
    };
    for at in ["/uploads/one/data", "/uploads-other/data"] {
        let mut writer = writer(&backend, at, WriterMode::Create).await;
        writer.write(vec![content(1, 3 * MIB)]).await.unwrap();
        writer.suspend().await.unwrap();
    }
    driver.delete(&path("/uploads")).await.unwrap();
    assert_eq!(everything(&backend).await, ["/uploads-other/data"]);
}

#[tokio::test]
async fn giving_up_leaves_another_upload_to_the_same_path() {
    let Some((driver, backend)) = fixture() else {
        return;
    };
    let expected = content(1, 4 * MIB);
    let mut winner = writer(&backend, "/uploads/one/data", WriterMode::Create).await;
    winner.write(vec![expected.clone()]).await.unwrap();
    let kept = winner.suspend().await.unwrap().unwrap();
    let mut loser = writer(&backend, "/uploads/one/data", WriterMode::Create).await;
    loser.write(vec![content(2, 4 * MIB)]).await.unwrap();
    loser.abandon(Some(kept.clone())).await.unwrap();
    let winner = writer(&backend, "/uploads/one/data", WriterMode::Resume(kept)).await;
    commit(winner, "/blob").await.unwrap();
    assert!(driver.get_content(&path("/blob"), u64::MAX).await.unwrap() == expected);
}

/// Both are of one size, so that the size alone would not tell them apart. Azure has forgotten the blocks of the first
/// by then, Azurite has not.
#[tokio::test]
async fn the_commit_of_another_upload_is_not_taken_for_ones_own() {
    let Some((driver, backend)) = fixture() else {
        return;
    };
    let at = "/uploads/one/data";
    let expected = content(1, 3 * MIB);
    let mut first = writer(&backend, at, WriterMode::Create).await;
    first.write(vec![expected.clone()]).await.unwrap();
    let mut second = writer(&backend, at, WriterMode::Create).await;
    second.write(vec![content(2, 3 * MIB)]).await.unwrap();
    commit(second, at).await.unwrap();
    match commit(first, "/blob").await {
        Ok(()) => assert!(driver.get_content(&path("/blob"), u64::MAX).await.unwrap() == expected),
        Err(refused) => assert_eq!(refused.kind(), ErrorKind::InvalidToken),
    }
}

#[tokio::test]
async fn completing_again_changes_nothing() {
    let Some((driver, backend)) = fixture() else {
        return;
    };
    let at = path("/uploads/one/data");
    let upload = backend.create_upload(&at).await.unwrap();
    let part = NewPart {
        number: 1,
        offset: 0,
        content: vec![content(1, 100)],
        is_last: true,
        nonce: 7,
    };
    let SentPart { mark, .. } = backend.put_part(&at, &upload, part).await.unwrap();
    let parts = [Part { number: 1, mark }];
    for _ in 0..2 {
        backend.complete_upload(&at, &upload, &parts, 100).await.unwrap();
    }
    assert!(driver.get_content(&at, 100).await.unwrap() == content(1, 100));
}

#[test]
fn marks_follow_from_what_a_part_is() {
    let upload = Uuid::new_v4();
    assert_ne!(block_id(upload, 1, 7), block_id(upload, 2, 7));
    assert_ne!(block_id(upload, 1, 7), block_id(upload, 1, 8));
    assert_ne!(block_id(upload, 1, 7), block_id(Uuid::new_v4(), 1, 7));
}
