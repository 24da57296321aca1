//! The loads.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::client::{ClientError, Connection, Waiting};
use crate::content::{Layer, Layers};

/// The media type of the manifest used here.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// One kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// New layers: POST, PATCH with everything, PUT.
    Push,
    /// Layers that are there: GET, read to the end.
    Pull,
    /// GET of a manifest by tag.
    ManifestGet,
    /// HEAD of a manifest by tag.
    ManifestHead,
}

impl Load {
    /// The word in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::ManifestGet => "manifest GET",
            Self::ManifestHead => "manifest HEAD",
        }
    }
}

/// What one run measured.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// From the first request to the end of the last, on all connections.
    pub(crate) elapsed: Duration,
    /// One an operation (a push is one operation of three requests).
    pub(crate) latencies: Vec<Duration>,
    /// Bytes of content moved.
    pub(crate) bytes: u64,
}

/// Pushes one layer as clients do.
pub(crate) fn push(
    connection: &mut Connection,
    repository: &str,
    layers: &Layers,
    layer: &Layer,
) -> Result<(), ClientError> {
    let start = format!("/v2/{repository}/blobs/uploads/");
    let answer = connection.send("POST", &start, "", &[], 202)?;
    let missing = || ClientError::Malformed {
        request: format!("POST {start}"),
        what: "no Location",
    };
    let location = answer.location.ok_or_else(missing)?;
    let headers = "Content-Type: application/octet-stream\r\n";
    let answer = connection.send("PATCH", &location, headers, &[&layer.mark, layers.rest()], 202)?;
    let location = answer.location.ok_or_else(missing)?;
    let separator = if location.contains('?') { '&' } else { '?' };
    let target = format!("{location}{separator}digest={}", layer.digest);
    connection.send("PUT", &target, "", &[], 201)?;
    Ok(())
}

/// Pushes a manifest of one layer under the tag `latest`.
pub(crate) fn push_manifest(
    connection: &mut Connection,
    repository: &str,
    layers: &Layers,
    layer: &Layer,
) -> Result<(), ClientError> {
    let descriptor = |media_type: &str| serde_json::json!({ "mediaType": media_type, "digest": layer.digest, "size": layers.size() });
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip")],
    })
    .to_string();
    let target = format!("/v2/{repository}/manifests/latest");
    let headers = format!("Content-Type: {MANIFEST}\r\n");
    connection.send("PUT", &target, &headers, &[manifest.as_bytes()], 201)?;
    Ok(())
}

/// Who puts the load on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clients {
    /// Connections at once, a thread each.
    pub(crate) connections: usize,
    /// What they do until an answer comes.
    pub(crate) waiting: Waiting,
}

/// Where the load goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Host and port.
    pub(crate) authority: &'a str,
    /// The header line that lets clients in, or nothing.
    pub(crate) authorization: &'a str,
    /// Where content is.
    pub(crate) repository: &'a str,
}

impl Clients {
    /// That many, which sleep while they wait.
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            connections,
            waiting: Waiting::Asleep,
        }
    }
}

/// Runs `operations` operations of a load; `layers` and `chosen` say of what.
pub(crate) fn run(
    load: Load,
    place: Place<'_>,
    clients: Clients,
    operations: usize,
    layers: &Layers,
    chosen: &[Layer],
) -> Result<Measured, ClientError> {
    let Clients { connections, waiting } = clients;
    let barrier = Barrier::new(connections + 1);
    let outcomes = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|worker| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let connection = Connection::open(place.authority, waiting);
                    barrier.wait();
                    let mut connection = connection?;
                    connection.authorize(place.authorization);
                    let mine = (worker..operations).step_by(connections);
                    let work = mine.map(|index| {
                        let begun = Instant::now();
                        let layer = chosen.get(index % chosen.len().max(1));
                        operate(load, &mut connection, place.repository, layers, layer)?;
                        Ok(begun.elapsed())
                    });
                    work.collect::<Result<Vec<Duration>, ClientError>>()
                })
            })
            .collect();
        barrier.wait();
        let begun = Instant::now();
        let outcomes: Vec<_> = workers
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        (begun.elapsed(), outcomes)
    });
    let (elapsed, outcomes) = outcomes;
    let mut latencies = Vec::with_capacity(operations);
    for outcome in outcomes {
        let panicked = |_| ClientError::Malformed {
            request: "client".to_owned(),
            what: "thread panicked",
        };
        latencies.extend(outcome.map_err(panicked)??);
    }
    let bytes = match load {
        Load::Push | Load::Pull => layers.size() * operations as u64,
        Load::ManifestGet | Load::ManifestHead => 0,
    };
    Ok(Measured {
        elapsed,
        latencies,
        bytes,
    })
}

fn operate(
    load: Load,
    connection: &mut Connection,
    repository: &str,
    layers: &Layers,
    layer: Option<&Layer>,
) -> Result<(), ClientError> {
    let accept = format!("Accept: {MANIFEST}\r\n");
    let manifest = format!("/v2/{repository}/manifests/latest");
    match (load, layer) {
        (Load::Push, Some(layer)) => push(connection, repository, layers, layer),
        (Load::Pull, Some(layer)) => {
            let target = format!("/v2/{repository}/blobs/{}", layer.digest);
            let answer = connection.send("GET", &target, "", &[], 200)?;
            if answer.body_bytes == layers.size() {
                Ok(())
            } else {
                Err(ClientError::Malformed {
                    request: format!("GET {target}"),
                    what: "wrong length",
                })
            }
        }
        (Load::ManifestGet, _) => connection.send("GET", &manifest, &accept, &[], 200).map(drop),
        (Load::ManifestHead, _) => connection.send("HEAD", &manifest, &accept, &[], 200).map(drop),
        (Load::Push | Load::Pull, None) => Err(ClientError::Malformed {
            request: load.name().to_owned(),
            what: "no layers to move",
        }),
    }
}
