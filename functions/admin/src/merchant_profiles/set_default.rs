//! `POST /v1/admin/merchant-profiles/{id}/set-default`: the one that sells what
//! names no business.

use super::ProfileView;
use crate::ids::MerchantProfileId;
use crate::{Operator, Ports};
use keywright_store::catalog::merchant_profile_change;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};

/// Makes a business the default one
///
/// In place of the one that was. It sells the
/// products that name none, and it alone is paid at the configured store where
/// none is connected. Repeating it succeeds and changes nothing more. A
/// body is not needed.
#[utoipa::path(
    post,
    path = "/v1/admin/merchant-profiles/{id}/set-default",
    operation_id = "setDefaultMerchantProfile",
    tag = "merchant profiles",
    params(("id" = String, Path, description = "UUID of the business.")),
    responses(
        (status = 200, description = "The business as it now is.", body = ProfileView),
        BodyRefusals, AccessRefusals, Conflict, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: MerchantProfileId,
) -> Result<Json<ProfileView>, ApiError> {
    let audit_id = ports.stamps.new_id();
    let database = &ports.database;
    let profile = merchant_profile_change::set_default(database, &actor, &id, &audit_id).await?;
    Ok(Json(profile.ok_or_else(MerchantProfileId::unknown)?.into()))
}
