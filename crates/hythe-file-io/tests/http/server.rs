//! A server that sends ranges of one file, and a client that reads them.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hythe_file_io::{FileStream, FileTable, Limits};
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// So small that every answer takes several writes, and every cold one several windows.
const LIMITS: Limits = Limits {
    sent_bytes: 64 * 1024,
    warm_up_bytes: 128 * 1024,
};

/// A server of one file at `/OFFSET/LENGTH`; `/` is a short text instead.
pub(crate) struct Server {
    pub(crate) file: NamedTempFile,
    pub(crate) content: Vec<u8>,
    pub(crate) address: std::net::SocketAddr,
    /// How each connection ended.
    pub(crate) ended: mpsc::UnboundedReceiver<Result<(), hyper::Error>>,
}

/// What `/` answers.
pub(crate) const TEXT: &str = "no file";

impl Server {
    /// With a file of this many bytes, on the disk of the build.
    pub(crate) async fn start(length: usize) -> Self {
        let content: Vec<u8> = (0..length as u32)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let mut file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        file.write_all(&content).unwrap();
        file.as_file().sync_all().unwrap();
        let shared: Arc<OwnedFd> = Arc::new(File::open(file.path()).unwrap().into());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, end) = (shared.clone(), end.clone());
                tokio::spawn(async move {
                    // The test may have all it wants to know.
                    let _ = end.send(serve(stream, shared).await);
                });
            }
        });
        Self {
            file,
            content,
            address,
            ended,
        }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// Asks for a range and compares every byte of it.
    pub(crate) async fn check(&self, client: &mut Client, offset: usize, length: usize) {
        client.ask(&get(offset, length)).await;
        self.check_answer(client, offset, length).await;
    }

    /// Compares an answer that was asked for before.
    pub(crate) async fn check_answer(&self, client: &mut Client, offset: usize, length: usize) {
        let (head, body) = client.answer().await.unwrap();
        assert!(head.contains(" 200 "), "{head}");
        assert!(
            body == self.content[offset..offset + length],
            "{offset} {length}: {} bytes",
            body.len()
        );
    }

    /// How many descriptors and mappings of the file this process has.
    pub(crate) fn uses(&self) -> (usize, usize) {
        let path = self.file.path();
        let descriptors = fs::read_dir("/proc/self/fd").unwrap();
        let descriptors = descriptors
            .filter(|entry| fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|to| to == path));
        (descriptors.count(), mappings(path))
    }
}

fn mappings(path: &Path) -> usize {
    let mut maps = String::new();
    File::open("/proc/self/maps")
        .unwrap()
        .read_to_string(&mut maps)
        .unwrap();
    maps.matches(path.to_str().unwrap()).count()
}

/// A request for a range.
pub(crate) fn get(offset: usize, length: usize) -> String {
    format!("GET /{offset}/{length} HTTP/1.1\r\nHost: a\r\n\r\n")
}

async fn serve(stream: TcpStream, file: Arc<OwnedFd>) -> Result<(), hyper::Error> {
    let stream = FileStream::new(stream, LIMITS);
    let files = stream.files();
    http1::Builder::new()
        .half_close(true)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| {
                let answer = answer(&request, &files, &file);
                async move { Ok::<_, Infallible>(answer) }
            }),
        )
        .await
}

fn answer(request: &Request<Incoming>, files: &FileTable, file: &Arc<OwnedFd>) -> Response<Full<Bytes>> {
    let mut numbers = request
        .uri()
        .path()
        .split('/')
        .filter_map(|text| text.parse::<u64>().ok());
    let body = match (numbers.next(), numbers.next()) {
        (Some(offset), Some(length)) => files.register(file.clone(), offset, length).unwrap(),
        _ => Bytes::from_static(TEXT.as_bytes()),
    };
    Response::new(Full::new(body))
}

/// A client that knows of HTTP what is needed here.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
    /// Bytes read at once at most.
    pub(crate) step: usize,
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: Vec::new(),
            step: 1024 * 1024,
        }
    }

    pub(crate) async fn ask(&mut self, request: &str) {
        use tokio::io::AsyncWriteExt as _;
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// Head and body of the next answer; or what came of them, when the connection ended before.
    pub(crate) async fn answer(&mut self) -> Result<(String, Vec<u8>), Vec<u8>> {
        let head = self.head().await?;
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |text| text.parse().unwrap());
        while self.received.len() < length {
            self.receive().await?;
        }
        Ok((head, self.received.drain(..length).collect()))
    }

    /// The head of the next answer.
    pub(crate) async fn head(&mut self) -> Result<String, Vec<u8>> {
        loop {
            let end = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                let head = self.received.drain(..end + 4).collect();
                return Ok(String::from_utf8(head).unwrap());
            }
            self.receive().await?;
        }
    }

    /// Waits for more; when there is no more, gives what came.
    pub(crate) async fn receive(&mut self) -> Result<(), Vec<u8>> {
        use tokio::io::AsyncReadExt as _;
        let mut piece = vec![0; self.step];
        match self.stream.read(&mut piece).await {
            Ok(count @ 1..) => {
                self.received.extend_from_slice(&piece[..count]);
                Ok(())
            }
            Ok(0) | Err(_) => Err(std::mem::take(&mut self.received)),
        }
    }
}
