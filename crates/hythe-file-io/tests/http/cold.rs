//! Files that are not in memory.

use rustix::fs::{Advice, fadvise};

use crate::server::{Server, get};

const LENGTH: usize = 3 << 20;

/// Takes the file out of memory, where the file system lets it.
fn forget(server: &Server) {
    fadvise(server.file.as_file(), 0, None, Advice::DontNeed).unwrap();
}

#[tokio::test]
async fn a_cold_file_is_sent_whole() {
    let server = Server::start(LENGTH).await;
    for (offset, length) in [(0, LENGTH), (70_001, LENGTH - 70_001), (LENGTH - 1, 1)] {
        forget(&server);
        let mut client = server.connect().await;
        server.check(&mut client, offset, length).await;
    }
}

#[tokio::test]
async fn a_file_with_a_hole_in_memory_is_sent_whole() {
    let server = Server::start(LENGTH).await;
    let hole = std::num::NonZero::new(256 * 1024);
    fadvise(server.file.as_file(), 1 << 20, hole, Advice::DontNeed).unwrap();
    let mut client = server.connect().await;
    server.check(&mut client, 0, LENGTH).await;
}

#[tokio::test]
async fn cold_files_on_many_connections_and_clients_that_leave() {
    let server = Server::start(LENGTH).await;
    forget(&server);
    let mut clients = Vec::new();
    for number in 0..8 {
        let mut client = server.connect().await;
        client.ask(&get(number, LENGTH - 8)).await;
        let mut leaving = server.connect().await;
        leaving.ask(&get(number, LENGTH - 8)).await;
        leaving.stream.set_zero_linger().unwrap();
        drop(leaving);
        clients.push(client);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        server.check_answer(client, number, LENGTH - 8).await;
    }
}
