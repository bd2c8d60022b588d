//! `GET /v1/admin/policies?product_slug=…`: the policies of a product that are
//! not archived, hidden ones included.

use super::PolicyView;
use crate::Ports;
use axum::extract::State;
use keywright_edge::http::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_edge::http::{ApiError, Json, Query};
use keywright_store::{policies, products};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Slug of the product.
    product_slug: String,
}

/// The policies of a product.
#[derive(Serialize, ToSchema)]
pub(crate) struct Policies {
    /// Cheapest first.
    policies: Vec<PolicyView>,
}

/// The policies of a product that are not archived, hidden ones included.
#[utoipa::path(
    get,
    path = "/v1/admin/policies",
    tag = "policies",
    params(Asked),
    responses(
        (status = 200, description = "The policies.", body = Policies),
        BadQuery, AccessRefusals, Unknown, Failures
    ),
    security(("operator" = ["policies:read"]))
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Query(asked): Query<Asked>,
) -> Result<Json<Policies>, ApiError> {
    let product = products::find(&ports.database, &asked.product_slug)
        .await?
        .ok_or_else(|| ApiError::not_found("product_slug: there is no such product"))?;
    let policies = policies::of_product(&ports.database, &product.id).await?;
    Ok(Json(Policies {
        policies: policies.into_iter().map(PolicyView::from).collect(),
    }))
}
