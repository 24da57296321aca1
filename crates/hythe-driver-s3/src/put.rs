//! Objects are put whole, whatever their size up to a part.

use std::convert::Infallible;
use std::time::Duration;

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use hythe_driver::{ErrorKind, PutMode, Result, Version};
use uuid::Uuid;

use crate::client::{CONTENT_TYPE, Client};
use crate::conditions::version;
use crate::error::{Answer, Failure};
use crate::interceptors::Attempts;

/// Marks an object by the put that made it, to recognise our own when an answer was lost.
const MARK: &str = "hythe-put";
/// S3 answers a conditional put with a conflict when another is under way: what comes of that is known soon.
const CONFLICTS: u32 = 6;
const CONFLICT_DELAY: Duration = Duration::from_millis(50);

/// When to replace what is at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    None,
    /// Nothing is there.
    Absent,
    /// This is there.
    Etag(String),
}

impl Client {
    /// Puts an object as the contract's modes say.
    pub(crate) async fn put(&self, key: &str, content: &[Bytes], mode: &PutMode) -> Result<Option<Version>> {
        let condition = match mode {
            PutMode::Overwrite => Condition::None,
            PutMode::Create if self.support().await?.create => Condition::Absent,
            PutMode::Create => {
                self.check_absent(key).await?;
                Condition::None
            }
            PutMode::Update(version) if self.support().await?.update => {
                Condition::Etag(self.condition_etag(version))
            }
            PutMode::Update(_) => {
                let failure = Failure::new(ErrorKind::Unsupported, "the service ignores If-Match");
                return Err(self.failed("PutObject", key)(failure));
            }
        };
        let put = self.put_settled(key, content, &condition).await;
        put.map_err(|failure| {
            let kind = match (&condition, failure.kind) {
                (Condition::Absent, ErrorKind::PreconditionFailed) => ErrorKind::AlreadyExists,
                // Nothing there is another version too.
                (Condition::Etag(_), ErrorKind::NotFound) => ErrorKind::PreconditionFailed,
                (_, kind) => kind,
            };
            self.failed("PutObject", key)(failure.with_kind(kind))
        })
    }

    /// For services without conditional puts: of two at the same time both may find nothing.
    pub(crate) async fn check_absent(&self, key: &str) -> Result<()> {
        match self.head(key).await {
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
            Ok(_) => {
                let failure = Failure::new(ErrorKind::AlreadyExists, "the object is there");
                Err(self.failed("HeadObject", key)(failure))
            }
        }
    }

    async fn put_settled(
        &self,
        key: &str,
        content: &[Bytes],
        condition: &Condition,
    ) -> Answer<Option<Version>> {
        for conflict in 0..CONFLICTS {
            match self.put_once(key, content, condition).await {
                Err(failure) if failure.code == "ConditionalRequestConflict" => {
                    tokio::time::sleep(CONFLICT_DELAY * 2_u32.pow(conflict)).await;
                }
                settled => return settled,
            }
        }
        self.put_once(key, content, condition).await
    }

    /// One put. The SDK repeats it when an answer does not come; what is refused then may be our own doing.
    pub(crate) async fn put_once(
        &self,
        key: &str,
        content: &[Bytes],
        condition: &Condition,
    ) -> Answer<Option<Version>> {
        let mark = Uuid::new_v4().to_string();
        let attempts = Attempts::default();
        let request = self.put_request(key, content);
        let request = match condition {
            Condition::None => request,
            Condition::Absent => request.if_none_match("*").metadata(MARK, &mark),
            Condition::Etag(etag) => request.if_match(etag).metadata(MARK, &mark),
        };
        let mut request = request.customize().interceptor(attempts.clone());
        if self.is_protected {
            request = request.disable_payload_signing();
        }
        let sent = {
            let _permit = self.permit().await;
            request.send().await
        };
        match sent {
            Ok(put) => Ok(put.e_tag().map(version)),
            Err(error) => {
                let failure = Failure::from(error);
                let may_be_ours = *condition != Condition::None && attempts.are_several();
                if failure.kind == ErrorKind::PreconditionFailed
                    && may_be_ours
                    && let Some(version) = self.version_marked(key, &mark).await?
                {
                    return Ok(Some(version));
                }
                Err(failure)
            }
        }
    }

    fn put_request(&self, key: &str, content: &[Bytes]) -> PutObjectFluentBuilder {
        self.sdk
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .content_type(CONTENT_TYPE)
            .acl(self.acl())
            .set_storage_class(self.storage_class())
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.encryption_key())
            .content_length(content_length(content))
            .body(body(content))
    }

    /// The version of what is there if that put made it.
    async fn version_marked(&self, key: &str, mark: &str) -> Answer<Option<Version>> {
        let _permit = self.permit().await;
        let head = self
            .sdk
            .head_object()
            .bucket(&*self.bucket)
            .key(key)
            .send()
            .await?;
        let found = head.metadata().and_then(|metadata| metadata.get(MARK));
        let is_ours = found.is_some_and(|found| found == mark);
        Ok(head.e_tag().map(version).filter(|_| is_ours))
    }
}

/// Bytes of a request's body.
pub(crate) fn content_length(content: &[Bytes]) -> i64 {
    let bytes: usize = content.iter().map(Bytes::len).sum();
    bytes.cast_signed() as i64
}

/// A body that can be sent again. One piece is signed where nothing else protects it; several are sent as they are,
/// without being gathered.
pub(crate) fn body(content: &[Bytes]) -> ByteStream {
    match content {
        [] => ByteStream::new(SdkBody::empty()),
        [piece] => ByteStream::from(piece.clone()),
        pieces => {
            let pieces = pieces.to_vec();
            ByteStream::new(SdkBody::retryable(move || {
                let frames = pieces.clone().into_iter().map(Frame::data);
                SdkBody::from_body_1_x(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))))
            }))
        }
    }
}
