//! `POST /v1/btcpay/webhook/{provider_id}`: deliveries of a connected store.

use super::take;
use crate::Ports;
use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use keywright_web::openapi::{Error, Failures};
use keywright_web::{ApiError, RequestId};

/// Takes an event of a connected store.
///
/// As `POST /v1/btcpay/webhook`, checked with this store's own secret. 401 for
/// a store that is not connected. An order that is paid at another store is
/// passed over.
#[utoipa::path(post, path = "/v1/btcpay/webhook/{provider_id}", operation_id = "receiveConnectedStoreEvent", tag = "operation",
    params(
        ("provider_id" = String, Path, description = "UUID of the payment provider."),
        ("BTCPay-Sig" = String, Header, description = "`sha256=` and the HMAC-SHA256 of the body in hex."),
    ),
    request_body(content = Value, content_type = "application/json", description = "An event of BTCPay Server."),
    responses(
        (status = 200, description = "Recorded, or nothing to record."),
        (status = 400, description = "Not an event.", body = Error),
        (status = 401, description = "The signature is missing or wrong, or no such store is connected.", body = Error),
        (status = 413, description = "The body is larger than 2 MiB.", body = Error),
        Failures,
    ))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    provider_id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let unknown = |_| ApiError::unauthorized("no store is connected under this address");
    let Path(provider_id) = provider_id.map_err(unknown)?;
    let account = ports.connected(&provider_id).await?;
    take(&ports, &account, &request_id, &headers, body).await
}
