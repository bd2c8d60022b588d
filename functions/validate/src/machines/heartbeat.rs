//! `POST /v1/machines/heartbeat`: a machine says that it is still there. The
//! state of the license does not matter: that is what validating is for.

use crate::Ports;
use crate::limits::LimitToken;
use crate::machine_description::MachineDescription;
use crate::notes::Note;
use axum::Extension;
use axum::extract::State;
use keywright_domain::seats::is_stale;
use keywright_ports::Later;
use keywright_store::seats::machines::{self, LastSeen};
use keywright_web::openapi::{BodyRefusals, Conflict, Failures};
use keywright_web::rate_limit::Allowance;
use keywright_web::{ApiError, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The machine that is still there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatRequest {
    /// The license key.
    key: String,
    /// The machine's fingerprint, as it was activated.
    #[schema(min_length = 1, max_length = 1024)]
    fingerprint: String,
}

/// Whether the machine has a seat.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeartbeatAnswer {
    /// Whether it has one.
    ok: bool,
    /// The seat; only with `ok: true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    machine_id: Option<String>,
    /// `not_activated`, `revoked` for a key that was replaced, or `rate_limited` (60 an
    /// hour for a license; see `Retry-After`); only with `ok: false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
}

impl HeartbeatAnswer {
    fn refused(reason: &'static str) -> Json<Self> {
        Json(Self {
            ok: false,
            machine_id: None,
            reason: Some(reason),
        })
    }
}

/// Says that a machine is still there.
///
/// Its `last_seen_at` moves at most every ten minutes.
#[utoipa::path(
    post,
    path = "/v1/machines/heartbeat",
    operation_id = "sendHeartbeat",
    tag = "machines",
    request_body = HeartbeatRequest,
    responses(
        (
            status = 200,
            description = "Whether the machine has a seat.",
            body = HeartbeatAnswer,
            headers(
                ("RateLimit-Policy" = String, description = "how often a license may ask"),
                ("RateLimit" = String, description = "how often it may ask now"),
                ("Retry-After" = u64, description = "when it may ask again, in seconds; only where it may not now"),
            ),
        ),
        BodyRefusals,
        Conflict,
        Failures,
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(later): Extension<Later>,
    request: Result<Json<HeartbeatRequest>, ApiError>,
) -> Result<(Allowance, Json<HeartbeatAnswer>), ApiError> {
    let Json(request) = request?;
    let machine = MachineDescription::required(request.fingerprint, None, None)?;
    let verified = ports.verified(&request.key)?;
    let license_id = verified.payload().license_id().to_string();
    let limiter = &ports.limits.heartbeats;
    let mut token = match LimitToken::take(limiter, license_id.clone(), ports.stamps.now_millis()) {
        Ok(token) => token,
        Err(allowance) => return Ok((allowance, HeartbeatAnswer::refused("rate_limited"))),
    };
    let hash = &machine.fingerprint_hash;
    let found = machines::find_active(&ports.database, &license_id, hash, &token.bucket()).await?;
    let in_time = token.correct(found.bucket_full_at);
    let notes = ports.notes(&later);
    let allowance = token.charge(&notes).await;
    if !in_time {
        return Ok((allowance, HeartbeatAnswer::refused("rate_limited")));
    }
    if found
        .current_key
        .replaces(Some(verified.payload().issued_at()))
    {
        return Ok((allowance, HeartbeatAnswer::refused("revoked")));
    }
    let Some(machine) = found.machine else {
        return Ok((allowance, HeartbeatAnswer::refused("not_activated")));
    };
    let now = ports.stamps.now();
    if is_stale(machine.last_seen_at, now) {
        let seen = LastSeen {
            machine_id: machine.id.clone(),
            hostname: None,
            platform: None,
            at: now,
        };
        notes.add(Note::Seen(seen)).await;
    }
    let answer = HeartbeatAnswer {
        ok: true,
        machine_id: Some(machine.id),
        reason: None,
    };
    Ok((allowance, Json(answer)))
}
