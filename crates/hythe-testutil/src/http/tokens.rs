//! Fetching tokens, as the Docker token specification has it.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::client::Client;
use super::options::{Credentials, Options};
use super::request::Request;
use crate::error::Error;

/// What a token server is taken to mean when it does not say how long a token lasts.
const DEFAULT_SECONDS: u64 = 60;

/// A token, and how long it can be used.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) lasts: Duration,
}

/// Asks the token server at `realm` for a token.
pub(super) async fn fetch(
    realm: &str,
    service: &str,
    scopes: &[String],
    credentials: &Credentials,
    options: &Options,
) -> Result<Token, Error> {
    let begin = realm.find("://").map_or(0, |scheme| scheme + 3);
    let slash = realm[begin..]
        .find('/')
        .map_or(realm.len(), |slash| begin + slash);
    let (origin, path) = realm.split_at(slash);
    let mut target = format!("{path}?service={}", encode(service));
    for scope in scopes {
        target.push_str("&scope=");
        target.push_str(&encode(scope));
    }
    let server = Client::with(
        origin,
        &Options {
            roots: options.roots.clone(),
            ..Options::default()
        },
    )?;
    let request = Request::get(target).header("authorization", credentials.basic());
    // The client and this function call each other; the box ends the recursion of their types.
    let answer = Box::pin(server.send(request)).await?;
    let document = answer.expect_status(&[200])?.json()?;
    let text = document["token"]
        .as_str()
        .or_else(|| document["access_token"].as_str());
    let text = text.ok_or_else(|| answer.unexpected("the answer has no token".to_owned()))?;
    let seconds = document["expires_in"].as_u64().unwrap_or(DEFAULT_SECONDS);
    Ok(Token {
        text: text.to_owned(),
        lasts: Duration::from_secs(seconds),
    })
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
