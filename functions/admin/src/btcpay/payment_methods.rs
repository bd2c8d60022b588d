//! `GET /v1/admin/btcpay/payment-methods`: what a store takes, as it says.

use crate::providers::{BusinessQuery, NoAnswer, Providers, business};
use axum::extract::State;
use keywright_domain::rail::ProviderKind;
use keywright_ports::Database;
use keywright_ports::Unavailable;
use keywright_providers::account::Account;
use keywright_providers::btcpay::{PaymentMethod, read_payment_methods};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown, Upstream};
use keywright_web::{ApiError, Json, StrictQuery};
use serde::Serialize;
use utoipa::ToSchema;

/// What a store takes.
#[derive(Serialize, ToSchema)]
#[schema(as = BtcpayPaymentMethods)]
pub(crate) struct StorePaymentMethods {
    /// Also those that are switched off.
    payment_methods: Vec<StorePaymentMethod>,
}

/// A way of paying as `BTCPay` names it.
#[derive(Serialize, ToSchema)]
#[schema(as = BtcpayPaymentMethod)]
pub(crate) struct StorePaymentMethod {
    /// Such as `BTC-CHAIN` or `BTC-LN`.
    payment_method_id: String,
    /// Whether buyers are offered it.
    enabled: bool,
}

impl From<PaymentMethod> for StorePaymentMethod {
    fn from(method: PaymentMethod) -> Self {
        Self {
            payment_method_id: method.payment_method_id,
            enabled: method.enabled,
        }
    }
}

/// Lists what the store of a business takes
///
/// Asks `BTCPay`; its key needs `btcpay.store.canviewstoresettings`, which a key
/// of the configuration may lack (502). 404 for a business that is paid nowhere.
#[utoipa::path(
    get,
    path = "/v1/admin/btcpay/payment-methods",
    operation_id = "listBtcpayPaymentMethods",
    tag = "payment providers",
    params(BusinessQuery),
    responses(
        (status = 200, description = "What it takes.", body = StorePaymentMethods),
        BadQuery, AccessRefusals, Unknown, Upstream, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(providers): State<Providers>,
    StrictQuery(query): StrictQuery<BusinessQuery>,
) -> Result<Json<StorePaymentMethods>, ApiError> {
    let kind = ProviderKind::Btcpay;
    let business = business(&database, query.merchant_profile_id.as_deref(), kind).await?;
    let configured = providers.accounts.configured_store();
    let opened = match &business.provider {
        Some(provider) => {
            let opened = providers.accounts.open(provider);
            Some(opened.map_err(Unavailable::from)?.account)
        }
        None => None,
    };
    let store = match (&opened, configured) {
        (Some(Account::Btcpay(store)), _) => store,
        (None, Ok(store)) if business.is_default => store,
        _ => {
            return Err(ApiError::not_found(
                "no store is connected for this business",
            ));
        }
    };
    let found = providers
        .ask(store.offered_methods(), read_payment_methods)
        .await;
    let found = found.map_err(|failure| {
        let message = "BTCPay did not say what the store takes; may its key see the settings?";
        ApiError::upstream(message, NoAnswer::into_text(failure))
    })?;
    Ok(Json(StorePaymentMethods {
        payment_methods: found.into_iter().map(StorePaymentMethod::from).collect(),
    }))
}
