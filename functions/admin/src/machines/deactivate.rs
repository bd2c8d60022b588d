//! `POST /v1/admin/machines/{id}/deactivate`: frees the seat of a machine.

use crate::ids::MachineId;
use crate::text::{self, MAX_NOTE_BYTES, present};
use crate::{Done, Operator, Ports};
use keywright_store::seats::machine_list;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// What is recorded where no reason is sent.
const REASON: &str = "operator_requested";

/// Why the seat is freed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MachineDeactivation)]
pub(crate) struct Deactivation {
    /// Why, at most 2000 bytes; recorded, and sent with the event.
    #[schema(max_length = 2_000)]
    reason: Option<String>,
}

/// Frees the seat of a machine.
///
/// Also the only one of a license, which the next machine may then take. The
/// body may be left out. Repeating it succeeds and changes nothing more.
#[utoipa::path(
    post,
    path = "/v1/admin/machines/{id}/deactivate",
    operation_id = "deactivateMachineById",
    tag = "machines",
    params(("id" = String, Path, description = "Id of the machine, from the list of machines.")),
    request_body = Option<Deactivation>,
    responses(
        (status = 200, description = "Its seat is free.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: MachineId,
    sent: Result<Option<Json<Deactivation>>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let reason = sent?.and_then(|Json(sent)| present(sent.reason));
    let reason = reason.as_deref().unwrap_or(REASON);
    text::check("reason", reason, MAX_NOTE_BYTES)?;
    let (audit_id, event_id) = (ports.stamps.new_id(), ports.stamps.new_id());
    let found =
        machine_list::free(&ports.database, &actor, &id, reason, &audit_id, &event_id).await?;
    found
        .then_some(Json(Done::OK))
        .ok_or_else(MachineId::unknown)
}
