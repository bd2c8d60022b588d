//! Routes for the stores that businesses are paid at, one file each.

pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod overview;
pub(crate) mod payment_methods;
pub(crate) mod status;

use bytes::Bytes;
use http::{Request, Response};
use keywright_domain::rail::ProviderKind;
use keywright_ports::Host;
use keywright_ports::function::PortError;
use keywright_ports::{Database, Log, Outbound, name, settings};
use keywright_providers::btcpay::ReadError;
use keywright_services::payment_providers::PaymentProviders;
use keywright_store::sales::payment_providers::{self, ProfileProvider};
use keywright_web::ApiError;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which business.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BusinessQuery {
    /// UUID of the business; without it the default one.
    merchant_profile_id: Option<String>,
}

/// What the instance knows of the vendor's `BTCPay` Server.
#[derive(Clone)]
pub(crate) struct BtcPay {
    outbound: Outbound,
    log: Log,
    /// Where this instance is reached, without a trailing slash.
    public_url: Option<Arc<str>>,
    /// The stores that orders are paid at.
    payment_providers: PaymentProviders,
    /// The same server for browsers, where they reach it under another name.
    browser_url: Option<Arc<str>>,
    /// Whether scoped keys may connect stores of test networks.
    sandbox: bool,
}

impl BtcPay {
    pub(crate) fn of(host: &Host) -> Result<Self, PortError> {
        let config = &host.config;
        let url = config.get(name::BTCPAY_URL);
        let plain = |url: &str| -> Arc<str> { url.trim_end_matches('/').into() };
        Ok(Self {
            outbound: host.outbound(url.as_slice())?,
            log: host.log.clone(),
            public_url: settings::public_url(config).ok().map(Into::into),
            payment_providers: PaymentProviders::configured(config),
            browser_url: config.get(name::BTCPAY_BROWSER_URL).map(plain),
            sandbox: settings::flag(config, name::SANDBOX_MODE) == Ok(true),
        })
    }

    /// Sends a request and reads the answer; why not, in words for the log.
    async fn ask<T>(
        &self,
        request: Result<Request<Bytes>, http::Error>,
        read: impl FnOnce(&Response<Bytes>) -> Result<T, ReadError>,
    ) -> Result<T, String> {
        let request = request.map_err(|error| error.to_string())?;
        let answer = self.outbound.send(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        read(&answer).map_err(|error| error.to_string())
    }
}

/// The business that a request means, and its connected store.
///
/// # Errors
/// 404 for an unknown business.
async fn business(database: &Database, id: Option<&str>) -> Result<ProfileProvider, ApiError> {
    payment_providers::of_business(database, id, ProviderKind::Btcpay)
        .await?
        .ok_or_else(no_such_business)
}

fn no_such_business() -> ApiError {
    ApiError::not_found("there is no business with this merchant_profile_id")
}
