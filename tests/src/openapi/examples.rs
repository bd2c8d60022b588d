//! Examples of requests, for readers and for tools that try the document out.

use super::operations;
use serde_json::{Map, Value, json};

/// A license key, shortened: it has the right form and is nobody's.
const KEY: &str = "LIC1-AIAADIRMOTNDC53JSLOUZVSEO7SOKANCFR2NU4LX-6MT4CUELZAHJIOESFKH2MFM46HQU2CHQ";
const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// The example of an operation's body.
fn of(operation: &str) -> Option<Value> {
    Some(match operation {
        "createOrder" => json!({
            "product": "demo", "policy_slug": "pro", "buyer_email": "ana@example.com", "code": "LAUNCH",
        }),
        "redeemCode" => {
            json!({ "product": "demo", "code": "PRESS-2027", "buyer_email": "ana@example.com" })
        }
        "getCurrentKey" => json!({ "key": KEY, "product_slug": "demo" }),
        "recoverLicense" | "replaceLicenseKey" => json!({
            "invoice_id": "5f0c7b1e9a6d4c2f8e3b7a1d0c9f5e2b", "email": "ana@example.com",
        }),
        "validateLicense" => {
            json!({ "key": KEY, "product_slug": "demo", "fingerprint": "3f1c-laptop" })
        }
        "activateMachine" => json!({
            "key": KEY, "fingerprint": "3f1c-laptop", "hostname": "studio", "platform": "macos",
        }),
        "sendHeartbeat" => json!({ "key": KEY, "fingerprint": "3f1c-laptop" }),
        "deactivateMachine" => {
            json!({ "key": KEY, "fingerprint": "3f1c-laptop", "reason": "sold" })
        }
        "createProduct" => json!({
            "slug": "demo", "name": "Demo", "price_currency": "USD", "price_value": 4900,
        }),
        "createPolicy" => json!({
            "product_slug": "demo", "slug": "pro", "name": "Pro", "max_machines": 3,
            "entitlements": ["sync"], "duration_seconds": 31_536_000,
        }),
        "createDiscountCode" => json!({
            "code": "LAUNCH", "kind": "percent", "amount": 2_500, "product_slug": "demo", "max_uses": 100,
        }),
        "issueLicense" => json!({
            "product_slug": "demo", "policy_slug": "pro", "buyer_email": "ana@example.com", "note": "for the press",
        }),
        "createApiKey" => json!({ "label": "CI", "role": "publisher" }),
        "startUpload" => json!({ "product": "demo", "sha256": SHA256, "size": 18_874_368 }),
        "updateRelease" => json!({ "rollout_percent": 50 }),
        _ => return None,
    })
}

/// Adds the examples.
pub(super) fn add(paths: &mut Map<String, Value>) {
    for one in operations(paths) {
        let id = one.operation["operationId"].as_str().unwrap_or_default();
        if let Some(example) = of(id) {
            one.operation["requestBody"]["content"]["application/json"]["example"] = example;
        }
    }
}
