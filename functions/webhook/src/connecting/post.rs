//! `POST /v1/btcpay/authorize/callback`: the key comes in a form, as `BTCPay`
//! sends it.

use super::page::ConnectRefusal;
use super::{CallbackParameters, finish};
use crate::Ports;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::Uri;
use keywright_web::{RequestId, read_body};
use utoipa::ToSchema;

/// The form that `BTCPay` has the browser post. The permissions of the key are read from
/// `BTCPay`, not from here.
#[derive(ToSchema)]
#[schema(as = BtcpayConsent)]
#[expect(dead_code, reason = "a description; other members are ignored")]
pub(crate) struct Consent {
    /// The key that `BTCPay` made.
    #[schema(rename = "apiKey")]
    api_key: Option<String>,
}

/// Connects a store whose owner has agreed.
///
/// For a browser: each answer is a small page. The state is good once, for ten
/// minutes.
#[utoipa::path(post, path = "/v1/btcpay/authorize/callback", operation_id = "finishBtcpayConnectionByForm", tag = "operation",
    params(("state" = Option<String>, Query, description = "Of `POST /v1/admin/btcpay/connect`.")),
    request_body(content = Consent, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The store is connected.", content_type = "text/html", body = String),
        (status = 400, description = "The state is unknown, used or too old; BTCPay does not know the key; or it is not for exactly one store.", content_type = "text/html", body = String),
        (status = 403, description = "The key may do too little, or the store is not provably on a test network.", content_type = "text/html", body = String),
        (status = 409, description = "The business has a store already.", content_type = "text/html", body = String),
        (status = 413, description = "The body is larger than 2 MiB.", content_type = "text/html", body = String),
        (status = 500, description = "Something went wrong on our side.", content_type = "text/html", body = String),
        (status = 502, description = "BTCPay did not do it.", content_type = "text/html", body = String),
        (status = 503, description = "Not set up yet.", content_type = "text/html", body = String),
    ))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    uri: Uri,
    body: Body,
) -> Response {
    let mut parameters = CallbackParameters::of_query(&uri);
    match read_body(body).await {
        Ok(form) => parameters.read(&form),
        Err(error) => return ConnectRefusal::from(error).into_response(),
    }
    finish(&ports, &request_id, parameters).await
}
