//! The payment providers that businesses are paid at: what the routes for `BTCPay` and
//! Zaprite share, and the overview of all.

pub(crate) mod disconnect;
pub(crate) mod overview;
pub(crate) mod status;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use keywright_domain::rail::ProviderKind;
use keywright_ports::Host;
use keywright_ports::function::PortError;
use keywright_ports::vault::Vault;
use keywright_ports::{Database, Log, Outbound, name, settings};
use keywright_providers::answer::ReadError;
use keywright_services::payment_providers::{PaymentProviders, servers};
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
    pub(crate) merchant_profile_id: Option<String>,
}

/// What the instance knows of payment providers.
#[derive(Clone)]
pub(crate) struct Providers {
    outbound: Outbound,
    pub(crate) log: Log,
    /// Where this instance is reached, without a trailing slash.
    public_url: Option<Arc<str>>,
    /// The providers that orders are paid at.
    pub(crate) accounts: PaymentProviders,
    /// The `BTCPay` Server for browsers, where they reach it under another name.
    pub(crate) btcpay_browser_url: Option<Arc<str>>,
    /// Whether scoped keys may connect stores of test networks.
    pub(crate) sandbox: bool,
}

impl Providers {
    pub(crate) fn of(host: &Host) -> Result<Self, PortError> {
        let config = &host.config;
        let plain = |url: &str| -> Arc<str> { url.trim_end_matches('/').into() };
        Ok(Self {
            outbound: host.outbound(&servers(config))?,
            log: host.log.clone(),
            public_url: settings::public_url(config).ok().map(Into::into),
            accounts: PaymentProviders::configured(config),
            btcpay_browser_url: config.get(name::BTCPAY_BROWSER_URL).map(plain),
            sandbox: settings::flag(config, name::SANDBOX_MODE) == Ok(true),
        })
    }

    /// Where this instance is reached.
    ///
    /// # Errors
    /// 503 if that is not known: providers could not be told where to send webhooks.
    pub(crate) fn public_url(&self) -> Result<&str, ApiError> {
        self.public_url.as_deref().ok_or_else(|| {
            not_set_up("PUBLIC_URL is not configured, or is not the URL of this instance")
        })
    }

    /// What seals the credentials of a provider that is connected.
    ///
    /// # Errors
    /// 503 without it.
    pub(crate) fn vault(&self) -> Result<&Vault, ApiError> {
        let vault = self.accounts.vault();
        vault.map_err(|missing| not_set_up(&missing.to_string()))
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// Why there is none, in words for the log, and the provider's refusal if it is one.
    pub(crate) async fn ask<T>(
        &self,
        request: Result<Request<Bytes>, http::Error>,
        read: impl FnOnce(&Response<Bytes>) -> Result<T, ReadError>,
    ) -> Result<T, NoAnswer> {
        let request = request.map_err(|error| NoAnswer::Unread(error.to_string()))?;
        let answer = self.outbound.send(request).await;
        let answer = answer.map_err(|error| NoAnswer::Unread(error.to_string()))?;
        read(&answer).map_err(|error| match error {
            ReadError::Refused {
                status: 401 | 403, ..
            } => NoAnswer::KeyRefused(error.to_string()),
            error => NoAnswer::Unread(error.to_string()),
        })
    }
}

/// Why a provider gave no usable answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// It does not take the API key.
    KeyRefused(String),
    /// Anything else.
    Unread(String),
}

impl NoAnswer {
    /// The line for the log.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::KeyRefused(text) | Self::Unread(text) => text,
        }
    }
}

/// The business that a request means, and its connected provider of a kind.
///
/// # Errors
/// 404 for an unknown business.
pub(crate) async fn business(
    database: &Database,
    id: Option<&str>,
    kind: ProviderKind,
) -> Result<ProfileProvider, ApiError> {
    payment_providers::of_business(database, id, kind)
        .await?
        .ok_or_else(no_such_business)
}

/// 503 for an instance that cannot connect providers yet.
pub(crate) fn not_set_up(what: &str) -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "service_unavailable",
        format!("payment providers cannot be connected yet: {what}"),
    )
}

pub(crate) fn no_such_business() -> ApiError {
    ApiError::not_found("there is no business with this merchant_profile_id")
}
