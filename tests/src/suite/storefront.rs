//! What the storefront's pages ask for besides the contract: who sells, and the
//! extra members of an order's progress.

use super::cases;
use super::floor::{buy, poll, product, text, until};
use crate::hosts::{Instance, OPERATOR};
use serde_json::{Value, json};

cases![who_sells, progress_members, recovered_members];

async fn who_sells(instance: &Instance) {
    product(instance, "fronted", 10).await;
    for query in ["", "?product=fronted", "?product=none"] {
        let mut said = instance
            .api
            .get(&format!("/v1/storefront{query}"))
            .await
            .ok();
        // True once a tick found mail configured.
        assert!(said["recovers_by_mail"].is_boolean(), "{said}");
        said.as_object_mut()
            .expect("members")
            .remove("recovers_by_mail");
        let expected = json!({ "name": OPERATOR, "rails": ["lightning", "onchain", "usdc"] });
        assert_eq!(said, expected, "absent members are absent");
    }
    // What it lists can be asked for; USDC for what is priced in dollars.
    for rail in ["lightning", "onchain"] {
        let order = json!({ "product": "fronted", "rail": rail });
        instance.api.post("/v1/purchase", &order).await.ok();
    }
}

async fn progress_members(instance: &Instance) {
    product(instance, "progressive", 1_000).await;
    let bought = buy(instance, "progressive").await;
    let id = text(&bought, "invoice_id");
    let pending = poll(instance, &id).await;
    assert_eq!(pending["product"], "progressive");
    assert_eq!(pending["product_name"], "The progressive");
    assert_eq!(pending["checkout_url"], bought["checkout_url"]);
    let paid = text(&bought, "btcpay_invoice_id");
    instance.btcpay.pay_in_full(&paid).expect("a payment");
    let settled = until(instance, &id, "settled").await;
    assert_eq!(settled["product"], "progressive");
    assert_eq!(settled.get("checkout_url"), None, "absent, not null");
    let late = buy(instance, "progressive").await;
    let unpaid = text(&late, "btcpay_invoice_id");
    instance.btcpay.expire(&unpaid).expect("it expires");
    let expired = until(instance, &text(&late, "invoice_id"), "expired").await;
    assert_eq!(
        expired.get("checkout_url"),
        None,
        "nobody should pay it now"
    );
}

async fn recovered_members(instance: &Instance) {
    product(instance, "found-again", 0).await;
    let order = json!({ "product": "found-again", "buyer_email": "b@b.example" });
    let bought = instance.api.post("/v1/purchase", &order).await.ok();
    let asked: Value = json!({ "invoice_id": bought["invoice_id"], "email": "b@b.example" });
    let found = instance.api.post("/v1/recover", &asked).await.ok();
    assert_eq!(found["product"], "found-again");
    let free = poll(instance, &text(&bought, "invoice_id")).await;
    assert_eq!(free.get("checkout_url"), None, "there was nothing to pay");
}
