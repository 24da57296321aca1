//! Files that have become shorter than was announced.

use std::error::Error;
use std::io;

use hythe_file_io::ShortFile;

use crate::server::{Server, get};

fn is_short_file(error: &(dyn Error + 'static)) -> bool {
    let is_it = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        .is_some_and(|inner| inner.downcast_ref::<ShortFile>().is_some());
    is_it || error.source().is_some_and(is_short_file)
}

#[tokio::test]
async fn a_file_cut_before_the_answer_ends_the_connection() {
    let mut server = Server::start(1_000_000).await;
    let mut client = server.connect().await;
    server.file.as_file().set_len(500_000).unwrap();
    client.ask(&get(1, 999_999)).await;
    let head = client.head().await.unwrap();
    assert!(head.contains("content-length: 999999"), "{head}");
    let received = loop {
        if let Err(received) = client.receive().await {
            break received;
        }
    };
    assert!(received == server.content[1..500_000], "{}", received.len());
    let ended = server.ended.recv().await.unwrap();
    assert!(is_short_file(&ended.unwrap_err()));
}

#[tokio::test]
async fn a_file_cut_while_it_is_sent_ends_the_connection() {
    const LENGTH: usize = 64 << 20;
    let mut server = Server::start(LENGTH).await;
    let mut client = server.connect().await;
    client.ask(&get(0, LENGTH)).await;
    client.head().await.unwrap();
    client.receive().await.unwrap();
    server.file.as_file().set_len(1000).unwrap();
    let received = loop {
        if let Err(received) = client.receive().await {
            break received;
        }
    };
    // Pages that were on their way keep what they had, or show the zeros behind the new end; no more than that comes.
    assert!(received.len() < LENGTH);
    assert!(received[..1000] == server.content[..1000]);
    let ended = server.ended.recv().await.unwrap();
    assert!(is_short_file(&ended.unwrap_err()));
    // Nobody else is harmed.
    let mut client = server.connect().await;
    server.check(&mut client, 0, 1000).await;
}
