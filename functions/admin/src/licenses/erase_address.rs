//! `POST /v1/admin/licenses/erase-buyer`: erases what says who bought licenses, for all
//! licenses of one address.

use crate::{Operator, Ports};
use keywright_store::licenses::buyer_erasure::{self, LICENSES_AT_ONCE};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whose licenses.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressErasureRequest {
    /// The address that the licenses are for; case does not matter.
    #[schema(example = "satoshi@example.com", pattern = "^[^@]+@[^@]+$")]
    buyer_email: String,
}

/// What was erased.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasedAddress)]
pub(crate) struct AddressErasure {
    /// Always `true`.
    ok: bool,
    /// How many licenses lost their buyer.
    #[schema(minimum = 0, maximum = 100)]
    licenses: usize,
    /// How many audit entries lost what they said of the buyer.
    #[schema(minimum = 0, maximum = 1000)]
    erased_entries: usize,
    /// False when there is more to erase: send the request again, with another
    /// `Idempotency-Key`.
    complete: bool,
}

/// Erases what says who bought the licenses of an address
///
/// As for one license, for up to 100 licenses of the address, each with an audit entry of its
/// own. An address without licenses is no error. Orders that nobody paid are purged after
/// `ABANDONED_ORDER_DAYS`. This cannot be undone.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/erase-buyer",
    operation_id = "eraseBuyerByEmail",
    tag = "licenses",
    request_body = AddressErasureRequest,
    responses(
        (status = 200, description = "It is erased.", body = AddressErasure),
        BodyRefusals, AccessRefusals, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    Json(request): Json<AddressErasureRequest>,
) -> Result<Json<AddressErasure>, ApiError> {
    let address = request.buyer_email.trim();
    if address.is_empty() {
        return Err(ApiError::bad_request("buyer_email must not be empty"));
    }
    let audit_ids: [String; LICENSES_AT_ONCE] = std::array::from_fn(|_| ports.stamps.new_id());
    let erased = buyer_erasure::erase_address(&ports.database, &actor, address, &audit_ids).await?;
    Ok(Json(AddressErasure {
        ok: true,
        licenses: erased.licenses,
        erased_entries: erased.entries,
        complete: erased.is_complete,
    }))
}
