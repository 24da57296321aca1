//! Uploads as a state machine against a model: whatever is done in whatever order, by two processes.

use std::sync::Arc;

use bytes::Bytes;
use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{
    BlobCreated, BlobWriter, CreateOptions, Error, Namespace, Repository, ResumeOptions, UploadId,
};
use hythe_driver::StorageDriver;
use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreOptions};
use hythe_reference::RepositoryName;
use proptest::prelude::*;

use crate::registries;

/// One thing a client does with its upload.
#[derive(Debug, Clone)]
enum Step {
    /// Ask where the upload stands, of either process.
    Status {
        process: usize,
    },
    /// Open it for writing if it is not open, at the size the client believes in plus `error`.
    Resume {
        process: usize,
        error: u64,
    },
    /// Write pieces of these lengths.
    Write(Vec<usize>),
    Suspend,
    /// The client's connection breaks and nobody suspends.
    Drop,
    Commit(Algorithm),
    CommitWrong(Algorithm),
    Cancel,
}

/// What the model knows of the upload.
#[derive(Debug)]
enum Model {
    /// Nobody writes; this was received.
    Closed(Vec<u8>),
    /// Somebody writes. This was received, of which so much was kept before.
    Open {
        received: Vec<u8>,
        kept: usize,
    },
    /// A writer was dropped: at least `kept` of this.
    Dropped {
        received: Vec<u8>,
        kept: usize,
    },
    Gone,
}

fn any_step() -> impl Strategy<Value = Step> {
    let algorithm = || prop_oneof![3 => Just(Algorithm::Sha256), 1 => Just(Algorithm::Sha512)];
    prop_oneof![
        2 => (0..2_usize).prop_map(|process| Step::Status { process }),
        6 => (0..2_usize, prop_oneof![5 => Just(0), 1 => 1..5_u64])
            .prop_map(|(process, error)| Step::Resume { process, error }),
        6 => prop::collection::vec(0..200_usize, 0..4).prop_map(Step::Write),
        4 => Just(Step::Suspend),
        1 => Just(Step::Drop),
        1 => algorithm().prop_map(Step::Commit),
        2 => algorithm().prop_map(Step::CommitWrong),
        1 => Just(Step::Cancel),
    ]
}

struct Machine {
    processes: [Arc<dyn Repository>; 2],
    id: UploadId,
    writer: Option<Box<dyn BlobWriter>>,
    model: Model,
    /// Makes each piece different.
    written: u8,
    /// Where unfinished uploads cannot be read: whether this one was finished to be read, for a digest that nobody
    /// had announced. Then no more bytes are taken.
    sealed: Sealed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sealed {
    Never,
    NotYet,
    Maybe,
}

impl Machine {
    async fn begin(driver: &Arc<dyn StorageDriver>, announced: Option<Algorithm>) -> Self {
        let name = RepositoryName::parse("a").unwrap();
        let processes = [(); 2].map(|()| registries::registry(driver).repository(&name));
        let options = CreateOptions {
            algorithm: announced,
            mount: None,
        };
        let created = processes[0].blobs().create(options).await.unwrap();
        let BlobCreated::Upload(writer) = created else {
            panic!("{created:?}")
        };
        Self {
            processes,
            id: writer.id(),
            writer: Some(writer),
            model: Model::Open {
                received: Vec::new(),
                kept: 0,
            },
            written: 0,
            sealed: if driver.capabilities().append {
                Sealed::Never
            } else {
                Sealed::NotYet
            },
        }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Status { process } => self.status(*process).await,
            Step::Resume { process, error } => self.resume(*process, *error).await,
            Step::Write(lengths) => self.write(lengths).await,
            Step::Suspend => self.suspend().await,
            Step::Drop => self.drop_writer(),
            Step::Commit(algorithm) => self.commit(*algorithm).await,
            Step::CommitWrong(algorithm) => self.commit_wrong(*algorithm).await,
            Step::Cancel => self.cancel().await,
        }
    }

    async fn status(&self, process: usize) {
        let status = self.processes[process].blobs().upload_status(&self.id).await;
        match (&self.model, status) {
            (Model::Closed(received), Ok(status)) => assert_eq!(status.size, received.len() as u64),
            (Model::Open { received, .. }, Ok(status)) => assert!(status.size <= received.len() as u64),
            (Model::Dropped { received, kept }, Ok(status)) => {
                assert!((*kept as u64..=received.len() as u64).contains(&status.size));
            }
            (Model::Gone, Err(Error::UploadUnknown { .. })) => {}
            (model, status) => panic!("{model:?} has status {status:?}"),
        }
    }

    async fn resume(&mut self, process: usize, error: u64) {
        // What a second writer is told is another behaviour; the suite has it.
        if self.writer.is_some() {
            return;
        }
        let blobs = self.processes[process].blobs();
        let believed = match &self.model {
            Model::Closed(received) => Some(received.len() as u64 + error),
            // A client whose connection broke asks first.
            Model::Dropped { .. } => None,
            Model::Open { .. } | Model::Gone => Some(error),
        };
        let options = ResumeOptions {
            expected_size: believed,
            ..ResumeOptions::default()
        };
        let resumed = blobs.resume(&self.id, options).await;
        let model = std::mem::replace(&mut self.model, Model::Gone);
        self.model = match (model, resumed) {
            (Model::Closed(received), Ok(writer)) if error == 0 => {
                assert_eq!((writer.id(), writer.size()), (self.id, received.len() as u64));
                let kept = received.len();
                self.writer = Some(writer);
                Model::Open { received, kept }
            }
            (Model::Closed(received), Err(Error::UploadOffset { size, .. })) if error != 0 => {
                assert_eq!(size, received.len() as u64);
                Model::Closed(received)
            }
            (Model::Dropped { mut received, kept }, Ok(writer)) => {
                let size = usize::try_from(writer.size()).unwrap();
                assert!(
                    (kept..=received.len()).contains(&size),
                    "{size} of {kept} to {}",
                    received.len()
                );
                received.truncate(size);
                self.writer = Some(writer);
                Model::Open { received, kept }
            }
            (Model::Gone, Err(Error::UploadUnknown { .. })) => Model::Gone,
            (model, resumed) => panic!("{model:?} was resumed at {believed:?}: {resumed:?}"),
        };
    }

    async fn write(&mut self, lengths: &[usize]) {
        let (Some(writer), Model::Open { received, .. }) = (&mut self.writer, &mut self.model) else {
            return;
        };
        let batch: Vec<Bytes> = lengths
            .iter()
            .map(|&length| {
                self.written = self.written.wrapping_add(1);
                Bytes::from(vec![self.written; length])
            })
            .collect();
        match writer.write(batch.clone()).await {
            Ok(()) => received.extend(batch.iter().flatten()),
            Err(Error::Unsupported) if self.sealed == Sealed::Maybe => {}
            Err(error) => panic!("{error:?}"),
        }
        assert_eq!(writer.size(), received.len() as u64);
    }

    async fn suspend(&mut self) {
        if let (Some(writer), Some(received)) = (self.writer.take(), self.take_open()) {
            writer.suspend().await.unwrap();
            self.model = Model::Closed(received);
        }
    }

    fn drop_writer(&mut self) {
        if self.writer.take().is_some()
            && let Model::Open { received, kept } = std::mem::replace(&mut self.model, Model::Gone)
        {
            self.model = Model::Dropped { received, kept };
        }
    }

    async fn commit(&mut self, algorithm: Algorithm) {
        let (Some(writer), Some(received)) = (self.writer.take(), self.take_open()) else {
            return;
        };
        let digest = Digest::of(algorithm, &received);
        let descriptor = writer.commit(&digest).await.unwrap();
        assert_eq!(
            (descriptor.digest, descriptor.size),
            (digest, received.len() as u64)
        );
        for process in &self.processes {
            let stored = process.blobs().get(&digest, 1_000_000).await.unwrap();
            assert_eq!(stored, received);
        }
        self.model = Model::Gone;
    }

    async fn commit_wrong(&mut self, algorithm: Algorithm) {
        let (Some(writer), Some(received)) = (self.writer.take(), self.take_open()) else {
            return;
        };
        let wrong = Digest::of(algorithm, b"something that is never uploaded");
        let refused = writer.commit(&wrong).await;
        assert!(
            matches!(refused, Err(Error::DigestMismatch { .. })),
            "{refused:?}"
        );
        if self.sealed == Sealed::NotYet && algorithm != Algorithm::Sha256 {
            self.sealed = Sealed::Maybe;
        }
        self.model = Model::Closed(received);
    }

    async fn cancel(&mut self) {
        if let (Some(writer), Some(_)) = (self.writer.take(), self.take_open()) {
            writer.cancel().await.unwrap();
            self.model = Model::Gone;
        }
    }

    fn take_open(&mut self) -> Option<Vec<u8>> {
        match std::mem::replace(&mut self.model, Model::Gone) {
            Model::Open { received, .. } => Some(received),
            other => {
                self.model = other;
                None
            }
        }
    }
}

fn run(driver: &Arc<dyn StorageDriver>, announced: Option<Algorithm>, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let mut machine = Machine::begin(driver, announced).await;
        for step in steps {
            machine.step(step).await;
        }
        for process in 0..2 {
            machine.status(process).await;
        }
    });
}

fn any_announcement() -> impl Strategy<Value = Option<Algorithm>> {
    prop_oneof![3 => Just(None), 1 => Just(Some(Algorithm::Sha512))]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn uploads_on_files_follow_the_model(
        announced in any_announcement(),
        steps in prop::collection::vec(any_step(), 1..24),
    ) {
        let (driver, _directory) = registries::filesystem();
        run(&driver, announced, &steps);
    }

    #[test]
    fn uploads_in_memory_follow_the_model(
        announced in any_announcement(),
        steps in prop::collection::vec(any_step(), 1..24),
    ) {
        let driver: Arc<dyn StorageDriver> = Arc::new(InMemoryDriver::new());
        run(&driver, announced, &steps);
    }

    /// With parts so small that uploads have many.
    #[test]
    fn uploads_in_a_bucket_follow_the_model(
        announced in any_announcement(),
        minimum_part_bytes in prop_oneof![Just(5 << 20), 1..300_u64],
        steps in prop::collection::vec(any_step(), 1..24),
    ) {
        let bucket = InMemoryDriver::object_store(ObjectStoreOptions { minimum_part_bytes, ..ObjectStoreOptions::default() });
        let driver: Arc<dyn StorageDriver> = Arc::new(bucket);
        run(&driver, announced, &steps);
    }
}
