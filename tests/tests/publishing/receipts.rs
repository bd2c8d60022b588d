//! `keywright receipts`: what is to be sealed is shown first, and only what was shown
//! is sealed.

use crate::tool::{Said, json, keywright, run};
use http::Method;
use keywright_tests::hosts::Instance;
use keywright_tests::shop::ADMIN_KEY;
use serde_json::json;

async fn receipts(instance: &Instance, arguments: &[&str]) -> Said {
    let server = instance.api.base_url();
    let all = [&["--json", "receipts"], arguments, &["--server", server]].concat();
    let mut command = keywright(&all);
    command.env("KEYWRIGHT_API_KEY", ADMIN_KEY);
    run(command).await
}

pub(crate) async fn shown_and_then_sealed(instance: &Instance) {
    let new = json!({ "slug": "receipted", "name": "R", "price_sats": 0 });
    instance
        .api
        .admin(Method::POST, "products", &new)
        .await
        .ok();
    let order = json!({ "product": "receipted" });
    let mut sold = Vec::new();
    for _ in 0..2 {
        sold.push(instance.api.post("/v1/purchase", &order).await.ok());
    }
    let unseal = "UPDATE receipts SET seal_key_id = NULL, seal_mac = NULL
                  WHERE product_id = (SELECT id FROM products WHERE slug = 'receipted')";
    instance.database.change(unseal, &[]).await;
    let shown = receipts(instance, &["seal"]).await.ok();
    let listed = shown["receipts"].as_array().expect("a list");
    assert_eq!(listed.len(), 2, "{shown}");
    let code = shown["confirm"].as_str().expect("a code");
    let refused = receipts(instance, &["seal", "--confirm", "0000000000000000"]).await;
    refused.is_refused(3, "have changed since this code was shown");
    // One is left out, which makes another code.
    let left = listed[0]["id"].as_str().expect("an id");
    let fewer = ["seal", "--except", left, "--confirm", code];
    receipts(instance, &fewer)
        .await
        .is_refused(3, "have changed since this code was shown");
    let sealed = receipts(instance, &["seal", "--confirm", code]).await.ok();
    assert_eq!(sealed["sealed"], 2, "{sealed}");
    let again = receipts(instance, &["seal"]).await.ok();
    assert_eq!(again["receipts"], json!([]), "{again}");
    receipts(instance, &["reseal"]).await.ok();
    receipts(instance, &["check"]).await.ok();
    let changed = "UPDATE receipts SET amount = 7
                   WHERE product_id = (SELECT id FROM products WHERE slug = 'receipted')";
    instance.database.change(changed, &[]).await;
    let found = receipts(instance, &["check"]).await;
    found.is_refused(4, "the database was changed");
    let without = json(&["receipts", "check", "--server", instance.api.base_url()]).await;
    without.is_refused(2, "ADMIN_KEY is missing; set KEYWRIGHT_API_KEY");
}
