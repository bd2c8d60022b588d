//! `POST /v1/machines/deactivate`: frees a seat: that of the machine which
//! asks, or, by its id from the list, that of one which was lost.

use crate::Ports;
use crate::machine_description::{MachineDescription, check_reason};
use keywright_license::Uuid;
use keywright_store::seats::machines::{self, Deactivation, MachineSelector};
use keywright_web::openapi::{BodyRefusals, Conflict, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is recorded where no reason is sent.
const DEFAULT_REASON: &str = "client_requested";

/// The machine whose seat is to be freed: exactly one of `fingerprint` and
/// `machine_id`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeactivateRequest {
    /// The license key.
    key: String,
    /// The machine's fingerprint, as it was activated.
    #[schema(min_length = 1, max_length = 1024)]
    fingerprint: Option<String>,
    /// The machine's id, from the list of machines.
    #[schema(format = "uuid")]
    machine_id: Option<String>,
    /// Why, at most 2000 bytes; `client_requested` where it is absent.
    #[schema(max_length = 2000)]
    reason: Option<String>,
}

/// Whether the seat is free.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeactivateAnswer {
    /// Whether it is.
    ok: bool,
    /// `not_found`, where the license never had such a machine, or `revoked`, for a key
    /// that was replaced; only with `ok: false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
}

/// Frees the seat of a machine.
///
/// Repeating it succeeds and changes nothing. Another machine may take the
/// seat at once, also that of a single-seat license.
#[utoipa::path(
    post,
    path = "/v1/machines/deactivate",
    operation_id = "deactivateMachine",
    tag = "machines",
    request_body = DeactivateRequest,
    responses(
        (status = 200, description = "Whether the seat is free.", body = DeactivateAnswer),
        BodyRefusals, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    request: Result<Json<DeactivateRequest>, ApiError>,
) -> Result<Json<DeactivateAnswer>, ApiError> {
    let Json(request) = request?;
    let text;
    let selector = match (request.fingerprint, request.machine_id) {
        (Some(fingerprint), None) => {
            text = MachineDescription::required(fingerprint, None, None)?.fingerprint_hash;
            MachineSelector::Fingerprint(&text)
        }
        (None, Some(id)) => {
            // Any way of writing it; what is no id belongs to no machine.
            text = Uuid::parse_str(&id).unwrap_or_default().to_string();
            MachineSelector::Id(&text)
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(ApiError::bad_request(
                "send either fingerprint or machine_id, to say which machine",
            ));
        }
    };
    let reason = request
        .reason
        .as_deref()
        .filter(|reason| !reason.is_empty());
    let reason = reason.unwrap_or(DEFAULT_REASON);
    check_reason(reason)?;
    let verified = ports.verified(&request.key)?;
    let license_id = verified.payload().license_id().to_string();
    let (event_id, now) = (ports.stamps.new_id(), ports.stamps.now());
    let done = machines::deactivate(
        &ports.database,
        &license_id,
        verified.payload().issued_at(),
        selector,
        reason,
        &event_id,
        now,
    )
    .await?;
    let reason = match done {
        Deactivation::Free => None,
        Deactivation::UnknownMachine => Some("not_found"),
        Deactivation::KeyReplaced => Some("revoked"),
    };
    Ok(Json(DeactivateAnswer {
        ok: reason.is_none(),
        reason,
    }))
}
