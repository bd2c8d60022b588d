//! `GET /v1/btcpay/authorize/callback`: the key comes in the query.

use super::{CallbackParameters, finish};
use crate::Ports;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::Uri;
use keywright_web::RequestId;

/// Connects a store whose owner has agreed.
///
/// For a browser: each answer is a small page. The state is good once, for ten
/// minutes.
#[utoipa::path(get, path = "/v1/btcpay/authorize/callback", operation_id = "finishBtcpayConnection", tag = "operation",
    params(
        ("state" = Option<String>, Query, description = "Of `POST /v1/admin/btcpay/connect`."),
        ("apiKey" = Option<String>, Query, description = "The key that BTCPay made."),
    ),
    responses(
        (status = 200, description = "The store is connected.", content_type = "text/html", body = String),
        (status = 400, description = "The state is unknown, used or too old; BTCPay does not know the key; or it is not for exactly one store.", content_type = "text/html", body = String),
        (status = 403, description = "The key may do too little, or the store is not provably on a test network.", content_type = "text/html", body = String),
        (status = 409, description = "The business has a store already.", content_type = "text/html", body = String),
        (status = 500, description = "Something went wrong on our side.", content_type = "text/html", body = String),
        (status = 502, description = "BTCPay did not do it.", content_type = "text/html", body = String),
        (status = 503, description = "Not set up yet.", content_type = "text/html", body = String),
    ))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    uri: Uri,
) -> Response {
    finish(&ports, &request_id, CallbackParameters::of_query(&uri)).await
}
