//! `DELETE /v1/admin/products/{id}`: takes back a product that was never sold.

use crate::{Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_store::catalog::product_change;
use keywright_web::openapi::{AccessRefusals, BadQuery, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Whether its policies and its discount codes go with it.
    force: Option<bool>,
}

/// What is gone.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedProduct)]
pub(crate) struct Deleted {
    /// Always `true`.
    ok: bool,
    /// What went with the product.
    deleted: Along,
}

/// What went with a product.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedAlong)]
pub(crate) struct Along {
    /// Policies of the product.
    policies: i64,
    /// Discount codes for the product alone.
    discount_codes: i64,
}

/// Deletes a product that was never ordered. With policies or discount codes
/// it is 409 unless `force` is `true`; with an order, a license or a release it
/// is 409 for good: take it off sale instead.
#[utoipa::path(
    delete,
    path = "/v1/admin/products/{id}",
    tag = "products",
    params(("id" = String, Path, description = "Id of the product."), Asked),
    responses(
        (status = 200, description = "It is gone.", body = Deleted),
        BadQuery, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: Result<Path<String>, PathRejection>,
    asked: Result<Query<Asked>, ApiError>,
) -> Result<Json<Deleted>, ApiError> {
    let unknown = || ApiError::not_found("there is no such product");
    let Path(id) = id.map_err(|_| unknown())?;
    let force = asked?.0.force.unwrap_or(false);
    let audit_id = ports.stamps.new_id();
    let attached = product_change::delete(&ports.database, &actor, &id, force, &audit_id)
        .await?
        .ok_or_else(unknown)?;
    if attached.was_sold() {
        return Err(ApiError::conflict(format!(
            "{} orders, {} licenses and {} releases name the product, so it stays; take it off sale: PATCH …/active",
            attached.invoices, attached.licenses, attached.releases
        )));
    }
    if attached.takes_along() && !force {
        return Err(ApiError::conflict(format!(
            "{} policies and {} discount codes would go with the product; add ?force=true",
            attached.policies, attached.discount_codes
        )));
    }
    Ok(Json(Deleted {
        ok: true,
        deleted: Along {
            policies: attached.policies,
            discount_codes: attached.discount_codes,
        },
    }))
}
