//! What the debug listener answers.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use hythe_health::Health;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Everything that the pages show.
#[derive(Debug)]
pub(crate) struct Pages {
    /// The checks of the configuration.
    pub(crate) health: Health,
    /// Cancelled when no new connections are taken any more.
    pub(crate) stop: CancellationToken,
}

type Page = Response<Full<Bytes>>;

impl Pages {
    /// The answer to a request.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Page {
        let reads = *method == Method::GET || *method == Method::HEAD;
        match path {
            // A HEAD is 404 in the original as well.
            "/debug/health" if *method == Method::GET => self.health(),
            "/livez" if reads => json_page(StatusCode::OK, &json!({ "status": "ok" })),
            "/readyz" if reads => self.ready(),
            "/debug/vars" if reads => json_page(StatusCode::OK, &variables()),
            _ if path.starts_with("/debug/pprof") => text_page(
                StatusCode::NOT_FOUND,
                "Profiles of Go's runtime are not to be had here: the program is not written in Go.\n\
                 perf(1) and other profilers of the system work on it.\n",
            ),
            _ => text_page(StatusCode::NOT_FOUND, "404 page not found\n"),
        }
    }

    /// As in the original: the checks that fail, by name.
    fn health(&self) -> Page {
        let failing = self.health.failing();
        let status = if failing.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        json_page(status, &json!(failing))
    }

    /// Whether requests should be sent here. A failing check says no; so does the end that has begun, for a load
    /// balancer to look for another registry.
    fn ready(&self) -> Page {
        let failing = self.health.failing();
        let is_stopping = self.stop.is_cancelled();
        let (status, word) = match (is_stopping, failing.is_empty()) {
            (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
            (false, true) => (StatusCode::OK, "ready"),
        };
        let checks: serde_json::Map<String, Value> = self
            .health
            .names()
            .map(|name| {
                let state = failing.get(name).map_or("ok", String::as_str);
                (name.to_owned(), Value::from(state))
            })
            .collect();
        json_page(status, &json!({ "status": word, "checks": checks }))
    }
}

/// The part of Go's expvar page that means anything here.
fn variables() -> Value {
    let words: Vec<String> = std::env::args().collect();
    let nothing = json!({ "Requests": 0, "Hits": 0, "Misses": 0, "BytesPulled": 0, "BytesPushed": 0 });
    json!({
        "cmdline": words,
        "registry": {
            "notifications": { "endpoints": null },
            "proxy": { "blobs": nothing, "manifests": nothing },
        },
    })
}

fn json_page(status: StatusCode, document: &Value) -> Page {
    page(
        status,
        HeaderValue::from_static("application/json"),
        document.to_string(),
    )
}

fn text_page(status: StatusCode, text: &'static str) -> Page {
    let mut page = page(
        status,
        HeaderValue::from_static("text/plain; charset=utf-8"),
        text,
    );
    let no_sniff = HeaderValue::from_static("nosniff");
    page.headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, no_sniff);
    page
}

fn page(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Page {
    let mut page = Response::new(Full::new(body.into()));
    *page.status_mut() = status;
    page.headers_mut().insert(header::CONTENT_TYPE, content_type);
    page
}
