//! `GET /readyz`: whether the shop can sell, and what is wrong with its configuration.

use crate::Ports;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use keywright_ports::{
    DatabaseError, SealKeyState, SettingFault, SignReadyRequest, SignRefusal, name,
};
use keywright_store::chain::chain_cursors;
use keywright_store::chain::usdc_orders::ChainToken;
use keywright_store::mail::mail_state;
use keywright_store::sales::payment_providers;
use keywright_web::Json;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// Names without which nothing is sold.
const REQUIRED: [&str; 3] = [name::PUBLIC_URL, name::VERIFY_KEYS, name::RECEIPT_KEYS];

/// Names of the ways of being paid.
const PAYMENT: [&str; 7] = [
    name::BTCPAY_URL,
    name::BTCPAY_STORE_ID,
    name::BTCPAY_API_KEY,
    name::ZAPRITE_URL,
    name::CREDENTIALS_KEY,
    name::WALLET_ADDRESS,
    name::WALLET_XPUB,
];

/// A shop that can sell.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Always `true`.
    #[schema(example = true)]
    ok: bool,
    /// What is wrong all the same.
    faults: Vec<ConfigurationFault>,
}

/// A shop that cannot sell yet.
#[derive(Serialize, ToSchema)]
pub(crate) struct Unreadiness {
    /// Always `false`.
    #[schema(example = false)]
    ok: bool,
    /// Always `not_ready`.
    #[schema(example = "not_ready")]
    error: &'static str,
    /// For people.
    message: String,
    /// What is wrong.
    faults: Vec<ConfigurationFault>,
}

/// Something that is wrong. Values are never shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ConfigurationFault {
    /// The name of the configuration to change; or `database` or `sign`.
    #[schema(example = "PUBLIC_URL")]
    name: Cow<'static, str>,
    /// What is wrong, and how to mend it.
    message: String,
}

/// Whether the shop can sell
///
/// 503 until it can: its address, its keys, the database, the sign function and a way of
/// being paid are in order. What the last tick found wrong with mail is listed too, and
/// whether the audit log can be sealed. The functions that this one cannot see, such as
/// those of the operator and of webhooks, write what is wrong with their own configuration
/// to the log when they start.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    tag = "instance",
    responses(
        (status = 200, description = "It can sell.", body = Readiness),
        (status = 503, description = "It cannot sell yet.", body = Unreadiness)
    ),
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Response {
    let mut faults: Vec<ConfigurationFault> =
        ports.faults.iter().cloned().map(Into::into).collect();
    let mut blocking: Vec<&str> = REQUIRED
        .into_iter()
        .filter(|name| has(&faults, &[name]))
        .collect();
    if blocking.is_empty() {
        match signing(&ports).await {
            Ok(fault) => faults.extend(fault),
            Err((name, fault)) => {
                blocking.push(name);
                faults.push(fault);
            }
        }
    }
    match paying(&ports, &mut faults).await {
        Ok(true) => {}
        Ok(false) => blocking.push("a way of being paid"),
        Err(_) => {
            let message =
                "the database cannot be read; check its binding, and apply the migrations";
            faults.push(fault("database", message));
            blocking.push("database");
        }
    }
    let headers = [(CACHE_CONTROL, "no-store")];
    if blocking.is_empty() {
        return (headers, Json(Readiness { ok: true, faults })).into_response();
    }
    let body = Unreadiness {
        ok: false,
        error: "not_ready",
        message: format!("the shop cannot sell yet; look at {}", blocking.join(", ")),
        faults,
    };
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(body)).into_response()
}

fn has(faults: &[ConfigurationFault], names: &[&str]) -> bool {
    faults
        .iter()
        .any(|fault| names.contains(&fault.name.as_ref()))
}

fn fault(name: &'static str, message: &str) -> ConfigurationFault {
    ConfigurationFault {
        name: name.into(),
        message: format!("{name}: {message}"),
    }
}

/// Asks sign whether it can sign what is sold here. Answers what keeps nothing from being
/// sold.
async fn signing(
    ports: &Ports,
) -> Result<Option<ConfigurationFault>, (&'static str, ConfigurationFault)> {
    let (Ok(keys), Ok(receipt_keys)) = (&*ports.keys, &ports.receipt_keys) else {
        return Ok(None);
    };
    let request = SignReadyRequest {
        verify_key: keys.first().to_hex(),
        receipt_key_id: receipt_keys.newest_id().to_owned(),
    };
    let error = match ports.sign.ready(&request).await {
        Ok(ready) => return Ok(sealing(ready.seal_key)),
        Err(error) => error,
    };
    let (name, message) = match error.refusal() {
        Some(SignRefusal::NoSigningKey) => (
            name::SIGNING_KEY,
            "sign cannot sign with it; its log has the reason",
        ),
        Some(SignRefusal::NoReceiptKey) => (
            name::RECEIPT_KEYS,
            "sign does not have the keys of purchase; give every function the same",
        ),
        _ => (
            "sign",
            "it does not answer; check that it is deployed and bound",
        ),
    };
    Err((name, fault(name, message)))
}

/// Why the audit log is not sealed.
fn sealing(key: SealKeyState) -> Option<ConfigurationFault> {
    let message = match key {
        SealKeyState::Usable | SealKeyState::Unknown => return None,
        SealKeyState::Missing => {
            "sign has none, so the audit log is not sealed; make one with: keywright keygen seal"
        }
        SealKeyState::Bad => "sign cannot seal the audit log with it; its log has the reason",
    };
    Some(fault(name::SEAL_KEY, message))
}

/// Whether anything can be paid; if not, why. Adds what is wrong with mail, which keeps
/// nothing from being sold.
async fn paying(
    ports: &Ports,
    faults: &mut Vec<ConfigurationFault>,
) -> Result<bool, DatabaseError> {
    let database = &ports.database;
    let of_mail = mail_state::faults(database).await?.into_iter();
    faults.extend(of_mail.map(|fault| ConfigurationFault {
        name: fault.name.into(),
        message: fault.message,
    }));
    let connected = payment_providers::all_connected(database).await?;
    let mut opened = connected
        .iter()
        .map(|one| ports.payment_providers.open(one));
    let at_a_provider =
        ports.payment_providers.configured_store().is_ok() || opened.any(|account| account.is_ok());
    let mut in_usdc = false;
    if let Ok(usdc) = &*ports.usdc {
        let market = ChainToken {
            chain_id: usdc.market.chain_id.cast_signed(),
            token: usdc.market.token.lower(),
        };
        in_usdc = chain_cursors::is_read(database, &market).await?;
        if !in_usdc {
            let why = "the chain was never read; configure it for watch, and let watch tick";
            faults.push(fault(name::POLYGON_RPC_URLS, why));
        }
    }
    let is_paid = at_a_provider || in_usdc;
    if !is_paid && ports.usdc.is_err() && !has(faults, &PAYMENT) {
        let why = if connected.is_empty() {
            "no way of being paid is configured: set BTCPAY_URL, BTCPAY_STORE_ID and BTCPAY_API_KEY, connect a store or Zaprite, or set WALLET_ADDRESS or WALLET_XPUB"
        } else {
            "the connected payment providers cannot be used; configure their server and the CREDENTIALS_KEY that they were connected with, or connect them again"
        };
        faults.push(fault(name::BTCPAY_URL, why));
    }
    Ok(is_paid)
}

impl From<SettingFault> for ConfigurationFault {
    fn from(fault: SettingFault) -> Self {
        Self {
            name: fault.name.into(),
            message: fault.message,
        }
    }
}
