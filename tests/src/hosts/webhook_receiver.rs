//! A receiver of webhooks on loopback: keeps what arrives, and answers as a case asks, each
//! under a path of its own.

use super::StartError;
use bytes::Bytes;
use http::HeaderMap;
use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the receiver does with one request.
#[derive(Debug, Clone, Copy)]
pub enum Answering {
    /// Answers with this status.
    Status(u16),
    /// Leads to another path of itself.
    Redirect,
    /// Says yes, and then never sends the body that it promised.
    HeadOnly,
    /// Says yes with a body of 8 MB.
    Large,
    /// Says yes, and ends the connection within the body.
    BreaksOff,
    /// Ends the connection without an answer.
    HangsUp,
}

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

/// The receiver. It ends with the runtime that it was started in.
#[derive(Clone)]
pub struct WebhookReceiver {
    base_url: String,
    state: Arc<Mutex<State>>,
}

impl WebhookReceiver {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// [`StartError`] when there is none.
    pub async fn start() -> Result<Self, StartError> {
        let failed = |error| StartError::new("the receiver of webhooks", error);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let receiver = Self {
            base_url: format!("http://{address}"),
            state: Arc::default(),
        };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        Ok(receiver)
    }

    /// Its origin.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What it does with the next requests under a path; it says yes to those after.
    pub fn answer(&self, path: &str, answers: impl IntoIterator<Item = Answering>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let all = state.answers.entry(path.to_owned()).or_default();
        all.extend(answers);
    }

    /// What has arrived under a path.
    #[must_use]
    pub fn arrived(&self, path: &str) -> Vec<Arrived> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.arrived.get(path).cloned().unwrap_or_default()
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let (path, arrived) = read(&mut stream).await?;
        let answering = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
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
            Answering::HeadOnly | Answering::BreaksOff => head(200, "", 1_000) + "the beginning",
            Answering::Large => head(200, "", 8_000_000) + "x".repeat(8_000_000).as_str(),
            Answering::HangsUp => return Ok(()),
        };
        // One that has read enough closes the connection, which is no fault here.
        if stream.write_all(answer.as_bytes()).await.is_ok() {
            stream.flush().await?;
            if matches!(answering, Answering::HeadOnly) {
                let mut rest = [0; 1];
                let _ = stream.read(&mut rest).await;
            }
        }
        Ok(())
    }
}

/// Reads one request with a `content-length`.
async fn read(stream: &mut TcpStream) -> std::io::Result<(String, Arrived)> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
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
