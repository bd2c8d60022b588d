//! `GET /v1/admin/policies?product_slug=…`: the policies of a product.

use super::PolicyView;
use axum::extract::State;
use keywright_domain::pasted::PastedLower;
use keywright_ports::Database;
use keywright_store::catalog::policies;
use keywright_store::catalog::products;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Json, StrictQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PolicyListQuery {
    /// The product.
    #[param(value_type = String)]
    product_slug: PastedLower,
    /// Whether to list those too that cannot be bought.
    include_inactive: Option<bool>,
    /// Whether to list those too that are put away.
    include_archived: Option<bool>,
}

/// Policies of one product.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyList)]
pub(crate) struct Policies {
    /// The cheapest first, then by name.
    policies: Vec<PolicyView>,
}

/// Lists the policies of a product, hidden ones included.
#[utoipa::path(
    get,
    path = "/v1/admin/policies",
    operation_id = "listPolicies",
    tag = "policies",
    params(PolicyListQuery),
    responses(
        (status = 200, description = "The policies.", body = Policies),
        BadQuery, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    StrictQuery(query): StrictQuery<PolicyListQuery>,
) -> Result<Json<Policies>, ApiError> {
    let product = products::find(&database, query.product_slug.as_str())
        .await?
        .ok_or_else(|| ApiError::not_found("there is no product with this product_slug"))?;
    let policies = policies::listed(
        &database,
        &product.id,
        query.include_inactive.unwrap_or(false),
        query.include_archived.unwrap_or(false),
    )
    .await?;
    Ok(Json(Policies {
        policies: policies.into_iter().map(PolicyView::from).collect(),
    }))
}
