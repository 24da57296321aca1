//! Objects are copied by the service: in one call, or in parts at the same time above a threshold.

use std::ops::Range;

use aws_sdk_s3::types::CompletedPart;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hythe_driver::{ErrorKind, PutMode, Result};

use crate::client::{CONTENT_TYPE, Client};
use crate::error::{Answer, Failure};
use crate::upload::completed_part;

/// S3 allows no more.
const MAXIMUM_PARTS: u64 = 10_000;
/// The largest object that S3 copies in one call.
const MAXIMUM_COPY_BYTES: u64 = 5 << 30;

impl Client {
    /// Copies an object of `size` bytes. A missing source is `NotFound`.
    pub(crate) async fn copy(&self, from: &str, to: &str, size: u64, mode: &PutMode) -> Result<()> {
        match mode {
            PutMode::Overwrite => {}
            PutMode::Create => self.check_absent(to).await?,
            PutMode::Update(_) => {
                let failure = Failure::new(ErrorKind::Unsupported, "copies are not conditional");
                return Err(self.failed("CopyObject", to)(failure));
            }
        }
        let threshold = self.parameters.copy_threshold_bytes.min(MAXIMUM_COPY_BYTES);
        if size <= threshold || size == 0 {
            return self
                .copy_whole(from, to)
                .await
                .map_err(self.failed("CopyObject", to));
        }
        // Runs to its end whatever becomes of the caller, so that no parts are left behind.
        let (client, from, to) = (self.clone(), from.to_owned(), to.to_owned());
        let mode = mode.clone();
        let copied = tokio::spawn(async move { client.copy_in_parts(&from, &to, size, &mode).await });
        copied.await.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => {
                let failure = Failure::new(ErrorKind::Unavailable, error.to_string());
                Err(self.failed("UploadPartCopy", "")(failure))
            }
        })
    }

    async fn copy_whole(&self, from: &str, to: &str) -> Answer<()> {
        let _permit = self.permit().await;
        self.sdk
            .copy_object()
            .bucket(&*self.bucket)
            .key(to)
            .copy_source(copy_source(&self.bucket, from))
            .content_type(CONTENT_TYPE)
            .acl(self.acl())
            .set_storage_class(self.storage_class())
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.encryption_key())
            .send()
            .await?;
        Ok(())
    }

    async fn copy_in_parts(&self, from: &str, to: &str, size: u64, mode: &PutMode) -> Result<()> {
        let upload = self.create_upload(to).await?;
        let copied = self.copy_parts(from, to, &upload, size).await;
        let copied = copied.map_err(self.failed("UploadPartCopy", from));
        let completed = match copied {
            Ok(parts) => self.complete(to, &upload, parts, size, mode).await,
            Err(error) => Err(error),
        };
        if completed.is_err() {
            // What is left then is found by whoever deletes the directory.
            let _ = self.abort(to, &upload).await;
        }
        completed
    }

    async fn copy_parts(&self, from: &str, to: &str, upload: &str, size: u64) -> Answer<Vec<CompletedPart>> {
        let ranges = part_ranges(size, self.parameters.copy_chunk_bytes);
        let copies = (1..).zip(ranges).map(|(number, range)| async move {
            let mark = self.copy_range(from, to, upload, number, range).await?;
            Ok::<_, Failure>(completed_part(number, &mark))
        });
        stream::iter(copies)
            .buffered(self.parameters.copy_concurrency.min(MAXIMUM_PARTS as usize))
            .try_collect()
            .await
    }

    /// Makes a range of an object a part of an upload and returns its ETag.
    pub(crate) async fn copy_range(
        &self,
        from: &str,
        to: &str,
        upload: &str,
        number: u32,
        range: Range<u64>,
    ) -> Answer<String> {
        let request = self
            .sdk
            .upload_part_copy()
            .bucket(&*self.bucket)
            .key(to)
            .upload_id(upload)
            .part_number(number.cast_signed())
            .copy_source(copy_source(&self.bucket, from))
            .copy_source_range(format!("bytes={}-{}", range.start, range.end - 1))
            .customize()
            // Ceph wants a length even of no body, and the SDK sends none.
            .mutate_request(|request| {
                request.headers_mut().insert("content-length", "0");
            });
        let _permit = self.permit().await;
        let copied = request.send().await?;
        let etag = copied.copy_part_result.and_then(|result| result.e_tag);
        Ok(etag.unwrap_or_default())
    }
}

/// The ranges of the parts; larger than wished for where there would be too many.
fn part_ranges(size: u64, chunk: u64) -> impl Iterator<Item = Range<u64>> {
    let chunk = chunk.max(size.div_ceil(MAXIMUM_PARTS)).max(1);
    (0..size.div_ceil(chunk)).map(move |index| index * chunk..((index + 1) * chunk).min(size))
}

/// The value of `x-amz-copy-source`: the key must be encoded by the caller.
fn copy_source(bucket: &str, key: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'/');
    format!("{bucket}/{}", utf8_percent_encode(key, ENCODED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_object() {
        let ranges: Vec<Range<u64>> = part_ranges(11, 5).collect();
        assert_eq!(ranges, [0..5, 5..10, 10..11]);
        assert_eq!(part_ranges(10, 5).count(), 2);
        let largest: Vec<Range<u64>> = part_ranges(5 << 40, 32 << 20).collect();
        assert!(largest.len() <= 10_000);
        assert_eq!(largest.last().unwrap().end, 5 << 40);
    }

    #[test]
    fn sources_of_copies_are_encoded() {
        assert_eq!(copy_source("b", "a/b-1_2.c~"), "b/a/b-1_2.c~");
        assert_eq!(copy_source("b", "l/z z+ü"), "b/l/z%20z%2B%C3%BC");
    }
}
