//! The HTTP interface of an instance, and what every answer of it must have.

use crate::shop;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No exchange of the suite takes longer, on a slow machine that compiles beside.
const LIMIT: Duration = Duration::from_mins(3);

/// Long enough for a server to have read what came before.
const BETWEEN_PIECES: Duration = Duration::from_millis(50);

/// Client of one instance.
pub struct Api {
    base_url: String,
    client: Client,
}

/// One answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Method and path of the request, for messages.
    pub asked: String,
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

#[expect(clippy::expect_used, reason = "a test cannot go on without an answer")]
impl Api {
    pub(super) fn new(base_url: String) -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LIMIT);
        Self {
            base_url,
            client: client.build().unwrap_or_default(),
        }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A request to build on, of a caller whom no limit has counted before;
    /// `path` starts with a slash. Another address in the same header, added to
    /// the request, takes the place of the first: the last one counts.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base_url))
            .header(shop::CLIENT_ADDRESS_HEADER, shop::new_address())
    }

    /// Sends a request and checks what every answer must have: a request id,
    /// a length that is right, and JSON where there is text about an error.
    ///
    /// # Panics
    /// When there is no answer or one of these is missing.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().expect("a request");
        let asked = format!("{} {}", request.method(), request.url().path());
        let method = request.method().clone();
        let answer = self.client.execute(request).await;
        let answer = answer.unwrap_or_else(|error| no_answer(&asked, &error));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer
            .bytes()
            .await
            .unwrap_or_else(|error| no_answer(&asked, &error));
        let answer = Answer {
            asked,
            status,
            headers,
            body,
        };
        answer.check(&method);
        answer
    }

    /// `GET`.
    ///
    /// # Panics
    /// As [`Self::send`].
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` of JSON.
    ///
    /// # Panics
    /// As [`Self::send`].
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Any method with JSON, as the operator.
    ///
    /// # Panics
    /// As [`Self::send`].
    pub async fn admin(&self, method: Method, path: &str, body: &Value) -> Answer {
        let path = format!("/v1/admin/{path}");
        let request = self.request(method, &path).bearer_auth(shop::ADMIN_KEY);
        self.send(request.json(body)).await
    }

    /// Sends these very bytes and reads until the server closes. For what a
    /// client library would tidy up before sending. `None` when the server
    /// closes without an answer.
    ///
    /// # Panics
    /// When the server does not close in time, or answers no HTTP.
    pub async fn raw(&self, request: &[u8]) -> Option<Answer> {
        self.in_pieces(&[request]).await
    }

    /// As [`Self::raw`], with a pause between the pieces of the request.
    ///
    /// # Panics
    /// As [`Self::raw`].
    pub async fn in_pieces(&self, pieces: &[&[u8]]) -> Option<Answer> {
        let bytes = self.exchange(pieces, false).await;
        (!bytes.is_empty()).then(|| parse(asked(pieces[0]), &bytes))
    }

    /// As [`Self::in_pieces`], and says after the last one that no more comes.
    ///
    /// # Panics
    /// As [`Self::raw`].
    pub async fn broken_off(&self, pieces: &[&[u8]]) -> Option<Answer> {
        let bytes = self.exchange(pieces, true).await;
        (!bytes.is_empty()).then(|| parse(asked(pieces[0]), &bytes))
    }

    /// Sends these pieces and leaves without waiting for an answer.
    ///
    /// # Panics
    /// When the server takes no connection.
    pub async fn leave_after(&self, pieces: &[&[u8]]) {
        let mut stream = self.connect().await;
        write(&mut stream, pieces).await.expect("the server reads");
    }

    async fn connect(&self) -> TcpStream {
        let address = self.base_url.trim_start_matches("http://");
        let stream = TcpStream::connect(address).await.expect("a connection");
        // Pieces leave as they are written.
        stream.set_nodelay(true).expect("an option of the socket");
        stream
    }

    /// Everything that came until the server closed.
    async fn exchange(&self, pieces: &[&[u8]], end: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let exchange = async {
            let mut stream = self.connect().await;
            // A server that has answered need not take the rest.
            write(&mut stream, pieces).await.ok();
            if end {
                stream.shutdown().await?;
            }
            // What came before the connection was cut counts.
            stream.read_to_end(&mut bytes).await
        };
        let closed = tokio::time::timeout(LIMIT, exchange).await;
        closed.expect("the server closes in time").ok();
        bytes
    }
}

/// A request's first line, for messages.
fn asked(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    text.lines().next().unwrap_or_default().to_owned()
}

async fn write(stream: &mut TcpStream, pieces: &[&[u8]]) -> std::io::Result<()> {
    for (n, piece) in pieces.iter().enumerate() {
        if n > 0 {
            tokio::time::sleep(BETWEEN_PIECES).await;
        }
        stream.write_all(piece).await?;
    }
    Ok(())
}

#[expect(clippy::panic, reason = "the test fails here")]
fn no_answer<T>(asked: &str, error: &reqwest::Error) -> T {
    panic!("{asked}: {error:?}")
}

/// An HTTP/1.1 answer as it came; a chunked body stays as it is.
#[expect(clippy::expect_used, reason = "a test cannot go on without an answer")]
fn parse(asked: String, bytes: &[u8]) -> Answer {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = header::HeaderName::try_from(name).expect("a header's name");
        headers.append(name, value.trim().parse().expect("a header's value"));
    }
    let body = Bytes::copy_from_slice(&bytes[end + 4..]);
    Answer {
        asked,
        status: status.expect("a status"),
        headers,
        body,
    }
}

impl Answer {
    fn check(&self, method: &Method) {
        let asked = &self.asked;
        let id = self.header("x-request-id");
        assert!(
            (1..=64).contains(&id.len()),
            "{asked}: x-request-id is {id:?}"
        );
        // What every function's answer has, whatever it says.
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{asked}");
        let path = asked.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/v1/") && !path.ends_with("/qr.svg") {
            assert_eq!(self.header("cache-control"), "no-store", "{asked}");
        }
        let bodiless = matches!(self.status, 204 | 304);
        // wrangler's local proxy takes every page through a rewriter, which
        // drops its length; HEAD still tells it.
        let rewritten = self.header("transfer-encoding") == "chunked"
            && self.header("content-type").starts_with("text/html");
        if method == Method::HEAD {
            assert!(self.body.is_empty(), "{asked}: HEAD answers without a body");
        } else if !bodiless && !rewritten {
            let length = self.header("content-length");
            assert_eq!(
                length,
                self.body.len().to_string(),
                "{asked}: content-length, {self:?}"
            );
        }
        if self.status >= 400 && !self.body.is_empty() {
            // What a browser is shown in the end is a page.
            let expected = if asked.ends_with("/authorize/callback") && self.status != 405 {
                "text/html; charset=utf-8"
            } else {
                "application/json"
            };
            assert_eq!(self.header("content-type"), expected, "{asked}");
        }
    }

    /// A header's value; empty when it is absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    #[expect(clippy::panic, reason = "the test fails here")]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of an answer that has to be 200.
    ///
    /// # Panics
    /// When it is not.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}: {}", self.asked, self.text());
        assert_eq!(
            self.header("content-type"),
            "application/json",
            "{}",
            self.asked
        );
        self.json()
    }

    /// Checks for an error of the `/v1` envelope.
    ///
    /// # Panics
    /// When it is anything else.
    pub fn is_error(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        let body = self.json();
        assert_eq!(body["ok"], false, "{}: {body}", self.asked);
        assert_eq!(body["error"], code, "{}: {body}", self.asked);
        let message = body["message"].as_str().unwrap_or_default();
        assert!(
            !message.is_empty(),
            "{}: an error says what is wrong: {body}",
            self.asked
        );
    }
}
