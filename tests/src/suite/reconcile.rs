//! The cron function: it finishes what was begun, and may tick as often and as
//! much at once as it likes.

use super::cases;
use super::floor::{
    buy, due_in, licenses_of, make_due, nothing_due, poll, product, text, tick, told_of, until,
};
use crate::hosts::Instance;
use http::Method;
use keywright_btcpay_double::Fault;
use serde_json::{Value, json};

cases![
    who_may_tick,
    lost_webhook alone,
    paid_orders_are_listed alone,
    lost_answer alone,
    lost_answer_looked_for alone,
    failed_create_tried_again alone,
    nothing_to_do alone,
    still_unpaid alone,
    provider_down alone,
    fifty_ticks_at_once alone,
];

async fn who_may_tick(instance: &Instance) {
    let post = |path: &str| instance.api.request(Method::POST, path);
    let bare = instance.api.send(post("/v1/cron/renew")).await;
    bare.is_error(401, "unauthorized");
    for token in ["", "wrong", crate::shop::ADMIN_KEY] {
        let answer = instance
            .api
            .send(post("/v1/cron/renew").bearer_auth(token))
            .await;
        assert!(matches!(answer.status, 401 | 403), "{token:?}: {answer:?}");
    }
    let by_query = format!("/v1/cron/renew?token={}", crate::shop::CRON_TOKEN);
    instance
        .api
        .send(post(&by_query))
        .await
        .is_error(401, "unauthorized");
    instance
        .api
        .get("/v1/cron/renew")
        .await
        .is_error(405, "method_not_allowed");
    for path in [
        "/v1/cron/other",
        "/v1/cron/sign",
        "/v1/cron",
        "/v1/cron/renew/x",
    ] {
        let request = post(path).bearer_auth(crate::shop::CRON_TOKEN);
        instance.api.send(request).await.is_error(404, "not_found");
    }
}

/// An order that is paid while no webhook arrives.
async fn paid_in_silence(instance: &Instance, slug: &str) -> String {
    product(instance, slug, 1_000).await;
    let bought = buy(instance, slug).await;
    instance.btcpay.idle().await.expect("nothing in flight");
    instance.btcpay.on_delivery(Fault::lose());
    instance
        .btcpay
        .pay_in_full(&text(&bought, "btcpay_invoice_id"))
        .expect("a payment");
    instance.btcpay.idle().await.expect("nothing in flight");
    instance.btcpay.clear_faults();
    text(&bought, "invoice_id")
}

async fn lost_webhook(instance: &Instance) {
    nothing_due(instance).await;
    let invoice = paid_in_silence(instance, "lost").await;
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    make_due(instance, &invoice).await;
    let done = tick(instance).await.ok();
    let orders = ["ok", "checked", "settled", "closed", "failed"].map(|name| done[name].clone());
    assert_eq!(
        json!(orders),
        json!([true, 1, 1, 0, 0]),
        "the one that is due: {done}"
    );
    let settled = until(instance, &invoice, "settled").await;
    assert_eq!(
        told_of(instance, &text(&settled, "license_id")).await,
        (1, 1)
    );
    assert_eq!(tick(instance).await.ok()["checked"], 0);
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

/// What was paid is listed by a tick, long before the order's own turn.
async fn paid_orders_are_listed(instance: &Instance) {
    nothing_due(instance).await;
    let invoice = paid_in_silence(instance, "paid-and-listed").await;
    let sql = "UPDATE store_turns SET list_at = 0";
    instance.database.change(sql, &[]).await;
    tick(instance).await.ok();
    until(instance, &invoice, "settled").await;
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

/// BTCPay made the invoice, and its answer was lost: the order is found by
/// its id, so a buyer who found the way to the checkout is served.
async fn lost_answer(instance: &Instance) {
    nothing_due(instance).await;
    product(instance, "half-made", 1_000).await;
    instance.btcpay.lose_create_answers(1);
    // Looking for it fails as well.
    instance.btcpay.fail_after(1, 1, 503);
    let answer = instance
        .api
        .post("/v1/purchase", &json!({ "product": "half-made" }))
        .await;
    instance.btcpay.clear_faults();
    answer.is_error(502, "upstream_error");
    let sql = "SELECT i.id FROM invoices i JOIN products p ON p.id = i.product_id
               WHERE p.slug = ?1";
    let rows = instance.database.rows(sql, &["half-made"]).await;
    assert_eq!(rows.len(), 1);
    let invoice = rows[0]["id"].as_str().expect("an id").to_owned();
    // Nobody was told its secret: as an order from before there were any, it is
    // opened by its id.
    let older = "UPDATE invoices SET poll_hash = NULL WHERE id = ?1";
    instance.database.change(older, &[&invoice]).await;
    let there = instance
        .btcpay
        .invoice_by_order(&invoice)
        .expect("the invoice at BTCPay");
    instance.btcpay.on_delivery(Fault::lose());
    instance.btcpay.pay_in_full(&there.id).expect("a payment");
    instance.btcpay.idle().await.expect("nothing in flight");
    instance.btcpay.clear_faults();
    make_due(instance, &invoice).await;
    assert_eq!(tick(instance).await.ok()["settled"], 1);
    until(instance, &invoice, "settled").await;
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

/// `BTCPay` made the invoice, and its answer was lost: it is looked for before a
/// second one is made, so that the buyer gets the first.
async fn lost_answer_looked_for(instance: &Instance) {
    product(instance, "looked-for", 1_000).await;
    instance.btcpay.lose_create_answers(1);
    let order = json!({ "product": "looked-for" });
    let answer = instance.api.post("/v1/purchase", &order).await.ok();
    let invoice = answer["order_id"].as_str().expect("an id");
    let mut made = instance.btcpay.invoices();
    made.retain(|one| one.order_id() == Some(invoice));
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(answer["btcpay_invoice_id"], made[0].id);
}

/// `BTCPay` made no invoice at the first try: it is asked once more.
async fn failed_create_tried_again(instance: &Instance) {
    product(instance, "tried-again", 1_000).await;
    instance.btcpay.fail_next(1, 503);
    let order = json!({ "product": "tried-again" });
    let answer = instance.api.post("/v1/purchase", &order).await.ok();
    assert_ne!(answer["checkout_url"], "");
}

async fn nothing_to_do(instance: &Instance) {
    nothing_due(instance).await;
    let asked = instance.btcpay.requests().len();
    let idle = tick(instance).await.ok();
    let orders = ["ok", "checked", "settled", "closed", "failed"].map(|name| idle[name].clone());
    assert_eq!(json!(orders), json!([true, 0, 0, 0, 0]), "{idle}");
    assert_eq!(
        instance.btcpay.requests().len(),
        asked,
        "the provider is left in peace"
    );
}

async fn still_unpaid(instance: &Instance) {
    nothing_due(instance).await;
    product(instance, "unpaid", 1_000).await;
    let invoice = text(&buy(instance, "unpaid").await, "invoice_id");
    make_due(instance, &invoice).await;
    assert_eq!(tick(instance).await.ok()["checked"], 1);
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    assert!(
        due_in(instance, &invoice).await > 0,
        "its next turn is later"
    );
    let remote = instance
        .btcpay
        .invoice_by_order(&super::floor::order_id(instance, &invoice).await)
        .expect("the invoice at BTCPay");
    instance.btcpay.on_delivery(Fault::lose());
    instance.btcpay.expire(&remote.id).expect("an end");
    instance.btcpay.idle().await.expect("nothing in flight");
    instance.btcpay.clear_faults();
    make_due(instance, &invoice).await;
    assert_eq!(tick(instance).await.ok()["closed"], 1);
    assert_eq!(poll(instance, &invoice).await["status"], "expired");
}

async fn provider_down(instance: &Instance) {
    nothing_due(instance).await;
    let invoice = paid_in_silence(instance, "unanswered").await;
    make_due(instance, &invoice).await;
    instance.btcpay.fail_next(1, 500);
    assert_eq!(tick(instance).await.ok()["failed"], 1);
    instance.btcpay.clear_faults();
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    make_due(instance, &invoice).await;
    assert_eq!(tick(instance).await.ok()["settled"], 1);
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

/// Eight paid orders and fifty ticks: each order is settled once, and a tick
/// asks only for what it claimed.
async fn fifty_ticks_at_once(instance: &Instance) {
    nothing_due(instance).await;
    let mut invoices = Vec::new();
    for number in 0..8 {
        invoices.push(paid_in_silence(instance, &format!("fifty-{number}")).await);
    }
    let asked = instance.btcpay.requests().len();
    for invoice in &invoices {
        make_due(instance, invoice).await;
    }
    // What one tick has no room to record, the next one does.
    let mut settled = 0;
    for _ in 0..4 {
        for answer in super::races::at_once(50, |_| tick(instance)).await {
            settled += answer.ok()["settled"].as_u64().unwrap_or(0);
        }
    }
    assert_eq!(settled, 8);
    let asked = instance.btcpay.requests().len() - asked;
    assert!(
        (1..=8).contains(&asked),
        "{asked} requests for eight orders"
    );
    for invoice in &invoices {
        let progress = poll(instance, invoice).await;
        assert_ne!(progress["license_key"], Value::Null, "{progress}");
        assert_eq!(licenses_of(instance, invoice).await, 1);
        assert_eq!(
            told_of(instance, &text(&progress, "license_id")).await,
            (1, 1)
        );
    }
}
