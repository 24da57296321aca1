//! What is listened on: a TCP port, a Unix socket, or a socket that systemd opened.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hythe_configuration::sections::http::Net;
use listenfd::ListenFd;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use super::connection::Accepted;

/// How long a silent connection stays before the kernel asks whether the peer is still there, as in distribution.
const KEEP_ALIVE: Duration = Duration::from_secs(3 * 60);

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    /// A TCP port.
    Tcp(TcpListener, SocketAddr),
    /// A Unix socket. The file goes with the listener, unless somebody else made it.
    Unix(UnixListener, SocketFile),
}

/// The file of a Unix socket.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    is_ours: bool,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_ours
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), error = %error, "the socket's file stays");
        }
    }
}

impl Listener {
    /// Takes the socket that systemd passed, if there is one, as distribution does; else listens on `address`.
    pub(crate) async fn open(net: Net, address: &str) -> io::Result<Self> {
        if let Some(passed) = Self::passed()? {
            return Ok(passed);
        }
        match net {
            Net::Tcp => {
                let (inner, address) = bind(address).await?;
                Ok(Self::Tcp(inner, address))
            }
            Net::Unix => Self::bind_unix(Path::new(address)).await,
        }
    }

    /// The socket of `LISTEN_FDS` (sd_listen_fds(3)).
    fn passed() -> io::Result<Option<Self>> {
        let mut passed = ListenFd::from_env();
        match passed.len() {
            0 => return Ok(None),
            1 => {}
            several => {
                let message = format!("systemd passed {several} sockets, only one can be served");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        }
        if let Ok(Some(listener)) = passed.take_tcp_listener(0) {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            return Ok(Some(Self::Tcp(TcpListener::from_std(listener)?, address)));
        }
        let Some(listener) = passed.take_unix_listener(0)? else {
            return Ok(None);
        };
        listener.set_nonblocking(true)?;
        let path = listener.local_addr()?.as_pathname().map(Path::to_owned);
        let file = SocketFile {
            path: path.unwrap_or_default(),
            is_ours: false,
        };
        Ok(Some(Self::Unix(UnixListener::from_std(listener)?, file)))
    }

    /// Listens on a Unix socket. What a registry that was killed left behind is removed; a socket on which somebody
    /// answers, or another kind of file, is not.
    async fn bind_unix(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(found) if !found.file_type().is_socket() => {
                let message = "a file that is no socket is in the way";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            Ok(_) => {
                if tokio::net::UnixStream::connect(path).await.is_ok() {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                fs::remove_file(path)?;
            }
        }
        let file = SocketFile {
            path: path.to_owned(),
            is_ours: true,
        };
        Ok(Self::Unix(UnixListener::bind(path)?, file))
    }

    /// The address, if it is one of TCP.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(_, address) => Some(*address),
            Self::Unix(..) => None,
        }
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener, _) => {
                let (stream, peer) = listener.accept().await?;
                prepare(&stream);
                // An IPv4 peer of a socket for both families is shown as what it is.
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix(listener, _) => {
                let (stream, _unnamed) = listener.accept().await?;
                Ok(Accepted::Unix(stream))
            }
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(_, address) => address.fmt(f),
            Self::Unix(_, file) => file.path.display().fmt(f),
        }
    }
}

/// Listens on `host:port` as distribution writes it: an empty host means every address, an empty text a port of the
/// system's choice.
pub(crate) async fn bind(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
    let address = match address {
        "" => "[::]:0".to_owned(),
        text if text.starts_with(':') => format!("[::]{text}"),
        text => text.to_owned(),
    };
    let bound = match TcpListener::bind(&address).await {
        // A host without IPv6: an empty host then means every IPv4 address.
        Err(error) if address.starts_with("[::]:") && error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(address.replace("[::]", "0.0.0.0")).await
        }
        bound => bound,
    };
    let listener = bound?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Sets what makes a connection better; it works without.
fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE);
    let set = stream
        .set_nodelay(true)
        .and_then(|()| socket.set_tcp_keepalive(&keep_alive));
    if let Err(error) = set {
        tracing::debug!(error = %error, "the options of a connection cannot be set");
    }
}
