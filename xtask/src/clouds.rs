//! What only shows when the data are in a cloud's bucket: the parts of `hythe-conformance` that look at the bucket too.
//!
//! Each starts the emulators that it needs, and tells `hythe-conformance` where they are by the same variables that the
//! drivers' tests read.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

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

/// Runs `hythe-conformance` with these emulators running.
fn with_emulators(emulators: &[Emulator], arguments: impl FnOnce(Step) -> Step) -> Result<()> {
    let suite = workspace::build("hythe-conformance")?;
    let running = emulators
        .iter()
        .map(|emulator| Running::start(*emulator))
        .collect::<Result<Vec<_>>>()?;
    let mut step = arguments(Step::new(Path::new(&suite)));
    for (name, value) in running.iter().flat_map(Running::variables) {
        step = step.env(name, value);
    }
    step.limit(LIMIT).shown()
}
