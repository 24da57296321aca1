//! `hythe-conformance token-server`

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use hythe_conformance::Failure;
use hythe_testutil::http::Credentials;
use hythe_testutil::jwt::SigningKey;
use hythe_testutil::token_server::{Issuer, TokenServer};

/// What the token server is told. It serves until it is ended.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen, without TLS
    #[arg(long, value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Who gets tokens
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: String,
    /// The claim `iss` of the tokens
    #[arg(long)]
    issuer: String,
    /// How tokens are signed: RS256, PS512, ES384, EdDSA and so on
    #[arg(long, default_value = "ES256")]
    algorithm: String,
    /// A scope that every token opens besides those that are asked for; may be given several times
    #[arg(long = "always", value_name = "SCOPE")]
    always: Vec<String>,
    /// The set of keys that a registry has to trust is written here
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let user = Credentials::parse(&arguments.user);
    let issuer = Issuer {
        key: SigningKey::new(&arguments.algorithm, "token-server")?,
        algorithm: arguments.algorithm.clone(),
        name: arguments.issuer.clone(),
        always: arguments.always.clone(),
        user: user.ok_or_else(|| Failure::new("--user is not of the form NAME:PASSWORD"))?,
    };
    let keys = issuer.jwks().to_string();
    let path = &arguments.jwks;
    // Before it listens: who finds it listening finds the keys.
    fs::write(path, keys).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let server = TokenServer::start(arguments.listen, issuer).await?;
    println!("realm {}", server.realm());
    server.serve().await;
    Ok(ExitCode::SUCCESS)
}
