//! `POST /v1/admin/licenses/{id}/erase-buyer`: erases what says who bought a license.

use crate::ids::LicenseId;
use crate::{Operator, Ports};
use keywright_store::licenses::buyer_erasure;
use keywright_web::openapi::{AccessRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// What was erased.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasedBuyer)]
pub(crate) struct BuyerErasure {
    /// Always `true`.
    ok: bool,
    /// How many audit entries lost what they said of the buyer.
    #[schema(minimum = 0, maximum = 1000)]
    erased_entries: usize,
    /// False when there is more to erase: send the request again, with another
    /// `Idempotency-Key`.
    complete: bool,
}

/// Erases what says who bought a license
///
/// E-mail address and notes, in the license and its order; names of its machines; mails to
/// the buyer; and what audit entries and events say of them. The license stays as good as it is, but it can no
/// longer be found or recovered by the address. An audit entry records which entries were
/// erased, so that `keywright audit verify` stays green. This cannot be undone.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/{id}/erase-buyer",
    operation_id = "eraseLicenseBuyer",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    responses(
        (status = 200, description = "It is erased.", body = BuyerErasure),
        AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: LicenseId,
) -> Result<Json<BuyerErasure>, ApiError> {
    let audit_id = ports.stamps.new_id();
    let erased = buyer_erasure::erase(&ports.database, &actor, &id, &audit_id).await?;
    let erased = erased.ok_or_else(LicenseId::unknown)?;
    Ok(Json(BuyerErasure {
        ok: true,
        erased_entries: erased.entries,
        complete: erased.is_complete,
    }))
}
