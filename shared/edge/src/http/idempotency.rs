//! `Idempotency-Key` on POST (draft-ietf-httpapi-idempotency-key-header): the
//! same key with the same body answers what the first request answered, and
//! its change happens once.
//!
//! A key belongs to its caller (the bearer credential, or nobody's) and its
//! route, is kept for a day, and is never stored itself: the row's id is a
//! hash, and the stored answer is sealed. What a crash leaves behind is told
//! apart by the row: not applied, then the next attempt works on it; applied
//! without an answer, then the change is made and only its answer was lost,
//! and saying so is all that is left to do.

use super::{ApiError, RequestId, bearer_of, read_body};
use crate::Host;
use crate::function::PortError;
use crate::ports::attempt::Attempt;
use crate::ports::{Database, DatabaseError, Level, Log, Random, Stamps, Statement, decode};
use crate::seal::{digest, open, seal};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The request's header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Longest key, in characters.
const MAX_KEY_CHARS: usize = 255;
/// How long an answer is kept, in seconds.
const KEEP_SECONDS: i64 = 86_400;
/// After so many seconds an attempt counts as crashed: no host lets a request
/// run longer than 30.
const ABANDONED_SECONDS: i64 = 60;

#[derive(Clone)]
struct Ports {
    database: Database,
    stamps: Stamps,
    random: Arc<dyn Random>,
    log: Log,
}

/// Lets the POST routes take `Idempotency-Key`. Add it before the layer that
/// checks a caller's key, so that it runs after it.
///
/// # Errors
/// [`PortError`] when the function may not write to the database.
pub fn repeatable(routes: Router, host: &Host) -> Result<Router, PortError> {
    let ports = Ports {
        database: host.database()?,
        stamps: host.stamps(),
        random: host.random.clone(),
        log: host.log.clone(),
    };
    Ok(routes.layer(from_fn_with_state(ports, answer_once)))
}

/// Forgets up to `most` keys whose day is over.
#[must_use]
pub fn forget_expired(now: i64, most: u32) -> Statement {
    Statement::new(
        "DELETE FROM idempotency_keys WHERE id IN
           (SELECT id FROM idempotency_keys WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        [now.into(), i64::from(most).into()],
    )
}

/// A request that may be repeated: what it is known by.
struct Repeatable {
    row: String,
    body_hash: String,
    seal_key: [u8; 32],
}

impl Repeatable {
    fn new(request: &http::request::Parts, key: &str, body: &Bytes) -> Self {
        let caller = bearer_of(&request.headers).unwrap_or_default().as_bytes();
        let target = request.uri.path_and_query();
        let target = target.map_or("", |target| target.as_str()).as_bytes();
        let (key, body) = (key.as_bytes(), &body[..]);
        Self {
            row: HEXLOWER.encode(&digest("idempotency row", &[caller, target, key])),
            body_hash: HEXLOWER.encode(&digest("idempotency body", &[body])),
            seal_key: digest("idempotency seal", &[caller, target, key, body]),
        }
    }
}

#[derive(Deserialize)]
struct Kept {
    body_hash: String,
    attempt: String,
    applied: i64,
    answer: Option<String>,
    started_at: i64,
}

async fn answer_once(
    State(ports): State<Ports>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if request.method() != Method::POST {
        return Ok(next.run(request).await);
    }
    let Some(key) = key_of(request.headers())? else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let body = read_body(body).await?;
    let repeatable = Repeatable::new(&parts, &key, &body);
    let attempt_id = ports.stamps.new_id();
    let kept = begin(&ports, &repeatable, &attempt_id).await?;
    if kept.attempt != attempt_id {
        return earlier(&ports, &repeatable, kept);
    }
    let request_id = parts.extensions.get::<RequestId>().cloned();
    let attempt = Attempt::new(repeatable.row.clone(), attempt_id);
    let request = Request::from_parts(parts, Body::from(body));
    let response = attempt.run(next.run(request)).await;
    if attempt.is_superseded() {
        return Err(in_work());
    }
    finish(&ports, &repeatable, &attempt, response, request_id).await
}

/// The key, without the quotes of a structured field.
fn key_of(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    let unquoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let text = unquoted.unwrap_or(text);
    let fits = (1..=MAX_KEY_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if !fits || values.next().is_some() {
        return Err(ApiError::bad_request(format!(
            "Idempotency-Key: send one, of 1 to {MAX_KEY_CHARS} visible ASCII characters; a new UUID is a good one"
        )));
    }
    Ok(Some(text.to_owned()))
}

/// Claims the key for this attempt if it is free, over, or was left behind by
/// a crash before anything was written. Answers whose it is now.
async fn begin(
    ports: &Ports,
    repeatable: &Repeatable,
    attempt_id: &str,
) -> Result<Kept, DatabaseError> {
    let now = ports.stamps.now();
    let claim = Statement::new(
        "INSERT INTO idempotency_keys (id, body_hash, attempt, applied, started_at, expires_at)
         VALUES (?1, ?2, ?3, 0, ?4, ?4 + ?5)
         ON CONFLICT (id) DO UPDATE SET
           body_hash = excluded.body_hash, attempt = excluded.attempt, applied = 0, answer = NULL,
           started_at = excluded.started_at, expires_at = excluded.expires_at
         WHERE expires_at <= ?4
            OR (applied = 0 AND answer IS NULL AND started_at <= ?4 - ?6
                AND body_hash = excluded.body_hash)",
        [
            repeatable.row.as_str().into(),
            repeatable.body_hash.as_str().into(),
            attempt_id.into(),
            now.into(),
            KEEP_SECONDS.into(),
            ABANDONED_SECONDS.into(),
        ],
    );
    let read = Statement::new(
        "SELECT body_hash, attempt, applied, answer, started_at FROM idempotency_keys
         WHERE id = ?1",
        [repeatable.row.as_str().into()],
    );
    let mut answers = ports.database.aside(vec![claim, read]).await?;
    let found: Vec<Kept> = decode(answers.pop().unwrap_or_default())?;
    found
        .into_iter()
        .next()
        .ok_or_else(|| DatabaseError::Row("the claimed key has no row".to_owned()))
}

/// What to answer when the key is another attempt's.
fn earlier(ports: &Ports, repeatable: &Repeatable, kept: Kept) -> Result<Response, ApiError> {
    if kept.body_hash != repeatable.body_hash {
        return Err(ApiError::unprocessable(
            "Idempotency-Key: it was used before with another body; take a new one",
        ));
    }
    if let Some(answer) = kept.answer {
        let stored = open(repeatable.seal_key, &answer, b"");
        let stored: Option<Stored> = stored.and_then(|text| serde_json::from_slice(&text).ok());
        return stored
            .and_then(Stored::into_response)
            .ok_or_else(|| ApiError::internal("a stored answer cannot be opened"));
    }
    let is_abandoned = kept.started_at <= ports.stamps.now() - ABANDONED_SECONDS;
    if kept.applied == 1 && is_abandoned {
        return Err(ApiError::conflict(
            "the first request with this Idempotency-Key was carried out, but its answer was lost; look up what it made, or send it again with a new key to do it twice",
        ));
    }
    Err(in_work())
}

fn in_work() -> ApiError {
    ApiError::conflict(
        "the first request with this Idempotency-Key is still being worked on; try again in a few seconds",
    )
}

/// An answer as it is sealed.
#[derive(Serialize, Deserialize)]
struct Stored {
    status: u16,
    content_type: String,
    body: String,
}

impl Stored {
    fn into_response(self) -> Option<Response> {
        let status = StatusCode::from_u16(self.status).ok()?;
        let content_type = HeaderValue::from_str(&self.content_type).ok()?;
        let headers = [
            (header::CONTENT_TYPE, content_type),
            (REPLAYED, HeaderValue::from_static("true")),
        ];
        Some((status, headers, self.body).into_response())
    }
}

/// Keeps the answer of a request that succeeded or has written something;
/// frees the key of one that was refused and changed nothing, so that it can
/// be sent again corrected.
async fn finish(
    ports: &Ports,
    repeatable: &Repeatable,
    attempt: &Attempt,
    response: Response,
    request_id: Option<RequestId>,
) -> Result<Response, ApiError> {
    let (parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Err(ApiError::internal(format!("an answer broke off: {error}"))),
    };
    let row = repeatable.row.as_str();
    let end = if parts.status.is_success() || attempt.is_applied() {
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        let stored = Stored {
            status: parts.status.as_u16(),
            content_type: content_type
                .and_then(|value| value.to_str().ok())
                .unwrap_or("application/json")
                .to_owned(),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        let mut nonce = [0; 12];
        ports.random.fill(&mut nonce);
        let text = serde_json::to_vec(&stored).unwrap_or_default();
        let sealed = seal(repeatable.seal_key, nonce, &text, b"");
        Statement::new(
            "UPDATE idempotency_keys SET answer = ?2 WHERE id = ?1 AND attempt = ?3",
            [row.into(), sealed.into(), attempt.id().into()],
        )
    } else {
        Statement::new(
            "DELETE FROM idempotency_keys WHERE id = ?1 AND attempt = ?2 AND applied = 0",
            [row.into(), attempt.id().into()],
        )
    };
    // The answer is right whether or not it could be kept.
    if let Err(error) = ports.database.aside(vec![end]).await {
        let id = request_id.map_or_else(String::new, |RequestId(id)| id);
        let line = format!("the answer to an Idempotency-Key could not be kept: {error}");
        ports.log.write(Level::Error, &id, &line);
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}
