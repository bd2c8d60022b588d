//! `PUT /v1/admin/merchant-profiles/{id}/rail-preferences/{rail}`: which store
//! takes a way of paying.

use super::{DetailView, rail};
use crate::Operator;
use crate::ids::MerchantProfileId;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::rail_preferences::{self, RailPreferenceOutcome};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which store.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RailChoice {
    /// UUID of a connected provider of this business that takes this way of
    /// paying.
    payment_provider_id: String,
}

/// Prefers a provider for a way of paying. Repeating it changes nothing.
#[utoipa::path(
    put,
    path = "/v1/admin/merchant-profiles/{id}/rail-preferences/{rail}",
    operation_id = "setRailPreference",
    tag = "merchant profiles",
    params(
        ("id" = String, Path, description = "UUID of the business."),
        ("rail" = String, Path, description = "`lightning`, `onchain` or `card`."),
    ),
    request_body = RailChoice,
    responses(
        (status = 200, description = "The business as it now is.", body = DetailView),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    path: Result<Path<(String, String)>, PathRejection>,
    choice: Result<Json<RailChoice>, ApiError>,
) -> Result<Json<DetailView>, ApiError> {
    let Path((id, name)) = path.map_err(|_| MerchantProfileId::unknown())?;
    let Json(choice) = choice?;
    let rail = rail(&name)?;
    let provider = choice.payment_provider_id;
    let audit_id = stamps.new_id();
    let outcome = rail_preferences::set(&database, &actor, &id, rail, &provider, &audit_id).await?;
    match outcome {
        RailPreferenceOutcome::Preferred(profile) => Ok(Json((*profile).into())),
        RailPreferenceOutcome::NoSuchProvider => Err(ApiError::bad_request(
            "payment_provider_id must be a connected provider of this business that takes this way of paying",
        )),
        RailPreferenceOutcome::Unknown => Err(MerchantProfileId::unknown()),
    }
}
