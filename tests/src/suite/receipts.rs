//! Receipts that are sealed, and those from before that the operator seals.

use super::cases;
use super::floor::{buy, poll, product, text};
use crate::hosts::Instance;
use http::Method;
use serde_json::{Value, json};

cases![sealed_by_the_operator alone];

/// The receipt of a license as the operator sees it, among the newest ones.
async fn receipt_of(instance: &Instance, license_id: &str) -> Value {
    let path = "receipts?limit=500";
    let list = instance
        .api
        .admin(Method::GET, path, &Value::Null)
        .await
        .ok();
    let list = list["receipts"].as_array().expect("a list").clone();
    let found = list
        .into_iter()
        .find(|receipt| receipt["license_id"] == license_id);
    found.expect("the receipt of a license")
}

/// A receipt without a seal is no sale until the operator seals it; one that was
/// changed is none for good.
async fn sealed_by_the_operator(instance: &Instance) {
    product(instance, "sealed", 0).await;
    let bought = buy(instance, "sealed").await;
    let (invoice_id, license_id) = (text(&bought, "invoice_id"), text(&bought, "license_id"));
    let shown = receipt_of(instance, &license_id).await;
    assert_eq!(shown["seal"], "sealed", "{shown}");
    let of_license = "UPDATE receipts SET seal_key_id = NULL, seal_mac = NULL
                      WHERE id = (SELECT receipt_id FROM licenses WHERE id = ?1)";
    instance.database.change(of_license, &[&license_id]).await;
    let waiting = poll(instance, &invoice_id).await;
    assert_eq!(waiting["license_key"], Value::Null, "{waiting}");
    let shown = receipt_of(instance, &license_id).await;
    assert_eq!(shown["seal"], "unsealed", "{shown}");
    let body = json!({ "receipts": [{ "id": shown["id"], "digest": shown["digest"] }] });
    for expected in [
        json!({ "sealed": 1, "already_sealed": 0, "refused": [] }),
        json!({ "sealed": 0, "already_sealed": 1, "refused": [] }),
    ] {
        let done = instance
            .api
            .admin(Method::POST, "receipts/seal", &body)
            .await;
        assert_eq!(done.ok(), expected);
    }
    let sold = poll(instance, &invoice_id).await;
    assert_eq!(sold["license_key"], bought["license_key"]);
    let changed = "UPDATE receipts SET amount = amount + 1
                   WHERE id = (SELECT receipt_id FROM licenses WHERE id = ?1)";
    instance.database.change(changed, &[&license_id]).await;
    assert_eq!(receipt_of(instance, &license_id).await["seal"], "broken");
    let refused = poll(instance, &invoice_id).await;
    assert_eq!(refused["license_key"], Value::Null, "{refused}");
    // Back to what it was, for the cases after this one.
    let undone = "UPDATE receipts SET amount = amount - 1
                  WHERE id = (SELECT receipt_id FROM licenses WHERE id = ?1)";
    instance.database.change(undone, &[&license_id]).await;
    assert_eq!(receipt_of(instance, &license_id).await["seal"], "sealed");
}
