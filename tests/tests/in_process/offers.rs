//! What an order costs and what its license promises: both from one choice.

use crate::bench::{Answer, Bench, json_request, played_store};
use crate::payments::{deliver, poll};
use http::Method;
use serde_json::{Value, json};

/// An order that names no policy.
async fn unnamed(bench: &Bench, product: &str) -> Answer {
    bench
        .post("/v1/purchase", &json!({ "product": product }))
        .await
}

/// An order that is refused, and leaves no trace.
async fn refused(bench: &Bench, path: &str, body: &Value, words: &str) {
    let request = json_request(Method::POST, path, body);
    let answer = bench.untouched_by(request).await;
    assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{body}");
    assert!(answer.text("message").contains(words), "{answer:?}");
}

/// Pays an order; answers what its license unlocks.
async fn entitled(bench: &Bench, pay: &keywright_btcpay_double::BtcPay, order: &Answer) -> Value {
    let remote = order.text("btcpay_invoice_id");
    pay.pay_in_full(&remote).expect("a payment");
    deliver(bench, pay, "InvoiceSettled", &remote).await;
    let progress = poll(bench, &order.text("order_id")).await;
    let key = progress["license_key"].as_str().expect("a key");
    json!(bench.verified(key).payload().entitlements())
}

/// A product for 1,000 sats with a tier at its price and one at 5,000,000.
async fn two_tiers() -> (keywright_btcpay_double::BtcPay, Bench) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("suite", 1_000).await;
    let business = json!({ "price_sats": 5_000_000, "entitlements": ["pro", "sso"] });
    bench.policy("suite", "business", business).await;
    let personal = json!({ "entitlements": ["basic"] });
    bench.policy("suite", "personal", personal).await;
    (pay, bench)
}

#[tokio::test]
async fn several_tiers_and_none_named_are_refused_with_their_names() {
    let (pay, bench) = two_tiers().await;
    let hidden = json!({ "public": false, "price_sats": 1 });
    bench.policy("suite", "staff", hidden).await;
    let words = "policy_slug must name one of the policies on sale: personal, business";
    refused(
        &bench,
        "/v1/purchase",
        &json!({ "product": "suite" }),
        words,
    )
    .await;
    let empty = json!({ "product": "suite", "policy_slug": "" });
    refused(&bench, "/v1/purchase", &empty, words).await;
    bench.code("GIFT", json!({ "kind": "free_license" })).await;
    let redeem = json!({ "product": "suite", "code": "GIFT" });
    refused(&bench, "/v1/redeem", &redeem, words).await;
    let coded = json!({ "product": "suite", "code": "GIFT" });
    refused(&bench, "/v1/purchase", &coded, words).await;
    let preview = bench
        .get("/v1/discount-codes/preview?product=suite&code=GIFT")
        .await;
    assert_eq!(preview.refusal(), (400, "bad_request".to_owned()));
    // Each tier has its own price and its own terms.
    for (slug, price, unlocks) in [
        ("personal", 1_000, json!(["basic"])),
        ("business", 5_000_000, json!(["pro", "sso"])),
    ] {
        let order = json!({ "product": "suite", "policy_slug": slug });
        let order = bench.post("/v1/purchase", &order).await;
        assert_eq!(order.json()["amount_sats"], price, "{slug}");
        assert_eq!(entitled(&bench, &pay, &order).await, unlocks, "{slug}");
    }
}

#[tokio::test]
async fn the_default_policy_is_sold_at_its_own_price() {
    let (pay, bench) = two_tiers().await;
    let usual = json!({ "price_sats": 7_000, "entitlements": ["usual"] });
    let usual = bench.policy("suite", "default", usual).await;
    let order = unnamed(&bench, "suite").await;
    assert_eq!(order.json()["amount_sats"], 7_000);
    assert_eq!(entitled(&bench, &pay, &order).await, json!(["usual"]));
    // Off sale it is nobody's default any more.
    let path = format!("/v1/admin/policies/{usual}/public");
    let hide = json!({ "public": false });
    assert_eq!(bench.operate("PATCH", &path, &hide).await.status, 200);
    assert_eq!(unnamed(&bench, "suite").await.status, 400);
}

#[tokio::test]
async fn the_only_policy_on_sale_is_sold_at_its_own_price() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 1_000).await;
    for (slug, members) in [
        (
            "a-hidden",
            json!({ "public": false, "entitlements": ["all"] }),
        ),
        ("b-off", json!({ "active": false, "entitlements": ["all"] })),
        (
            "pro",
            json!({ "price_sats": 9_000, "entitlements": ["pro"] }),
        ),
    ] {
        bench.policy("demo", slug, members).await;
    }
    let order = unnamed(&bench, "demo").await;
    assert_eq!(order.json()["amount_sats"], 9_000);
    assert_eq!(entitled(&bench, &pay, &order).await, json!(["pro"]));
}

#[tokio::test]
async fn a_product_whose_policies_are_all_off_sale_is_not_sold() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let only = bench.policy("demo", "default", json!({})).await;
    for (path, body) in [
        ("public", json!({ "public": false })),
        ("active", json!({ "active": false })),
        ("archived", json!({ "archived": true })),
    ] {
        let route = format!("/v1/admin/policies/{only}/{path}");
        assert_eq!(bench.operate("PATCH", &route, &body).await.status, 200);
        let order = json!({ "product": "demo" });
        refused(&bench, "/v1/purchase", &order, "not on sale").await;
    }
    let shown = bench.get("/v1/products/demo/policies").await.json();
    assert_eq!(shown["policies"], json!([]));
    assert_eq!(shown["product"]["sold_without_policy"], false);
}

#[tokio::test]
async fn a_free_product_gives_no_paid_tier_away() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 0).await;
    let paid = json!({ "price_sats": 100_000, "entitlements": ["pro"] });
    bench.policy("demo", "pro", paid).await;
    let order = unnamed(&bench, "demo").await;
    assert_eq!(order.json()["amount_sats"], 100_000);
    assert_eq!(order.json().get("license_key"), None);
    assert_eq!(entitled(&bench, &pay, &order).await, json!(["pro"]));
}

/// What the SDKs' examples do: a product with a price and nothing else.
#[tokio::test]
async fn a_product_without_policies_is_sold_at_its_own_price() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 1_000).await;
    let order = unnamed(&bench, "demo").await;
    assert_eq!(order.json()["amount_sats"], 1_000);
    assert_eq!(entitled(&bench, &pay, &order).await, json!([]));
    let shown = bench.get("/v1/products/demo/policies").await.json();
    assert_eq!(shown["product"]["sold_without_policy"], true);
}

#[tokio::test]
async fn the_list_of_products_shows_what_an_order_can_cost() {
    let bench = Bench::new();
    for slug in ["alone", "hidden", "same", "tiers"] {
        bench.product(slug, 1_000).await;
    }
    for (product, slug, members) in [
        (
            "hidden",
            "staff",
            json!({ "public": false, "price_sats": 1 }),
        ),
        ("same", "only", json!({ "price_sats": 7_000 })),
        ("tiers", "dear", json!({ "price_sats": 9_000 })),
        ("tiers", "own", json!({})),
        ("tiers", "off", json!({ "active": false, "price_sats": 1 })),
    ] {
        bench.policy(product, slug, members).await;
    }
    let listed = bench.get("/v1/products").await.json();
    let listed: Vec<Value> = listed["products"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            json!([
                one["slug"],
                one["lowest_price_value"],
                one["has_several_prices"]
            ])
        })
        .collect();
    let expected = [
        json!(["alone", 1_000, false]),
        json!(["hidden", null, false]),
        json!(["same", 7_000, false]),
        json!(["tiers", 1_000, true]),
    ];
    assert_eq!(listed, expected);
}
