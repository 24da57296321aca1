//! The measurements, each on all registries in turn.

use std::path::{Path, PathBuf};

use crate::BoxError;
use crate::content::{Layer, Layers};
use crate::floor;
use crate::login::Login;
use crate::report::{MemoryRow, Row, memory_table, table};
use crate::scenario::{Clients, Load};
use crate::server::Server;

const MEBIBYTE: u64 = 1024 * 1024;

/// Bytes one run moves at least, unless that would be more than [`MAX_OPERATIONS`] operations.
const BYTES_PER_RUN: u64 = 1024 * MEBIBYTE;

/// Transfers of one run at most.
const MAX_OPERATIONS: u64 = 256;

/// Manifest requests of one run.
const SMALL_REQUESTS: usize = 20_000;

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
                        let measured =
                            server.measure(load, Clients::new(connections), operations, &layers, &chosen)?;
                        Row::add(
                            &mut rows,
                            load,
                            &format!("{size} MiB"),
                            Clients::new(connections),
                            name,
                            measured,
                        );
                    }
                }
            }
        }
    }
    let asleep = connections.iter().map(|&connections| Clients::new(connections));
    let open = registries
        .iter()
        .map(|(name, program)| (name.clone(), program, None));
    requests(&mut rows, &open.collect::<Vec<_>>(), folder, asleep, rounds)?;
    let names: Vec<&str> = registries.iter().map(|(name, _)| name.as_str()).collect();
    Ok(table(&rows, &names))
}

/// Requests for a manifest by tag, from registries that stay up, and beside them from no registry.
pub(crate) fn manifests(
    registries: &[(String, PathBuf)],
    folder: Option<&Path>,
    user: Option<&Login>,
    clients: impl Iterator<Item = Clients>,
    rounds: usize,
) -> Result<String, BoxError> {
    let mut rows: Vec<Row> = Vec::new();
    let mut entrances: Vec<Entrance<'_>> = Vec::new();
    for (name, program) in registries {
        entrances.push((name.clone(), program, None));
        if user.is_some() {
            entrances.push((format!("{name}, htpasswd"), program, user));
        }
    }
    requests(&mut rows, &entrances, folder, clients, rounds)?;
    let names = entrances.iter().map(|(name, ..)| name.as_str());
    let names: Vec<&str> = names.chain([floor::SOCKETS]).collect();
    Ok(table(&rows, &names))
}

/// The name in the table, a program, and who has to log in.
type Entrance<'a> = (String, &'a PathBuf, Option<&'a Login>);

fn requests(
    rows: &mut Vec<Row>,
    registries: &[Entrance<'_>],
    folder: Option<&Path>,
    clients: impl Iterator<Item = Clients>,
    rounds: usize,
) -> Result<(), BoxError> {
    let layers = Layers::new(1024);
    let chosen = [layers.layer(0)];
    let mut servers = Vec::new();
    for (name, program, user) in registries {
        let server = Server::start_for(program, folder, *user)?;
        server.push_image(&layers, &chosen[0])?;
        servers.push((name.as_str(), Some(server)));
    }
    servers.push((floor::SOCKETS, None));
    for clients in clients {
        for load in [Load::ManifestGet, Load::ManifestHead] {
            for round in 0..rounds {
                for (name, server) in in_turn(&servers, round) {
                    let measured = match server {
                        Some(server) => server.measure(load, clients, SMALL_REQUESTS, &layers, &chosen)?,
                        None => floor::requests(load, clients, SMALL_REQUESTS, &layers)?,
                    };
                    Row::add(rows, load, "-", clients, name, measured);
                }
            }
        }
    }
    Ok(())
}

/// Pushes alone, and beside them the same bytes written to files.
pub(crate) fn push(
    registries: &[(String, PathBuf)],
    folder: Option<&Path>,
    sizes: &[u64],
    connections: &[usize],
    rounds: usize,
) -> Result<String, BoxError> {
    let registered = registries
        .iter()
        .map(|(name, program)| (name.as_str(), Some(program)));
    let pushed_to: Vec<_> = registered.chain([(floor::DISK, None)]).collect();
    let mut rows: Vec<Row> = Vec::new();
    for &size in sizes {
        let layers = Layers::new(size * MEBIBYTE);
        for &connections in connections {
            let operations = operations(size * MEBIBYTE, connections);
            let numbers = 0..operations as u64;
            let chosen: Vec<Layer> = numbers.map(|number| layers.layer(number)).collect();
            let clients = Clients::new(connections);
            for round in 0..rounds {
                for (name, program) in in_turn(&pushed_to, round) {
                    let measured = match program {
                        Some(program) => {
                            let server = Server::start(program, folder)?;
                            server.measure(Load::Push, clients, operations, &layers, &chosen)?
                        }
                        None => floor::files(connections, &layers, &chosen, folder)?,
                    };
                    Row::add(
                        &mut rows,
                        Load::Push,
                        &format!("{size} MiB"),
                        clients,
                        name,
                        measured,
                    );
                }
            }
        }
    }
    let names: Vec<&str> = pushed_to.iter().map(|(name, _)| *name).collect();
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
            server.measure(Load::Push, Clients::new(1), distinct, &layers, &chosen)?;
        }
        for &connections in connections {
            let operations = operations(size * MEBIBYTE, connections);
            for round in 0..rounds {
                for (name, server) in in_turn(&names.iter().zip(&servers).collect::<Vec<_>>(), round) {
                    let measured = server.measure(
                        Load::Pull,
                        Clients::new(connections),
                        operations,
                        &layers,
                        &chosen,
                    )?;
                    Row::add(
                        &mut rows,
                        Load::Pull,
                        &format!("{size} MiB"),
                        Clients::new(connections),
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
            let (measured, figures) =
                server.measure(load, Clients::new(clients), clients, &layers, &chosen)?;
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
