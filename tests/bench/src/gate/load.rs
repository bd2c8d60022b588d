//! Connections that download one file over and over, on one thread. What
//! arrives is counted and thrown away; once for each server it is compared.

use super::Target;
use super::files::{Check, Files, Size};
use crate::Error;
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Read at a time, as much as a socket usually holds.
const PIECE: usize = 256 * 1024;
/// Before the clock starts.
const WARM_UP: Duration = Duration::from_millis(300);

/// How hard and how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections.
    pub concurrency: usize,
    /// Time on the clock.
    pub measured: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Files that were whole, in a second.
    pub per_second: f64,
    /// Bytes of files, in a second.
    pub bytes_per_second: f64,
    /// Processor time of the server for a gigabyte, in milliseconds.
    pub cpu: f64,
}

/// A kept connection, at the start of a body.
pub(super) struct Download {
    stream: TcpStream,
    piece: Vec<u8>,
    /// Bytes of the body in `piece`, unread by the caller.
    ready: usize,
    left: u64,
}

impl Download {
    pub(super) async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await;
        Ok(Self {
            stream: stream.map_err(|error| Error::new("connecting", error))?,
            piece: vec![0; PIECE],
            ready: 0,
            left: 0,
        })
    }

    /// Sends a request and reads the head of its answer: 200, and so long.
    pub(super) async fn ask(&mut self, request: &[u8], expected: u64) -> Result<(), Error> {
        let broken = |error: std::io::Error| Error::new("the connection broke", error);
        self.stream.write_all(request).await.map_err(broken)?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.piece[filled..]).await;
            let read = read.map_err(broken)?;
            filled += read;
            let end = self.piece[..filled]
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head = String::from_utf8_lossy(&self.piece[..end]).to_ascii_lowercase();
                let length = format!("\r\ncontent-length: {expected}");
                if !head.starts_with("http/1.1 200") || !head.contains(&length) {
                    return Err(Error::new("not the file", head));
                }
                self.piece.copy_within(end + 4..filled, 0);
                self.ready = filled - end - 4;
                self.left = expected;
                return Ok(());
            }
            if read == 0 || filled == self.piece.len() {
                return Err(Error::say("the server closed the connection in the head"));
            }
        }
    }

    /// The next bytes of the body; none at its end.
    pub(super) async fn next(&mut self) -> Result<&[u8], Error> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let mut count = std::mem::take(&mut self.ready);
        if count == 0 {
            let read = self.stream.read(&mut self.piece).await;
            count = read.map_err(|error| Error::new("the connection broke", error))?;
        }
        if count == 0 {
            let left = self.left;
            return Err(Error::say(format!("cut short {left} bytes before its end")));
        }
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| Error::say("more bytes than the answer's own length"))?;
        Ok(&self.piece[..count])
    }
}

/// One download, compared with the file.
///
/// # Errors
/// [`Error`] when it is another.
pub async fn verify(target: &Target, files: &Files, size: Size, check: Check) -> Result<(), Error> {
    let mut download = Download::open(target.address).await?;
    download
        .ask(&files.request(size, check), size.bytes())
        .await?;
    let mut digest = Sha256::new();
    loop {
        let piece = download.next().await?;
        if piece.is_empty() {
            break;
        }
        digest.update(piece);
    }
    let found: [u8; 32] = digest.finalize().into();
    if found == files.digest(size)? {
        Ok(())
    } else {
        Err(Error::say(format!(
            "other bytes than those of {}",
            size.name()
        )))
    }
}

#[derive(Default)]
struct Counted {
    files: Cell<u64>,
    bytes: Cell<u64>,
    recording: Cell<bool>,
}

/// Puts a server under load. For a [`tokio::task::LocalSet`].
///
/// # Errors
/// [`Error`] with the first answer that is not the file.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts and times far below 2^53"
)]
pub async fn measure(
    target: &Target,
    request: &[u8],
    size: u64,
    load: Load,
) -> Result<Figures, Error> {
    let counted = Rc::new(Counted::default());
    // Dropped with all its connections in the middle of what they download.
    let mut connections = JoinSet::new();
    for _ in 0..load.concurrency {
        let (request, counted) = (request.to_vec(), counted.clone());
        let address = target.address;
        connections.spawn_local(async move {
            let mut download = Download::open(address).await?;
            loop {
                download.ask(&request, size).await?;
                loop {
                    let count = download.next().await?.len() as u64;
                    if counted.recording.get() {
                        counted.bytes.update(|bytes| bytes + count);
                        counted.files.update(|files| files + u64::from(count == 0));
                    }
                    if count == 0 {
                        break;
                    }
                }
            }
        });
    }
    let watch = async {
        sleep(WARM_UP).await;
        let (cpu, started) = (target.processor_time()?, Instant::now());
        counted.recording.set(true);
        sleep(load.measured).await;
        let cpu = target.processor_time()?.saturating_sub(cpu);
        Ok::<_, Error>((started.elapsed(), cpu))
    };
    let (elapsed, cpu) = tokio::select! {
        watched = watch => watched?,
        Some(ended) = connections.join_next() => {
            let ended: Result<Result<(), Error>, _> = ended;
            ended.map_err(|error| Error::new("a connection", error))??;
            return Err(Error::say("a connection ended before its time"));
        }
    };
    let (files, bytes) = (counted.files.get() as f64, counted.bytes.get() as f64);
    if bytes == 0.0 {
        return Err(Error::say("not one byte arrived in time"));
    }
    Ok(Figures {
        per_second: files / elapsed.as_secs_f64(),
        bytes_per_second: bytes / elapsed.as_secs_f64(),
        cpu: cpu.as_secs_f64() * 1e3 / (bytes / 1e9),
    })
}
