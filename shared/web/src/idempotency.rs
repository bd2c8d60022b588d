//! `Idempotency-Key` on POST (draft-ietf-httpapi-idempotency-key-header): the
//! same key with the same body answers what the first request answered, and
//! its change happens once.
//!
//! A key belongs to its caller and its route. A caller whose credential was checked
//! before has keys of its own, and the same key with another body is a mistake.
//! All others share one space: a key of theirs belongs to its body too, so that a
//! stranger who sends the same key neither sees nor blocks anything, and is at
//! least [`MIN_ANONYMOUS_CHARS`] long, so that nobody's is guessed.
//!
//! A key is stored for a day once its request has changed something, and not before:
//! the batch that makes the change claims it ([`Attempt`]). So what is refused, or
//! only asks, leaves no row. The key is never stored itself: the row's id is a
//! hash, and the stored answer is sealed. A row without an answer is of a request
//! that is still running, or whose answer was lost in a crash: then the change is
//! made, and saying so is all that is left to do.
//!
//! A license's secrets are not replayed once the license is no longer in force.

use super::{ApiError, RequestId, bearer_of, read_body};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use keywright_ports::Host;
use keywright_ports::attempt::{ABANDONED_SECONDS, Attempt};
use keywright_ports::function::PortError;
use keywright_ports::seal::{digest, open, seal};
use keywright_ports::{Database, DatabaseError, Level, Log, Random, Stamps, Statement};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The request's header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Shortest key of a caller whose credential was not checked, in characters.
pub const MIN_ANONYMOUS_CHARS: usize = 16;
/// Longest key, in characters.
const MAX_KEY_CHARS: usize = 255;

/// Whose keys the routes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Anybody's.
    Anonymous,
    /// Those of callers whose bearer credential an outer layer has checked.
    Verified,
}

/// The statement that answers, as `id`, which of these licenses are in force: a
/// list of ids in JSON. This layer knows no table of licenses.
pub type LicensesInForce = fn(&str) -> Statement;

/// Members of an answer that open what a license opens.
const SECRET_MEMBERS: [&str; 3] = ["license_key", "token", "download_id"];

#[derive(Clone)]
struct Ports {
    database: Database,
    stamps: Stamps,
    random: Arc<dyn Random>,
    log: Log,
    callers: Callers,
    in_force: LicensesInForce,
}

/// Lets the POST routes take `Idempotency-Key`. Add it before the layer that
/// checks a caller's key, so that it runs after it.
///
/// # Errors
/// [`PortError`] when the function may not write to the database.
pub fn repeatable(
    routes: Router,
    host: &Host,
    callers: Callers,
    in_force: LicensesInForce,
) -> Result<Router, PortError> {
    let ports = Ports {
        callers,
        in_force,
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
    fn new(request: &http::request::Parts, key: &str, body: &Bytes, callers: Callers) -> Self {
        let caller = bearer_of(&request.headers).unwrap_or_default().as_bytes();
        let target = request.uri.path_and_query();
        let target = target.map_or("", |target| target.as_str()).as_bytes();
        let (key, body) = (key.as_bytes(), &body[..]);
        let row = match callers {
            Callers::Anonymous => digest("idempotency row with body", &[caller, target, key, body]),
            Callers::Verified => digest("idempotency row", &[caller, target, key]),
        };
        Self {
            row: HEXLOWER.encode(&row),
            body_hash: HEXLOWER.encode(&digest("idempotency body", &[body])),
            seal_key: digest("idempotency seal", &[caller, target, key, body]),
        }
    }
}

#[derive(Deserialize)]
struct StoredAttempt {
    body_hash: String,
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
    let Some(key) = key_of(request.headers(), ports.callers)? else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let body = read_body(body).await?;
    let repeatable = Repeatable::new(&parts, &key, &body, ports.callers);
    let now = ports.stamps.now();
    if let Some(stored) = find(&ports, &repeatable, now).await? {
        return earlier(&ports, &repeatable, stored, now).await;
    }
    let request_id = parts.extensions.get::<RequestId>().cloned();
    let attempt = Attempt::new(
        repeatable.row.clone(),
        repeatable.body_hash.clone(),
        ports.stamps.new_id(),
        now,
    );
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(attempt.clone());
    let response = next.run(request).await;
    if response.status().is_success() && !attempt.is_handed_on() {
        return Err(ApiError::internal(
            "a route that may be repeated takes no `Attempted` state",
        ));
    }
    if attempt.is_superseded() {
        return Err(in_work());
    }
    finish(&ports, &repeatable, &attempt, response, request_id).await
}

/// The key, without the quotes of a structured field.
fn key_of(headers: &HeaderMap, callers: Callers) -> Result<Option<String>, ApiError> {
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
            "Idempotency-Key must be sent once and have 1 to {MAX_KEY_CHARS} visible ASCII characters; a new UUID is a good one"
        )));
    }
    if callers == Callers::Anonymous && text.len() < MIN_ANONYMOUS_CHARS {
        return Err(ApiError::bad_request(format!(
            "Idempotency-Key must have at least {MIN_ANONYMOUS_CHARS} characters that nobody can guess; send a new UUID"
        )));
    }
    Ok(Some(text.to_owned()))
}

/// The key's row, unless its day is over, or a release before this one left it
/// behind before it wrote anything.
async fn find(
    ports: &Ports,
    repeatable: &Repeatable,
    now: i64,
) -> Result<Option<StoredAttempt>, DatabaseError> {
    let read = Statement::new(
        "SELECT body_hash, answer, started_at FROM idempotency_keys
         WHERE id = ?1 AND expires_at > ?2
           AND NOT (applied = 0 AND answer IS NULL AND started_at <= ?2 - ?3 AND body_hash = ?4)",
        [
            repeatable.row.as_str().into(),
            now.into(),
            ABANDONED_SECONDS.into(),
            repeatable.body_hash.as_str().into(),
        ],
    );
    ports.database.first(read).await
}

/// What to answer when the key is another attempt's.
async fn earlier(
    ports: &Ports,
    repeatable: &Repeatable,
    stored: StoredAttempt,
    now: i64,
) -> Result<Response, ApiError> {
    if stored.body_hash != repeatable.body_hash {
        return Err(ApiError::unprocessable(
            "Idempotency-Key was used before with another body; send a new key",
        ));
    }
    if let Some(answer) = stored.answer {
        let stored = open(repeatable.seal_key, &answer, b"");
        let stored: Option<Stored> = stored.and_then(|text| serde_json::from_slice(&text).ok());
        let cannot = || ApiError::internal("a stored answer cannot be opened");
        let mut stored = stored.ok_or_else(cannot)?;
        stored.body = without_dead_secrets(ports, stored.body).await?;
        return stored.into_response().ok_or_else(cannot);
    }
    if stored.started_at <= now - ABANDONED_SECONDS {
        return Err(ApiError::conflict(
            "the first request with this Idempotency-Key was carried out, but its answer was lost; look up what it made, or send it again with a new key to do it twice",
        ));
    }
    Err(in_work())
}

/// The stored answer, with null in place of what opens a license that is no longer
/// in force.
async fn without_dead_secrets(ports: &Ports, body: String) -> Result<String, DatabaseError> {
    let Ok(mut answer) = serde_json::from_str::<Value>(&body) else {
        return Ok(body);
    };
    let mut shown = Vec::new();
    each_license(&mut answer, &mut |id, _| shown.push(id.to_owned()));
    if shown.is_empty() {
        return Ok(body);
    }
    let ids = Value::from(shown).to_string();
    let in_force: Vec<InForce> = ports.database.query((ports.in_force)(&ids)).await?;
    let mut is_changed = false;
    each_license(&mut answer, &mut |id, members| {
        if in_force.iter().all(|license| license.id != id) {
            is_changed = true;
            for member in SECRET_MEMBERS {
                if let Some(secret) = members.get_mut(member) {
                    *secret = Value::Null;
                }
            }
        }
    });
    Ok(if is_changed { answer.to_string() } else { body })
}

#[derive(Deserialize)]
struct InForce {
    id: String,
}

/// Calls `each` with every object that names a license and holds one of its
/// secrets, at whatever depth.
fn each_license(value: &mut Value, each: &mut impl FnMut(&str, &mut Map<String, Value>)) {
    match value {
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| each_license(value, each)),
        Value::Object(members) => {
            let id = members.get("license_id").and_then(Value::as_str);
            let holds = |member: &&str| members.get(*member).is_some_and(Value::is_string);
            if let Some(id) = id.map(str::to_owned)
                && SECRET_MEMBERS.iter().any(holds)
            {
                each(&id, members);
            }
            members
                .values_mut()
                .for_each(|value| each_license(value, each));
        }
        _ => {}
    }
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

/// Keeps the answer of a request that has changed something. One that changed
/// nothing has claimed nothing, so it can be sent again, corrected or not.
async fn finish(
    ports: &Ports,
    repeatable: &Repeatable,
    attempt: &Attempt,
    response: Response,
    request_id: Option<RequestId>,
) -> Result<Response, ApiError> {
    if !attempt.is_applied() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            return Err(ApiError::internal(format!(
                "the answer ended early: {error}"
            )));
        }
    };
    let row = repeatable.row.as_str();
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
    let end = Statement::new(
        "UPDATE idempotency_keys SET answer = ?2 WHERE id = ?1 AND attempt = ?3",
        [row.into(), sealed.into(), attempt.id().into()],
    );
    // The answer is right whether or not it could be stored.
    if let Err(error) = ports.database.aside(vec![end]).await {
        let id = request_id.map_or_else(String::new, |RequestId(id)| id);
        let line = format!("the answer to an Idempotency-Key could not be stored: {error}");
        ports.log.write(Level::Error, &id, &line);
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}
