use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use hythe_driver::DriverPath;

use super::disk::Disk;
use crate::operation::Operation;

/// What a power failure left on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How many of the recorded operations had been made.
    pub operations: usize,
    /// What had been acknowledged by then, in order.
    pub acknowledged: Vec<String>,
    /// Which of the unsynced changes were lost, for messages.
    pub lost: String,
    /// The files that are there afterwards, with their content. Temporary files are among them.
    pub files: BTreeMap<DriverPath, Bytes>,
}

impl Outcome {
    /// The content of a file, if it is there.
    pub fn file(&self, path: &DriverPath) -> Option<&Bytes> {
        self.files.get(path)
    }

    /// Whether something had been acknowledged.
    pub fn has_acknowledged(&self, label: &str) -> bool {
        self.acknowledged.iter().any(|told| told == label)
    }

    /// Puts the files below a directory, so that a driver can be started on what was left.
    pub fn write_to(&self, root: &Path) -> std::io::Result<()> {
        for (path, content) in &self.files {
            let target = root.join(path.as_str().trim_start_matches('/'));
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(target, content)?;
        }
        Ok(())
    }
}

/// Everything that a power failure after any of the operations could leave: with all unsynced changes lost, with
/// none lost, with each one lost alone, with each one kept alone, with all up to each one kept, and with the
/// names kept and the contents lost.
pub fn power_failures(log: &[Operation]) -> impl Iterator<Item = Outcome> + '_ {
    let mut disk = Disk::default();
    let mut acknowledged = Vec::new();
    (0..=log.len()).flat_map(move |operations| {
        if let Some(operation) = operations.checked_sub(1).and_then(|last| log.get(last)) {
            disk.apply(operation);
            if let Operation::Acknowledged { label } = operation {
                acknowledged.push(label.clone());
            }
        }
        outcomes_of(&disk, operations, &acknowledged)
    })
}

fn outcomes_of(disk: &Disk, operations: usize, acknowledged: &[String]) -> Vec<Outcome> {
    let outcome = |lost: String, keeps: &dyn Fn(usize) -> bool| {
        let files = disk.crashed(keeps).into_iter();
        Outcome {
            operations,
            acknowledged: acknowledged.to_vec(),
            lost,
            files: files.map(|(path, content)| (path, content.into())).collect(),
        }
    };
    let mut outcomes = vec![outcome("all".to_owned(), &|_| false)];
    let unsynced = disk.unsynced();
    if unsynced == 0 {
        return outcomes;
    }
    outcomes.push(outcome("none".to_owned(), &|_| true));
    outcomes.push(outcome("contents".to_owned(), &|number| {
        disk.is_about_names(number)
    }));
    outcomes.push(outcome("names".to_owned(), &|number| {
        !disk.is_about_names(number)
    }));
    for chosen in 0..unsynced {
        outcomes.push(outcome(format!("only {chosen}"), &|number| number != chosen));
        outcomes.push(outcome(format!("all but {chosen}"), &|number| number == chosen));
        outcomes.push(outcome(format!("after {chosen}"), &|number| number <= chosen));
    }
    outcomes
}
