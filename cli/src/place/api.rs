//! HTTP: the operator's routes of a Keywright instance, and what it serves to
//! everybody. What may help is tried again, a few times, with growing pauses.

use super::known::{Change, Changed, Keys, Known, Publication};
use crate::error::{CliError, Exit};
use keywright_domain::dates::{parse_rfc3339, rfc3339};
use keywright_domain::release::manifest::{
    Artifact, FORMAT, ProductManifest, VersionManifest, Yanked,
};
use keywright_domain::release::{Channel, ReleaseIndex, Version};
use keywright_domain::slug::Slug;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::io::Read;
use std::path::Path;
use std::time::Duration;
use ureq::http::{Request, Response, StatusCode};
use ureq::{Agent, Body};

/// The variable with the key.
const API_KEY: &str = "KEYWRIGHT_API_KEY";
/// Pauses before each further try.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(15);
/// Until the answer to a request begins, and while a body stands still.
const WAIT: Duration = Duration::from_mins(2);
/// For sending one part of a file: 8 MiB at 30 kB/s.
const SEND: Duration = Duration::from_mins(5);
/// Largest answer that is read into memory.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The key, from a file or the environment.
pub(super) fn key(file: Option<&Path>, what: &str) -> Result<String, CliError> {
    let key = match file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| CliError::file(file, error))?,
        None => std::env::var(API_KEY).map_err(|_| {
            CliError::usage(format!(
                "put {what} into {API_KEY}, or name a file with --api-key-file"
            ))
        })?,
    };
    bearer(&key)
}

/// A credential without the line's end, fit for a header.
fn bearer(text: &str) -> Result<String, CliError> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(CliError::usage(
            "a key or token is one word of visible characters",
        ))
    }
}

/// A server.
pub(crate) struct Api {
    base: String,
    key: Option<String>,
    agent: Agent,
}

/// What is sent.
enum Payload<'a> {
    None,
    Json(&'a Value),
    Bytes(&'a [u8]),
}

impl Api {
    /// A server at an address. A key is sent over `http:` only to this machine,
    /// or where that is asked for.
    pub(crate) fn new(url: &str, key: Option<String>, allow_http: bool) -> Result<Self, CliError> {
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
                    "--server {url}: the key would be sent unprotected; use https://, or --allow-http in a network that you trust"
                )));
            }
            _ => {
                return Err(CliError::usage(format!(
                    "--server {url}: an address such as https://licenses.example.com"
                )));
            }
        }
        let agent = Agent::config_builder()
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

    /// The version as it is published.
    pub(super) fn find(
        &self,
        product: &Slug,
        version: &Version,
    ) -> Result<Option<Known>, CliError> {
        let path = format!(
            "/v1/admin/releases?product={product}&version={}",
            encoded(version.as_str())
        );
        let page: Page = self.ask("GET", &path, &Payload::None)?;
        page.releases
            .into_iter()
            .next()
            .map(Known::try_from)
            .transpose()
    }

    /// Every published version, newest first.
    pub(super) fn list(
        &self,
        product: Option<&Slug>,
        channel: Option<Channel>,
    ) -> Result<Vec<VersionManifest>, CliError> {
        let product = product.map(|product| format!("&product={product}"));
        let channel = channel.map(|channel| format!("&channel={channel}"));
        let filter = product.unwrap_or_default() + &channel.unwrap_or_default();
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/admin/releases?limit=200{filter}{cursor}");
            let page: Page = self.ask("GET", &path, &Payload::None)?;
            for release in page.releases {
                all.push(Known::try_from(release)?.manifest);
            }
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={}", encoded(&next)),
                None => return Ok(all),
            }
        }
    }

    pub(super) fn publish(&self, new: &Publication) -> Result<Changed, CliError> {
        let body = json!({
            "product": new.product, "version": new.version, "channel": new.channel,
            "notes": new.notes, "source_commit": new.source_commit,
            "requires_entitlement": new.requires_entitlement,
            "rollout_percent": new.rollout_percent, "metadata": new.metadata,
            "built_at": new.built_at.map(rfc3339), "files": new.artifacts,
            "release_key": new.release_key,
        });
        let recorded: Recorded = self.ask("POST", "/v1/admin/releases", &Payload::Json(&body))?;
        Ok(recorded.into())
    }

    pub(super) fn change(&self, known: &Known, change: &Change) -> Result<Changed, CliError> {
        let mut body = Map::new();
        if let Some((channel, signatures)) = &change.channel {
            body.insert("channel".to_owned(), json!(channel));
            body.insert("signatures".to_owned(), json!(signatures));
        }
        if let Some(reason) = &change.yank_reason {
            let yanked = reason.as_ref().map(|reason| json!({ "reason": reason }));
            body.insert("yanked".to_owned(), json!(yanked));
        }
        if let Some(percent) = change.rollout_percent {
            body.insert("rollout_percent".to_owned(), json!(percent));
        }
        let path = format!(
            "/v1/admin/releases/{}",
            known.id.as_deref().unwrap_or_default()
        );
        let recorded: Recorded = self.ask("PATCH", &path, &Payload::Json(&body.into()))?;
        Ok(recorded.into())
    }

    /// Answers whether it is new, and whether it is where it is served from.
    pub(super) fn gate(
        &self,
        product: &Slug,
        gate: &ProductManifest,
    ) -> Result<(bool, bool), CliError> {
        let path = format!("/v1/admin/releases/gate/{product}");
        let done: Done = self.ask("PUT", &path, &Payload::Json(&json!(gate)))?;
        Ok((done.changed, done.written))
    }

    /// As [`Self::gate`].
    pub(super) fn installer(&self, product: &Slug, script: &str) -> Result<(bool, bool), CliError> {
        let path = format!("/v1/admin/releases/installer/{product}");
        let body = json!({ "script": script });
        let done: Done = self.ask("PUT", &path, &Payload::Json(&body))?;
        Ok((done.changed, done.written))
    }

    /// The public release keys of a product.
    pub(super) fn keys(&self, product: &Slug) -> Result<Vec<String>, CliError> {
        #[derive(Deserialize)]
        struct Shown {
            public_keys: Vec<String>,
        }
        let path = format!("/v1/admin/releases/keys/{product}");
        let shown: Shown = self.ask("GET", &path, &Payload::None)?;
        Ok(shown.public_keys)
    }

    pub(super) fn set_keys(&self, product: &Slug, keys: &[String]) -> Result<Keys, CliError> {
        let path = format!("/v1/admin/releases/keys/{product}");
        let body = json!({ "public_keys": keys });
        self.ask("PUT", &path, &Payload::Json(&body))
    }

    /// What is at a path of the operator's.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.ask("GET", path, &Payload::None)
    }

    /// A request with JSON, and its answer.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, CliError> {
        self.ask("POST", path, &Payload::Json(body))
    }

    /// A request with bytes, and its answer.
    pub(super) fn put<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T, CliError> {
        self.ask("PUT", path, &Payload::Bytes(body))
    }

    fn ask<T: DeserializeOwned>(
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
            .limit(MOST_BYTES)
            .read_to_vec()
            .map_err(|error| unreadable(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(answer.status(), &body, path));
        }
        serde_json::from_slice(&body).map_err(|error| unreadable(&error))
    }

    /// Sends a request until there is an answer that trying again would not
    /// change, or tries are over.
    fn send(
        &self,
        method: &str,
        path: &str,
        payload: &Payload<'_>,
    ) -> Result<Response<Body>, CliError> {
        let mut pauses = PAUSES.iter();
        loop {
            let answer = self.send_once(method, path, payload);
            let again = match &answer {
                Ok(answer) => may_help(answer.status()),
                Err(_) => true,
            };
            match pauses.next() {
                Some(pause) if again => std::thread::sleep(*pause),
                _ => {
                    return answer.map_err(|error| {
                        CliError::failed(format!("{}: {error}; try again", self.base))
                    });
                }
            }
        }
    }

    fn send_once(
        &self,
        method: &str,
        path: &str,
        payload: &Payload<'_>,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
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

    /// What everybody may read, or whoever has the token: small, and whole.
    /// `None` for 404.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, CliError> {
        let mut answer = self.send("GET", path, &Payload::None)?;
        let body = answer
            .body_mut()
            .with_config()
            .limit(MOST_BYTES)
            .read_to_vec()
            .map_err(|error| CliError::failed(format!("{path}: {error}")))?;
        match answer.status() {
            StatusCode::OK => Ok(Some(body)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(refusal(status, &body, path)),
        }
    }

    /// The bytes of a file, as they come.
    pub(crate) fn stream(&self, path: &str) -> Result<impl Read + use<>, CliError> {
        let mut answer = self.send("GET", path, &Payload::None)?;
        if answer.status() != StatusCode::OK {
            let body = answer
                .body_mut()
                .with_config()
                .limit(MOST_BYTES)
                .read_to_vec();
            return Err(refusal(answer.status(), &body.unwrap_or_default(), path));
        }
        Ok(answer.into_body().into_reader())
    }
}

/// Whether the same request may have another answer in a while.
fn may_help(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// What a refusal says, and the exit code for it.
fn refusal(status: StatusCode, body: &[u8], path: &str) -> CliError {
    #[derive(Deserialize, Default)]
    struct Envelope {
        #[serde(default)]
        error: String,
        #[serde(default)]
        message: String,
    }
    let said: Envelope = serde_json::from_slice(body).unwrap_or_default();
    let exit = match said.error.as_str() {
        "untrusted_signature" => Exit::NotGenuine,
        _ => exit_for(status),
    };
    let said = if said.message.is_empty() {
        said.error
    } else {
        said.message
    };
    let path = path.split('?').next().unwrap_or_default();
    let message = format!("{path} answered {}: {said}", status.as_u16());
    CliError::new(exit, message)
}

fn exit_for(status: StatusCode) -> Exit {
    match status.as_u16() {
        401 | 403 => Exit::NotAllowed,
        404 | 409 => Exit::Refused,
        400 | 413 | 415 | 501 => Exit::Usage,
        _ => Exit::Failed,
    }
}

/// A word of a query. Versions and cursors need nothing else escaped.
fn encoded(word: &str) -> String {
    word.replace('+', "%2B")
}

#[derive(Deserialize)]
struct Done {
    changed: bool,
    written: bool,
}

#[derive(Deserialize)]
struct Recorded {
    manifest: VersionManifest,
    changed: bool,
    written: bool,
    ignored: Vec<String>,
    #[serde(default)]
    index: Option<ReleaseIndex>,
}

impl From<Recorded> for Changed {
    fn from(recorded: Recorded) -> Self {
        Self {
            manifest: recorded.manifest,
            changed: recorded.changed,
            ignored: recorded.ignored,
            written: recorded.written,
            index: recorded.index,
        }
    }
}

#[derive(Deserialize)]
struct Page {
    releases: Vec<Listed>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    product: Slug,
    version: Version,
    channel: Channel,
    notes: Option<String>,
    source_commit: Option<String>,
    requires_entitlement: Option<String>,
    rollout_percent: u8,
    metadata: Map<String, Value>,
    built_at: String,
    published_at: String,
    yanked_at: Option<String>,
    yank_reason: Option<String>,
    files: Vec<Artifact>,
}

impl TryFrom<Listed> for Known {
    type Error = CliError;

    fn try_from(listed: Listed) -> Result<Self, CliError> {
        let time = |text: &str| {
            parse_rfc3339(text)
                .map_err(|error| CliError::failed(format!("the server's answer: {error}")))
        };
        let reason = listed.yank_reason.unwrap_or_default();
        let yanked = listed.yanked_at.as_deref().map(time).transpose()?;
        let manifest = VersionManifest {
            format: FORMAT,
            product: listed.product,
            version: listed.version,
            channel: listed.channel,
            built_at_unix: time(&listed.built_at)?,
            published_at_unix: time(&listed.published_at)?,
            source_commit: listed.source_commit,
            notes: listed.notes,
            requires_entitlement: listed.requires_entitlement,
            rollout_percent: listed.rollout_percent,
            yanked: yanked.map(|at_unix| Yanked { at_unix, reason }),
            only: None,
            artifacts: listed.files,
            metadata: listed.metadata,
        };
        Ok(Self {
            id: Some(listed.id),
            manifest: manifest.arranged(),
        })
    }
}
