//! What the operator has to look at, and a sale that is taken back.

use super::cases;
use super::floor::{buy, licenses_of, poll, product, text, until, validate};
use crate::hosts::{Answer, Instance};
use crate::shop::ADMIN_KEY;
use http::Method;
use keywright_btcpay_double::MarkAs;
use serde_json::{Value, json};

cases![
    money_that_came_too_late,
    a_sale_taken_back_and_given_again,
    what_is_unknown_or_wrong,
];

async fn ask(instance: &Instance, method: Method, path: &str) -> Answer {
    let request = instance.api.request(method, path).json(&json!({}));
    instance.api.send(request.bearer_auth(ADMIN_KEY)).await
}

/// The open item of this kind about an order that is known by its secret.
async fn item(instance: &Instance, kind: &str, secret: &str) -> Option<Value> {
    let order_id = super::floor::order_id(instance, secret).await;
    let path = "/v1/admin/attention?limit=500";
    let list = ask(instance, Method::GET, path).await.ok();
    let mut items = list["attention"].as_array().expect("a list").clone();
    items.retain(|item| item["kind"] == kind && item["object_id"] == order_id);
    assert!(items.len() <= 1, "{items:?}");
    items.pop()
}

async fn money_that_came_too_late(instance: &Instance) {
    product(instance, "too-late", 1_000).await;
    let bought = buy(instance, "too-late").await;
    let invoice = text(&bought, "invoice_id");
    let remote = text(&bought, "btcpay_invoice_id");
    instance.btcpay.pay_late(&remote).expect("a payment");
    let late = loop {
        instance.btcpay.idle().await.expect("all delivered");
        if let Some(item) = item(instance, "paid_late", &invoice).await {
            break item;
        }
    };
    let progress = poll(instance, &invoice).await;
    assert_eq!(progress["status"], "expired");
    assert_eq!(progress["payment_state"], "paid_late");
    assert_eq!(late["details"]["amount_sats"], 1_000);
    assert_eq!(late["resolved_at"], Value::Null);
    let path = format!("/v1/admin/attention/{}/resolve", text(&late, "id"));
    let done = ask(instance, Method::POST, &path).await.ok();
    assert_eq!(done["resolved_by"], "operator");
    assert_eq!(ask(instance, Method::POST, &path).await.ok(), done, "again");
    assert_eq!(item(instance, "paid_late", &invoice).await, None);
    instance
        .btcpay
        .mark(&remote, MarkAs::Settled)
        .expect("a mark");
    until(instance, &invoice, "settled").await;
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

async fn a_sale_taken_back_and_given_again(instance: &Instance) {
    product(instance, "taken-back", 1_000).await;
    let bought = buy(instance, "taken-back").await;
    let invoice = text(&bought, "invoice_id");
    let remote = text(&bought, "btcpay_invoice_id");
    let mark = |as_: MarkAs| instance.btcpay.mark(&remote, as_).expect("a mark");
    mark(MarkAs::Settled);
    let key = text(&until(instance, &invoice, "settled").await, "license_key");
    assert_eq!(validate(instance, &key, "taken-back").await["ok"], true);

    mark(MarkAs::Invalid);
    let ended = until(instance, &invoice, "invalid").await;
    assert_eq!(ended["license_key"], Value::Null);
    let refused = validate(instance, &key, "taken-back").await;
    assert_eq!(
        (&refused["ok"], &refused["reason"]),
        (&json!(false), &json!("suspended"))
    );
    assert!(item(instance, "withdrawn", &invoice).await.is_some());

    mark(MarkAs::Settled);
    let again = until(instance, &invoice, "settled").await;
    assert_eq!(text(&again, "license_key"), key);
    assert_eq!(validate(instance, &key, "taken-back").await["ok"], true);
    assert_eq!(item(instance, "withdrawn", &invoice).await, None);
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

async fn what_is_unknown_or_wrong(instance: &Instance) {
    let unknown = "/v1/admin/attention/none/resolve";
    ask(instance, Method::POST, unknown)
        .await
        .is_error(404, "not_found");
    for query in ["state=closed", "limit=0", "limit=1001", "cursor=x"] {
        let path = format!("/v1/admin/attention?{query}");
        let answer = ask(instance, Method::GET, &path).await;
        answer.is_error(400, "bad_request");
    }
    let all = "/v1/admin/attention?state=all&limit=1";
    assert!(ask(instance, Method::GET, all).await.ok()["attention"].is_array());
}
