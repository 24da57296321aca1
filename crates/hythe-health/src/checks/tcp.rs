use std::io;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;

use crate::check::{Check, Down};

/// That a TCP port takes connections.
#[derive(Debug, Clone)]
pub struct TcpCheck {
    address: String,
    timeout: Option<Duration>,
}

impl TcpCheck {
    /// Of `host:port`; an empty host is this machine. `timeout` is for one connection.
    pub fn new(address: impl Into<String>, timeout: Option<Duration>) -> Self {
        Self {
            address: address.into(),
            timeout,
        }
    }

    async fn connect(&self) -> io::Result<()> {
        let address = match self.address.strip_prefix(':') {
            Some(port) => format!("localhost:{port}"),
            None => self.address.clone(),
        };
        let connecting = TcpStream::connect(address);
        match self.timeout {
            Some(timeout) => tokio::time::timeout(timeout, connecting).await??,
            None => connecting.await?,
        };
        Ok(())
    }
}

#[async_trait]
impl Check for TcpCheck {
    async fn check(&self) -> Result<(), Down> {
        let connected = self.connect().await;
        connected.map_err(|error| Down::because(format!("{}: connection failed", self.address), &error))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_a_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let check = TcpCheck::new(address.to_string(), Some(Duration::from_secs(60)));
        assert_eq!(check.check().await, Ok(()));
        let by_port = TcpCheck::new(format!(":{}", address.port()), None);
        assert_eq!(by_port.check().await, Ok(()));
        drop(listener);
        let down = check.check().await.unwrap_err().to_string();
        assert!(
            down.starts_with(&format!("{address}: connection failed: ")),
            "{down}"
        );
    }
}
