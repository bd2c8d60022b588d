//! Purchases: free, paid, with a policy and with a discount code, and what
//! becomes of them.

use crate::{cases, client, status, until, verifier};
use keysat_licensing_client::{Client, PurchaseSession, StartPurchaseOptions};
use keywright_btcpay_double::MarkAs;
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor;
use serde_json::json;

cases![
    example,
    free_policy,
    paid_policy,
    in_dollars,
    discount_code,
    free_code,
    featured_code,
    unusable_codes,
    expired,
    invalid,
    ended_license,
    refusals,
];

async fn buy(client: &Client, product: &str, options: StartPurchaseOptions<'_>) -> PurchaseSession {
    let session = client.start_purchase(product, &options).await;
    session.expect("a purchase")
}

fn policy(slug: &str) -> StartPurchaseOptions<'_> {
    StartPurchaseOptions {
        policy_slug: Some(slug),
        ..StartPurchaseOptions::default()
    }
}

fn code(code: &str) -> StartPurchaseOptions<'_> {
    StartPurchaseOptions {
        code: Some(code),
        ..StartPurchaseOptions::default()
    }
}

fn pay(instance: &Instance, session: &PurchaseSession) {
    let paid = instance.btcpay.pay_in_full(&session.btcpay_invoice_id);
    paid.expect("a payment");
}

/// What the SDK's example `online_validate` does: purchase without options,
/// wait, validate without a fingerprint. The product's own price decides.
async fn example(instance: &Instance) {
    let product = floor::product(instance, "r-example", 500).await;
    let path = format!("products/{}", floor::text(&product, "id"));
    let free = json!({ "price_sats": 0 });
    instance
        .api
        .admin(http::Method::PATCH, &path, &free)
        .await
        .ok();
    let client = client(instance);
    let session = buy(&client, "r-example", StartPurchaseOptions::default()).await;
    assert_eq!(
        (session.amount_sats, session.checkout_url.as_str()),
        (0, "")
    );
    let progress = until(&client, &session.invoice_id, "settled").await;
    let key = progress.license_key.expect("a key");
    let validated = client.validate(&key, Some("r-example"), None).await;
    let validated = validated.expect("an answer");
    assert!(validated.ok, "{validated:?}");
    assert_eq!(validated.status.as_deref(), Some("active"));
}

async fn free_policy(instance: &Instance) {
    floor::product(instance, "r-free", 500).await;
    let terms = json!({ "price_sats_override": 0, "entitlements": ["basic"], "is_trial": true,
                        "duration_seconds": 86_400 });
    floor::policy(instance, "r-free", "trial", terms).await;
    let client = client(instance);
    let session = buy(&client, "r-free", policy("trial")).await;
    let progress = until(&client, &session.invoice_id, "settled").await;
    let key = progress.license_key.expect("a key");
    let offline = verifier(&client).await.verify(&key);
    let offline = offline.expect("a key that verifies offline");
    assert_eq!(Some(offline.license_id.clone()), progress.license_id);
    assert_eq!(offline.product_id, progress.product_id);
    assert!(offline.is_trial() && offline.has_entitlement("basic"));
    assert!(!offline.is_expired_at(floor::now()) && offline.is_expired_at(floor::now() + 90_000));
    let online = client.validate(&key, Some("r-free"), Some("machine")).await;
    let online = online.expect("an answer");
    assert!(online.ok && online.has_entitlement("basic"), "{online:?}");
    assert_eq!(online.license_id, Some(offline.license_id));
}

async fn paid_policy(instance: &Instance) {
    floor::product(instance, "r-paid", 1_000).await;
    let terms = json!({ "price_sats_override": 5_000, "max_machines": 4, "entitlements": ["pro"] });
    floor::policy(instance, "r-paid", "team", terms).await;
    let client = client(instance);
    let options = StartPurchaseOptions {
        buyer_email: Some("buyer@b.example"),
        buyer_note: Some("thanks"),
        redirect_url: Some("https://app.example/thanks"),
        ..policy("team")
    };
    let session = buy(&client, "r-paid", options).await;
    assert_eq!(session.amount_sats, 5_000);
    assert!(session.checkout_url.starts_with("http"), "{session:?}");
    let poll_url = format!("/v1/purchase/{}", session.invoice_id);
    assert!(session.poll_url.ends_with(&poll_url), "{session:?}");
    let progress = client.poll_purchase(&session.invoice_id).await;
    let progress = progress.expect("a poll");
    assert_eq!(
        (progress.status.as_str(), progress.license_key),
        ("pending", None)
    );
    pay(instance, &session);
    let progress = until(&client, &session.invoice_id, "settled").await;
    assert_eq!(progress.amount_sats, 5_000);
    let key = progress.license_key.expect("a key");
    verifier(&client)
        .await
        .verify(&key)
        .expect("a key that verifies offline");
    let online = client.validate(&key, Some("r-paid"), None).await;
    let online = online.expect("an answer");
    assert!(online.ok && online.has_entitlement("pro"), "{online:?}");
    assert_eq!(online.max_machines, Some(4));
}

/// What the SDK shows is what BTCPay made of the price.
async fn in_dollars(instance: &Instance) {
    let product = json!({ "slug": "r-cents", "name": "The cents", "price_currency": "USD",
                          "price_value": 2_500 });
    let made = instance.api.admin(http::Method::POST, "products", &product);
    made.await.ok();
    let client = client(instance);
    let session = buy(&client, "r-cents", StartPurchaseOptions::default()).await;
    assert_eq!(session.amount_sats, 50_000);
    pay(instance, &session);
    let progress = until(&client, &session.invoice_id, "settled").await;
    assert_eq!(progress.amount_sats, 50_000);
    let key = progress.license_key.expect("a key");
    let online = client.validate(&key, Some("r-cents"), None).await;
    assert!(online.expect("an answer").ok);
}

async fn discount_code(instance: &Instance) {
    let product = floor::product(instance, "r-discount", 8_000).await;
    let off = json!({ "code": "R-QUARTER", "kind": "percent", "amount": 2_500, "max_uses": 1,
                      "product_slug": "r-discount" });
    floor::discount_code(instance, off).await;
    let client = client(instance);
    // As a buyer types it.
    let session = buy(&client, "r-discount", code(" r-quarter ")).await;
    assert_eq!(session.amount_sats, 6_000);
    pay(instance, &session);
    let progress = until(&client, &session.invoice_id, "settled").await;
    assert_eq!(progress.product_id, floor::text(&product, "id"));
    assert_eq!(progress.amount_sats, 6_000);
    let exhausted = client
        .start_purchase("r-discount", &code("R-QUARTER"))
        .await;
    assert_eq!(status(exhausted), 400);
}

/// A code of 100 % is a free license, not an invoice of one sat.
async fn free_code(instance: &Instance) {
    floor::product(instance, "r-gift", 8_000).await;
    let free = json!({ "code": "R-GIFT", "kind": "percent", "amount": 10_000 });
    floor::discount_code(instance, free).await;
    let client = client(instance);
    let session = buy(&client, "r-gift", code("R-GIFT")).await;
    assert_eq!(
        (session.amount_sats, session.checkout_url.as_str()),
        (0, "")
    );
    let progress = until(&client, &session.invoice_id, "settled").await;
    let key = progress.license_key.expect("a key");
    let online = client.validate(&key, Some("r-gift"), None).await;
    assert!(online.expect("an answer").ok);
}

/// A featured code applies by itself where a policy is named, and nowhere else.
async fn featured_code(instance: &Instance) {
    floor::product(instance, "r-featured", 8_000).await;
    floor::policy(instance, "r-featured", "pro", json!({})).await;
    let featured = json!({ "code": "R-FEATURED", "kind": "fixed_sats", "amount": 3_000,
                           "product_slug": "r-featured", "featured": true });
    floor::discount_code(instance, featured).await;
    let client = client(instance);
    let session = buy(&client, "r-featured", policy("pro")).await;
    assert_eq!(session.amount_sats, 5_000);
    let session = buy(&client, "r-featured", StartPurchaseOptions::default()).await;
    assert_eq!(session.amount_sats, 8_000);
}

async fn unusable_codes(instance: &Instance) {
    floor::product(instance, "r-codes", 8_000).await;
    floor::product(instance, "r-codes-other", 8_000).await;
    let elsewhere = json!({ "code": "R-ELSEWHERE", "kind": "percent", "amount": 1_000,
                            "product_slug": "r-codes-other" });
    floor::discount_code(instance, elsewhere).await;
    let client = client(instance);
    for unusable in ["R-NOSUCH", "R-ELSEWHERE", "not a code!"] {
        let answer = client.start_purchase("r-codes", &code(unusable)).await;
        assert_eq!(status(answer), 400, "{unusable}");
    }
}

async fn expired(instance: &Instance) {
    floor::product(instance, "r-lapsed", 1_000).await;
    let client = client(instance);
    let session = buy(&client, "r-lapsed", StartPurchaseOptions::default()).await;
    let ended = instance.btcpay.expire(&session.btcpay_invoice_id);
    ended.expect("an invoice");
    let progress = until(&client, &session.invoice_id, "expired").await;
    assert_eq!((progress.license_key, progress.license_id), (None, None));
}

async fn invalid(instance: &Instance) {
    floor::product(instance, "r-invalid", 1_000).await;
    let client = client(instance);
    let session = buy(&client, "r-invalid", StartPurchaseOptions::default()).await;
    let marked = instance
        .btcpay
        .mark(&session.btcpay_invoice_id, MarkAs::Invalid);
    marked.expect("an invoice");
    let progress = until(&client, &session.invoice_id, "invalid").await;
    assert_eq!(progress.license_key, None);
}

/// The key is shown while the license is in force.
async fn ended_license(instance: &Instance) {
    floor::product(instance, "r-shown", 0).await;
    let client = client(instance);
    let session = buy(&client, "r-shown", StartPurchaseOptions::default()).await;
    let sold = until(&client, &session.invoice_id, "settled").await;
    let license_id = sold.license_id.expect("an id");
    for (change, shown) in [("suspend", false), ("unsuspend", true), ("revoke", false)] {
        floor::standing(instance, &license_id, change).await;
        let progress = client.poll_purchase(&session.invoice_id).await;
        let progress = progress.expect("a poll");
        assert_eq!(progress.status, "settled");
        assert_eq!(progress.license_key.is_some(), shown, "{change}");
    }
}

async fn refusals(instance: &Instance) {
    floor::product(instance, "r-closed", 1_000).await;
    floor::policy(instance, "r-closed", "hidden", json!({ "public": false })).await;
    floor::policy(instance, "r-closed", "retired", json!({ "active": false })).await;
    let client = client(instance);
    for (product, slug, expected) in [
        ("r-no-such", None, 404),
        ("r-closed", Some("none"), 404),
        ("r-closed", Some("hidden"), 400),
        ("r-closed", Some("retired"), 400),
    ] {
        let options = StartPurchaseOptions {
            policy_slug: slug,
            ..StartPurchaseOptions::default()
        };
        let answer = client.start_purchase(product, &options).await;
        assert_eq!(status(answer), expected, "{product} {slug:?}");
    }
    let no_address = StartPurchaseOptions {
        buyer_email: Some("no at sign"),
        ..StartPurchaseOptions::default()
    };
    let script = StartPurchaseOptions {
        redirect_url: Some("javascript:alert(1)"),
        ..StartPurchaseOptions::default()
    };
    for (options, expected) in [(no_address, 422), (script, 400)] {
        let answer = client.start_purchase("r-closed", &options).await;
        assert_eq!(status(answer), expected, "{options:?}");
    }
}
