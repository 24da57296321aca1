use serde::{Deserialize, Serialize};

/// The answer to a request for the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryList {
    /// Names of repositories.
    pub repositories: Vec<String>,
}

/// The answer to a request for the tags of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagList {
    /// Name of the repository.
    pub name: String,
    /// Its tags. An empty list is `[]`, never `null`.
    pub tags: Vec<String>,
}
