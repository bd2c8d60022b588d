//! `GET /v1/admin/discount-codes/{id}`: one code.

use super::CodeView;
use crate::ids::DiscountCodeId;
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::Caller;
use keywright_ports::Database;
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
    State(database): State<Database>,
    Extension(caller): Extension<Caller>,
    id: DiscountCodeId,
) -> Result<Json<CodeView>, ApiError> {
    let code = discount_codes::get(&database, &id).await?;
    let code = CodeView::from(code.ok_or_else(DiscountCodeId::unknown)?);
    Ok(Json(code.shown_to(&caller)))
}
