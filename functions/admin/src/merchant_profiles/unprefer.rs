//! `DELETE /v1/admin/merchant-profiles/{id}/rail-preferences/{rail}`.

use super::{DetailView, rail};
use crate::Operator;
use crate::ids::MerchantProfileId;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::rail_preferences;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// Takes a preference back
///
/// Then the only provider that takes this way of paying is used, or the one
/// connected first. Repeating it changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/admin/merchant-profiles/{id}/rail-preferences/{rail}",
    operation_id = "deleteRailPreference",
    tag = "merchant profiles",
    params(
        ("id" = String, Path, description = "UUID of the business."),
        ("rail" = String, Path, description = "`lightning`, `onchain` or `card`."),
    ),
    responses(
        (status = 200, description = "The business as it now is.", body = DetailView),
        BadQuery, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<DetailView>, ApiError> {
    let Path((id, name)) = path.map_err(|_| MerchantProfileId::unknown())?;
    let rail = rail(&name)?;
    let audit_id = stamps.new_id();
    let profile = rail_preferences::clear(&database, &actor, &id, rail, &audit_id).await?;
    Ok(Json(profile.ok_or_else(MerchantProfileId::unknown)?.into()))
}
