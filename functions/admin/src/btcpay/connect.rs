//! `POST /v1/admin/btcpay/connect`: begins to connect a store. The rest happens
//! in the operator's browser, on `BTCPay`'s page, and comes back to
//! `/v1/btcpay/authorize/callback`.

use crate::providers::{no_such_business, not_set_up};
use crate::text::present;
use crate::{Operator, Ports};
use axum::Extension;
use data_encoding::BASE64URL_NOPAD;
use keywright_domain::access::Caller;
use keywright_domain::rail::ProviderKind;
use keywright_providers::btcpay::authorize_url;
use keywright_store::sales::provider_connects::{self, ConnectionStart, NewConnection};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json, hash_of_secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Random bytes of a state.
const STATE_BYTES: usize = 32;

/// For which business.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BtcpayConnect)]
pub(crate) struct Connect {
    /// UUID of the business; without it the default one.
    merchant_profile_id: Option<String>,
}

/// Where the operator agrees.
#[derive(Serialize, ToSchema)]
#[schema(as = BtcpayConnecting)]
pub(crate) struct Connecting {
    /// A page of the vendor's `BTCPay` Server, to be opened in a browser within
    /// ten minutes: choose exactly one store there.
    authorize_url: String,
    /// What the browser brings back, once. It is in `authorize_url`.
    state: String,
    /// UUID of the business.
    merchant_profile_id: String,
}

/// Begins to connect a store
///
/// 409 for a business that has one already. A scoped key needs the scope
/// `payment_providers:write`, and may connect only stores that are provably on
/// a test network, and those only while `SANDBOX_MODE` is on (else 403). 503
/// while `CREDENTIALS_KEY`, `BTCPAY_URL` or `PUBLIC_URL` is not configured.
#[utoipa::path(
    post,
    path = "/v1/admin/btcpay/connect",
    operation_id = "connectBtcpayStore",
    tag = "payment providers",
    request_body = Connect,
    responses(
        (status = 200, description = "Where the operator agrees.", body = Connecting),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Extension(caller): Extension<Caller>,
    Operator(actor): Operator,
    connect: Result<Json<Connect>, ApiError>,
) -> Result<Json<Connecting>, ApiError> {
    let Json(connect) = connect?;
    let sandbox_only = caller != Caller::Master;
    if sandbox_only && !ports.providers.sandbox {
        return Err(ApiError::forbidden(
            "only ADMIN_KEY can connect stores, unless SANDBOX_MODE is on",
        ));
    }
    let providers = &ports.providers;
    providers.vault()?;
    let Some(server_url) = providers.accounts.server_url() else {
        return Err(ApiError::unavailable(
            "btcpay_not_configured",
            "stores cannot be connected yet: BTCPAY_URL is not configured",
            "BTCPAY_URL is not configured",
        ));
    };
    let url = providers.btcpay_browser_url.as_deref();
    let url = url.unwrap_or(server_url);
    let here = providers.public_url()?;

    let state = BASE64URL_NOPAD.encode(&ports.stamps.random::<STATE_BYTES>());
    let back = format!("{here}/v1/btcpay/authorize/callback?state={state}");
    let authorize_url =
        authorize_url(url, &back, sandbox_only).map_err(|error| not_set_up(&error.to_string()))?;
    let profile_id = present(connect.merchant_profile_id);
    let new = NewConnection {
        profile_id: profile_id.as_deref(),
        state_hash: &hash_of_secret(&state),
        sandbox_only,
    };
    let audit_id = ports.stamps.new_id();
    let database = &ports.database;
    let begun =
        provider_connects::begin(database, &actor, new, ProviderKind::Btcpay, &audit_id).await?;
    match begun {
        ConnectionStart::For(merchant_profile_id) => Ok(Json(Connecting {
            authorize_url,
            state,
            merchant_profile_id,
        })),
        ConnectionStart::Connected => Err(ApiError::conflict(
            "this business has a connected store; disconnect it first",
        )),
        ConnectionStart::Unknown => Err(no_such_business()),
    }
}
