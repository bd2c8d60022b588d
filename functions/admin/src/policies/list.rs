//! `GET /v1/admin/policies?product_slug=…`: the policies of a product that are
//! not archived, hidden ones included.

use super::PolicyView;
use crate::Ports;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use keywright_edge::http::{ApiError, Json};
use keywright_store::{policies, products};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub(crate) struct Asked {
    product_slug: String,
}

#[derive(Serialize)]
pub(crate) struct Policies {
    policies: Vec<PolicyView>,
}

/// 400 without a product, 404 for an unknown one.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Policies>, ApiError> {
    let Query(asked) =
        asked.map_err(|_| ApiError::bad_request("name the product: ?product_slug=<slug>"))?;
    let product = products::find(&ports.database, &asked.product_slug)
        .await?
        .ok_or_else(|| ApiError::not_found("product_slug: there is no such product"))?;
    let policies = policies::of_product(&ports.database, &product.id).await?;
    Ok(Json(Policies {
        policies: policies.into_iter().map(PolicyView::from).collect(),
    }))
}
