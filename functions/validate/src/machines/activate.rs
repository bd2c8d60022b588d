//! `POST /v1/machines/activate`: a seat for a machine. Expiry is not looked at:
//! that is what validating is for.

use crate::Ports;
use crate::machine_description::MachineDescription;
use crate::reason::Reason;
use crate::seat::{self, SeatOutcome};
use axum::Extension;
use keywright_domain::seats::Asking;
use keywright_domain::standing::in_force;
use keywright_ports::Later;
use keywright_store::seats::activations::{self, Count, LookUp};
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The machine that asks for a seat.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivateRequest {
    /// The license key.
    key: String,
    /// What tells this machine from others, 1 to 1024 bytes; only its SHA-256
    /// is kept.
    #[schema(min_length = 1, max_length = 1024)]
    fingerprint: String,
    /// What the machine calls itself, at most 255 bytes.
    #[schema(max_length = 255)]
    hostname: Option<String>,
    /// What the machine runs, such as `linux-x86_64`; at most 255 bytes.
    #[schema(max_length = 255)]
    platform: Option<String>,
}

/// The seat, or why there is none.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivateAnswer {
    /// Whether the machine has a seat.
    ok: bool,
    /// The seat; null without one.
    #[schema(required, format = "uuid")]
    machine_id: Option<String>,
    /// Machines that have a seat now; 0 where the license is not in force.
    #[schema(minimum = 0)]
    active_count: i64,
    /// How many may have one at once; 0 without a limit.
    #[schema(minimum = 0)]
    max_machines: i64,
    /// Why there is no seat: `revoked`, `suspended`, `invalid_state`,
    /// `too_many_machines`, `too_many_activations` or `fingerprint_mismatch`
    /// (the key itself belongs to another machine); null with one.
    #[schema(required)]
    reason: Option<Reason>,
}

/// Gives a machine a seat of the license.
///
/// Repeating it answers the same seat. Where there is none, the status is 200
/// with `ok: false` and a `reason`.
#[utoipa::path(
    post,
    path = "/v1/machines/activate",
    operation_id = "activateMachine",
    tag = "machines",
    request_body = ActivateRequest,
    responses(
        (status = 200, description = "The seat, or why there is none.", body = ActivateAnswer),
        BodyRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Extension(later): Extension<Later>,
    request: Result<Json<ActivateRequest>, ApiError>,
) -> Result<Json<ActivateAnswer>, ApiError> {
    let Json(request) = request?;
    let machine =
        MachineDescription::required(request.fingerprint, request.hostname, request.platform)?;
    let verified = ports.verified(&request.key)?;
    let license_id = verified.payload().license_id().to_string();
    let look_up = LookUp {
        license_id: &license_id,
        issued_at: verified.payload().issued_at(),
        fingerprint_hash: Some(&machine.fingerprint_hash),
        now: ports.stamps.now(),
        count: Count::Always,
        bucket: None,
    };
    let license = activations::look_up(&ports.database, look_up)
        .await?
        .ok_or_else(unknown_license)?;
    if let Err(refusal) = in_force(license.status) {
        return Ok(refused(0, license.max_machines, refusal.into()));
    }
    let notes = ports.notes(&later);
    let asking = Asking::Activation;
    let answer = match seat::take(&ports, &notes, asking, license, &verified, machine).await? {
        SeatOutcome::Held(license) => Json(ActivateAnswer {
            ok: true,
            machine_id: license.machine_id,
            active_count: license.active,
            max_machines: license.max_machines,
            reason: None,
        }),
        SeatOutcome::Refused(license, reason) => match reason {
            Reason::NotFound => return Err(unknown_license()),
            Reason::Revoked | Reason::Suspended | Reason::InvalidState => {
                refused(0, license.max_machines, reason)
            }
            _ => refused(license.active, license.max_machines, reason),
        },
    };
    Ok(answer)
}

/// What an unknown license is answered with.
pub(super) fn unknown_license() -> ApiError {
    ApiError::not_found("the license of this key is not recorded here")
}

fn refused(active_count: i64, max_machines: i64, reason: Reason) -> Json<ActivateAnswer> {
    Json(ActivateAnswer {
        ok: false,
        machine_id: None,
        active_count,
        max_machines,
        reason: Some(reason),
    })
}
