//! `POST /v1/admin/licenses/{id}/change-tier`: another policy for a license, for nothing.

use crate::ids::LicenseId;
use crate::text::{self, MAX_NOTE_BYTES, present};
use crate::{Operator, Ports};
use keywright_services::tier_change::{self, ChangeAuthor, TierChangeError};
use keywright_store::tier_changes::applying::{self, AppliedIds};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which policy the license gets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierChangeRequest {
    /// Slug of a policy of the same product.
    #[schema(example = "pro")]
    to_policy_slug: String,
    /// Must be `true`: the change costs nothing. A buyer who is to pay for it does so with
    /// `POST /v1/upgrade`.
    #[schema(required)]
    skip_payment: Option<bool>,
    /// Why, at most 2000 bytes; recorded, and sent with the event.
    #[schema(max_length = 2_000)]
    reason: Option<String>,
}

/// A license that has another policy.
#[derive(Serialize, ToSchema)]
pub(crate) struct TierChangeResult {
    /// Always `true`.
    ok: bool,
    /// UUID of the license.
    license_id: String,
    /// UUID of the change.
    tier_change_id: String,
    /// Slug of the policy that it had.
    #[schema(example = "basic")]
    from_policy_slug: String,
    /// Slug of the policy that it has.
    #[schema(example = "pro")]
    to_policy_slug: String,
}

/// Changes the policy of a license for nothing
///
/// At once, up or down, whatever the `tier_rank`. Policy, entitlements, seats and grace become
/// those of the target, and the next period of a subscription costs what the target costs; the
/// paid time stays. Machines beyond the seats keep working. A change that was booked, and open
/// orders at the old price, are withdrawn.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/{id}/change-tier",
    operation_id = "changeLicenseTier",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    request_body = TierChangeRequest,
    responses(
        (status = 200, description = "It is changed.", body = TierChangeResult),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: LicenseId,
    request: Result<Json<TierChangeRequest>, ApiError>,
) -> Result<Json<TierChangeResult>, ApiError> {
    let Json(request) = request?;
    let reason = present(request.reason);
    text::check(
        "reason",
        reason.as_deref().unwrap_or_default(),
        MAX_NOTE_BYTES,
    )?;
    if request.skip_payment != Some(true) {
        return Err(ApiError::bad_request(
            "skip_payment must be true; a buyer pays for an upgrade with POST /v1/upgrade",
        ));
    }
    let slug = request.to_policy_slug.trim();
    let loaded = tier_change::load(&ports.database, &id, slug, ChangeAuthor::Operator);
    let loaded = loaded.await.map_err(refused)?;
    let planned = loaded.granted(actor.at);
    let change = planned.recorded(ports.stamps.new_id(), actor.at);
    let ids = AppliedIds {
        audit_id: ports.stamps.new_id(),
        event_id: ports.stamps.new_id(),
        change_id: change.id.clone(),
    };
    let reason = reason.as_deref();
    if !applying::apply_free(&ports.database, &actor, &change, reason, &ids).await? {
        return Err(ApiError::conflict(
            "the license changed meanwhile; try again",
        ));
    }
    Ok(Json(TierChangeResult {
        ok: true,
        license_id: change.license_id,
        tier_change_id: change.id,
        from_policy_slug: planned.basis.from.slug,
        to_policy_slug: planned.basis.to.slug,
    }))
}

fn refused(error: TierChangeError) -> ApiError {
    match error {
        TierChangeError::UnknownLicense => LicenseId::unknown(),
        TierChangeError::UnknownPolicy => ApiError::not_found(error.to_string()),
        TierChangeError::NotActive => ApiError::conflict(error.to_string()),
        TierChangeError::Unreadable(reason) => ApiError::internal(reason),
        TierChangeError::Database(error) => error.into(),
        TierChangeError::OtherProduct | TierChangeError::NotOnSale => {
            ApiError::bad_request("to_policy_slug must name an active policy of the same product")
        }
        other => ApiError::bad_request(other.to_string()),
    }
}
