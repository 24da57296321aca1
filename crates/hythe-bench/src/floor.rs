//! The least that a load can cost here: the same client against something that is no registry.
//!
//! What a small request takes on a machine where client and server share two cores is mostly the sockets and the
//! waking of whoever sleeps; what a push takes is mostly the disk. Rows measured here say how much of a registry's
//! figures that is.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Barrier;
use std::time::Instant;

use crate::BoxError;
use crate::content::{Layer, Layers};
use crate::scenario::{self, Clients, Load, Measured, Place};
use crate::server::{Figures, temporary};

/// How the rows are called.
pub(crate) const SOCKETS: &str = "nothing but sockets";
/// How the rows are called.
pub(crate) const DISK: &str = "nothing but files";

/// Bytes written at once.
const BLOCK_BYTES: usize = 1024 * 1024;

/// An answer as long as a registry's to a request for a small manifest.
const ANSWER_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 440\r\nPadding: ";
const ANSWER_BODY_BYTES: usize = 440;
const ANSWER_HEAD_BYTES: usize = 360;

/// Small requests to a thread that sends the same answer to everything.
pub(crate) fn requests(
    load: Load,
    clients: Clients,
    operations: usize,
    layers: &Layers,
) -> Result<(Measured, Figures), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let authority = listener.local_addr()?.to_string();
    let with_body = load != Load::ManifestHead;
    let connections = clients.connections;
    let measured = std::thread::scope(|scope| {
        scope.spawn(move || {
            for stream in listener.incoming().take(connections).flatten() {
                // What breaks here breaks for the client too, which says so.
                scope.spawn(move || answer_all(stream, with_body));
            }
        });
        let place = Place {
            authority: &authority,
            authorization: "",
            repository: "none",
        };
        scenario::run(load, place, clients, operations, layers, &[])
    })?;
    Ok((measured, Figures::default()))
}

fn answer_all(mut stream: TcpStream, with_body: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut answer = format!("{ANSWER_HEAD:x<0$}\r\n\r\n", ANSWER_HEAD_BYTES - 4).into_bytes();
    if with_body {
        answer.resize(ANSWER_HEAD_BYTES + ANSWER_BODY_BYTES, b' ');
    }
    let mut request = [0; 4096];
    // A request is sent with one call and comes as a whole.
    while stream.read(&mut request)? > 0 {
        stream.write_all(&answer)?;
    }
    Ok(())
}

/// The layers of a push written to files and synced, with no network and no digests.
pub(crate) fn files(
    connections: usize,
    layers: &Layers,
    chosen: &[Layer],
    folder: Option<&Path>,
) -> Result<(Measured, Figures), BoxError> {
    let root = temporary(folder)?;
    let barrier = Barrier::new(connections + 1);
    let (elapsed, outcomes) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|worker| {
                let (barrier, root) = (&barrier, root.path());
                scope.spawn(move || {
                    barrier.wait();
                    let mine = (worker..chosen.len()).step_by(connections);
                    let work = mine.map(|index| {
                        let begun = Instant::now();
                        let directory = root.join(index.to_string());
                        fs::create_dir(&directory)?;
                        write_file(&directory, layers, &chosen[index])?;
                        Ok(begun.elapsed())
                    });
                    work.collect::<io::Result<Vec<_>>>()
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
    let mut latencies = Vec::new();
    for outcome in outcomes {
        latencies.extend(outcome.map_err(|_| "a thread panicked")??);
    }
    let bytes = layers.size() * chosen.len() as u64;
    let measured = Measured {
        elapsed,
        latencies,
        bytes,
    };
    Ok((measured, Figures::default()))
}

fn write_file(directory: &Path, layers: &Layers, layer: &Layer) -> io::Result<()> {
    let mut file = File::create(directory.join("data"))?;
    file.write_all(&layer.mark)?;
    for block in layers.rest().chunks(BLOCK_BYTES) {
        file.write_all(block)?;
    }
    file.sync_data()?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_answered_and_every_layer_written() {
        let layers = Layers::new(1000);
        for load in [Load::ManifestGet, Load::ManifestHead] {
            let (measured, _) = requests(load, Clients::new(2), 10, &layers).unwrap();
            assert_eq!(measured.latencies.len(), 10);
        }
        let chosen = [layers.layer(0), layers.layer(1), layers.layer(2)];
        let (measured, _) = files(2, &layers, &chosen, None).unwrap();
        assert_eq!((measured.latencies.len(), measured.bytes), (3, 3000));
    }
}
