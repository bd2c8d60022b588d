//! The server itself, the key in use, and stores.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;

use super::call::{Call, key as key_of};
use super::errors::ApiError;
use crate::json::Json;
use crate::permission::{VIEW_STORE_SETTINGS, allows};
use crate::state::Double;
use crate::store::StoreConfig;

type Answer = Result<Json, ApiError>;

/// Anonymous.
pub(super) async fn health() -> Json {
    Json(json!({"synchronized": true}))
}

/// Any key will do.
pub(super) async fn info(State(double): State<Double>, call: Call) -> Answer {
    call.authenticate(&double)?;
    Ok(Json(json!({
        "version": double.setup.version,
        "onion": null,
        "supportedPaymentMethods": ["BTC-CHAIN", "BTC-LN", "BTC-LNURL"],
        "fullySynched": true,
        "syncStatus": [{
            "paymentMethodId": "BTC-CHAIN",
            "available": true,
            "chainHeight": 150,
            "syncHeight": 150,
            "nodeInformation": {"headers": 150, "blocks": 150, "verificationProgress": 1.0},
        }],
    })))
}

pub(super) async fn key(State(double): State<Double>, call: Call) -> Answer {
    call.authenticate(&double)?;
    call.expect_query(&double, &[])?;
    let used = key_of(call.headers());
    let state = double.lock();
    let known = state
        .keys
        .iter()
        .find(|one| Some(&one.key) == used.as_ref());
    Ok(Json(
        known.map(crate::store::ApiKey::json).unwrap_or_default(),
    ))
}

/// The key gives itself up, which every key may.
pub(super) async fn revoke_key(
    State(double): State<Double>,
    call: Call,
) -> Result<StatusCode, ApiError> {
    call.authenticate(&double)?;
    let used = key_of(call.headers());
    double
        .lock()
        .keys
        .retain(|one| Some(&one.key) != used.as_ref());
    Ok(StatusCode::OK)
}

/// Those the key may view: with a key limited to some stores, only these; 403
/// when it may view none.
pub(super) async fn stores(State(double): State<Double>, call: Call) -> Answer {
    let granted = call.authenticate(&double)?;
    call.expect_query(&double, &["includeArchived"])?;
    if !allows(&granted, VIEW_STORE_SETTINGS, None) {
        return Err(ApiError::MissingPermission(VIEW_STORE_SETTINGS));
    }
    let visible = |store: &&StoreConfig| allows(&granted, VIEW_STORE_SETTINGS, Some(&store.id));
    Ok(Json(
        double
            .setup
            .stores
            .iter()
            .filter(visible)
            .map(StoreConfig::json)
            .collect(),
    ))
}

pub(super) async fn store(State(double): State<Double>, call: Call) -> Answer {
    let id = call.allow(&double, VIEW_STORE_SETTINGS)?;
    Ok(Json(
        double.store(&id).map(StoreConfig::json).unwrap_or_default(),
    ))
}

/// What the store takes; a configuration is shown to who may change it, which
/// no key of these tests may.
pub(super) async fn payment_methods(State(double): State<Double>, call: Call) -> Answer {
    let id = call.allow(&double, VIEW_STORE_SETTINGS)?;
    call.expect_query(&double, &["onlyEnabled", "includeConfig"])?;
    let store = double.store(&id);
    let methods = store
        .map(|store| store.methods.as_slice())
        .unwrap_or_default();
    let shown = |method: &crate::invoice::Method| json!({"enabled": true, "config": null, "paymentMethodId": method.id()});
    Ok(Json(methods.iter().map(shown).collect()))
}
