//! Answers that arrive whole.

use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

use crate::server::{Client, Server, TEXT, get};

const PAGE: usize = 4096;
const MEBIBYTE: usize = 1024 * 1024;

#[tokio::test]
async fn ranges_that_begin_and_end_anywhere() {
    let server = Server::start(MEBIBYTE + 17).await;
    let mut client = server.connect().await;
    let all = server.content.len();
    for (offset, length) in [
        (0, all),
        (0, 1),
        (1, all - 1),
        (all - 1, 1),
        (PAGE - 1, 2),
        (PAGE, PAGE),
        (PAGE + 1, 64 * 1024),
        (12_345, 65_537),
        (300_001, 700_000),
    ] {
        server.check(&mut client, offset, length).await;
    }
    assert_eq!(server.uses().1, 0);
}

#[tokio::test]
async fn files_and_other_bodies_in_turn_on_one_connection() {
    let server = Server::start(300_000).await;
    let mut client = server.connect().await;
    for number in 0..20 {
        client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let (_, body) = client.answer().await.unwrap();
        assert_eq!(body, TEXT.as_bytes());
        server.check(&mut client, number * 1000, 200_000).await;
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(MEBIBYTE).await;
    let mut client = server.connect().await;
    let range = |number: usize| (number * 12_347, 1 + number * 20_011);
    let requests: String = (0..24)
        .map(|number| get(range(number).0, range(number).1))
        .collect();
    client.ask(&requests).await;
    for number in 0..24 {
        server
            .check_answer(&mut client, range(number).0, range(number).1)
            .await;
    }
}

#[tokio::test]
async fn many_connections_send_the_same_file_at_once() {
    let server = Server::start(MEBIBYTE).await;
    let mut clients = Vec::new();
    for number in 0..16 {
        let mut client = server.connect().await;
        client.ask(&get(number, MEBIBYTE - 16)).await;
        clients.push(client);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        server.check_answer(client, number, MEBIBYTE - 16).await;
    }
}

#[tokio::test]
async fn a_client_that_takes_little_at_once() {
    let server = Server::start(MEBIBYTE).await;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(PAGE).unwrap();
    socket.connect(&server.address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut client = Client::new(TcpStream::from_std(socket.into()).unwrap());
    client.step = 1000;
    server.check(&mut client, 5, MEBIBYTE - 5).await;
    server.check(&mut client, 0, 3).await;
}

#[tokio::test]
async fn connections_that_end_after_the_answer() {
    let server = Server::start(MEBIBYTE).await;
    for head in ["HTTP/1.1\r\nHost: a\r\nConnection: close", "HTTP/1.0"] {
        let mut client = server.connect().await;
        client
            .ask(&format!("GET /3/{} {head}\r\n\r\n", MEBIBYTE - 3))
            .await;
        let (_, body) = client.answer().await.unwrap();
        assert!(body == server.content[3..], "{head}");
        assert_eq!(client.receive().await, Err(Vec::new()), "{head}");
    }
}

#[tokio::test]
async fn a_client_that_sends_no_more_gets_its_answer() {
    use tokio::io::AsyncWriteExt as _;
    let server = Server::start(4 * MEBIBYTE).await;
    let mut client = server.connect().await;
    client.ask(&get(0, 4 * MEBIBYTE)).await;
    client.stream.shutdown().await.unwrap();
    server.check_answer(&mut client, 0, 4 * MEBIBYTE).await;
}

#[tokio::test]
async fn a_head_alone_is_followed_by_the_next_answer() {
    let server = Server::start(MEBIBYTE).await;
    let mut client = server.connect().await;
    client.ask(&get(0, MEBIBYTE).replace("GET", "HEAD")).await;
    let head = client.head().await.unwrap();
    assert!(head.contains("content-length: 1048576"), "{head}");
    server.check(&mut client, 0, MEBIBYTE).await;
    assert_eq!(server.uses().1, 0);
}
