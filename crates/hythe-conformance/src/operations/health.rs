//! The pages about health, while all is well and while checks fail.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hythe_testutil::{Client, Request, Response};
use serde_json::Value;

use super::facts::Facts;
use crate::failure::Failure;

/// How long a check may take to be seen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked for.
const INTERVAL: Duration = Duration::from_millis(20);

/// What makes the configured checks fail.
pub(super) struct Checks {
    /// The file that must not be there.
    pub(super) switch: PathBuf,
    /// Who must take connections.
    pub(super) peer: TcpListener,
    pub(super) peer_address: String,
}

/// Health, and what the registry answers meanwhile.
pub(super) async fn facts(
    client: &Client,
    debug: &Client,
    checks: Checks,
    facts: &mut Facts,
) -> Result<(), Failure> {
    let Checks {
        switch,
        peer,
        peer_address,
    } = checks;
    let shown = |response: &Response| show(response, &switch.display().to_string(), &peer_address);

    facts.insert("health all well", shown(&until(debug, 200, 0).await?));
    std::fs::write(&switch, "").map_err(|error| Failure::new(error.to_string()))?;
    facts.insert("health file exists", shown(&until(debug, 503, 1).await?));
    let meanwhile = client.get("/v2/").await?;
    facts.insert("status of /v2/ while a check fails", meanwhile.status.to_string());
    drop(peer);
    facts.insert("health file and port", shown(&until(debug, 503, 2).await?));
    std::fs::remove_file(&switch).map_err(|error| Failure::new(error.to_string()))?;
    facts.insert("health port", shown(&until(debug, 503, 1).await?));
    for method in ["POST", "HEAD", "PUT"] {
        let response = debug.send(Request::new(method, "/debug/health")).await?;
        facts.insert(format!("health by {method}"), shown(&response));
    }
    for path in ["/", "/debug/health/", "/debug/health/down", "/v2/"] {
        let response = debug.get(path).await?;
        facts.insert(format!("debug page {path}"), shown(&response));
    }
    for path in ["/debug/vars", "/debug/pprof/", "/livez", "/readyz"] {
        let response = debug.get(path).await?;
        facts.insert(format!("debug page {path}"), response.status.to_string());
    }
    Ok(())
}

/// Asks until the status is this one and so many checks fail.
async fn until(debug: &Client, status: u16, failing: usize) -> Result<Response, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let response = debug.get("/debug/health").await?;
        let count = response
            .json()
            .ok()
            .and_then(|json| json.as_object().map(serde_json::Map::len));
        if response.status == status && count == Some(failing) {
            return Ok(response);
        }
        if Instant::now() > deadline {
            let body = String::from_utf8_lossy(&response.body).into_owned();
            return Err(Failure::new(format!(
                "health stays {} {body}, and not {status} with {failing} failing",
                response.status
            )));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Status, headers that mean something, and the body with names that differ from run to run replaced. After the
/// original's own words an error of the system follows, in the words of its language.
fn show(response: &Response, switch: &str, peer: &str) -> String {
    let body = match response.json() {
        Ok(Value::Object(checks)) => {
            let cut = |text: &str| match text.split_once("connection failed: ") {
                Some((before, _)) => format!("{before}connection failed: …"),
                None => text.to_owned(),
            };
            let checks = checks
                .iter()
                .map(|(name, reason)| format!("{name}: {}", cut(reason.as_str().unwrap_or_default())));
            checks.collect::<Vec<_>>().join("; ")
        }
        _ => String::from_utf8_lossy(&response.body).into_owned(),
    };
    let body = body.replace(switch, "FILE").replace(peer, "PEER");
    let header = |name| response.header(name).unwrap_or("-");
    format!(
        "{} {} {} {body}",
        response.status,
        header("content-type"),
        header("x-content-type-options"),
    )
}
