//! `PATCH /v1/admin/products/{id}/active`: on sale or not.

use super::refused;
use crate::ids::ProductId;
use crate::{Done, Operator};
use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_store::ChangeOutcome;
use keywright_store::catalog::product_change::{self, ProductChanges};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Whether it is on sale.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductActive {
    /// Whether buyers see it and may order it.
    active: bool,
}

/// Puts a product on sale or takes it off. Repeating it changes nothing more.
#[utoipa::path(
    patch,
    path = "/v1/admin/products/{id}/active",
    operation_id = "setProductActive",
    tag = "products",
    params(("id" = String, Path, description = "Id of the product.")),
    request_body = ProductActive,
    responses(
        (status = 200, description = "It is done.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: ProductId,
    active: Result<Json<ProductActive>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let Json(ProductActive { active }) = active?;
    let changes = ProductChanges {
        active: Some(active),
        ..ProductChanges::default()
    };
    let audit_id = stamps.new_id();
    match product_change::change(&database, &actor, &id, &changes, &audit_id).await? {
        ChangeOutcome::Changed(_) => Ok(Json(Done::OK)),
        ChangeOutcome::Unknown => Err(ProductId::unknown()),
        ChangeOutcome::Refused(refusal) => Err(refused(refusal)),
    }
}
