//! The differential run: the same requests to two registries, and every difference between their answers.
//!
//! The corpus is code, because a request often needs the `Location` of the answer before it. A sequence is run on the left
//! registry, then on the right one, each time with the same names and content; both runs write down every exchange with what is
//! bound to differ (hosts, upload ids, dates) replaced, and the two protocols are compared step by step.
//!
//! A difference that is wanted stands in a list with its reason. What is in the list and does not occur is an error
//! too, so the list is always the truth about how the two differ.

mod allow;
mod compare;
pub mod corpus;
mod profile;
mod recorder;
mod route;

pub use allow::{Allowance, AllowedDifferences};
pub use compare::Difference;
pub use corpus::Sequence;
pub use profile::Profile;
pub use recorder::Recorder;

use std::path::{Path, PathBuf};

use hythe_testutil::{Client, ServerProcess};

use crate::failure::Failure;

/// Two registries, the left one being the one that is judged.
#[derive(Clone, Debug)]
pub struct Pair {
    /// For instance Hythe.
    pub left: Client,
    /// For instance distribution.
    pub right: Client,
}

/// Runs the sequences of one profile on two registries that are configured for it, and gives all differences.
///
/// `run` becomes part of the repositories' names, so that a run can be repeated on the same registries.
pub async fn run_profile(pair: &Pair, profile: Profile, run: &str) -> Vec<Difference> {
    let mut differences = Vec::new();
    for sequence in corpus::all()
        .iter()
        .filter(|sequence| sequence.profile == profile)
    {
        let left = sequence.record(&pair.left, run).await;
        let right = sequence.record(&pair.right, run).await;
        differences.extend(compare::compare(sequence, &left, &right));
    }
    differences
}

/// Runs the whole corpus on two programs that are started for it, each profile on fresh registries.
pub async fn run_programs(left: &Path, right: &Path) -> Result<Vec<Difference>, Failure> {
    let mut differences = Vec::new();
    for profile in Profile::ALL {
        let (left_folder, right_folder) = (Folder::new()?, Folder::new()?);
        let left = start(left, profile, &left_folder.path).await?;
        let right = start(right, profile, &right_folder.path).await?;
        let pair = Pair {
            left: left.client(),
            right: right.client(),
        };
        differences.extend(run_profile(&pair, profile, "run").await);
    }
    Ok(differences)
}

async fn start(program: &Path, profile: Profile, root: &Path) -> Result<ServerProcess, Failure> {
    if profile.needs_content() {
        let server = ServerProcess::start(program, &Profile::Default.configuration(root)).await?;
        corpus::fill(&server.client()).await?;
        server.terminate().await?;
    }
    Ok(ServerProcess::start(program, &profile.configuration(root)).await?)
}

struct Folder {
    path: PathBuf,
    _remover: tempfile::TempDir,
}

impl Folder {
    fn new() -> Result<Self, Failure> {
        let remover =
            tempfile::TempDir::new().map_err(|error| Failure::new(format!("temporary folder: {error}")))?;
        Ok(Self {
            path: remover.path().join("registry"),
            _remover: remover,
        })
    }
}
