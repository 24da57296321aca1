//! A body whose end is the end of its request, for metrics.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::body::EdgeBody;
use crate::metrics::Measurement;

/// A body that keeps the measurement of its request until it has been sent.
#[derive(Debug)]
pub(crate) struct MeasuredBody {
    body: EdgeBody,
    _measurement: Option<Arc<Measurement>>,
}

impl MeasuredBody {
    /// The body of the request that `measurement` is of, if any is.
    pub(crate) fn new(body: EdgeBody, measurement: Option<Arc<Measurement>>) -> Self {
        Self {
            body,
            _measurement: measurement,
        }
    }
}

impl Body for MeasuredBody {
    type Data = Bytes;
    type Error = <EdgeBody as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
