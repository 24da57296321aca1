//! `http`: the listener and what requests and responses look like.

use std::time::Duration;

use ipnet::IpNet;

use super::default_is_read_from_nothing;
use super::tls::Tls;
use crate::problem::quoted;
use crate::secret::Secret;
use crate::section::{Secrecy, Section};
use hythe_units::ByteSize;

/// The listener, the public address, and limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// `host:port`, or the path of a socket; empty for any free port.
    pub addr: String,
    /// The kind of socket.
    pub net: Net,
    /// The path in front of all routes, such as `/registry/`; empty or beginning with `/`.
    pub prefix: String,
    /// The public base URL, with scheme and host; `None` when it is taken from requests.
    pub host: Option<String>,
    /// The key that signs the state of uploads; all replicas need the same one. `None`: made up at the start.
    pub secret: Option<Secret>,
    /// Whether `Location` headers are relative.
    pub relativeurls: bool,
    /// How long transfers may go on after the signal to stop; zero, the default, ends them at once.
    pub draintimeout: Duration,
    /// Headers added to responses, in the order of the file. Names and values are valid in HTTP.
    pub headers: Vec<(String, Vec<String>)>,
    /// HTTP/2 over TLS.
    pub http2: Http2,
    /// HTTP/2 in clear text.
    pub h2c: H2c,
    /// The listener for metrics and health.
    pub debug: Debugging,
    /// TLS; off unless a certificate or a cache of certificates is named.
    pub tls: Tls,
    /// Time limits against slow clients. A key of Hythe's own.
    pub timeouts: Timeouts,
    /// What all running uploads together may hold in memory, 16 MiB by default. A key of Hythe's own.
    pub uploadbuffers: ByteSize,
    /// Networks of proxies that are believed when they say, in `X-Forwarded-For` or `X-Real-Ip`, for which client
    /// they speak; none by default. A key of Hythe's own.
    pub trustedproxies: Vec<IpNet>,
}

/// The kind of socket that is listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Net {
    /// A TCP port.
    Tcp,
    /// A Unix domain socket.
    Unix,
}

/// `http.http2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http2 {
    /// Whether HTTP/2 is not offered over TLS.
    pub disabled: bool,
}

/// `http.h2c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct H2c {
    /// Whether HTTP/2 is understood without TLS; off by default.
    pub enabled: bool,
}

/// `http.debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debugging {
    /// `host:port` of the listener; empty for none.
    pub addr: String,
    /// Metrics on that listener.
    pub prometheus: Prometheus,
}

/// `http.debug.prometheus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prometheus {
    /// Whether metrics are served.
    pub enabled: bool,
    /// The path of the metrics; `/metrics` by default.
    pub path: String,
}

/// `http.timeouts`, time limits against slow clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// For the head of a request; 30 seconds by default.
    pub header: Duration,
    /// For the next bytes of a body or a response to get through; 60 seconds by default.
    pub progress: Duration,
}

impl Http {
    /// One batch being filled and one being written; below that no upload could go on.
    const LEAST_UPLOAD_BUFFERS: ByteSize = ByteSize::from_bytes(512 << 10);

    pub(crate) fn read(section: &Section<'_>) -> Self {
        let net = section.choice_or("net", &[("tcp", Net::Tcp), ("unix", Net::Unix)], Net::Tcp);
        let addr = section.text("addr").unwrap_or_default();
        if net == Net::Tcp && !addr.is_empty() && !addr.contains(':') {
            section.fail(
                "addr",
                format!("{} has no port; write host:port or :5000", quoted(&addr)),
            );
        }
        Self {
            addr,
            net,
            prefix: read_prefix(section),
            host: read_host(section),
            secret: section.secret("secret"),
            relativeurls: section.boolean_or("relativeurls", false),
            draintimeout: section.duration_or("draintimeout", Duration::ZERO),
            headers: read_headers(section),
            http2: section.section("http2", Http2::read),
            h2c: section.section("h2c", H2c::read),
            debug: section.section("debug", Debugging::read),
            tls: section.section("tls", Tls::read),
            timeouts: section.section("timeouts", Timeouts::read),
            uploadbuffers: read_uploadbuffers(section),
            trustedproxies: section.networks("trustedproxies"),
        }
    }
}

impl Http2 {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            disabled: section.boolean_or("disabled", false),
        }
    }
}

impl H2c {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            enabled: section.boolean_or("enabled", false),
        }
    }
}

impl Debugging {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            addr: section.text("addr").unwrap_or_default(),
            prometheus: section.section("prometheus", Prometheus::read),
        }
    }
}

impl Prometheus {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let path = section.text("path").filter(|path| !path.is_empty());
        Self {
            enabled: section.boolean_or("enabled", false),
            path: section.settle("path", path.unwrap_or_else(|| "/metrics".to_owned())),
        }
    }
}

impl Timeouts {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            header: section.duration_with_unit_or("header", Duration::from_secs(30)),
            progress: section.duration_with_unit_or("progress", Duration::from_secs(60)),
        }
    }
}

default_is_read_from_nothing!(Http, Http2, H2c, Debugging, Prometheus, Timeouts);

fn read_prefix(section: &Section<'_>) -> String {
    let prefix = section.text("prefix").unwrap_or_default();
    let is_path =
        prefix.starts_with('/') && !prefix.contains(['?', '#', ' ']) && !prefix.contains(char::is_control);
    if !prefix.is_empty() && !is_path {
        section.fail(
            "prefix",
            format!("{} is not a path such as /registry/", quoted(&prefix)),
        );
    }
    prefix
}

/// Only a URL with scheme and host counts, as in the original, which ignores anything else in silence.
fn read_host(section: &Section<'_>) -> Option<String> {
    let host = section.text("host").filter(|host| !host.is_empty())?;
    let Some((scheme, rest)) = host.split_once("://") else {
        let message = format!(
            "{} has no scheme, so it is ignored; write https://…",
            quoted(&host)
        );
        section.warn("host", message);
        return section.settle("host", None);
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let is_http = ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let is_clean = !rest.contains(|c: char| c.is_control() || c.is_whitespace() || "?#\"<>\\".contains(c));
    if !is_http || authority.is_empty() || !is_clean {
        section.fail(
            "host",
            format!(
                "{} is not a URL such as https://registry.example.com",
                quoted(&host)
            ),
        );
        return None;
    }
    Some(host)
}

/// Names and values that HTTP forbids would otherwise fail with the first response.
fn read_headers(section: &Section<'_>) -> Vec<(String, Vec<String>)> {
    let headers = section.text_lists("headers", Secrecy::Shown);
    for (name, values) in &headers {
        if !is_header_name(name) {
            section.fail("headers", format!("{} is not the name of a header", quoted(name)));
        }
        if values
            .iter()
            .any(|value| value.contains(|c: char| c.is_control() && c != '\t'))
        {
            section.fail(
                "headers",
                format!("a value of {} has control characters", quoted(name)),
            );
        }
    }
    headers
}

/// A `token`, RFC 9110, section 5.6.2.
fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

fn read_uploadbuffers(section: &Section<'_>) -> ByteSize {
    let size = section.size_or("uploadbuffers", ByteSize::from_mebibytes(16));
    if size < Http::LEAST_UPLOAD_BUFFERS {
        section.fail(
            "uploadbuffers",
            format!("{size} is too little; at least {}", Http::LEAST_UPLOAD_BUFFERS),
        );
    }
    size
}
