//! `POST /v1/machines/list`: the machines that have a seat, for whoever holds
//! the key: an application shows them where every seat is taken, and frees the
//! one that its user picks.

use super::activate::unknown_license;
use crate::Ports;
use axum::extract::State;
use http::StatusCode;
use keywright_domain::dates::rfc3339;
use keywright_store::seats::machines;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The license whose machines to list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LicenseMachinesRequest {
    /// The license key.
    key: String,
}

/// The machines of a license.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListMachinesAnswer {
    /// Always `true`.
    ok: bool,
    /// The license.
    #[schema(format = "uuid")]
    license_id: String,
    /// How many machines may have a seat at once; 0 without a limit.
    #[schema(minimum = 0)]
    max_machines: i64,
    /// How many have one.
    #[schema(minimum = 0)]
    active_count: i64,
    /// Those that have one, activated last first, at most 1000.
    machines: Vec<HeldSeat>,
}

/// A machine that has a seat.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeldSeat {
    /// Its id; `POST /v1/machines/deactivate` takes it.
    #[schema(format = "uuid")]
    machine_id: String,
    /// SHA-256 of its fingerprint in lower-case hex: an application tells its
    /// own machine by it.
    #[schema(min_length = 64, max_length = 64)]
    fingerprint_hash: String,
    /// What it calls itself.
    #[schema(required)]
    hostname: Option<String>,
    /// What it runs.
    #[schema(required)]
    platform: Option<String>,
    /// Since when it has its seat.
    #[schema(format = DateTime)]
    activated_at: String,
    /// When it was last heard of, exact to ten minutes.
    #[schema(format = DateTime)]
    last_seen_at: String,
}

/// What the holder of a replaced key is told.
const KEY_REPLACED: &str = "this key was replaced; use the license's current key";

/// Lists the machines that have a seat of the license.
#[utoipa::path(
    post,
    path = "/v1/machines/list",
    operation_id = "listMachinesOfLicense",
    tag = "machines",
    request_body = LicenseMachinesRequest,
    responses(
        (status = 200, description = "The machines.", body = ListMachinesAnswer),
        (status = 403, description = "The key was replaced: `revoked`.", body = keywright_web::openapi::Error),
        BodyRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    request: Result<Json<LicenseMachinesRequest>, ApiError>,
) -> Result<Json<ListMachinesAnswer>, ApiError> {
    let Json(request) = request?;
    let verified = ports.verified(&request.key)?;
    let license_id = verified.payload().license_id().to_string();
    let found = machines::of_license(&ports.database, &license_id)
        .await?
        .ok_or_else(unknown_license)?;
    if found
        .current_key
        .replaces(Some(verified.payload().issued_at()))
    {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "revoked",
            KEY_REPLACED,
        ));
    }
    Ok(Json(ListMachinesAnswer {
        ok: true,
        license_id,
        max_machines: found.max_machines,
        active_count: found.active,
        machines: found.machines.into_iter().map(shown).collect(),
    }))
}

fn shown(machine: machines::Machine) -> HeldSeat {
    HeldSeat {
        machine_id: machine.id,
        fingerprint_hash: machine.fingerprint_hash,
        hostname: machine.hostname,
        platform: machine.platform,
        activated_at: rfc3339(machine.activated_at),
        last_seen_at: rfc3339(machine.last_seen_at),
    }
}
