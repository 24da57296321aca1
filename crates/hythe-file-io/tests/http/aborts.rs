//! Clients that leave.

use std::time::Duration;

use crate::server::{Server, get};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_clients_that_leave() {
    let mut server = Server::start(8 * 1024 * 1024).await;
    let (descriptors, mappings) = server.uses();
    assert_eq!(mappings, 0);
    for number in 0..200 {
        let mut client = server.connect().await;
        client.ask(&get(number, 8_000_000)).await;
        for _ in 0..number % 3 {
            client.receive().await.unwrap();
        }
        if number % 2 == 0 {
            // Closing with unread bytes, or with this, is a reset; otherwise the stream just ends.
            client.stream.set_zero_linger().unwrap();
        }
        drop(client);
    }
    for _ in 0..200 {
        // Whether a connection failed or was sent into the void makes no difference.
        let ended = tokio::time::timeout(Duration::from_secs(60), server.ended.recv());
        let _ = ended.await.unwrap().unwrap();
    }
    assert_eq!(server.uses(), (descriptors, 0));
}
