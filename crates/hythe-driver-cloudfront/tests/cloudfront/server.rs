//! A server that gives everybody the same answer.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(crate) struct Server {
    url: String,
    answer: Arc<Mutex<String>>,
    asked: watch::Receiver<u64>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ip-ranges.json", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(String::new()));
        let (asks, asked) = watch::channel(0);
        let current = answer.clone();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(connection.read_u8().await.unwrap());
                }
                let answer = current.lock().unwrap().clone();
                connection.write_all(answer.as_bytes()).await.unwrap();
                asks.send_modify(|count| *count += 1);
            }
        });
        Self { url, answer, asked }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What is answered from now on.
    pub(crate) fn answer(&self, status: u16, body: &str) {
        let length = body.len();
        *self.answer.lock().unwrap() = format!(
            "HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
    }

    /// Waits for so many more requests.
    pub(crate) async fn asked(&mut self, times: u64) {
        let until = *self.asked.borrow() + times;
        self.asked.wait_for(|count| *count >= until).await.unwrap();
    }
}
