//! `GET /v1/admin/merchant-profiles/{id}`: one business.

use super::DetailView;
use crate::ids::MerchantProfileId;
use axum::extract::State;
use keywright_ports::Database;
use keywright_store::catalog::merchant_profiles;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// Shows a business with its providers, preferences and number of products.
#[utoipa::path(
    get,
    path = "/v1/admin/merchant-profiles/{id}",
    operation_id = "getMerchantProfile",
    tag = "merchant profiles",
    params(("id" = String, Path, description = "UUID of the business.")),
    responses(
        (status = 200, description = "The business.", body = DetailView),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    id: MerchantProfileId,
) -> Result<Json<DetailView>, ApiError> {
    let profile = merchant_profiles::get(&database, &id).await?;
    Ok(Json(profile.ok_or_else(MerchantProfileId::unknown)?.into()))
}
