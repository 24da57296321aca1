use std::io;
use std::path::PathBuf;

use async_trait::async_trait;

use crate::check::{Check, Down};

/// That a file does *not* exist: who makes it takes the registry out of a load balancer.
#[derive(Debug, Clone)]
pub struct FileCheck {
    path: PathBuf,
}

impl FileCheck {
    /// Of the file at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

#[async_trait]
impl Check for FileCheck {
    async fn check(&self) -> Result<(), Down> {
        let path = self.path.clone();
        let looked = tokio::task::spawn_blocking(move || std::fs::metadata(path)).await;
        match looked.map_err(io::Error::other).flatten() {
            Ok(_) => Err(Down::new("file exists")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Down::because(format!("stat {}", self.path.display()), &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_exists_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("down");
        let check = FileCheck::new(&path);
        assert_eq!(check.check().await, Ok(()));
        std::fs::write(&path, "").unwrap();
        assert_eq!(check.check().await, Err(Down::new("file exists")));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(check.check().await, Ok(()));
    }

    #[tokio::test]
    async fn a_path_that_cannot_be_looked_at_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let down = FileCheck::new(file.join("below")).check().await.unwrap_err();
        assert!(down.to_string().starts_with("stat "), "{down}");
    }
}
