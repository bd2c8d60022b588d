//! `POST /v1/machines/heartbeat`: a machine says that it is still there. The
//! state of the license does not matter: that is what validating is for.

use crate::Ports;
use crate::device::Device;
use crate::notes::Note;
use axum::extract::State;
use keywright_domain::seats::is_stale;
use keywright_edge::http::openapi::{BodyRefusals, Conflict, Failures};
use keywright_edge::http::{ApiError, Json};
use keywright_edge::ports::Later;
use keywright_store::machines::{self, Sign};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The machine that is still there.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Heartbeat {
    /// The license key.
    key: String,
    /// The machine's fingerprint, as it was activated.
    #[schema(min_length = 1, max_length = 1024)]
    fingerprint: String,
}

/// Whether the machine has a seat.
#[derive(Serialize, ToSchema)]
pub(crate) struct Beat {
    /// Whether it has one.
    ok: bool,
    /// The seat; only with `ok: true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    machine_id: Option<String>,
    /// `not_activated`; only with `ok: false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
}

/// Says that a machine is still there.
///
/// Its `last_seen_at` moves at most every ten minutes.
#[utoipa::path(
    post,
    path = "/v1/machines/heartbeat",
    tag = "machines",
    request_body = Heartbeat,
    responses((status = 200, body = Beat), BodyRefusals, Conflict, Failures),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    later: Later,
    asked: Result<Json<Heartbeat>, ApiError>,
) -> Result<Json<Beat>, ApiError> {
    let Json(asked) = asked?;
    let device = Device::required(asked.fingerprint, None, None)?;
    let verified = ports.verified(&asked.key)?;
    let license_id = verified.payload().license_id().to_string();
    let hash = &device.fingerprint_hash;
    let found = machines::find_active(&ports.database, &license_id, hash).await?;
    let Some(machine) = found else {
        return Ok(Json(Beat {
            ok: false,
            machine_id: None,
            reason: Some("not_activated"),
        }));
    };
    let now = ports.stamps.now();
    if is_stale(machine.last_seen_at, now) {
        let sign = Sign {
            machine_id: machine.id.clone(),
            hostname: None,
            platform: None,
            at: now,
        };
        ports.notes(&later).add(Note::Seen(sign)).await;
    }
    Ok(Json(Beat {
        ok: true,
        machine_id: Some(machine.id),
        reason: None,
    }))
}
