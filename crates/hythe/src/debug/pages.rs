//! What the debug listener answers.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use hythe_health::Health;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::edge::Edge;
use crate::metrics::{self, Metrics};

/// Everything that the pages show.
#[derive(Debug)]
pub(crate) struct Pages {
    /// The checks of the configuration.
    pub(crate) health: Health,
    /// Metrics, if they are to be served.
    pub(crate) metrics: Option<MetricsPage>,
    /// Cancelled when no new connections are taken any more.
    pub(crate) stop: CancellationToken,
}

/// Where metrics are to be had, and from what.
#[derive(Debug)]
pub(crate) struct MetricsPage {
    /// The path; what does not begin with a slash gets one.
    pub(crate) path: String,
    /// What was counted.
    pub(crate) metrics: Arc<Metrics>,
    /// What is looked at.
    pub(crate) edge: Edge,
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
            _ if self.metrics.as_ref().is_some_and(|page| page.is_at(path)) => self.metrics(),
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

    fn metrics(&self) -> Page {
        let Some(page) = &self.metrics else {
            return text_page(StatusCode::NOT_FOUND, "404 page not found\n");
        };
        // It reads files of the system.
        let rendered =
            tokio::task::block_in_place(|| page.metrics.render(page.edge.upload_load(), &self.health));
        match rendered {
            Ok(text) => page_of(
                StatusCode::OK,
                HeaderValue::from_static(metrics::CONTENT_TYPE),
                text,
            ),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "metrics cannot be shown"
                );
                text_page(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "metrics cannot be shown, see the log\n",
                )
            }
        }
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

impl MetricsPage {
    fn is_at(&self, path: &str) -> bool {
        path.trim_start_matches('/') == self.path.trim_start_matches('/')
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
    page_of(
        status,
        HeaderValue::from_static("application/json"),
        document.to_string(),
    )
}

fn text_page(status: StatusCode, text: &'static str) -> Page {
    let mut page = page_of(
        status,
        HeaderValue::from_static("text/plain; charset=utf-8"),
        text,
    );
    let no_sniff = HeaderValue::from_static("nosniff");
    page.headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, no_sniff);
    page
}

fn page_of(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Page {
    let mut page = Response::new(Full::new(body.into()));
    *page.status_mut() = status;
    page.headers_mut().insert(header::CONTENT_TYPE, content_type);
    page
}
