/// Why a check cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reports are by name.
    #[error("two checks are named {name}")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// What an HTTP check is to ask is no URL.
    #[error("{uri} is no URL")]
    Url {
        /// As it was given.
        uri: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A header field of an HTTP check cannot be sent.
    #[error("the header field {name} cannot be sent")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: http::Error,
    },
    /// An HTTP client cannot be made.
    #[error("cannot make a client for {uri}")]
    Client {
        /// What it was for.
        uri: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
