//! What payment providers call.

mod btcpay;

use axum::Router;
use axum::routing::post;
use keywright_edge::function::{Access, OutboundAccess, PortError};
use keywright_edge::http::api_router;
use keywright_edge::ports::{Database, Log, Outbound, Stamps, name};
use keywright_edge::{Function, Grants, Host};
use keywright_providers::btcpay::{Store, WebhookSecret};
use keywright_store::MIGRATIONS;
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "webhook",
    grants: Grants {
        database: Access::ReadWrite,
        outbound: OutboundAccess::PaymentProviders,
        config: &[
            name::BTCPAY_URL,
            name::BTCPAY_API_KEY,
            name::BTCPAY_STORE_ID,
            name::BTCPAY_WEBHOOK_SECRET,
        ],
        ..Grants::NONE
    },
    router,
    migrations: MIGRATIONS,
    tick: None,
};

keywright_edge::entry!(FUNCTION);

/// What the OpenAPI document says of this function.
#[derive(utoipa::OpenApi)]
#[openapi(paths(btcpay::handler))]
pub struct Api;

#[derive(Clone)]
struct Ports {
    database: Database,
    stamps: Stamps,
    log: Log,
    btcpay: Arc<Result<BtcPay, String>>,
}

/// The vendor's store, the secret of its webhook and the way to it.
struct BtcPay {
    store: Store,
    secret: WebhookSecret,
    outbound: Outbound,
}

fn router(host: &Host) -> Result<Router, PortError> {
    let config = &host.config;
    let url = config.get(name::BTCPAY_URL);
    let outbound = host.outbound(url.as_slice())?;
    let store = Store::configured(
        url,
        config.get(name::BTCPAY_STORE_ID),
        config.get(name::BTCPAY_API_KEY),
    );
    let secret = config
        .get(name::BTCPAY_WEBHOOK_SECRET)
        .and_then(WebhookSecret::new);
    let btcpay = match (store, secret) {
        (Ok(store), Some(secret)) => Ok(BtcPay {
            store,
            secret,
            outbound,
        }),
        (Ok(_), None) => Err("BTCPAY_WEBHOOK_SECRET is not configured".to_owned()),
        (Err(error), _) => Err(error.to_string()),
    };
    let ports = Ports {
        database: host.database()?,
        stamps: host.stamps(),
        log: host.log.clone(),
        btcpay: Arc::new(btcpay),
    };
    Ok(api_router(
        Router::new()
            .route("/v1/btcpay/webhook", post(btcpay::handler))
            .with_state(ports),
    ))
}
