//! Two processes and one session in a bucket: whatever the order of their requests, one of them wins, and the blob is
//! the winner's from the first byte to the last.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::join;
use hythe_digest::Digest;
use hythe_distribution::{BlobWriter, Error, Result, ResumeOptions, UploadId};
use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreDriver, ObjectStoreOptions};

use super::{core_over, name, names, reopen};
use crate::core::Core;
use crate::options::Clock;
use crate::upload::purge::{PurgeOptions, purge_once};
use crate::upload::{create, resume};

/// So small that a batch is a part or several.
const PART: usize = 64;

/// Two processes over one bucket whose requests let others go first.
struct Site {
    bucket: ObjectStoreDriver,
    one: Arc<Core>,
    other: Arc<Core>,
    random: Random,
}

impl Site {
    fn new(seed: u64) -> Self {
        let bucket = InMemoryDriver::object_store(ObjectStoreOptions {
            minimum_part_bytes: PART as u64,
            parts_in_flight: 1 + (seed % 4) as usize,
            derives_marks: seed.is_multiple_of(3),
            lists_uploads_by_prefix: seed.is_multiple_of(2),
            yields: 1,
            ..ObjectStoreOptions::default()
        });
        Self {
            one: core_over(bucket.clone()),
            other: core_over(bucket.clone()),
            bucket,
            random: Random(seed + 1),
        }
    }

    /// A session that received so many bytes.
    async fn begun(&self, content: Bytes) -> UploadId {
        let upload = Box::new(create(&self.one, &name(), None).await.unwrap());
        let id = upload.id();
        upload.suspend().await.unwrap();
        if !content.is_empty() {
            let mut upload = reopen(&self.other, &id).await.unwrap();
            upload.write(vec![content]).await.unwrap();
            upload.suspend().await.unwrap();
        }
        id
    }

    /// Runs two futures, in each step one of them, until both are done.
    async fn race<T>(&mut self, one: impl Future<Output = T>, other: impl Future<Output = T>) -> [T; 2] {
        let (mut one, mut other) = (pin!(one), pin!(other));
        let mut done = [None, None];
        poll_fn(|context| {
            // Who waits for something else than a turn wakes us.
            context.waker().wake_by_ref();
            if self.random.below(2) == 0 {
                if done[0].is_none()
                    && let Poll::Ready(output) = one.as_mut().poll(context)
                {
                    done[0] = Some(output);
                }
            } else if done[1].is_none()
                && let Poll::Ready(output) = other.as_mut().poll(context)
            {
                done[1] = Some(output);
            }
            if done.iter().all(Option::is_some) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        done.map(|output| output.expect("both are done"))
    }

    /// Nothing but these contents, their links, and no open upload.
    async fn check_end(&self, seed: u64, contents: &[&[u8]]) {
        for content in contents {
            let path = self.one.layout.blob_data(&Digest::sha256(content));
            let stored = self.one.driver.get_content(&path, u64::MAX).await.unwrap();
            assert!(stored == *content, "seed {seed}: a mixed blob");
        }
        let left = names(&self.one).await;
        assert_eq!(left.len(), 2 * contents.len(), "seed {seed}: {left:?}");
        assert_eq!(self.bucket.unfinished_uploads(), 0, "seed {seed}");
    }
}

/// Marsaglia's xorshift: enough to try many orders, the same ones each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn content(&mut self, end: u64) -> Bytes {
        (0..self.below(end)).map(|_| self.below(256) as u8).collect()
    }
}

/// What one client sends in one request, and whether it declares the upload complete with it.
#[derive(Debug, Clone)]
struct Request {
    batches: Vec<Bytes>,
    closes: bool,
}

/// What a client that gives the upload up asks for.
async fn cancel(core: &Arc<Core>, id: &UploadId) -> Result<()> {
    reopen(core, id).await?.cancel().await
}

impl Request {
    fn any(random: &mut Random, closes: bool) -> Self {
        let batches = (0..=random.below(3)).map(|_| random.content(4 * PART as u64));
        Self {
            // None is empty, so that a client adds something.
            batches: batches
                .map(|batch| if batch.is_empty() { "x".into() } else { batch })
                .collect(),
            closes,
        }
    }

    async fn run(&self, core: &Arc<Core>, id: &UploadId, before: &[u8]) -> Result<()> {
        let options = ResumeOptions {
            expected_size: Some(before.len() as u64),
            ..ResumeOptions::default()
        };
        let mut upload = Box::new(resume(core, &name(), id, options).await?);
        for batch in &self.batches {
            if let Err(error) = upload.write(vec![batch.clone()]).await {
                // As a server does: what came is kept.
                let _ = upload.suspend().await;
                return Err(error);
            }
        }
        if self.closes {
            let digest = Digest::sha256(&self.whole(before));
            upload.commit(&digest).await.map(|_| ())
        } else {
            upload.suspend().await
        }
    }

    fn whole(&self, before: &[u8]) -> Vec<u8> {
        [before, &self.batches.concat()].concat()
    }
}

/// A push that ends after so many turns, wherever it is then.
async fn run_for(turns: u64, push: impl Future<Output = ()>) {
    let mut push = pin!(push);
    let mut left = turns;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if left == 0 || push.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        Poll::Pending
    })
    .await;
}

async fn push(core: &Arc<Core>, requests: &[Request]) {
    let upload = Box::new(create(core, &name(), None).await.unwrap());
    let id = upload.id();
    upload.suspend().await.unwrap();
    let mut before = Vec::new();
    for request in requests {
        request.run(core, &id, &before).await.unwrap();
        before = request.whole(&before);
    }
}

#[tokio::test]
async fn a_purge_leaves_nothing_of_killed_pushes() {
    for seed in 0..300 {
        let mut site = Site::new(seed);
        let requests = [false, false, true].map(|closes| Request::any(&mut site.random, closes));
        let turns = site.random.below(80);
        run_for(turns, push(&site.one, &requests)).await;

        let options = PurgeOptions {
            older_than: Duration::ZERO,
            dry_run: false,
        };
        let report = purge_once(&*site.other.driver, options, &Later).await;
        assert!(report.errors.is_empty(), "seed {seed}: {:?}", report.errors);
        let left = names(&site.one).await;
        assert!(
            !left.iter().any(|name| name.contains("_uploads")),
            "seed {seed}: {left:?}"
        );
        assert_eq!(
            site.bucket.unfinished_uploads(),
            0,
            "seed {seed} after {turns}: {left:?}"
        );
    }
}

/// Numbers of parts run out again and again, and the process ends at any moment.
#[tokio::test]
async fn what_was_folded_by_a_process_that_died_is_gone_on_with() {
    for seed in 0..300 {
        let mut random = Random(seed + 1);
        let bucket = InMemoryDriver::object_store(ObjectStoreOptions {
            minimum_part_bytes: PART as u64,
            preferred_part_bytes: PART as u64,
            maximum_parts: 12,
            parts_in_flight: 1 + (seed % 4) as usize,
            derives_marks: seed.is_multiple_of(3),
            yields: 1,
            ..ObjectStoreOptions::default()
        });
        let (one, other) = (core_over(bucket.clone()), core_over(bucket.clone()));
        let content: Bytes = (0..40 * PART).map(|_| random.below(256) as u8).collect();
        let upload = Box::new(create(&one, &name(), None).await.unwrap());
        let id = upload.id();
        upload.suspend().await.unwrap();

        let send = async |core: &Arc<Core>| {
            let mut upload = reopen(core, &id).await.unwrap();
            for batch in content.slice(upload.size() as usize..).chunks(2 * PART) {
                upload.write(vec![Bytes::copy_from_slice(batch)]).await.unwrap();
            }
            upload
        };
        let turns = random.below(150);
        let died = run_for(turns, async {
            send(&one).await.suspend().await.unwrap();
        });
        died.await;
        let upload = send(&other).await;
        let committed = upload.commit(&Digest::sha256(&content)).await;
        assert!(committed.is_ok(), "seed {seed} after {turns}: {committed:?}");
        let path = other.layout.blob_data(&Digest::sha256(&content));
        assert!(
            other.driver.get_content(&path, u64::MAX).await.unwrap() == content,
            "seed {seed}"
        );
    }
}

/// After everything that the other clock says, and what the bucket says of its files.
#[derive(Debug)]
struct Later;

impl Clock for Later {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(365 * 24 * 60 * 60)
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::UploadOffset { .. } | Error::UploadUnknown { .. })
}

async fn check_chunks(seed: u64) {
    let mut site = Site::new(seed);
    let before = site.random.content(5 * PART as u64);
    let id = site.begun(before.clone()).await;
    let requests = [false, false].map(|closes| Request::any(&mut site.random, closes));
    let (one, other) = (site.one.clone(), site.other.clone());
    let outcomes = site
        .race(
            requests[0].run(&one, &id, &before),
            requests[1].run(&other, &id, &before),
        )
        .await;
    let mut winners = Vec::new();
    for (request, outcome) in requests.iter().zip(&outcomes) {
        match outcome {
            Ok(()) => winners.push(request.whole(&before)),
            Err(error) => assert!(is_refusal(error), "seed {seed}: {error}"),
        }
    }
    assert_eq!(winners.len(), 1, "seed {seed}: {outcomes:?}");
    let upload = reopen(&site.other, &id).await.unwrap();
    assert_eq!(upload.size(), winners[0].len() as u64, "seed {seed}");
    let committed = upload.commit(&Digest::sha256(&winners[0])).await;
    assert!(committed.is_ok(), "seed {seed}: {committed:?} after {outcomes:?}");
    site.check_end(seed, &[&winners[0]]).await;
}

/// Of clients that close what is there, some of them on one machine, one is told that it did.
async fn check_bare_closers(seed: u64) {
    let mut site = Site::new(seed);
    let before = site.random.content(5 * PART as u64);
    let id = site.begun(before.clone()).await;
    let bare = Request {
        batches: Vec::new(),
        closes: true,
    };
    let two = async |core: &Arc<Core>| {
        let closers = join(bare.run(core, &id, &before), bare.run(core, &id, &before));
        <[_; 2]>::from(closers.await)
    };
    let (one, other) = (site.one.clone(), site.other.clone());
    let outcomes = site.race(two(&one), two(&other)).await;
    let outcomes = outcomes.as_flattened();
    let winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(winners, 1, "seed {seed}: {outcomes:?}");
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(is_refusal(error), "seed {seed}: {error}");
    }
    site.check_end(seed, &[&before]).await;
}

/// Of a client that cancels and one that writes or closes, the session is the first one's to end, or was closed.
async fn check_cancel(seed: u64, closes: bool) {
    let mut site = Site::new(seed);
    let before = site.random.content(5 * PART as u64);
    let id = site.begun(before.clone()).await;
    let request = Request::any(&mut site.random, closes);
    let (one, other) = (site.one.clone(), site.other.clone());
    let [requested, cancelled] = site
        .race(request.run(&one, &id, &before), cancel(&other, &id))
        .await;
    for outcome in [&requested, &cancelled] {
        assert!(
            outcome.as_ref().err().is_none_or(is_refusal),
            "seed {seed}: {outcome:?}"
        );
    }
    if closes {
        assert!(
            requested.is_ok() != cancelled.is_ok(),
            "seed {seed}: {requested:?}, {cancelled:?}"
        );
    } else {
        assert!(cancelled.is_ok(), "seed {seed}: {cancelled:?}");
    }
    let again = reopen(&site.one, &id).await;
    assert!(
        matches!(again, Err(Error::UploadUnknown { .. })),
        "seed {seed}: {again:?}"
    );
    if closes && requested.is_ok() {
        site.check_end(seed, &[&request.whole(&before)]).await;
    } else {
        site.check_end(seed, &[]).await;
    }
}

async fn check_closers(seed: u64, one_closes: bool) {
    let mut site = Site::new(seed);
    let before = site.random.content(5 * PART as u64);
    let id = site.begun(before.clone()).await;
    let requests = [one_closes, true].map(|closes| Request::any(&mut site.random, closes));
    let (one, other) = (site.one.clone(), site.other.clone());
    let outcomes = site
        .race(
            requests[0].run(&one, &id, &before),
            requests[1].run(&other, &id, &before),
        )
        .await;
    let mut blobs = Vec::new();
    let mut winners = 0;
    for (request, outcome) in requests.iter().zip(&outcomes) {
        match outcome {
            Ok(()) if request.closes => blobs.push(request.whole(&before)),
            Ok(()) => {
                let upload = reopen(&site.other, &id).await.unwrap();
                upload
                    .commit(&Digest::sha256(&request.whole(&before)))
                    .await
                    .unwrap();
                blobs.push(request.whole(&before));
            }
            Err(error) => {
                assert!(is_refusal(error), "seed {seed}: {error}");
                continue;
            }
        }
        winners += 1;
    }
    assert_eq!(winners, 1, "seed {seed}: {outcomes:?}");
    site.check_end(seed, &[&blobs[0]]).await;
}

#[tokio::test]
async fn of_two_chunks_for_one_place_one_is_taken() {
    for seed in 0..400 {
        check_chunks(seed).await;
    }
}

#[tokio::test]
async fn of_two_closers_one_wins() {
    for seed in 0..300 {
        check_closers(seed, true).await;
    }
}

#[tokio::test]
async fn of_many_closers_one_wins() {
    for seed in 0..300 {
        check_bare_closers(seed).await;
    }
}

#[tokio::test]
async fn a_chunk_does_not_bring_back_what_was_cancelled() {
    for seed in 0..300 {
        check_cancel(seed, false).await;
    }
}

#[tokio::test]
async fn of_a_closer_and_one_that_cancels_one_wins() {
    for seed in 0..300 {
        check_cancel(seed, true).await;
    }
}

#[tokio::test]
async fn of_a_chunk_and_a_closer_one_wins() {
    for seed in 0..300 {
        check_closers(seed, false).await;
    }
}
