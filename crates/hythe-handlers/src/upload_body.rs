//! The copy of a request body into an upload, in a task of its own.
//!
//! A client that goes away must not lose what it sent: the future that answers it is dropped at any moment, but
//! this task lives on for as long as it takes to write what came and to keep the session. It is the one place
//! where dropping a future is not the whole of cancellation.
//!
//! While one batch is being written and another hashed, the next is being received by that future.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use hythe_digest::Digest;
use hythe_distribution::{BlobWriter, Error};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::batches::{Batches, batches};
use crate::block_pool::BlockPool;
use crate::request_body::{BodyFailure, RequestBody};

/// What all uploads share.
#[derive(Debug)]
pub(crate) struct Uploads {
    memory: BlockPool,
    patience: Duration,
    tasks: TaskTracker,
}

/// What uploads hold at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadMemory {
    /// Bodies that are being received.
    pub uploads: usize,
    /// Memory that holds what they received, in bytes.
    pub used_bytes: u64,
    /// Memory that they may hold together, in bytes.
    pub limit_bytes: u64,
}

/// A body on its way into an upload.
pub(crate) struct Upload {
    /// What the client sends.
    pub(crate) body: RequestBody,
    /// How many bytes it announced, in `Content-Length` or `Content-Range`.
    pub(crate) announced: Option<u64>,
    /// Where they go.
    pub(crate) writer: Box<dyn BlobWriter>,
    /// What to do when all of them are there.
    pub(crate) then: Then,
    /// What to do when they are not.
    pub(crate) otherwise: Otherwise,
}

/// What follows a body that came whole.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Then {
    /// The upload goes on with another request.
    Suspend,
    /// That was all.
    Commit(Digest),
}

/// What follows a body that broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// Keep what came: the client can ask where the upload stands and go on.
    Suspend,
    /// Throw it away: the client does not know the session's name.
    Cancel,
}

/// What came of an upload's body.
#[derive(Debug)]
pub(crate) enum Uploaded {
    /// All came, and the upload waits for more; it has so many bytes.
    Suspended { size: u64 },
    /// All came, and the blob is stored under this digest.
    Committed(Digest),
    /// The body broke off.
    BrokeOff { failure: BodyFailure },
}

impl Uploads {
    /// `budget_bytes` are for the batches of all uploads together; `patience` is how long a client may send
    /// nothing.
    pub(crate) fn new(budget_bytes: usize, patience: Duration) -> Self {
        Self {
            memory: BlockPool::new(budget_bytes),
            patience,
            tasks: TaskTracker::new(),
        }
    }

    /// The memory that all of them share.
    pub(crate) fn memory(&self) -> &BlockPool {
        &self.memory
    }

    pub(crate) fn memory_in_use(&self) -> UploadMemory {
        let (uploads, used, limit) = self.memory.use_of();
        UploadMemory {
            uploads,
            used_bytes: used as u64,
            limit_bytes: limit as u64,
        }
    }

    /// Copies the body in a task of its own. When the future is dropped, the task writes what came and ends.
    pub(crate) async fn run(&self, upload: Upload) -> Result<Uploaded, Error> {
        let (receiver, batches) = batches(upload.body, upload.announced, self.patience, &self.memory);
        let task = finish(batches, upload.writer, upload.then, upload.otherwise).in_current_span();
        let task = self.tasks.spawn(task);
        // The task ends first when it cannot write; then there is no use in receiving more.
        let finished = match select(pin!(receiver.run()), task).await {
            Either::Left(((), task)) => task.await,
            Either::Right((finished, _receiving)) => finished,
        };
        finished.unwrap_or_else(|panic| Err(Error::Internal(panic.into())))
    }

    /// Waits until every task has kept what it holds. To be called when no request is served any more.
    pub(crate) async fn join(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn finish(
    mut batches: Batches,
    mut writer: Box<dyn BlobWriter>,
    then: Then,
    otherwise: Otherwise,
) -> Result<Uploaded, Error> {
    let copied = copy(&mut batches, writer.as_mut()).await;
    match (copied, then, otherwise) {
        (Ok(()), Then::Commit(digest), _) => Ok(Uploaded::Committed(writer.commit(&digest).await?.digest)),
        (Ok(()), Then::Suspend, _) => {
            let size = writer.size();
            writer.suspend().await?;
            Ok(Uploaded::Suspended { size })
        }
        (Err(Broken::Body(failure)), _, Otherwise::Suspend) => {
            writer.suspend().await?;
            Ok(Uploaded::BrokeOff { failure })
        }
        (Err(Broken::Body(failure)), _, Otherwise::Cancel) => {
            writer.cancel().await?;
            Ok(Uploaded::BrokeOff { failure })
        }
        (Err(Broken::Write(error)), _, otherwise) => {
            let cleaned = match otherwise {
                Otherwise::Suspend => writer.suspend().await,
                Otherwise::Cancel => writer.cancel().await,
            };
            if let Err(second) = cleaned {
                tracing::warn!(
                    error = &second as &dyn std::error::Error,
                    "upload could not be kept after a failure"
                );
            }
            Err(error)
        }
    }
}

/// Why a copy did not come to its end.
enum Broken {
    Body(BodyFailure),
    Write(Error),
}

async fn copy(batches: &mut Batches, writer: &mut dyn BlobWriter) -> Result<(), Broken> {
    while let Some(batch) = batches.next().await {
        writer.write(batch).await.map_err(Broken::Write)?;
    }
    batches.end().map_err(Broken::Body)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;
    use std::sync::{Arc, Mutex};
    use std::time::SystemTime;

    use async_trait::async_trait;
    use bytes::Bytes;
    use futures_util::future::{Either, select};
    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use hythe_distribution::{Result, UploadId};
    use hythe_manifest::Descriptor;
    use tokio::sync::Notify;

    use super::*;
    use crate::batches::{FIRST_BATCH_BLOCKS, MAX_BATCH_BLOCKS};
    use crate::block_pool::BLOCK_BYTES;
    use crate::request_body::boxed;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// What a writer was told.
    #[derive(Debug, Default)]
    struct Log {
        batches: Mutex<Vec<Vec<usize>>>,
        ending: Mutex<Option<&'static str>>,
        written: Notify,
    }

    #[derive(Debug)]
    struct Writer {
        log: Arc<Log>,
        size: u64,
        fails: bool,
    }

    #[async_trait]
    impl BlobWriter for Writer {
        fn id(&self) -> UploadId {
            UploadId::parse("0192f0c1-7b3a-7c4d-8e5f-0123456789ab").unwrap()
        }

        fn mark(&self) -> Option<String> {
            None
        }

        fn started_at(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn size(&self) -> u64 {
            self.size
        }

        async fn write(&mut self, batch: Vec<Bytes>) -> Result<()> {
            if self.fails {
                return Err(Error::Internal("disk".into()));
            }
            self.size += batch.iter().map(|piece| piece.len() as u64).sum::<u64>();
            self.log
                .batches
                .lock()
                .unwrap()
                .push(batch.iter().map(Bytes::len).collect());
            self.log.written.notify_one();
            Ok(())
        }

        async fn suspend(self: Box<Self>) -> Result<()> {
            *self.log.ending.lock().unwrap() = Some("suspend");
            Ok(())
        }

        async fn commit(self: Box<Self>, digest: &Digest) -> Result<Descriptor> {
            *self.log.ending.lock().unwrap() = Some("commit");
            Ok(Descriptor::new(None, *digest, self.size))
        }

        async fn cancel(self: Box<Self>) -> Result<()> {
            *self.log.ending.lock().unwrap() = Some("cancel");
            Ok(())
        }
    }

    fn upload(log: &Arc<Log>, body: RequestBody) -> Upload {
        Upload {
            body,
            announced: None,
            writer: Box::new(Writer {
                log: log.clone(),
                size: 0,
                fails: false,
            }),
            then: Then::Suspend,
            otherwise: Otherwise::Suspend,
        }
    }

    fn pieces(lengths: &[usize]) -> Vec<std::result::Result<Frame<Bytes>, Infallible>> {
        lengths
            .iter()
            .map(|length| Ok(Frame::data(Bytes::from(vec![7; *length]))))
            .collect()
    }

    fn body(lengths: &[usize]) -> RequestBody {
        boxed(StreamBody::new(stream::iter(pieces(lengths))))
    }

    /// Pieces, and then silence.
    fn silent_after(lengths: &[usize]) -> RequestBody {
        boxed(StreamBody::new(
            stream::iter(pieces(lengths)).chain(stream::once(pending())),
        ))
    }

    fn ending(log: &Log) -> Option<&'static str> {
        *log.ending.lock().unwrap()
    }

    fn batches(log: &Log) -> Vec<Vec<usize>> {
        log.batches.lock().unwrap().clone()
    }

    #[tokio::test]
    async fn pieces_of_all_lengths_are_put_together_into_blocks() {
        let log = Arc::new(Log::default());
        let uploads = Uploads::new(usize::MAX, PATIENCE);
        let lengths = [10, 20, BLOCK_BYTES, 5, 2 * BLOCK_BYTES, 1];
        let uploaded = uploads.run(upload(&log, body(&lengths))).await.unwrap();
        let sum: usize = lengths.iter().sum();
        assert!(
            matches!(uploaded, Uploaded::Suspended { size } if size == sum as u64),
            "{uploaded:?}"
        );
        assert_eq!(batches(&log), [vec![BLOCK_BYTES; 2], vec![BLOCK_BYTES, 36]]);
        assert_eq!(ending(&log), Some("suspend"));
    }

    #[tokio::test]
    async fn batches_grow_up_to_their_limit() {
        let log = Arc::new(Log::default());
        let uploads = Uploads::new(usize::MAX, PATIENCE);
        uploads
            .run(upload(&log, body(&[BLOCK_BYTES / 2; 2 * 24])))
            .await
            .unwrap();
        let per_batch: Vec<_> = batches(&log).iter().map(Vec::len).collect();
        assert_eq!(per_batch, [2, 4, 8, 8, 2]);
        assert_eq!((FIRST_BATCH_BLOCKS, MAX_BATCH_BLOCKS), (2, 8));
    }

    #[tokio::test]
    async fn little_memory_delays_and_loses_nothing() {
        let uploads = Uploads::new(1, PATIENCE);
        let logs: Vec<_> = (0..8).map(|_| Arc::new(Log::default())).collect();
        let runs = logs
            .iter()
            .map(|log| uploads.run(upload(log, body(&[BLOCK_BYTES / 3; 40]))));
        for uploaded in futures_util::future::join_all(runs).await {
            let expected = 40 * (BLOCK_BYTES / 3) as u64;
            assert!(
                matches!(uploaded, Ok(Uploaded::Suspended { size }) if size == expected),
                "{uploaded:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_in_no_block_yet_is_not_lost_either() {
        let log = Arc::new(Log::default());
        let uploads = Uploads::new(1, PATIENCE);
        let busy = Arc::new(Log::default());
        // The only block is filled, and something is left of the piece.
        {
            let mut run = Box::pin(uploads.run(upload(&log, silent_after(&[BLOCK_BYTES + 5]))));
            let written = log.written.notified();
            assert!(matches!(
                select(&mut run, Box::pin(written)).await,
                Either::Right(_)
            ));
            // Somebody else takes it.
            let mut other = Box::pin(uploads.run(upload(&busy, silent_after(&[1]))));
            assert!(futures_util::poll!(&mut other).is_pending());
        }
        uploads.join().await;
        let received: usize = batches(&log).concat().iter().sum();
        assert_eq!(received, BLOCK_BYTES + 5);
    }

    #[tokio::test]
    async fn a_client_that_goes_away_loses_nothing_that_it_sent() {
        let log = Arc::new(Log::default());
        let uploads = Uploads::new(usize::MAX, PATIENCE);
        let first = FIRST_BATCH_BLOCKS * BLOCK_BYTES;
        let lengths = [first, 5];
        {
            let mut run = Box::pin(uploads.run(upload(&log, silent_after(&lengths))));
            let first_is_written = log.written.notified();
            let first = select(&mut run, Box::pin(first_is_written)).await;
            assert!(matches!(first, Either::Right(_)));
        }
        uploads.join().await;
        assert_eq!(batches(&log), [vec![BLOCK_BYTES; FIRST_BATCH_BLOCKS], vec![5]]);
        assert_eq!(ending(&log), Some("suspend"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_writes_what_is_there_and_silence_ends_the_upload() {
        let log = Arc::new(Log::default());
        let uploads = Uploads::new(usize::MAX, PATIENCE);
        let uploaded = uploads.run(upload(&log, silent_after(&[5]))).await.unwrap();
        assert!(
            matches!(
                uploaded,
                Uploaded::BrokeOff {
                    failure: BodyFailure::Stalled
                }
            ),
            "{uploaded:?}"
        );
        assert_eq!(batches(&log), [[5]]);
        assert_eq!(ending(&log), Some("suspend"));
    }

    #[tokio::test]
    async fn a_body_of_another_length_than_announced_is_not_committed() {
        for (length, expected) in [(4, BodyFailure::TooShort), (6, BodyFailure::TooLong)] {
            let log = Arc::new(Log::default());
            let uploads = Uploads::new(usize::MAX, PATIENCE);
            let mut upload = upload(&log, body(&[length]));
            upload.announced = Some(5);
            upload.then = Then::Commit(Digest::sha256(b""));
            let uploaded = uploads.run(upload).await.unwrap();
            assert!(
                matches!(uploaded, Uploaded::BrokeOff { failure } if failure == expected),
                "{uploaded:?}"
            );
            assert_eq!(ending(&log), Some("suspend"));
        }
    }

    #[tokio::test]
    async fn a_failed_write_keeps_or_cancels_the_session() {
        for (otherwise, expected) in [(Otherwise::Suspend, "suspend"), (Otherwise::Cancel, "cancel")] {
            let log = Arc::new(Log::default());
            let uploads = Uploads::new(usize::MAX, PATIENCE);
            let mut upload = upload(&log, silent_after(&[FIRST_BATCH_BLOCKS * BLOCK_BYTES]));
            upload.writer = Box::new(Writer {
                log: log.clone(),
                size: 0,
                fails: true,
            });
            upload.otherwise = otherwise;
            assert!(matches!(uploads.run(upload).await, Err(Error::Internal(_))));
            assert_eq!(ending(&log), Some(expected));
        }
    }

    #[tokio::test]
    async fn a_whole_body_is_committed() {
        let log = Arc::new(Log::default());
        let uploads = Uploads::new(usize::MAX, PATIENCE);
        let mut upload = upload(&log, body(&[3, 4]));
        upload.announced = Some(7);
        upload.then = Then::Commit(Digest::sha256(b""));
        let uploaded = uploads.run(upload).await.unwrap();
        assert!(matches!(uploaded, Uploaded::Committed(digest) if digest == Digest::sha256(b"")));
        assert_eq!(batches(&log), [[7]]);
    }
}
