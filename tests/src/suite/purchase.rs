//! Orders: what may be bought, and what becomes of an order.

use super::cases;
use super::floor::{buy, licenses_of, policy, poll, product, text, until};
use crate::hosts::{Answer, Instance};
use http::Method;
use keywright_btcpay_double::{Decimal, MarkAs, Status};
use serde_json::{Value, json};

cases![
    unknown_things,
    not_for_sale,
    bad_members,
    empty_members,
    invoice_at_the_provider,
    default_policy,
    price_at_the_order,
    partly_paid,
    expired,
    paid_late,
    provider_fails alone,
    provider_unreachable alone,
    no_violations,
];

async fn order(instance: &Instance, order: Value) -> Answer {
    instance.api.post("/v1/purchase", &order).await
}

async fn unknown_things(instance: &Instance) {
    product(instance, "known", 10).await;
    order(instance, json!({ "product": "unknown" }))
        .await
        .is_error(404, "not_found");
    order(instance, json!({ "product": "a/b" }))
        .await
        .is_error(404, "not_found");
    let no_policy = json!({ "product": "known", "policy_slug": "none" });
    order(instance, no_policy).await.is_error(404, "not_found");
    for id in [
        "0",
        "nothing",
        "01990000-0000-7000-8000-000000000000",
        "%2e%2e",
        "a%2fb",
        "%00",
    ] {
        let answer = instance.api.get(&format!("/v1/purchase/{id}")).await;
        answer.is_error(404, "not_found");
    }
}

async fn not_for_sale(instance: &Instance) {
    product(instance, "selective", 10).await;
    policy(instance, "selective", "hidden", json!({ "public": false })).await;
    policy(instance, "selective", "retired", json!({ "active": false })).await;
    for slug in ["hidden", "retired"] {
        let asked = json!({ "product": "selective", "policy_slug": slug });
        order(instance, asked).await.is_error(400, "bad_request");
    }
}

async fn bad_members(instance: &Instance) {
    product(instance, "picky", 10).await;
    let long = "x".repeat(3_000);
    for (member, value) in [
        ("code", "NOSUCH"),
        ("rail", "card"),
        ("buyer_email", "no at sign"),
        ("buyer_email", "two@at@signs"),
        ("buyer_note", &long),
        ("redirect_url", "javascript:alert(1)"),
        ("redirect_url", "/relative"),
        ("redirect_url", &format!("https://a.example/{long}")),
    ] {
        let asked = json!({ "product": "picky", member: value });
        let answer = order(instance, asked).await;
        match member {
            "buyer_email" => answer.is_error(422, "unprocessable_entity"),
            _ => answer.is_error(400, "bad_request"),
        }
        assert!(
            answer.text().contains(member),
            "says which member: {}",
            answer.text()
        );
    }
    let sql = "SELECT count(*) AS n FROM invoices i JOIN products p ON p.id = i.product_id
               WHERE p.slug = ?1";
    assert_eq!(
        instance.database.count(sql, &["picky"]).await,
        0,
        "nothing is recorded"
    );
}

/// The SDKs send an empty string where the application gave none.
async fn empty_members(instance: &Instance) {
    product(instance, "lenient", 10).await;
    let asked = json!({ "product": "lenient", "buyer_email": "", "buyer_note": "", "code": "",
                        "redirect_url": "", "policy_slug": "" });
    assert_eq!(order(instance, asked).await.ok()["amount_sats"], 10);
}

async fn invoice_at_the_provider(instance: &Instance) {
    product(instance, "exact", 123_456_789).await;
    let asked = json!({ "product": "exact", "redirect_url": "https://app.example/thanks?a=1",
                        "buyer_email": "buyer@b.example", "rail": "lightning" });
    let bought = order(instance, asked).await.ok();
    let there = instance
        .btcpay
        .invoice(&text(&bought, "btcpay_invoice_id"))
        .expect("an invoice");
    // 123,456,789 satoshis, to the last.
    assert_eq!(
        there.amount,
        "1.23456789".parse::<Decimal>().expect("a number")
    );
    assert_eq!(there.currency, "BTC");
    assert_eq!(there.metadata["orderId"], bought["order_id"]);
    assert_eq!(there.status, Status::New);
}

/// Without a named policy: the one called `default`, at its own price and with its
/// own terms, whatever the product and the others cost.
async fn default_policy(instance: &Instance) {
    product(instance, "defaulted", 0).await;
    policy(
        instance,
        "defaulted",
        "a-first",
        json!({ "price_sats_override": 77 }),
    )
    .await;
    policy(instance, "defaulted", "b-second", json!({})).await;
    let order = json!({ "product": "defaulted" });
    let refused = instance.api.post("/v1/purchase", &order).await;
    refused.is_error(400, "bad_request");
    let said = refused.text();
    assert!(said.contains("b-second, a-first"), "{said}");
    let terms = json!({ "price_sats_override": 99, "entitlements": ["basic"] });
    policy(instance, "defaulted", "default", terms).await;
    let bought = buy(instance, "defaulted").await;
    assert_eq!(bought["amount_sats"], 99);
    assert!(bought.get("license_key").is_none(), "{bought}");
    instance
        .btcpay
        .pay_in_full(&text(&bought, "btcpay_invoice_id"))
        .expect("a payment");
    let settled = until(instance, &text(&bought, "invoice_id"), "settled").await;
    let key = text(&settled, "license_key");
    let good = super::floor::validate(instance, &key, "defaulted").await;
    assert_eq!(good["entitlements"], json!(["basic"]), "{good}");
}

/// A buyer pays what was shown, and gets what was sold then.
async fn price_at_the_order(instance: &Instance) {
    let made = product(instance, "repriced", 1_000).await;
    let sold = policy(
        instance,
        "repriced",
        "default",
        json!({ "max_machines": 5 }),
    )
    .await;
    let bought = buy(instance, "repriced").await;
    let (product_id, policy_id) = (text(&made, "id"), text(&sold, "id"));
    let dearer = json!({ "price_sats": 9_999 });
    instance
        .api
        .admin(Method::PATCH, &format!("products/{product_id}"), &dearer)
        .await
        .ok();
    let less = json!({ "max_machines": 1 });
    instance
        .api
        .admin(Method::PATCH, &format!("policies/{policy_id}"), &less)
        .await
        .ok();
    instance
        .btcpay
        .pay_in_full(&text(&bought, "btcpay_invoice_id"))
        .expect("a payment");
    let settled = until(instance, &text(&bought, "invoice_id"), "settled").await;
    assert_eq!(settled["amount_sats"], 1_000);
    let good = super::floor::validate(instance, &text(&settled, "license_key"), "repriced").await;
    assert_eq!(good["max_machines"], 5, "{good}");
}

async fn partly_paid(instance: &Instance) {
    product(instance, "half-paid", 1_000).await;
    let bought = buy(instance, "half-paid").await;
    let (invoice, remote) = (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    );
    instance.btcpay.pay_partially(&remote).expect("a payment");
    instance
        .btcpay
        .idle()
        .await
        .expect("all webhooks delivered");
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    assert_eq!(licenses_of(instance, &invoice).await, 0);
    instance.btcpay.expire(&remote).expect("an end");
    let ended = until(instance, &invoice, "expired").await;
    assert_eq!(
        ended["license_key"],
        Value::Null,
        "half of the price buys nothing"
    );
}

async fn expired(instance: &Instance) {
    product(instance, "forgotten", 1_000).await;
    let bought = buy(instance, "forgotten").await;
    instance
        .btcpay
        .expire(&text(&bought, "btcpay_invoice_id"))
        .expect("an end");
    let ended = until(instance, &text(&bought, "invoice_id"), "expired").await;
    assert_eq!(ended["license_key"], Value::Null);
}

/// The money came after the deadline: the invoice stays expired until the
/// merchant accepts it.
async fn paid_late(instance: &Instance) {
    product(instance, "late", 1_000).await;
    let bought = buy(instance, "late").await;
    let (invoice, remote) = (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    );
    instance.btcpay.expire(&remote).expect("an end");
    until(instance, &invoice, "expired").await;
    instance.btcpay.pay_late(&remote).expect("a payment");
    instance
        .btcpay
        .idle()
        .await
        .expect("all webhooks delivered");
    assert_eq!(poll(instance, &invoice).await["status"], "expired");
    assert_eq!(licenses_of(instance, &invoice).await, 0);
    instance
        .btcpay
        .mark(&remote, MarkAs::Settled)
        .expect("a mark");
    until(instance, &invoice, "settled").await;
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

async fn provider_fails(instance: &Instance) {
    product(instance, "unlucky", 1_000).await;
    instance.btcpay.fail_next(2, 503);
    let answer = order(instance, json!({ "product": "unlucky" })).await;
    instance.btcpay.clear_faults();
    answer.is_error(502, "upstream_error");
    assert!(
        !answer.text().contains("503"),
        "details stay inside: {}",
        answer.text()
    );
    buy(instance, "unlucky").await;
}

async fn provider_unreachable(instance: &Instance) {
    use keywright_btcpay_double::ApiState;
    product(instance, "cut-off", 1_000).await;
    for state in [ApiState::Refused, ApiState::Closed] {
        instance.btcpay.api(state);
        let answer = order(instance, json!({ "product": "cut-off" })).await;
        instance.btcpay.clear_faults();
        answer.is_error(502, "upstream_error");
    }
    buy(instance, "cut-off").await;
}

/// Nothing but what BTCPay documents is sent to it, as the double sees it.
async fn no_violations(instance: &Instance) {
    product(instance, "polite", 1_000).await;
    let bought = buy(instance, "polite").await;
    instance
        .btcpay
        .pay_in_full(&text(&bought, "btcpay_invoice_id"))
        .expect("a payment");
    until(instance, &text(&bought, "invoice_id"), "settled").await;
    assert_eq!(instance.btcpay.violations(), [""; 0]);
}
