//! `PATCH /v1/admin/discount-codes/{id}/active`: usable or not.

use super::refused;
use crate::caps::{AtCap, Caps};
use crate::ids::DiscountCodeId;
use crate::{Done, Operator};
use axum::extract::State;
use keywright_domain::instance_tier::CappedResource;
use keywright_ports::{Database, Stamps};
use keywright_services::instance_license::InstanceLicensing;
use keywright_store::ChangeOutcome;
use keywright_store::catalog::discount_code_change::{
    self, DiscountCodeChanges, DiscountCodeRefusal,
};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Usable or not.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscountCodeActive {
    /// Whether new orders may use it. Orders already made keep their price.
    active: bool,
}

/// Lets a discount code be used, or not
///
/// Repeating it succeeds and changes nothing.
#[utoipa::path(
    patch,
    path = "/v1/admin/discount-codes/{id}/active",
    operation_id = "setDiscountCodeActive",
    tag = "discount codes",
    params(("id" = String, Path, description = "UUID of the code.")),
    request_body = DiscountCodeActive,
    responses(
        (status = 200, description = "It is as asked.", body = Done),
        BodyRefusals, AccessRefusals, AtCap, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    State(licensing): State<InstanceLicensing>,
    Operator(actor): Operator,
    id: DiscountCodeId,
    active: Result<Json<DiscountCodeActive>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let Json(DiscountCodeActive { active }) = active?;
    let changes = DiscountCodeChanges {
        active: Some(active),
        ..DiscountCodeChanges::default()
    };
    // Disabling needs no cap.
    let caps = if active {
        Some(Caps::now(&licensing, &database, &stamps).await?)
    } else {
        None
    };
    let resource = CappedResource::ActiveCodes;
    let cap = caps.as_ref().and_then(|caps| caps.of(resource));
    let audit_id = stamps.new_id();
    let changed = discount_code_change::change(&database, &actor, &id, &changes, cap, &audit_id);
    match (changed.await?, caps) {
        (ChangeOutcome::Refused(DiscountCodeRefusal::AtCap), Some(caps)) => {
            Err(caps.reached(resource, None))
        }
        (ChangeOutcome::Changed(_), _) => Ok(Json(Done::OK)),
        (ChangeOutcome::Refused(refusal), _) => Err(refused(refusal)),
        (ChangeOutcome::Unknown, _) => Err(DiscountCodeId::unknown()),
    }
}
