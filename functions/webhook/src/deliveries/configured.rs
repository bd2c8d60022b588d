//! `POST /v1/btcpay/webhook`: deliveries of the store of the configuration.

use super::take;
use crate::Ports;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use keywright_web::openapi::{Error, Failures};
use keywright_web::{ApiError, RequestId};

/// Takes an event of `BTCPay` Server.
///
/// 200 with an empty body when it is recorded or of no concern to us; 503 when
/// `BTCPay` cannot be asked now or nothing is configured, and it sends the event
/// again.
#[utoipa::path(post, path = "/v1/btcpay/webhook", operation_id = "receiveBtcpayEvent", tag = "operation",
    params(("BTCPay-Sig" = String, Header, description = "`sha256=` and the HMAC-SHA256 of the body in hex.")),
    request_body(content = Value, content_type = "application/json", description = "An event of BTCPay Server."),
    responses(
        (status = 200, description = "Recorded, or nothing to record."),
        (status = 400, description = "Not an event.", body = Error),
        (status = 401, description = "The signature is missing or wrong.", body = Error),
        (status = 413, description = "The body is larger than 2 MiB.", body = Error),
        Failures,
    ))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let account = ports.configured()?.clone();
    take(&ports, &account, &request_id, &headers, body).await
}
