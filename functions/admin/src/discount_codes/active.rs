//! `PATCH /v1/admin/discount-codes/{id}/active`: usable or not.

use super::unknown;
use crate::{Done, Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_edge::http::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_edge::http::{ApiError, Json};
use keywright_store::discount_codes;
use serde::Deserialize;
use utoipa::ToSchema;

/// Usable or not.
#[derive(Deserialize, ToSchema)]
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
    tag = "discount codes",
    params(("id" = String, Path, description = "UUID of the code.")),
    request_body = DiscountCodeActive,
    responses(
        (status = 200, description = "It is as asked.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
    security(("operator" = ["discount_codes:write"]))
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: Result<Path<String>, PathRejection>,
    active: Result<Json<DiscountCodeActive>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let Path(id) = id.map_err(|_| unknown())?;
    let Json(DiscountCodeActive { active }) = active?;
    let audit_id = ports.stamps.new_id();
    if discount_codes::set_active(&ports.database, &actor, &id, active, audit_id).await? {
        Ok(Json(Done::OK))
    } else {
        Err(unknown())
    }
}
