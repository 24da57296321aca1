//! Starting the registries, in turn, and measuring.

use std::path::{Path, PathBuf};

use hythe_testutil::{Configuration, ServerProcess};

use crate::client::Connection;
use crate::content::{Layer, Layers};
use crate::process::Process;
use crate::report::{MemoryRow, Row, memory_table, table};
use crate::scenario::{self, Load, Measured};

const MEBIBYTE: u64 = 1024 * 1024;

/// Bytes one run moves at least, unless that would be more than [`MAX_OPERATIONS`] operations.
const BYTES_PER_RUN: u64 = 1024 * MEBIBYTE;

/// Transfers of one run at most.
const MAX_OPERATIONS: u64 = 256;

/// Manifest requests of one run.
const SMALL_REQUESTS: usize = 20_000;

type BoxError = Box<dyn std::error::Error>;

/// Runs every load on every registry and renders the table.
pub(crate) fn compare(
    registries: &[(String, PathBuf)],
    folder: Option<&Path>,
    sizes: &[u64],
    connections: &[usize],
    rounds: usize,
) -> Result<String, BoxError> {
    let mut rows: Vec<Row> = Vec::new();
    for &size in sizes {
        let layers = Layers::new(size * MEBIBYTE);
        for &connections in connections {
            let operations = operations(size * MEBIBYTE, connections);
            let chosen: Vec<Layer> = (0..operations as u64)
                .map(|number| layers.layer(number))
                .collect();
            for round in 0..rounds {
                for (name, program) in in_turn(registries, round) {
                    let server = Server::start(program, folder)?;
                    for load in [Load::Push, Load::Pull] {
                        let measured = server.measure(load, connections, operations, &layers, &chosen)?;
                        Row::add(
                            &mut rows,
                            load,
                            &format!("{size} MiB"),
                            connections,
                            name,
                            measured,
                        );
                    }
                }
            }
        }
    }
    let layers = Layers::new(1024);
    let chosen = [layers.layer(0)];
    for &connections in connections {
        for round in 0..rounds {
            for (name, program) in in_turn(registries, round) {
                let server = Server::start(program, folder)?;
                let mut connection = Connection::open(server.process.authority())?;
                scenario::push(&mut connection, REPOSITORY, &layers, &chosen[0])?;
                scenario::push_manifest(&mut connection, REPOSITORY, &layers, &chosen[0])?;
                for load in [Load::ManifestGet, Load::ManifestHead] {
                    let measured = server.measure(load, connections, SMALL_REQUESTS, &layers, &chosen)?;
                    Row::add(&mut rows, load, "-", connections, name, measured);
                }
            }
        }
    }
    let names: Vec<&str> = registries.iter().map(|(name, _)| name.as_str()).collect();
    Ok(table(&rows, &names))
}

/// Pulls layers that are in memory, at most a GiB of them, from registries that stay up, and renders the table.
pub(crate) fn pull(
    registries: &[(String, PathBuf)],
    folder: Option<&Path>,
    sizes: &[u64],
    connections: &[usize],
    rounds: usize,
) -> Result<String, BoxError> {
    let names: Vec<&str> = registries.iter().map(|(name, _)| name.as_str()).collect();
    let mut rows: Vec<Row> = Vec::new();
    for &size in sizes {
        let layers = Layers::new(size * MEBIBYTE);
        let distinct = operations(size * MEBIBYTE, 1);
        let chosen: Vec<Layer> = (0..distinct as u64).map(|number| layers.layer(number)).collect();
        let servers = registries
            .iter()
            .map(|(_, program)| Server::start(program, folder))
            .collect::<Result<Vec<_>, _>>()?;
        for server in &servers {
            server.measure(Load::Push, 1, distinct, &layers, &chosen)?;
        }
        for &connections in connections {
            let operations = operations(size * MEBIBYTE, connections);
            for round in 0..rounds {
                for (name, server) in in_turn(&names.iter().zip(&servers).collect::<Vec<_>>(), round) {
                    let measured = server.measure(Load::Pull, connections, operations, &layers, &chosen)?;
                    Row::add(
                        &mut rows,
                        Load::Pull,
                        &format!("{size} MiB"),
                        connections,
                        name,
                        measured,
                    );
                }
            }
        }
    }
    Ok(table(&rows, &names))
}

/// Measures peak memory while many clients push and pull.
pub(crate) fn memory(
    registries: &[(String, PathBuf)],
    folder: Option<&Path>,
    clients: usize,
    size: u64,
) -> Result<String, BoxError> {
    let layers = Layers::new(size * MEBIBYTE);
    let chosen: Vec<Layer> = (0..clients as u64).map(|number| layers.layer(number)).collect();
    let mut rows = Vec::new();
    for (name, program) in registries {
        let server = Server::start(program, folder)?;
        for load in [Load::Push, Load::Pull] {
            let (measured, figures) = server.measure(load, clients, clients, &layers, &chosen)?;
            rows.push(MemoryRow {
                registry: name.clone(),
                load,
                clients,
                size_mebibytes: size,
                seconds: measured.elapsed.as_secs_f64(),
                peak_bytes: figures.peak_bytes,
            });
        }
    }
    Ok(memory_table(&rows))
}

/// The repository everything is pushed to.
const REPOSITORY: &str = "bench/load";

/// What the server used during one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Processor time in seconds.
    pub(crate) cpu_seconds: f64,
    /// Peak resident memory in bytes.
    pub(crate) peak_bytes: u64,
}

struct Server {
    process: ServerProcess,
    // Dropped after the process, with everything stored.
    _root: tempfile::TempDir,
}

impl Server {
    fn start(program: &Path, folder: Option<&Path>) -> Result<Self, BoxError> {
        let root = match folder {
            Some(folder) => tempfile::TempDir::new_in(folder)?,
            None => tempfile::TempDir::new()?,
        };
        let configuration = Configuration::filesystem(root.path())
            .set(&["log", "level"], "error".into())
            .set(&["log", "accesslog"], serde_json::json!({ "disabled": true }));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let process = runtime.block_on(ServerProcess::start(program, &configuration))?;
        Ok(Self { process, _root: root })
    }

    fn measure(
        &self,
        load: Load,
        connections: usize,
        operations: usize,
        layers: &Layers,
        chosen: &[Layer],
    ) -> Result<(Measured, Figures), BoxError> {
        let process = Process::new(self.process.process_id());
        process.reset_peak()?;
        let before = process.cpu_seconds()?;
        let authority = self.process.authority();
        let measured = scenario::run(
            load,
            authority,
            REPOSITORY,
            connections,
            operations,
            layers,
            chosen,
        )?;
        let figures = Figures {
            cpu_seconds: process.cpu_seconds()? - before,
            peak_bytes: process.peak_bytes()?,
        };
        Ok((measured, figures))
    }
}

/// How many layers one run moves: enough bytes to measure, and the same number on each connection.
fn operations(size: u64, connections: usize) -> usize {
    let wanted = (BYTES_PER_RUN / size).clamp(1, MAX_OPERATIONS) as usize;
    wanted.div_ceil(connections) * connections
}

/// The registries, beginning with another one each round.
fn in_turn<T>(registries: &[T], round: usize) -> impl Iterator<Item = &T> {
    let start = round % registries.len().max(1);
    registries[start..].iter().chain(&registries[..start])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_moves_the_same_number_of_layers() {
        assert_eq!(operations(MEBIBYTE, 16), 256);
        assert_eq!(operations(64 * MEBIBYTE, 1), 16);
        assert_eq!(operations(1024 * MEBIBYTE, 16), 16);
    }

    #[test]
    fn rounds_begin_with_another_registry() {
        let order = |round| in_turn(&["a", "b"], round).copied().collect::<String>();
        assert_eq!(
            (order(0), order(1), order(2)),
            ("ab".to_owned(), "ba".to_owned(), "ab".to_owned())
        );
    }
}
