//! The body of a request, read with a limit and with patience that ends.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hythe_distribution::BoxError;

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

/// The whole body, at most `limit` bytes. A body that announces more is refused before its first byte is asked
/// for, so that a client that waits for `100 Continue` never sends it.
pub(crate) async fn collect(
    mut body: RequestBody,
    announced: Option<u64>,
    limit: u64,
    patience: Duration,
) -> Result<Bytes, BodyFailure> {
    if announced.is_some_and(|length| length > limit) {
        return Err(BodyFailure::TooLong);
    }
    let mut collected = BytesMut::new();
    while let Some(piece) = next_piece(&mut body, patience).await? {
        let length = (collected.len() + piece.len()) as u64;
        if length > limit {
            return Err(BodyFailure::TooLong);
        }
        collected.extend_from_slice(&piece);
    }
    match announced {
        Some(length) if (collected.len() as u64) < length => Err(BodyFailure::TooShort),
        _ => Ok(collected.freeze()),
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

    fn pieces(pieces: &'static [&'static str]) -> RequestBody {
        let frames = pieces
            .iter()
            .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from_static(piece.as_bytes()))));
        boxed(StreamBody::new(stream::iter(frames)))
    }

    #[tokio::test]
    async fn a_body_is_collected_up_to_the_limit() {
        let collected = collect(pieces(&["ab", "", "cd"]), None, 4, PATIENCE).await;
        assert_eq!(collected, Ok(Bytes::from_static(b"abcd")));
        let collected = collect(pieces(&["ab", "cd"]), None, 3, PATIENCE).await;
        assert_eq!(collected, Err(BodyFailure::TooLong));
    }

    #[tokio::test]
    async fn a_body_that_announces_too_much_is_not_read() {
        let unreadable = StreamBody::new(
            stream::once(async { panic!("the body was read") as Result<Frame<Bytes>, Infallible> }).boxed(),
        );
        let collected = collect(boxed(unreadable), Some(5), 4, PATIENCE).await;
        assert_eq!(collected, Err(BodyFailure::TooLong));
    }

    #[tokio::test]
    async fn a_body_shorter_than_announced_is_told_apart() {
        let collected = collect(boxed(Full::new(Bytes::from_static(b"abc"))), Some(4), 9, PATIENCE).await;
        assert_eq!(collected, Err(BodyFailure::TooShort));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        assert_eq!(
            collect(boxed(silent), None, 9, PATIENCE).await,
            Err(BodyFailure::Stalled)
        );
    }
}
