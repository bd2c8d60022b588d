//! A receiver of webhooks on loopback: keeps what arrives, and answers as a case asks, each
//! under a path of its own.

use super::StartError;
use bytes::Bytes;
use http::HeaderMap;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// What the receiver does with one request.
#[derive(Debug, Clone, Copy)]
pub enum Answering {
    /// Answers with this status.
    Status(u16),
    /// Leads to another path of itself.
    Redirect,
    /// Says yes, and then never sends the body that it promised.
    HeadOnly,
    /// Says yes with a body of 64 MB.
    Large,
    /// Says yes, and then sends a byte a second.
    Drips,
    /// Never answers.
    Silent,
    /// Says yes, and ends the connection within the body.
    BreaksOff,
    /// Ends the connection without an answer.
    HangsUp,
}

/// The length of [`Answering::Large`], and what it is made of.
const LARGE: usize = 64 << 20;
static PART: [u8; 64 << 10] = [b'x'; 64 << 10];

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

#[derive(Default)]
struct State {
    arrived: BTreeMap<String, Vec<Arrived>>,
    answers: BTreeMap<String, VecDeque<Answering>>,
}

impl State {
    fn of(shared: &Mutex<Self>) -> std::sync::MutexGuard<'_, Self> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiver, on a thread and a runtime of its own; it ends when it is dropped.
pub struct WebhookReceiver {
    base_url: String,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WebhookReceiver {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// [`StartError`] when the machine gives no port or no thread.
    pub fn start() -> Result<Self, StartError> {
        Self::listen().map_err(|error| StartError::new("the receiver of webhooks", error))
    }

    fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let state = Arc::<Mutex<State>>::default();
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serving = state.clone();
        let thread = std::thread::Builder::new()
            .name("webhook-receiver".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = accept(listener, serving) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            base_url: format!("http://{address}"),
            state,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Its origin.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What it does with the next requests under a path; it says yes to those after.
    pub fn answer(&self, path: &str, answers: impl IntoIterator<Item = Answering>) {
        let mut state = State::of(&self.state);
        let all = state.answers.entry(path.to_owned()).or_default();
        all.extend(answers);
    }

    /// What has arrived under a path.
    #[must_use]
    pub fn arrived(&self, path: &str) -> Vec<Arrived> {
        State::of(&self.state)
            .arrived
            .get(path)
            .cloned()
            .unwrap_or_default()
    }
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Mutex<State>>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, shared.clone()));
            }
            // No descriptor is free at this moment, or the connection ended while it waited.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Mutex<State>>) -> io::Result<()> {
    let (path, arrived) = match read(&mut stream).await {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            let refusal = b"HTTP/1.1 411 Length Required\r\nconnection: close\r\n\r\n";
            return stream.write_all(refusal).await;
        }
        Err(error) => return Err(error),
    };
    let answering = {
        let mut state = State::of(&shared);
        let all = state.arrived.entry(path.clone()).or_default();
        all.push(arrived);
        let next = state.answers.get_mut(&path).and_then(VecDeque::pop_front);
        next.unwrap_or(Answering::Status(200))
    };
    let head = |status: u16, more: &str, length: usize| -> String {
        format!(
            "HTTP/1.1 {status} Played\r\nconnection: close\r\n{more}content-length: {length}\r\n\r\n"
        )
    };
    let answer = match answering {
        Answering::Status(status) => head(status, "", 2) + "ok",
        Answering::Redirect => head(302, "location: /elsewhere\r\n", 0),
        Answering::HeadOnly | Answering::BreaksOff | Answering::Drips => {
            head(200, "", 1_000) + "the beginning"
        }
        Answering::Large => head(200, "", LARGE),
        Answering::Silent => String::new(),
        Answering::HangsUp => return Ok(()),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await?;
    // One that has read enough closes the connection, which ends these.
    match answering {
        Answering::HeadOnly | Answering::Silent => {
            let _ = stream.read(&mut [0; 1]).await;
        }
        Answering::Large => {
            for _ in 0..LARGE / PART.len() {
                stream.write_all(&PART).await?;
            }
        }
        Answering::Drips => {
            for _ in 0..60 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                stream.write_all(b".").await?;
                stream.flush().await?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Reads one request. Like some servers it takes no body in chunks: without a
/// `content-length` this is [`ErrorKind::InvalidData`], and so is TLS.
async fn read(stream: &mut TcpStream) -> io::Result<(String, Arrived)> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
        // A handshake of TLS, which it does not speak.
        if bytes[0] == 0x16 {
            return Err(ErrorKind::InvalidData.into());
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let path = lines.next().and_then(|line| line.split(' ').nth(1));
        let path = path.unwrap_or_default().to_owned();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let name = http::HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value.trim().parse()) {
                headers.append(name, value);
            }
        }
        let length = headers.get("content-length");
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let length: usize = length.ok_or(ErrorKind::InvalidData)?;
        while bytes.len() < end + 4 + length {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(&buffer[..read]);
        }
        let body = Bytes::copy_from_slice(&bytes[end + 4..end + 4 + length]);
        return Ok((path, Arrived { headers, body }));
    }
}
