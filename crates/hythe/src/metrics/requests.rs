//! Requests and connections.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::{Method, Request, StatusCode, header};
use hythe_handlers::RouteObserver;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    exponential_buckets,
};

use super::{Result, counter, gauge, register};

/// What metrics call the routes; all but the last one are the original's.
const ROUTES: [&str; 8] = [
    "base",
    "catalog",
    "tags",
    "manifest",
    "blob",
    "blob_upload",
    "blob_upload_chunk",
    "referrers",
];

/// What metrics call the methods; the last one stands for all others.
const METHODS: [&str; 10] = [
    "get", "put", "head", "post", "delete", "connect", "options", "trace", "patch", "unknown",
];

/// The statuses that the registry answers with, whose series are kept at hand. Others are looked up.
const STATUSES: [u16; 22] = [
    200, 201, 202, 204, 206, 304, 307, 400, 401, 403, 404, 405, 408, 412, 413, 416, 429, 499, 500, 501, 503,
    507,
];

/// Who went away before the answer has none; nginx made this number known for it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Seconds, as in the original.
const DURATION_BUCKETS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0,
];

/// Requests by route, method and status.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    in_flight: [IntGauge; ROUTES.len()],
    requests: IntCounterVec,
    durations: HistogramVec,
    request_sizes: HistogramVec,
    response_sizes: HistogramVec,
    connections: IntGauge,
    connections_total: IntCounter,
    series: [OfRoute; ROUTES.len()],
}

/// The series of one route; they appear with their first value.
#[derive(Debug, Default)]
struct OfRoute {
    request_size: OnceLock<Histogram>,
    response_size: OnceLock<Histogram>,
    methods: [OfMethod; METHODS.len()],
}

#[derive(Debug, Default)]
struct OfMethod {
    duration: OnceLock<Histogram>,
    statuses: [OnceLock<IntCounter>; STATUSES.len()],
}

/// An open connection; until dropped.
#[derive(Debug)]
pub(crate) struct Connected(IntGauge);

/// One request; it is counted when this is dropped, which is to be when its body has been sent.
#[derive(Debug)]
pub(crate) struct Measurement {
    metrics: Arc<RequestMetrics>,
    started: Instant,
    method: usize,
    request_bytes: u64,
    /// An index of [`ROUTES`], once it is known; without one nothing is counted.
    route: OnceLock<usize>,
    status: AtomicU16,
    response_bytes: AtomicU64,
}

impl RequestMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let in_flight = register(
            registry,
            IntGaugeVec::new(
                Opts::new(
                    "registry_http_in_flight_requests",
                    "Requests that are being served.",
                ),
                &["handler"],
            )?,
        )?;
        let requests = Opts::new("registry_http_requests_total", "Requests that were served.");
        let durations = HistogramOpts::new(
            "registry_http_request_duration_seconds",
            "Time from a request's head to the end of the answer's body.",
        );
        let sizes = exponential_buckets(1024.0, 2.0, 22)?;
        let size = |name: &str, help: &str| {
            let options = HistogramOpts::new(name, help).buckets(sizes.clone());
            register(registry, HistogramVec::new(options, &["handler"])?)
        };
        Ok(Self {
            in_flight: ROUTES.map(|route| in_flight.with_label_values(&[route])),
            requests: register(
                registry,
                IntCounterVec::new(requests, &["code", "handler", "method"])?,
            )?,
            durations: register(
                registry,
                HistogramVec::new(
                    durations.buckets(DURATION_BUCKETS.to_vec()),
                    &["handler", "method"],
                )?,
            )?,
            request_sizes: size(
                "registry_http_request_size_bytes",
                "About the size of requests, heads included.",
            )?,
            response_sizes: size(
                "registry_http_response_size_bytes",
                "Size of the bodies of answers.",
            )?,
            connections: gauge(registry, "hythe_connections", "Open connections of clients.")?,
            connections_total: counter(
                registry,
                "hythe_connections_total",
                "Connections that clients opened.",
            )?,
            series: Default::default(),
        })
    }

    /// Counts a connection.
    pub(crate) fn connected(&self) -> Connected {
        self.connections_total.inc();
        self.connections.inc();
        Connected(self.connections.clone())
    }

    /// A request begins.
    pub(crate) fn begin<B>(self: &Arc<Self>, request: &Request<B>) -> Arc<Measurement> {
        Arc::new(Measurement {
            metrics: self.clone(),
            started: Instant::now(),
            method: method_index(request.method()),
            request_bytes: approximate_bytes(request),
            route: OnceLock::new(),
            status: AtomicU16::new(CLIENT_CLOSED_REQUEST),
            response_bytes: AtomicU64::new(0),
        })
    }

    fn end(&self, route: usize, measurement: &Measurement) {
        let labels = (ROUTES[route], METHODS[measurement.method]);
        let of_route = &self.series[route];
        let of_method = &of_route.methods[measurement.method];
        self.in_flight[route].dec();
        of_method
            .duration
            .get_or_init(|| self.durations.with_label_values(&[labels.0, labels.1]))
            .observe(measurement.started.elapsed().as_secs_f64());
        let status = measurement.status.load(Ordering::Relaxed);
        let counter = || {
            self.requests
                .with_label_values(&[&*status.to_string(), labels.0, labels.1])
        };
        match STATUSES.iter().position(|known| *known == status) {
            Some(index) => of_method.statuses[index].get_or_init(counter).inc(),
            None => counter().inc(),
        }
        #[expect(clippy::cast_precision_loss, reason = "buckets are coarse")]
        let as_float = |bytes: u64| bytes as f64;
        of_route
            .request_size
            .get_or_init(|| self.request_sizes.with_label_values(&[labels.0]))
            .observe(as_float(measurement.request_bytes));
        of_route
            .response_size
            .get_or_init(|| self.response_sizes.with_label_values(&[labels.0]))
            .observe(as_float(measurement.response_bytes.load(Ordering::Relaxed)));
    }
}

impl Measurement {
    /// The answer is about to be sent, with so many bytes of a body.
    pub(crate) fn answered(&self, status: StatusCode, bytes: u64) {
        self.status.store(status.as_u16(), Ordering::Relaxed);
        self.response_bytes.store(bytes, Ordering::Relaxed);
    }
}

impl RouteObserver for Measurement {
    fn matched(&self, route: &'static str) {
        let Some(index) = ROUTES.iter().position(|known| *known == route) else {
            return;
        };
        if self.route.set(index).is_ok() {
            self.metrics.in_flight[index].inc();
        }
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        if let Some(route) = self.route.get() {
            self.metrics.end(*route, self);
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn method_index(method: &Method) -> usize {
    let name = method.as_str();
    let found = METHODS.iter().position(|known| known.eq_ignore_ascii_case(name));
    found.unwrap_or(METHODS.len() - 1)
}

/// As Prometheus' library for Go reckons: the request line, the fields without separators, and the announced length.
fn approximate_bytes<B>(request: &Request<B>) -> u64 {
    let headers = request.headers();
    let fields: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let head = request.method().as_str().len() + target + "HTTP/1.1".len() + fields;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let body: u64 = announced.and_then(|text| text.parse().ok()).unwrap_or(0);
    (head as u64).saturating_add(body)
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    fn setup() -> (Registry, Arc<RequestMetrics>) {
        let registry = Registry::new();
        let metrics = Arc::new(RequestMetrics::new(&registry).unwrap());
        (registry, metrics)
    }

    #[track_caller]
    fn check(registry: &Registry, lines: &[&str]) {
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for line in lines {
            assert!(text.lines().any(|found| found == *line), "{line}\n{text}");
        }
    }

    fn request(method: &str) -> Request<()> {
        Request::builder()
            .method(method)
            .uri("/v2/a/blobs/uploads/")
            .header("content-length", "5000")
            .body(())
            .unwrap()
    }

    #[test]
    fn a_request_is_in_flight_until_its_body_was_sent() {
        let (registry, metrics) = setup();
        let measurement = metrics.begin(&request("POST"));
        measurement.matched("blob_upload");
        check(
            &registry,
            &["registry_http_in_flight_requests{handler=\"blob_upload\"} 1"],
        );
        measurement.answered(StatusCode::ACCEPTED, 0);
        check(
            &registry,
            &["registry_http_in_flight_requests{handler=\"blob_upload\"} 1"],
        );
        drop(measurement);
        check(
            &registry,
            &[
                "registry_http_in_flight_requests{handler=\"blob_upload\"} 0",
                "registry_http_requests_total{code=\"202\",handler=\"blob_upload\",method=\"post\"} 1",
                "registry_http_request_duration_seconds_count{handler=\"blob_upload\",method=\"post\"} 1",
                "registry_http_request_size_bytes_bucket{handler=\"blob_upload\",le=\"4096\"} 0",
                "registry_http_request_size_bytes_bucket{handler=\"blob_upload\",le=\"8192\"} 1",
                "registry_http_response_size_bytes_sum{handler=\"blob_upload\"} 0",
            ],
        );
    }

    #[test]
    fn a_request_without_a_route_is_not_counted() {
        let (registry, metrics) = setup();
        let measurement = metrics.begin(&request("GET"));
        measurement.answered(StatusCode::NOT_FOUND, 3);
        drop(measurement);
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(!text.contains("registry_http_requests_total"), "{text}");
    }

    #[test]
    fn a_client_that_went_away_is_counted_as_such() {
        let (registry, metrics) = setup();
        let measurement = metrics.begin(&request("GET"));
        measurement.matched("blob");
        drop(measurement);
        check(
            &registry,
            &["registry_http_requests_total{code=\"499\",handler=\"blob\",method=\"get\"} 1"],
        );
    }

    #[test]
    fn what_clients_invent_makes_no_series() {
        let (registry, metrics) = setup();
        for method in ["BREW", "get", "PROPFIND"] {
            let measurement = metrics.begin(&request(method));
            measurement.matched("tags");
            measurement.answered(StatusCode::IM_A_TEAPOT, 0);
        }
        check(
            &registry,
            &[
                "registry_http_requests_total{code=\"418\",handler=\"tags\",method=\"unknown\"} 2",
                "registry_http_requests_total{code=\"418\",handler=\"tags\",method=\"get\"} 1",
            ],
        );
    }

    #[test]
    fn connections_are_counted_while_they_are_open() {
        let (registry, metrics) = setup();
        let connected = metrics.connected();
        drop(metrics.connected());
        check(&registry, &["hythe_connections 1", "hythe_connections_total 2"]);
        drop(connected);
        check(&registry, &["hythe_connections 0", "hythe_connections_total 2"]);
    }
}
