//! What suspending, unsuspending and revoking have in common.

use crate::ids::LicenseId;
use crate::text::{self, MAX_NOTE_BYTES, present};
use crate::{Done, Ports};
use keywright_store::licenses::license_status::{self, StatusChange, StatusChangeIds};
use keywright_store::operator::audit::Actor;
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Why the operator does it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LicenseReason)]
pub(crate) struct Reason {
    /// At most 2000 bytes; recorded, shown with the license, and sent with the
    /// event.
    #[schema(max_length = 2_000)]
    reason: Option<String>,
}

/// Turns a license. One that is in the state it leads to already stays as it is, and that is a success too.
pub(super) async fn set(
    ports: &Ports,
    actor: &Actor,
    id: LicenseId,
    change: StatusChange,
    Reason { reason }: Reason,
) -> Result<Json<Done>, ApiError> {
    let reason = present(reason);
    text::check(
        "reason",
        reason.as_deref().unwrap_or_default(),
        MAX_NOTE_BYTES,
    )?;
    let reached = license_status::set(
        &ports.database,
        actor,
        &id,
        change,
        reason.as_deref(),
        &StatusChangeIds::new(&ports.stamps),
    )
    .await?;
    match reached {
        None => Err(LicenseId::unknown()),
        Some(status) if status == change.to() => Ok(Json(Done::OK)),
        Some(status) => Err(ApiError::conflict(format!(
            "the license is {}, which cannot be undone; issue another one instead",
            status.as_str()
        ))),
    }
}
