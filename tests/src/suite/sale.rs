//! The main job from end to end: an operator makes a product, a buyer pays,
//! the webhook settles, the key is good online and offline, the token opens
//! the download, and a revoked key is good no more.

use super::cases;
use super::floor::{buy, policy, poll, product, revoke, text, until, validate};
use crate::hosts::Instance;
use crate::hosts::releases::{FILES, PLATFORM};
use http::Method;
use keysat_licensing_client::{PublicKeyPem, Verifier};
use keywright_btcpay_double::Status;
use keywright_license::{verify_license, verify_token};
use serde_json::{Value, json};

cases![paid, free, free_by_change];

/// The key is good for both verifiers, with what was sold in it.
fn good_offline(instance: &Instance, key: &str, product: &Value, license_id: &Value) {
    let ours = verify_license(key, &instance.verify_keys()).expect("our verifier takes it");
    assert_eq!(ours.payload().license_id().to_string(), *license_id);
    assert_eq!(ours.payload().product_id().to_string(), product["id"]);
    let pem = instance.signing_key.public_key().to_pem();
    let pem = PublicKeyPem::from_str(&pem).expect("the SDK takes the public key");
    let theirs = Verifier::new(pem)
        .verify(key)
        .expect("the SDK takes the key");
    assert_eq!(theirs.license_id, *license_id);
    assert_eq!(theirs.product_id, product["id"]);
}

/// The token opens the product's download, by header and by query.
async fn downloads(instance: &Instance, token: &str) {
    let path = format!("/releases/sold/2.0.0/{PLATFORM}");
    let (_, bytes) = FILES
        .iter()
        .find(|(key, _)| key.starts_with("sold/"))
        .expect("the file");
    let by_header = instance.api.request(Method::GET, &path).bearer_auth(token);
    let by_query = instance
        .api
        .request(Method::GET, &path)
        .query(&[("token", token)]);
    for request in [by_header, by_query] {
        let answer = instance.api.send(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body, *bytes);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
    }
}

async fn paid(instance: &Instance) {
    let product = product(instance, "sold", 21_000).await;
    let terms = json!({ "price_sats_override": 50_000, "entitlements": ["pro"],
                        "max_machines": 2, "duration_seconds": 31_536_000 });
    policy(instance, "sold", "pro", terms).await;

    let order = json!({ "product": "sold", "policy_slug": "pro", "buyer_email": "a@b.example" });
    let bought = instance.api.post("/v1/purchase", &order).await.ok();
    assert_eq!(bought["amount_sats"], 50_000);
    assert_eq!(bought["base_price_sats"], 50_000);
    assert_eq!(bought["discount_applied_sats"], 0);
    assert!(
        bought.get("license_key").is_none(),
        "nothing is issued yet: {bought}"
    );
    let (invoice, remote) = (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    );
    let poll_url = format!("{}/v1/purchase/{invoice}", instance.api.base_url());
    assert_eq!(bought["poll_url"], poll_url);
    let there = instance
        .btcpay
        .invoice(&remote)
        .expect("the invoice at BTCPay");
    assert_eq!(
        bought["checkout_url"],
        format!("{}/i/{remote}", instance.btcpay.base_url())
    );
    assert_eq!(there.status, Status::New);
    let order_id = text(&bought, "order_id");
    assert_eq!(there.metadata["orderId"], order_id);

    let waiting = poll(instance, &invoice).await;
    let expected = json!({
        "invoice_id": invoice, "order_id": order_id, "status": "pending", "payment_state": "unpaid",
        "product_id": product["id"], "product": "sold", "product_name": "The sold",
        "checkout_url": bought["checkout_url"], "amount_sats": 50_000,
        "price_currency": "SAT", "price_value": 50_000, "license_key": null,
        "license_id": null, "token": null, "download_id": null, "policy_name": "pro",
        "ordered_at": waiting["ordered_at"], "is_for_joomla": false,
    });
    assert_eq!(waiting, expected);

    instance.btcpay.pay_in_full(&remote).expect("a payment");
    let settled = until(instance, &invoice, "settled").await;
    let (key, token) = (text(&settled, "license_key"), text(&settled, "token"));
    good_offline(instance, &key, &product, &settled["license_id"]);
    let again = poll(instance, &invoice).await;
    assert_eq!(
        again, settled,
        "the same license gives the same key every time"
    );

    let good = validate(instance, &key, "sold").await;
    assert_eq!(good["ok"], true, "{good}");
    assert_eq!(good["license_id"], settled["license_id"]);
    assert_eq!(good["entitlements"], json!(["pro"]));
    assert_eq!(good["max_machines"], 2);
    let claims = verify_token(&token, &instance.verify_keys(), "sold", super::floor::now());
    assert!(claims.is_ok(), "{claims:?}");
    downloads(instance, &token).await;

    revoke(instance, &text(&settled, "license_id")).await.ok();
    let refused = validate(instance, &key, "sold").await;
    assert_eq!(refused, json!({ "ok": false, "reason": "revoked" }));
    let after = poll(instance, &invoice).await;
    assert_eq!(after["status"], "settled");
    assert_eq!(
        after["license_key"],
        Value::Null,
        "a revoked key is not handed out"
    );
    assert_eq!(after["token"], Value::Null);
}

async fn free(instance: &Instance) {
    let product = product(instance, "free-tier", 21_000).await;
    policy(
        instance,
        "free-tier",
        "free",
        json!({ "price_sats_override": 0 }),
    )
    .await;
    let order = json!({ "product": "free-tier", "policy_slug": "free" });
    let bought = instance.api.post("/v1/purchase", &order).await.ok();
    let invoice = text(&bought, "invoice_id");
    assert_eq!(bought["amount_sats"], 0);
    assert_eq!(bought["checkout_url"], "");
    assert_eq!(
        bought["btcpay_invoice_id"],
        format!("free-{}", text(&bought, "order_id"))
    );
    let key = text(&bought, "license_key");
    good_offline(instance, &key, &product, &bought["license_id"]);
    let polled = poll(instance, &invoice).await;
    assert_eq!(polled["status"], "settled");
    for member in ["license_key", "license_id", "token"] {
        assert_eq!(polled[member], bought[member], "{member}");
    }
    assert_eq!(validate(instance, &key, "free-tier").await["ok"], true);
}

/// What the SDKs' own example does: no options, on a product priced 0.
async fn free_by_change(instance: &Instance) {
    let product = product(instance, "was-paid", 1_000).await;
    let path = format!("products/{}", text(&product, "id"));
    instance
        .api
        .admin(Method::PATCH, &path, &json!({ "price_sats": 0 }))
        .await
        .ok();
    let bought = buy(instance, "was-paid").await;
    let polled = poll(instance, &text(&bought, "invoice_id")).await;
    let key = text(&polled, "license_key");
    good_offline(instance, &key, &product, &polled["license_id"]);
    assert_eq!(validate(instance, &key, "was-paid").await["ok"], true);
}
