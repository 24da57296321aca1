//! What only shows when the data are in a cloud's bucket: the parts of `hythe-conformance` that look at the bucket too.
//!
//! Each starts the emulators that it needs, and tells `hythe-conformance` where they are by the same variables that the
//! drivers' tests read.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use crate::emulators::{Emulator, Running};
use crate::process::Step;
use crate::registry::{Kind, Program};
use crate::workspace;

const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Calls to the bucket, counted beside the original's, and the time that a slow bucket costs.
pub(crate) fn calls(hythe: &Program) -> Result<()> {
    let original = Program::resolve(Kind::Original, None)?;
    with_emulators(
        &[Emulator::Minio, Emulator::Azurite, Emulator::FakeGcsServer],
        |suite| {
            suite
                .arg("calls")
                .arg("--hythe")
                .arg(&hythe.path)
                .arg("--original")
                .arg(&original.path)
        },
    )
}

/// Three registries on one bucket, every request of a push to another one.
pub(crate) fn replicas(hythe: &Program, storage: Storage, pushes: u32) -> Result<()> {
    run("replicas", hythe, storage, &["--pushes", &pushes.to_string()])
}

/// Pushes that are cut off, and a purge that has to leave nothing of them.
pub(crate) fn killed(hythe: &Program, storage: Storage, pushes: u32) -> Result<()> {
    run("killed", hythe, storage, &["--pushes", &pushes.to_string()])
}

/// A push and a pull while every request to the bucket fails once.
pub(crate) fn faults(hythe: &Program, storage: Storage) -> Result<()> {
    run("faults", hythe, storage, &[])
}

/// A bucket that Hythe and the original use in turn.
pub(crate) fn two_way(hythe: &Program, storage: Storage) -> Result<()> {
    let original = Program::resolve(Kind::Original, None)?;
    let original = original.path.to_string_lossy();
    run("bucket-two-way", hythe, storage, &["--original", &original])
}

/// A layer of 6 GiB through S3, of which the registry must not hold more than 128 MiB.
pub(crate) fn large() -> Result<()> {
    let hythe = Program {
        kind: Kind::Hythe,
        path: workspace::build_release("hythe")?,
    };
    run("large", &hythe, Storage::S3, &[])
}

fn run(command: &str, hythe: &Program, storage: Storage, options: &[&str]) -> Result<()> {
    println!("== {command}: on {}", storage.emulator().name());
    with_emulators(&[Emulator::Minio, storage.emulator()], |suite| {
        suite
            .args([command, "--storage", storage.name(), "--hythe"])
            .arg(&hythe.path)
            .args(options)
    })
}

/// An emulator by the name that `hythe-conformance` has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Storage {
    /// MinIO.
    S3,
    /// versitygw, which lists open uploads by folder.
    S3Second,
    Azure,
    Gcs,
}

impl Storage {
    fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::S3Second => "s3-second",
            Self::Azure => "azure",
            Self::Gcs => "gcs",
        }
    }

    fn emulator(self) -> Emulator {
        match self {
            Self::S3 => Emulator::Minio,
            Self::S3Second => Emulator::Versitygw,
            Self::Azure => Emulator::Azurite,
            Self::Gcs => Emulator::FakeGcsServer,
        }
    }
}

/// Runs `hythe-conformance` with these emulators running.
fn with_emulators(emulators: &[Emulator], arguments: impl FnOnce(Step) -> Step) -> Result<()> {
    let suite = workspace::build("hythe-conformance")?;
    let mut running: Vec<Running> = Vec::new();
    for emulator in emulators {
        // The bucket's name and its keys come with the first S3; the second one has the same.
        if !running.iter().any(|other| other.is(*emulator)) {
            running.push(Running::start(*emulator)?);
        }
    }
    let mut step = arguments(Step::new(Path::new(&suite)));
    for (name, value) in running.iter().flat_map(Running::variables) {
        step = step.env(name, value);
    }
    step.limit(LIMIT).shown()
}
