//! HTTP to a Keywright instance. Requests that may succeed later are retried a few
//! times, with growing pauses.

use super::failure::Failure;
use super::trust::TrustArgs;
use crate::error::{CliError, Exit};
use crate::{input, randomness};
use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::time::Duration;
use ureq::http::{HeaderMap, Request, Response, StatusCode, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

/// The variable with the key.
const API_KEY: &str = "KEYWRIGHT_API_KEY";
/// Pauses before each retry.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// Longest pause that a server may ask for with `Retry-After`.
const MAX_PAUSE: Duration = Duration::from_mins(1);
/// Timeout for connecting.
const CONNECT: Duration = Duration::from_secs(15);
/// Timeout for the beginning of an answer.
const WAIT: Duration = Duration::from_mins(2);
/// Timeout for sending one part of a file: 8 MiB at 30 kB/s.
const SEND: Duration = Duration::from_mins(5);
/// Largest body that is read into memory.
const MAX_BODY_BYTES: u64 = 16 * 1024 * 1024;

/// The key, from a file or the environment.
pub(super) fn key(file: Option<&Path>, what: &str) -> Result<String, CliError> {
    let key = match file {
        Some(file) => input::read_text(file)?,
        None => input::variable(API_KEY).ok_or_else(|| {
            CliError::usage(format!(
                "{what} is missing; set {API_KEY} or pass --api-key-file"
            ))
        })?,
    };
    bearer(&key)
}

/// A cleaned credential, checked to fit into a header.
fn bearer(text: &str) -> Result<String, CliError> {
    let text = input::clean(text);
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(CliError::usage(
            "a key or token must be one word of visible characters",
        ))
    }
}

/// A Keywright instance and the credential for it.
pub(crate) struct Client {
    base: String,
    key: Option<String>,
    agent: Agent,
}

/// An answer as it came.
pub(crate) struct ServerAnswer {
    /// Its status.
    pub(crate) status: u16,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

/// The body of a request.
pub(super) enum Payload<'a> {
    None,
    Json(&'a Value),
    Bytes(&'a [u8]),
}

impl Client {
    /// A client for the instance at `url`. A key is sent over `http:` only to this
    /// machine, or with `allow_http`.
    pub(crate) fn new(
        url: &str,
        key: Option<String>,
        allow_http: bool,
        trust: &TrustArgs,
    ) -> Result<Self, CliError> {
        let uri: ureq::http::Uri = url
            .parse()
            .map_err(|error| CliError::usage(format!("--server {url}: {error}")))?;
        let host = uri.host().unwrap_or_default();
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_here || allow_http || key.is_none() => {}
            Some("http") => {
                return Err(CliError::usage(format!(
                    "--server {url}: the key would be sent unencrypted; use https://, or pass --allow-http on a network that you trust"
                )));
            }
            _ => {
                return Err(CliError::usage(format!(
                    "--server must be an address such as https://licenses.example.com, not {url}"
                )));
            }
        }
        let mut config = Agent::config_builder();
        if is_here {
            // A proxy would reach its own machine, and see the key.
            config = config.proxy(None);
        }
        if uri.scheme_str() == Some("https") || !is_here {
            let tls = TlsConfig::builder().root_certs(trust.root_certs()?);
            config = config.tls_config(tls.build());
        }
        if key.is_some() {
            // The key goes to the given address only.
            config = config.max_redirects(0);
        }
        let agent = config
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(WAIT))
            .timeout_send_body(Some(SEND))
            .user_agent(concat!("keywright/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            base: url.trim_end_matches('/').to_owned(),
            key,
            agent: agent.into(),
        })
    }

    /// `GET` of an operator's route.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.call("GET", path, &Payload::None)
    }

    /// `POST` of JSON to an operator's route.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, CliError> {
        self.call("POST", path, &Payload::Json(body))
    }

    /// `PUT` of bytes to an operator's route.
    pub(super) fn put_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &[u8],
    ) -> Result<T, CliError> {
        self.call("PUT", path, &Payload::Bytes(body))
    }

    /// Any request, answered as it came. A POST has an idempotency key, so that a retry
    /// does not repeat what it did.
    pub(crate) fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<ServerAnswer, CliError> {
        let payload = body.map_or(Payload::None, Payload::Json);
        let key = (method == "POST").then(idempotency_key).transpose()?;
        let mut answer = self.send_with(method, path, &payload, key.as_deref())?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_BODY_BYTES);
        let body = body.read_to_vec();
        let body = body.map_err(|error| CliError::failed(format!("{method} {path}: {error}")))?;
        Ok(ServerAnswer { status, body })
    }

    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        payload: &Payload<'_>,
    ) -> Result<T, CliError> {
        let mut answer = self.send(method, path, payload)?;
        let unreadable =
            |error: &dyn std::fmt::Display| CliError::failed(format!("{method} {path}: {error}"));
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_BODY_BYTES)
            .read_to_vec()
            .map_err(|error| unreadable(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(answer.status(), answer.headers(), &body, path));
        }
        serde_json::from_slice(&body).map_err(|error| unreadable(&error))
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        payload: &Payload<'_>,
    ) -> Result<Response<Body>, CliError> {
        self.send_with(method, path, payload, None)
    }

    /// Sends a request, and retries while a later attempt may succeed.
    fn send_with(
        &self,
        method: &str,
        path: &str,
        payload: &Payload<'_>,
        idempotency_key: Option<&str>,
    ) -> Result<Response<Body>, CliError> {
        let mut pauses = PAUSES.iter();
        loop {
            let answer = self.send_once(method, path, payload, idempotency_key);
            let answer = answer.map_err(|error| Failure::from(&error));
            let (is_temporary, at_least) = match &answer {
                Ok(answer) => (is_temporary(answer.status()), retry_after(answer.headers())),
                Err(failure) => (failure.is_temporary, None),
            };
            match pauses.next().filter(|_| is_temporary) {
                Some(pause) => std::thread::sleep(at_least.unwrap_or_default().max(*pause)),
                None => {
                    return answer
                        .map_err(|Failure { reason, .. }| self.failed(&reason, is_temporary));
                }
            }
        }
    }

    /// No answer; the address is named without a password in it.
    fn failed(&self, reason: &str, is_temporary: bool) -> CliError {
        let base = match self.base.split_once("://") {
            Some((scheme, rest)) => {
                format!("{scheme}://{}", rest.rsplit('@').next().unwrap_or(rest))
            }
            None => self.base.clone(),
        };
        let tried = if is_temporary {
            format!("; tried {} times", PAUSES.len() + 1)
        } else {
            String::new()
        };
        CliError::failed(format!("{base}: {reason}{tried}"))
    }

    fn send_once(
        &self,
        method: &str,
        path: &str,
        payload: &Payload<'_>,
        idempotency_key: Option<&str>,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        match payload {
            Payload::None => self.agent.run(request.body(())?),
            Payload::Json(json) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(json.to_string())?)
            }
            Payload::Bytes(bytes) => {
                let request = request.header("content-type", "application/octet-stream");
                self.agent.run(request.body(*bytes)?)
            }
        }
    }

    /// A small public or token-protected file; `None` for 404.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, CliError> {
        let mut answer = self.send("GET", path, &Payload::None)?;
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_BODY_BYTES)
            .read_to_vec()
            .map_err(|error| CliError::failed(format!("{path}: {error}")))?;
        match answer.status() {
            StatusCode::OK => Ok(Some(body)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(refusal(status, answer.headers(), &body, path)),
        }
    }

    /// The bytes of a public or token-protected file.
    pub(crate) fn stream(&self, path: &str) -> Result<impl Read + use<>, CliError> {
        let mut answer = self.send("GET", path, &Payload::None)?;
        if answer.status() != StatusCode::OK {
            let body = answer
                .body_mut()
                .with_config()
                .limit(MAX_BODY_BYTES)
                .read_to_vec();
            let body = body.unwrap_or_default();
            return Err(refusal(answer.status(), answer.headers(), &body, path));
        }
        Ok(answer.into_body().into_reader())
    }
}

/// A new key that no other request has.
fn idempotency_key() -> Result<String, CliError> {
    let mut bytes = [0; 16];
    randomness::fill(&mut bytes)?;
    Ok(HEXLOWER.encode(&bytes))
}

/// True when the same request may succeed later.
fn is_temporary(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// The seconds of `Retry-After`, up to [`MAX_PAUSE`].
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse();
    seconds
        .ok()
        .map(|seconds| Duration::from_secs(seconds).min(MAX_PAUSE))
}

/// The envelope of an error.
#[derive(Deserialize, Default)]
struct Envelope {
    #[serde(default)]
    error: String,
    #[serde(default)]
    message: String,
}

/// The error for a refusal, with its exit code.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8], path: &str) -> CliError {
    let target = headers
        .get(header::LOCATION)
        .and_then(|to| to.to_str().ok());
    if let Some(target) = target.filter(|_| status.is_redirection()) {
        return CliError::usage(format!(
            "the server redirects to {target}; the key is not sent there: pass the address that answers as --server"
        ));
    }
    let envelope: Envelope = serde_json::from_slice(body).unwrap_or_default();
    let exit = match envelope.error.as_str() {
        "untrusted_signature" => Exit::NotGenuine,
        _ => exit_for(status),
    };
    let reason = if envelope.message.is_empty() {
        envelope.error
    } else {
        envelope.message
    };
    let path = path.split('?').next().unwrap_or_default();
    let message = format!("{path} answered {}: {reason}", status.as_u16());
    CliError::new(exit, message)
}

fn exit_for(status: StatusCode) -> Exit {
    match status.as_u16() {
        401 | 403 => Exit::NotAllowed,
        404 | 409 => Exit::Refused,
        400 | 413 | 415 | 422 | 501 => Exit::Usage,
        _ => Exit::Failed,
    }
}
