//! Discount codes as buyers see them: previews, purchases, featured discounts.

use super::cases;
use super::floor::{code, policy, product, text, told_of_code, until, uses};
use crate::hosts::{Answer, Instance};
use http::Method;
use keywright_btcpay_double::{Decimal, MarkAs};
use serde_json::{Value, json};

cases![
    previewed,
    every_reason,
    bad_previews,
    paid_with_a_code,
    nothing_left_to_pay,
    featured_for_a_policy,
    catalogue_of_entitlements,
    expired_order_gives_back,
    late_money_is_honoured,
    refused_order_gives_back alone,
];

async fn preview(instance: &Instance, query: &str) -> Answer {
    let path = format!("/v1/discount-codes/preview?{query}");
    instance.api.get(&path).await
}

async fn order(instance: &Instance, order: Value) -> Answer {
    instance.api.post("/v1/purchase", &order).await
}

#[expect(clippy::too_many_lines, reason = "one table")]
async fn previewed(instance: &Instance) {
    product(instance, "previewed", 1_000).await;
    policy(instance, "previewed", "default", json!({})).await;
    policy(
        instance,
        "previewed",
        "pro",
        json!({ "price_sats_override": 9_999 }),
    )
    .await;
    code(instance, "PREV-PERCENT", json!({ "amount": 1_250 })).await;
    code(
        instance,
        "PREV-FIXED",
        json!({ "kind": "fixed_sats", "amount": 100 }),
    )
    .await;
    code(
        instance,
        "PREV-SET",
        json!({ "kind": "set_price", "amount": 5_000 }),
    )
    .await;
    code(instance, "PREV-FREE", json!({ "kind": "free_license" })).await;
    code(instance, "PREV-WHOLE", json!({ "amount": 10_000 })).await;
    for (query, code, kind, base, price, percent) in [
        (
            "code=prev-percent",
            "PREV-PERCENT",
            "percent",
            1_000,
            875,
            json!(12.5),
        ),
        (
            "code=%20PREV-PERCENT%20&policy_slug=pro",
            "PREV-PERCENT",
            "percent",
            9_999,
            8_750,
            json!(12.5),
        ),
        (
            "code=PREV-FIXED",
            "PREV-FIXED",
            "fixed_sats",
            1_000,
            900,
            Value::Null,
        ),
        (
            "code=PREV-SET",
            "PREV-SET",
            "set_price",
            1_000,
            1_000,
            Value::Null,
        ),
        (
            "code=PREV-SET&policy_slug=pro",
            "PREV-SET",
            "set_price",
            9_999,
            5_000,
            Value::Null,
        ),
        (
            "code=PREV-FREE",
            "PREV-FREE",
            "free_license",
            1_000,
            0,
            Value::Null,
        ),
        (
            "code=PREV-WHOLE&policy_slug=",
            "PREV-WHOLE",
            "percent",
            1_000,
            0,
            json!(100.0),
        ),
    ] {
        let shown = preview(instance, &format!("product=previewed&{query}"))
            .await
            .ok();
        let message = shown["message"].clone();
        assert!(
            message.as_str().is_some_and(|text| !text.is_empty()),
            "{shown}"
        );
        let expected = json!({
            "valid": true, "code": code, "kind": kind, "is_free": price == 0,
            "applied_code": code, "base_price_sats": base, "discount_applied_sats": base - price,
            "final_price_sats": price, "amount_pct": percent, "message": message,
            "price_currency": "SAT", "base_price_value": base,
            "discount_applied_value": base - price, "final_price_value": price,
        });
        assert_eq!(shown, expected, "{query}");
        assert_eq!(uses(instance, code).await, [0; 4], "nothing is used up");
    }
}

/// The preview names the reason, the purchase says it in words, and neither
/// uses anything up.
async fn every_reason(instance: &Instance) {
    product(instance, "reasons", 1_000).await;
    product(instance, "reasons-other", 1_000).await;
    policy(instance, "reasons", "pro", json!({})).await;
    policy(instance, "reasons", "basic", json!({})).await;
    policy(instance, "reasons", "default", json!({})).await;
    let off = code(instance, "REASON-OFF", json!({})).await;
    let path = format!("discount-codes/{}/active", text(&off, "id"));
    let body = json!({ "active": false });
    instance.api.admin(Method::PATCH, &path, &body).await.ok();
    let past = json!({ "expires_at": "2020-01-01T00:00:00Z" });
    code(instance, "REASON-PAST", past).await;
    let other = json!({ "product_slug": "reasons-other" });
    code(instance, "REASON-OTHER", other).await;
    let tier = json!({ "product_slug": "reasons", "policy_slug": "pro" });
    code(instance, "REASON-TIER", tier).await;
    let once = json!({ "kind": "free_license", "max_uses": 1 });
    code(instance, "REASON-ONCE", once).await;
    let redeem = json!({ "product": "reasons", "code": "REASON-ONCE" });
    instance.api.post("/v1/redeem", &redeem).await.ok();
    for (code, policy, reason) in [
        ("REASON-NONE", "", "unknown_code"),
        ("%25", "", "unknown_code"),
        ("REASON-OFF", "", "disabled"),
        ("REASON-PAST", "", "expired"),
        ("REASON-OTHER", "", "wrong_product"),
        ("REASON-TIER", "basic", "wrong_tier"),
        // Sold under the first policy by name, which is `basic`.
        ("REASON-TIER", "", "wrong_tier"),
        ("REASON-ONCE", "", "exhausted"),
    ] {
        let query = format!("product=reasons&code={code}&policy_slug={policy}");
        let shown = preview(instance, &query).await.ok();
        let expected = json!({ "valid": false, "reason": reason, "message": shown["message"],
                               "price_currency": "SAT", "base_price_sats": 1_000,
                               "base_price_value": 1_000 });
        assert_eq!(shown, expected, "{code} {policy}");
        for path in ["/v1/purchase", "/v1/redeem"] {
            let body = json!({ "product": "reasons", "policy_slug": policy, "code": code });
            let refused = instance.api.post(path, &body).await;
            if path == "/v1/redeem" && code == "REASON-TIER" && policy.is_empty() {
                // A code for one policy means that one; it is no free license.
                assert!(
                    refused.text().contains("/v1/purchase"),
                    "{}",
                    refused.text()
                );
            } else {
                let words = text(&shown, "message");
                assert!(refused.text().contains(&words), "{}", refused.text());
            }
            refused.is_error(400, "bad_request");
        }
    }
    assert_eq!(uses(instance, "REASON-ONCE").await, [1, 0, 1, 0]);
    assert_eq!(uses(instance, "REASON-TIER").await, [0; 4]);
    let right = preview(instance, "product=reasons&code=REASON-TIER&policy_slug=pro").await;
    assert_eq!(right.ok()["valid"], true);
}

async fn bad_previews(instance: &Instance) {
    let made = product(instance, "bad-previews", 1_000).await;
    policy(
        instance,
        "bad-previews",
        "hidden",
        json!({ "public": false }),
    )
    .await;
    for query in [
        "",
        "code=X",
        "product=bad-previews",
        "product=bad-previews&code=",
        "product=bad-previews&code=%20",
        "product=bad-previews&code=A&code=B",
        "product=bad-previews&code=X&policy_slug=hidden",
    ] {
        preview(instance, query).await.is_error(400, "bad_request");
    }
    for query in [
        "product=none&code=X",
        "product=a%2fb&code=X",
        "product=bad-previews&code=X&policy_slug=none",
    ] {
        preview(instance, query).await.is_error(404, "not_found");
    }
    let path = format!("products/{}/active", text(&made, "id"));
    let off = json!({ "active": false });
    instance.api.admin(Method::PATCH, &path, &off).await.ok();
    preview(instance, "product=bad-previews&code=X")
        .await
        .is_error(404, "not_found");
    for path in [
        "/v1/discount-codes",
        "/v1/discount-codes/",
        "/v1/discount-codes/other",
    ] {
        instance.api.get(path).await.is_error(404, "not_found");
    }
    let posted = instance
        .api
        .post("/v1/discount-codes/preview", &json!({}))
        .await;
    posted.is_error(405, "method_not_allowed");
}

async fn paid_with_a_code(instance: &Instance) {
    product(instance, "discounted", 10_001).await;
    policy(
        instance,
        "discounted",
        "pro",
        json!({ "price_sats_override": 20_001 }),
    )
    .await;
    code(instance, "DISCOUNTED", json!({ "amount": 3_333 })).await;
    let asked = json!({ "product": "discounted", "policy_slug": "pro", "code": "discounted" });
    let bought = order(instance, asked).await.ok();
    assert_eq!(bought["base_price_sats"], 20_001);
    // 33.33 % of 20001 is 6666.33 sats, rounded down.
    assert_eq!(bought["discount_applied_sats"], 6_666);
    assert_eq!(bought["amount_sats"], 13_335);
    assert!(bought.get("license_key").is_none(), "{bought}");
    let remote = text(&bought, "btcpay_invoice_id");
    let there = instance.btcpay.invoice(&remote).expect("an invoice");
    assert_eq!(
        there.amount,
        "0.00013335".parse::<Decimal>().expect("a number")
    );
    assert_eq!(uses(instance, "DISCOUNTED").await, [1, 1, 0, 0]);
    assert_eq!(told_of_code(instance, "DISCOUNTED").await, 0);
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    let settled = until(instance, &text(&bought, "invoice_id"), "settled").await;
    assert_eq!(settled["amount_sats"], 13_335);
    assert_eq!(uses(instance, "DISCOUNTED").await, [1, 0, 1, 0]);
    assert_eq!(told_of_code(instance, "DISCOUNTED").await, 1);
}

async fn nothing_left_to_pay(instance: &Instance) {
    product(instance, "given-away", 10_000).await;
    for (name, members) in [
        ("AWAY-WHOLE", json!({ "amount": 10_000 })),
        (
            "AWAY-FIXED",
            json!({ "kind": "fixed_sats", "amount": 10_000 }),
        ),
        ("AWAY-FREE", json!({ "kind": "free_license" })),
    ] {
        code(instance, name, members).await;
        let asked = json!({ "product": "given-away", "code": name });
        let bought = order(instance, asked).await.ok();
        let invoice = text(&bought, "order_id");
        assert_eq!(bought["amount_sats"], 0, "{name}");
        assert_eq!(bought["discount_applied_sats"], 10_000, "{name}");
        assert_eq!(bought["btcpay_invoice_id"], format!("free-{invoice}"));
        let key = text(&bought, "license_key");
        let good = super::floor::validate(instance, &key, "given-away").await;
        assert_eq!(good["ok"], true, "{name}: {good}");
        assert_eq!(uses(instance, name).await, [1, 0, 1, 0], "{name}");
        assert_eq!(told_of_code(instance, name).await, 1, "{name}");
    }
}

async fn featured_for_a_policy(instance: &Instance) {
    product(instance, "featured", 10_000).await;
    policy(
        instance,
        "featured",
        "pro",
        json!({ "price_sats_override": 20_000 }),
    )
    .await;
    policy(instance, "featured", "basic", json!({})).await;
    let whole = json!({ "amount": 500, "product_slug": "featured", "featured": true });
    code(instance, "FEATURED-ALL", whole).await;
    let pro = json!({ "amount": 1_000, "product_slug": "featured", "policy_slug": "pro",
                      "featured": true, "description": "Launch week", "max_uses": 1,
                      "expires_at": "2099-01-01T00:00:00Z" });
    code(instance, "FEATURED-PRO", pro).await;
    let shown = async || {
        let path = "/v1/products/featured/policies";
        instance.api.get(path).await.ok()["policies"].clone()
    };
    let before = shown().await;
    assert_eq!(
        before[1]["featured_discount"],
        json!({
            "code": "FEATURED-PRO", "kind": "percent", "amount": 1_000,
            "description": "Launch week", "expires_at": "2099-01-01T00:00:00Z", "max_uses": 1,
            "used_count": 0, "remaining_uses": 1, "discount_applied_sats": 2_000,
            "discounted_price_sats": 18_000,
        })
    );
    assert_eq!(before[0]["featured_discount"]["code"], "FEATURED-ALL");
    let buy = |members: Value| {
        let mut asked = json!({ "product": "featured" });
        for (member, value) in members.as_object().expect("members") {
            asked[member] = value.clone();
        }
        async move { order(instance, asked).await.ok()["amount_sats"].clone() }
    };
    let unnamed = json!({ "product": "featured" });
    order(instance, unnamed).await.is_error(400, "bad_request");
    assert_eq!(buy(json!({ "policy_slug": "basic" })).await, 9_500);
    let typed = json!({ "policy_slug": "pro", "code": "FEATURED-ALL" });
    assert_eq!(buy(typed.clone()).await, 18_000, "the better price wins");
    // Its one use is reserved: the next one for this order is the product's.
    assert_eq!(buy(json!({ "policy_slug": "pro" })).await, 19_000);
    assert_eq!(buy(typed).await, 19_000);
    let after = shown().await;
    assert_eq!(after[1]["featured_discount"]["code"], "FEATURED-ALL");
    assert_eq!(after[1]["featured_discount"]["used_count"], 3);
    assert_eq!(after[1]["featured_discount"]["remaining_uses"], Value::Null);
}

async fn catalogue_of_entitlements(instance: &Instance) {
    let made = product(instance, "entitlements-explained", 10).await;
    let catalog = json!([{ "slug": "pro", "name": "Pro", "description": "All" },
                         { "slug": "sync", "name": "Sync" },
                         { "slug": "x", "name": "X", "description": null }]);
    let path = format!("products/{}", text(&made, "id"));
    let change = json!({ "entitlements_catalog": catalog });
    instance.api.admin(Method::PATCH, &path, &change).await.ok();
    let shown = instance
        .api
        .get("/v1/products/entitlements-explained/policies")
        .await
        .ok();
    // No description is null: the Rust SDK refuses that.
    assert_eq!(
        shown["product"]["entitlements_catalog"],
        json!([{ "slug": "pro", "name": "Pro", "description": "All" },
               { "slug": "sync", "name": "Sync", "description": "" },
               { "slug": "x", "name": "X", "description": "" }])
    );
}

async fn expired_order_gives_back(instance: &Instance) {
    product(instance, "given-back", 1_000).await;
    code(instance, "GIVEN-BACK", json!({ "max_uses": 1 })).await;
    let asked = json!({ "product": "given-back", "code": "GIVEN-BACK" });
    let first = order(instance, asked.clone()).await.ok();
    order(instance, asked.clone())
        .await
        .is_error(400, "bad_request");
    instance
        .btcpay
        .expire(&text(&first, "btcpay_invoice_id"))
        .expect("an end");
    until(instance, &text(&first, "invoice_id"), "expired").await;
    assert_eq!(uses(instance, "GIVEN-BACK").await, [0, 0, 0, 1]);
    order(instance, asked).await.ok();
    assert_eq!(uses(instance, "GIVEN-BACK").await, [1, 1, 0, 1]);
}

/// The vendor accepts a payment that came after the order's end: it counts,
/// also above the limit, because the money was taken.
async fn late_money_is_honoured(instance: &Instance) {
    product(instance, "honoured", 1_000).await;
    code(instance, "HONOURED", json!({ "max_uses": 1 })).await;
    let asked = json!({ "product": "honoured", "code": "HONOURED" });
    let first = order(instance, asked.clone()).await.ok();
    let (invoice, remote) = (
        text(&first, "invoice_id"),
        text(&first, "btcpay_invoice_id"),
    );
    instance.btcpay.expire(&remote).expect("an end");
    until(instance, &invoice, "expired").await;
    let second = order(instance, asked.clone()).await.ok();
    let other = text(&second, "btcpay_invoice_id");
    instance.btcpay.pay_in_full(&other).expect("a payment");
    until(instance, &text(&second, "invoice_id"), "settled").await;
    instance
        .btcpay
        .mark(&remote, MarkAs::Settled)
        .expect("a mark");
    until(instance, &invoice, "settled").await;
    assert_eq!(uses(instance, "HONOURED").await, [2, 0, 2, 0]);
    assert_eq!(told_of_code(instance, "HONOURED").await, 2);
    order(instance, asked).await.is_error(400, "bad_request");
}

async fn refused_order_gives_back(instance: &Instance) {
    product(instance, "turned-down", 1_000).await;
    code(instance, "TURNED-DOWN", json!({ "max_uses": 1 })).await;
    let asked = json!({ "product": "turned-down", "code": "TURNED-DOWN" });
    instance.btcpay.fail_next(1, 403);
    let refused = order(instance, asked.clone()).await;
    instance.btcpay.clear_faults();
    refused.is_error(502, "upstream_error");
    assert_eq!(uses(instance, "TURNED-DOWN").await, [0, 0, 0, 1]);
    order(instance, asked).await.ok();
}
