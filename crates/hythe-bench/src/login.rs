//! One user of a registry with a htpasswd file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::BoxError;

/// What `htpasswd -B` is told by people who think about it; one check takes some 70 ms of a core.
const COST: u32 = 10;

/// A name and a password.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    name: String,
    password: String,
}

impl Login {
    /// Reads `NAME:PASSWORD`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, password) = text.split_once(':').ok_or("expected NAME:PASSWORD")?;
        Ok(Self {
            name: name.to_owned(),
            password: password.to_owned(),
        })
    }

    /// The line that clients send with every request.
    pub(crate) fn header_line(&self) -> String {
        let Self { name, password } = self;
        format!(
            "Authorization: Basic {}\r\n",
            STANDARD.encode(format!("{name}:{password}"))
        )
    }

    /// The content of the registry's file.
    pub(crate) fn htpasswd(&self) -> Result<String, BoxError> {
        Ok(format!("{}:{}\n", self.name, bcrypt::hash(&self.password, COST)?))
    }
}
