//! The body of a request, read with a limit and with patience that ends.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hythe_distribution::BoxError;

use crate::block_pool::{BlockPool, Reserved};

/// The body of any request, whatever HTTP library it came from.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, BoxError>;

/// Why a body did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFailure {
    /// The connection ended, or its framing was wrong.
    Stopped,
    /// Nothing came for too long.
    Stalled,
    /// More bytes than are taken or were announced.
    TooLong,
    /// Fewer bytes than were announced.
    TooShort,
}

/// Makes one type of all bodies.
pub(crate) fn boxed<B>(body: B) -> RequestBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}

/// No body.
pub(crate) fn empty() -> RequestBody {
    boxed(Empty::new())
}

/// The next piece of content, never empty; `None` at the end. Trailers are dropped.
pub(crate) async fn next_piece(
    body: &mut RequestBody,
    patience: Duration,
) -> Result<Option<Bytes>, BodyFailure> {
    loop {
        match tokio::time::timeout(patience, body.frame()).await {
            Err(_) => return Err(BodyFailure::Stalled),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(BodyFailure::Stopped),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(piece) if !piece.is_empty() => return Ok(Some(piece)),
                _ => {}
            },
        }
    }
}

/// A body of this length is collected at once; a longer one waits for its share of the uploads' memory. Manifests are
/// shorter, but for some indexes, and a connection's own buffers are not much less.
const FREE_BYTES: usize = 64 * 1024;

/// The whole of a body, with the place in the uploads' memory that it has until it is dropped.
#[derive(Debug)]
pub(crate) struct Collected {
    /// The body. It is not to be kept for longer than this.
    pub(crate) bytes: Bytes,
    _reserved: Option<Reserved>,
}

/// The whole body, at most `limit` bytes. A body that announces more is refused before its first byte is asked
/// for, so that a client that waits for `100 Continue` never sends it.
pub(crate) async fn collect(
    mut body: RequestBody,
    announced: Option<u64>,
    limit: usize,
    patience: Duration,
    memory: &BlockPool,
) -> Result<Collected, BodyFailure> {
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(BodyFailure::TooLong);
    }
    let longest = announced
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(limit);
    let mut collected = BytesMut::new();
    let mut reserved = None;
    while let Some(piece) = next_piece(&mut body, patience).await? {
        let length = collected.len() + piece.len();
        if length > limit {
            return Err(BodyFailure::TooLong);
        }
        if length > FREE_BYTES && reserved.is_none() {
            reserved = Some(memory.reserve(longest).await);
            collected.reserve(longest.saturating_sub(collected.len()));
        }
        collected.extend_from_slice(&piece);
    }
    match announced {
        Some(length) if (collected.len() as u64) < length => Err(BodyFailure::TooShort),
        _ => Ok(Collected {
            bytes: collected.freeze(),
            _reserved: reserved,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    async fn collect_bytes(
        body: RequestBody,
        announced: Option<u64>,
        limit: usize,
    ) -> Result<Bytes, BodyFailure> {
        let memory = BlockPool::new(0);
        let collected = collect(body, announced, limit, PATIENCE, &memory).await?;
        Ok(collected.bytes)
    }

    fn pieces(pieces: &'static [&'static str]) -> RequestBody {
        let frames = pieces
            .iter()
            .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from_static(piece.as_bytes()))));
        boxed(StreamBody::new(stream::iter(frames)))
    }

    #[tokio::test]
    async fn a_body_is_collected_up_to_the_limit() {
        let collected = collect_bytes(pieces(&["ab", "", "cd"]), None, 4).await;
        assert_eq!(collected, Ok(Bytes::from_static(b"abcd")));
        let collected = collect_bytes(pieces(&["ab", "cd"]), None, 3).await;
        assert_eq!(collected, Err(BodyFailure::TooLong));
    }

    #[tokio::test]
    async fn a_body_that_announces_too_much_is_not_read() {
        let unreadable = StreamBody::new(
            stream::once(async { panic!("the body was read") as Result<Frame<Bytes>, Infallible> }).boxed(),
        );
        let collected = collect_bytes(boxed(unreadable), Some(5), 4).await;
        assert_eq!(collected, Err(BodyFailure::TooLong));
    }

    #[tokio::test]
    async fn a_body_shorter_than_announced_is_told_apart() {
        let collected = collect_bytes(boxed(Full::new(Bytes::from_static(b"abc"))), Some(4), 9).await;
        assert_eq!(collected, Err(BodyFailure::TooShort));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        assert_eq!(
            collect_bytes(boxed(silent), None, 9).await,
            Err(BodyFailure::Stalled)
        );
    }

    #[tokio::test]
    async fn a_long_body_waits_for_its_share_of_memory() {
        let long = || boxed(Full::new(Bytes::from(vec![b' '; FREE_BYTES + 1])));
        let memory = BlockPool::new(0);
        let first = collect(long(), None, 2 * FREE_BYTES, PATIENCE, &memory)
            .await
            .unwrap();
        let mut second = Box::pin(collect(long(), None, 2 * FREE_BYTES, PATIENCE, &memory));
        assert!(futures_util::poll!(&mut second).is_pending());
        let short = boxed(Full::new(Bytes::from(vec![b' '; FREE_BYTES])));
        collect(short, None, 2 * FREE_BYTES, PATIENCE, &memory)
            .await
            .unwrap();
        drop(first);
        assert_eq!(second.await.unwrap().bytes.len(), FREE_BYTES + 1);
    }
}
