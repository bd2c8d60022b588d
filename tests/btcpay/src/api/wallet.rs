//! The little of a store's wallet that tells which network it is on.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::call::Call;
use super::errors::ApiError;
use crate::json::Json;
use crate::permission::VIEW_WALLET;
use crate::state::Double;

type Answer = Result<Json, ApiError>;

/// Only Bitcoin on chain has a wallet here.
fn check_method(call: &Call) -> Result<(), ApiError> {
    let method = call.param("method").unwrap_or_default();
    if method.eq_ignore_ascii_case("BTC-CHAIN") || method.eq_ignore_ascii_case("BTC") {
        return Ok(());
    }
    Err(ApiError::Coded(
        StatusCode::NOT_FOUND,
        "paymentmethod-not-found",
        "this store has no such payment method".to_owned(),
    ))
}

/// The address at this place of the store's wallet; always the same.
fn address_at(double: &Double, store: &str, index: u64) -> String {
    let digest = Sha256::digest(format!("{store}/0/{index}"));
    let mut key_hash = [0; 20];
    key_hash.copy_from_slice(&digest[..20]);
    double.setup.network.address(&key_hash)
}

/// The next unused address. The double never uses it, so it stays the same.
pub(super) async fn address(State(double): State<Double>, call: Call) -> Answer {
    let store = call.allow(&double, VIEW_WALLET)?;
    call.expect_query(&double, &["forceGenerate"])?;
    check_method(&call)?;
    let index = u64::from(call.flag("forceGenerate")?);
    let address = address_at(&double, &store, index);
    Ok(Json(json!({
        "address": address,
        "keyPath": format!("0/{index}"),
        "paymentLink": format!("bitcoin:{address}"),
    })))
}

/// Addresses of the wallet without reserving any.
pub(super) async fn preview(State(double): State<Double>, call: Call) -> Answer {
    let store = call.allow(&double, VIEW_WALLET)?;
    call.expect_query(&double, &["offset", "count"])?;
    check_method(&call)?;
    let number = |name: &str, default: u64| -> Result<u64, ApiError> {
        let given = call.integer(name)?;
        Ok(given.map_or(default, |given| u64::try_from(given).unwrap_or_default()))
    };
    let offset = number("offset", 0)?;
    let addresses: Vec<Value> = (0..number("count", 10)?.min(1000))
        .map(|place| offset.saturating_add(place))
        .map(|index| {
            let address = address_at(&double, &store, index);
            json!({"keyPath": format!("0/{index}"), "address": address, "index": index})
        })
        .collect();
    Ok(Json(json!({"addresses": addresses})))
}
