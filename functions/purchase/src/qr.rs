//! `GET /v1/purchase/{invoice_id}/qr.svg`: the payment request of an order in USDC, for a
//! wallet.

use crate::usdc;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use keywright_domain::order::OrderOpener;
use keywright_ports::Database;
use keywright_providers::polygon::qr;
use keywright_store::chain::usdc_orders;
use keywright_web::ApiError;
use keywright_web::openapi::{Failures, Unknown};

/// Shows the payment request of an order in USDC as a QR code
///
/// An SVG image of the order's `uri`. 404 for an order that is not paid in USDC.
#[utoipa::path(
    get,
    path = "/v1/purchase/{invoice_id}/qr.svg",
    operation_id = "getOrderQrCode",
    tag = "buying",
    params(("invoice_id" = String, Path, description = "`invoice_id` of the purchase")),
    responses(
        (status = 200, description = "The QR code.", body = String, content_type = "image/svg+xml"),
        Failures, Unknown
    )
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    invoice_id: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let unknown = || ApiError::not_found("there is no order in USDC with this id");
    let Path(text) = invoice_id.map_err(|_| unknown())?;
    let opener = OrderOpener::parse(&text).ok_or_else(unknown)?;
    let shown = usdc_orders::shown(&database, &opener).await?;
    let shown = shown.ok_or_else(unknown)?;
    let image = qr::svg(&usdc::uri(&shown)?);
    let image = image.map_err(|error| ApiError::internal(error.to_string()))?;
    let headers = [
        (CONTENT_TYPE, "image/svg+xml"),
        // An order's terms never change, and only its buyer has its secret.
        (CACHE_CONTROL, "private, max-age=86400"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    Ok((headers, image))
}
