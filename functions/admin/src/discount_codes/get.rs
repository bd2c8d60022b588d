//! `GET /v1/admin/discount-codes/{id}`: one code.

use super::{CodeView, unknown};
use crate::Ports;
use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::access::Caller;
use keywright_store::catalog::discount_codes;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// Shows a discount code
#[utoipa::path(
    get,
    path = "/v1/admin/discount-codes/{id}",
    operation_id = "getDiscountCode",
    tag = "discount codes",
    params(("id" = String, Path, description = "UUID of the code.")),
    responses(
        (status = 200, description = "The code.", body = CodeView),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<CodeView>, ApiError> {
    let Path(id) = id.map_err(|_| unknown())?;
    let code = discount_codes::get(&ports.database, &id).await?;
    let code = CodeView::from(code.ok_or_else(unknown)?);
    Ok(Json(code.shown_to(&caller)))
}
