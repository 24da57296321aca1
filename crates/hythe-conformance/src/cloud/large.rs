//! One layer of many GiB, and how much memory the registry takes for it.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use hythe_testutil::{Random, Request, ServerProcess};
use sha2::{Digest as _, Sha256};

use super::backend::Backend;
use crate::context::{blob_path, uploads_path, with_query};
use crate::failure::{Failure, ensure};

const BLOCK_BYTES: usize = 1 << 20;
/// So much is read back at once.
const BLOCKS_PER_READ: u64 = 64;
const REPOSITORY: &str = "large/layer";
/// The client waits two minutes for an answer; so much is sent in one request at most.
const BLOCKS_PER_REQUEST: u64 = 1024;

/// Pushes a layer of so many MiB in requests of a GiB, reads it back in pieces, and gives the registry's peak of resident
/// memory in bytes after the push and after both.
pub async fn push_and_pull(program: &Path, backend: &Backend, blocks: u64) -> Result<(u64, u64), Failure> {
    let root = format!("large-{}", std::process::id());
    let server = ServerProcess::start(program, &backend.configuration(&root)).await?;
    let client = server.client();
    let pattern = Random::named(0, "large").bytes(BLOCK_BYTES);
    let mut hash = Sha256::new();
    for number in 0..blocks {
        hash.update(block(&pattern, number));
    }
    let digest = hash
        .finalize()
        .iter()
        .fold(String::from("sha256:"), |mut text, byte| {
            let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
            text
        });

    let response = client.send(Request::post(uploads_path(REPOSITORY))).await?;
    let mut target = response.expect_status(&[202])?.location()?;
    let mut first = 0;
    while first < blocks {
        let last = blocks.min(first + BLOCKS_PER_REQUEST);
        let length = (last - first) * BLOCK_BYTES as u64;
        let sent = first * BLOCK_BYTES as u64;
        let pattern = pattern.clone();
        let body = futures_util::stream::iter((first..last).map(move |number| Ok(block(&pattern, number))));
        let patch = Request::patch(&target)
            .header("content-range", format!("{sent}-{}", sent + length - 1))
            .stream(Some(length), body);
        let response = client.send(patch).await?;
        target = response.expect_status(&[202])?.location()?;
        first = last;
    }
    let put = Request::put(with_query(&target, "digest", &digest));
    client.send(put).await?.expect_status(&[201])?;
    let after_push = peak_memory(server.process_id())?;

    let path = blob_path(REPOSITORY, &digest);
    for first in (0..blocks).step_by(BLOCKS_PER_READ as usize) {
        let last = blocks.min(first + BLOCKS_PER_READ);
        let range = format!(
            "bytes={}-{}",
            first * BLOCK_BYTES as u64,
            last * BLOCK_BYTES as u64 - 1
        );
        let response = client.send(Request::get(&path).header("range", range)).await?;
        response.expect_status(&[206])?;
        let expected: Vec<u8> = (first..last).flat_map(|number| block(&pattern, number)).collect();
        ensure!(
            response.body == expected,
            "the bytes from MiB {first} on are others"
        );
    }
    let after_both = peak_memory(server.process_id())?;
    server.terminate().await?;
    backend.clear(&root).await?;
    Ok((after_push, after_both))
}

/// The pattern, made unlike every other block by its number at the front.
fn block(pattern: &Bytes, number: u64) -> Bytes {
    let mut bytes = pattern.to_vec();
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

fn peak_memory(process: u32) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))
        .map_err(|error| Failure::new(format!("the registry's status: {error}")))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kibibytes
        .map(|kibibytes| kibibytes << 10)
        .ok_or_else(|| Failure::new("the registry's status has no peak of memory"))
}
