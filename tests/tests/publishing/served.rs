//! A server that answers what a test puts in: what a gate answers, and what one
//! would that lies.

use keywright_domain::release::manifest::{Artifact, VersionManifest};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// One file of the server.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Bytes(Vec<u8>),
    Redirect(String),
    /// Bytes of which so many arrive before the connection is cut, once.
    CutAfter(usize, Vec<u8>),
}

#[derive(Default)]
struct Shared {
    answers: BTreeMap<String, Answer>,
    /// Heads of the requests.
    asked: Vec<String>,
}

/// The server; it lives as long as the test's process.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Served {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let served = Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            shared: Arc::default(),
        };
        let here = served.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let here = here.clone();
                std::thread::spawn(move || here.answer(&stream));
            }
        });
        served
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, path: &str, answer: Answer) {
        self.shared().answers.insert(path.to_owned(), answer);
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared().asked)
    }

    /// Serves a version as the gate does, and as the newest for each platform.
    pub(crate) fn version(&self, manifest: &VersionManifest, bytes: &[u8]) {
        let (product, version) = (&manifest.product, &manifest.version);
        let base = format!("/releases/{product}/{version}");
        let json = serde_json::to_vec(manifest).expect("json");
        self.put(&format!("{base}/MANIFEST"), Answer::Bytes(json));
        for Artifact {
            platform,
            signature,
            ..
        } in &manifest.artifacts
        {
            let file = format!("{base}/{platform}");
            self.put(&file, Answer::Bytes(bytes.to_vec()));
            let signature = signature.as_bytes().to_vec();
            self.put(&format!("{file}.sig"), Answer::Bytes(signature));
            let latest = format!("/releases/{product}/latest/{platform}");
            self.put(&latest, Answer::Redirect(file));
        }
    }

    fn answer(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
        let path = head.split(' ').nth(1).unwrap_or_default();
        // As a proxy it is asked for the whole address.
        let host = path.strip_prefix("http://").and_then(|rest| rest.find('/'));
        let path = host.map_or(path, |at| &path["http://".len() + at..]);
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let found = {
            let mut shared = self.shared();
            shared.asked.push(head.clone());
            let found = shared.answers.get(&path).cloned();
            if let Some(Answer::CutAfter(_, bytes)) = &found {
                let whole = Answer::Bytes(bytes.clone());
                shared.answers.insert(path, whole);
            }
            found
        };
        // A client that hangs up is its own affair.
        let _ = respond(stream, &head, found);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = std::io::copy(&mut Read::take(stream, 1 << 20), &mut std::io::sink());
    }
}

fn respond(mut stream: &TcpStream, head: &str, found: Option<Answer>) -> std::io::Result<()> {
    let (bytes, until) = match found {
        None => {
            let none = "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            return stream.write_all(none.as_bytes());
        }
        Some(Answer::Redirect(to)) => {
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            return stream.write_all(answer.as_bytes());
        }
        Some(Answer::Bytes(bytes)) => (bytes, usize::MAX),
        Some(Answer::CutAfter(until, bytes)) => (bytes, until),
    };
    let from = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("range: bytes=")
                .map(str::to_owned)
        })
        .and_then(|range| range.trim_end_matches('-').trim().parse::<usize>().ok());
    let status = match from {
        Some(from) => format!(
            "206 Partial Content\r\ncontent-range: bytes {from}-{}/{}",
            bytes.len() - 1,
            bytes.len()
        ),
        None => "200 OK".to_owned(),
    };
    let rest = &bytes[from.unwrap_or_default().min(bytes.len())..];
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        rest.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&rest[..until.min(rest.len())])
}
