//! Bytes to store, and how to get them back.

use std::os::unix::fs::FileExt;

use bytes::Bytes;
use futures_util::StreamExt;
use hythe_driver::{Content, FileWriter, Read};

/// As small a part as the suite sends at once.
pub(crate) const BATCH_BYTES: usize = 256 * 1024;
pub(crate) const MEBIBYTE: usize = 1024 * 1024;
const BLOCK_BYTES: usize = 8 * 1024;

/// Bytes that look random, and are other ones for another seed.
pub(crate) fn sample(seed: u64, length: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(length + BLOCK_BYTES);
    let block = random_block(seed);
    let mut index = 0_u64;
    while content.len() < length {
        let start = content.len();
        content.extend_from_slice(&block);
        content[start..start + 8].copy_from_slice(&index.to_le_bytes());
        index += 1;
    }
    content.truncate(length);
    content
}

/// Numbers by xorshift (Marsaglia 2003), as bytes.
fn random_block(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    while block.len() < BLOCK_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block.extend_from_slice(&state.to_le_bytes());
    }
    block
}

/// Writes bytes in batches.
pub(crate) async fn write_all(writer: &mut Box<dyn FileWriter>, content: &[u8]) {
    for batch in content.chunks(BATCH_BYTES) {
        writer.write(vec![Bytes::copy_from_slice(batch)]).await.unwrap();
    }
}

/// Everything that an opened file yields.
pub(crate) async fn read_all(read: Read) -> Vec<u8> {
    let expected = read.range.end - read.range.start;
    let mut content = Vec::new();
    for_each_piece(read, |piece| content.extend_from_slice(piece)).await;
    assert_eq!(content.len() as u64, expected, "as many bytes as announced");
    content
}

/// Shows everything that an opened file yields, piece by piece.
pub(crate) async fn for_each_piece(read: Read, mut see: impl FnMut(&[u8])) {
    match read.content {
        Content::Stream(mut stream) => {
            while let Some(piece) = stream.next().await {
                see(&piece.unwrap());
            }
        }
        Content::File(range) => {
            let file = std::fs::File::from(range.file.try_clone().unwrap());
            let mut buffer = vec![0; MEBIBYTE];
            let (mut offset, end) = (range.offset, range.offset + range.length);
            while offset < end {
                let wanted = usize::try_from(end - offset).unwrap().min(buffer.len());
                let count = file.read_at(&mut buffer[..wanted], offset).unwrap();
                assert!(count > 0, "the file is shorter than announced");
                see(&buffer[..count]);
                offset += count as u64;
            }
        }
    }
}
