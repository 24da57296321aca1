//! What stands between the suite and the registry, as the command line says it.

use std::path::PathBuf;

use hythe_conformance::Failure;
use hythe_testutil::Client;
use hythe_testutil::http::{Credentials, Identity, Locations, Options};

/// How to get to the registry and into it.
#[derive(Debug, clap::Args)]
pub(crate) struct Behind {
    /// Trust the certificates of this PEM file; for a registry at https://host:port
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Show the certificate of this PEM file
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// The key of that certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
    /// Answer challenges with this name and password, by themselves or with a token that is got for them
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: Option<String>,
    /// Demand that every Location has this form
    #[arg(long, value_enum)]
    locations: Option<Form>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Form {
    /// Scheme, host, port and path of the registry's address
    Absolute,
    /// The path alone
    Relative,
}

impl Behind {
    pub(crate) fn options(&self) -> Result<Options, Failure> {
        let identity = self.client_certificate.clone().zip(self.client_key.clone());
        let credentials = self.user.as_deref().map(|text| {
            Credentials::parse(text).ok_or_else(|| Failure::new("--user is not of the form NAME:PASSWORD"))
        });
        Ok(Options {
            roots: self.ca.clone(),
            identity: identity.map(|(certificate, key)| Identity { certificate, key }),
            credentials: credentials.transpose()?,
            locations: self.locations.map(|form| match form {
                Form::Absolute => Locations::Absolute,
                Form::Relative => Locations::Relative,
            }),
        })
    }

    /// Says what was met on the way, and what should have been and was not.
    pub(crate) fn judge(&self, client: &Client) -> Vec<String> {
        let seen = client.seen();
        let mut complaints = Vec::new();
        if client.url().starts_with("https:") {
            println!("{} connections with TLS", seen.tls_connections());
        }
        if !client.base_path().is_empty() {
            println!("everything under {}", client.base_path());
        }
        if self.user.is_some() {
            let (basic, bearer) = (seen.basic_requests(), seen.bearer_requests());
            println!(
                "{basic} requests let in by password, {bearer} by one of {} tokens",
                seen.tokens()
            );
            if basic + bearer == 0 {
                complaints.push("nobody asked for the password".to_owned());
            }
        }
        if let Some(form) = self.locations {
            println!("{} Locations, all of the form {form:?}", seen.locations());
            if seen.locations() == 0 {
                complaints.push("there was no Location to look at".to_owned());
            }
        }
        complaints
    }
}
