use std::path::PathBuf;

/// Why there is no CloudFront middleware, or why Amazon's networks could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudFrontError {
    /// An option cannot be used.
    #[error("option {option}: {reason}")]
    Option {
        /// The name of the option.
        option: &'static str,
        /// What is wrong with it, without its value where that is a secret.
        reason: String,
    },
    /// The file of the private key cannot be read.
    #[error("option privatekey: cannot read {}", path.display())]
    KeyFile {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The list of Amazon's networks cannot be had.
    #[error("cannot read {url}")]
    Ranges {
        /// Where it should be.
        url: String,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing can be signed, which a key that was read does not explain.
    #[error("cannot sign")]
    Sign,
}

impl CloudFrontError {
    pub(crate) fn option(option: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Option { option, reason }
    }
}
