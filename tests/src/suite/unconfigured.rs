//! An instance that has its address and nothing else: it answers, says what is
//! missing, and accepts nothing.

use super::cases;
use super::floor::NOBODY;
use crate::hosts::releases::{LICENSED, OPEN, PLATFORM};
use crate::hosts::{Answer, Instance};
use crate::shop::{ADMIN_KEY, CRON_TOKEN, WEBHOOK_SECRET};
use http::Method;
use keywright_btcpay_double::sign;
use keywright_domain::caller_limits::RECOVERIES;
use keywright_license::{Date, NewLicense, TokenClaims};
use serde_json::json;
use uuid::Uuid;

cases![
    health,
    public_keys,
    validate,
    admin,
    cron,
    webhook,
    downloads,
    claiming,
    forged_addresses alone,
    paid_purchase alone,
    free_purchase alone,
];

/// Puts a product on sale past the operator's routes, which are closed.
async fn put_on_sale(instance: &Instance, slug: &str, price: &str) {
    // On Spin this applies the migrations, if nothing has yet.
    instance.api.get("/v1/products").await.ok();
    let sql = "INSERT INTO products (id, slug, name, description, price_amount, price_currency,
                                     active, metadata, created_at, updated_at)
               VALUES (?1, ?2, ?2, '', CAST(?3 AS INTEGER), 'SAT', 1, '{}', 1, 1)";
    let id = match price {
        "0" => "01990000-0000-7000-8000-000000000001",
        _ => "01990000-0000-7000-8000-000000000002",
    };
    instance.database.change(sql, &[id, slug, price]).await;
}

async fn health(instance: &Instance) {
    assert_eq!(
        instance.api.get("/healthz").await.ok(),
        json!({ "ok": true })
    );
    let unready = instance.api.get("/readyz").await;
    assert_eq!(unready.status, 503, "{unready:?}");
    let unready = unready.json();
    let faults = unready["faults"].as_array().expect("a list");
    let named: Vec<&str> = faults
        .iter()
        .filter_map(|fault| fault["name"].as_str())
        .collect();
    assert_eq!(named, ["RECEIPT_KEYS", "VERIFY_KEYS", "BTCPAY_URL"]);
    instance
        .api
        .get("/nowhere")
        .await
        .is_error(404, "not_found");
}

async fn public_keys(instance: &Instance) {
    for path in [
        "/",
        "/v1/pubkey",
        "/v1/issuer/public-key",
        "/.well-known/jwks.json",
    ] {
        instance
            .api
            .get(path)
            .await
            .is_error(503, "service_unavailable");
    }
}

/// Without a key that verifies, nothing is ever accepted, and nothing refused
/// as if it had been checked.
async fn validate(instance: &Instance) {
    let id = Uuid::parse_str("01990000-0000-7000-8000-000000000009").expect("an id");
    let key = instance.signing_key.sign_license(&NewLicense {
        product_id: id,
        license_id: id,
        issued_at: 1,
        expires_at: None,
        trial: false,
        fingerprint_hash: None,
        entitlements: Vec::new(),
    });
    for key in [key.expect("a key"), "garbage".to_owned()] {
        let answer = instance
            .api
            .post("/v1/validate", &json!({ "key": key }))
            .await;
        answer.is_error(503, "service_unavailable");
    }
}

async fn admin(instance: &Instance) {
    let body = json!({ "slug": "a", "name": "a", "price_sats": 1 });
    for key in [ADMIN_KEY, "", "undefined", "null"] {
        let request = instance.api.request(Method::POST, "/v1/admin/products");
        let answer = instance
            .api
            .send(request.bearer_auth(key).json(&body))
            .await;
        answer.is_error(503, "service_unavailable");
    }
    let request = instance
        .api
        .request(Method::POST, "/v1/admin/products")
        .json(&body);
    instance
        .api
        .send(request)
        .await
        .is_error(503, "service_unavailable");
}

async fn cron(instance: &Instance) {
    for token in [CRON_TOKEN, "", "undefined"] {
        for path in ["/v1/cron/renew", "/v1/cron/watch"] {
            let request = instance.api.request(Method::POST, path);
            let answer = instance.api.send(request.bearer_auth(token)).await;
            answer.is_error(404, "not_found");
        }
    }
}

async fn webhook(instance: &Instance) {
    for secret in [WEBHOOK_SECRET, ""] {
        let request = instance.api.request(Method::POST, "/v1/btcpay/webhook");
        let request = request.header("BTCPay-Sig", sign(secret, b"{}")).body("{}");
        instance
            .api
            .send(request)
            .await
            .is_error(503, "btcpay_not_configured");
    }
    // No store is connected, and none can be.
    let nobody = format!("/v1/btcpay/webhook/{NOBODY}");
    let request = instance.api.request(Method::POST, &nobody).body("{}");
    let answer = instance.api.send(request).await;
    answer.is_error(401, "unauthorized");
    let back = "/v1/btcpay/authorize/callback?state=x&apiKey=k";
    let page = instance.api.get(back).await;
    assert_eq!(page.status, 503, "{page:?}");
    assert!(page.text().contains("CREDENTIALS_KEY"), "{page:?}");
}

async fn downloads(instance: &Instance) {
    let ask = |product: &str, token: Option<String>| {
        let path = format!("/releases/{product}/1.0.0/{PLATFORM}");
        let request = instance.api.request(Method::GET, &path);
        instance.api.send(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    };
    assert_eq!(
        ask(OPEN, None).await.status,
        200,
        "an open product needs no key"
    );
    assert_eq!(
        ask(LICENSED, None).await.status,
        401,
        "no token comes before no key"
    );
    let claims = TokenClaims {
        product: LICENSED.to_owned(),
        channel_expiry: Date::MAX,
        entitlements: Vec::new(),
        version_floor: None,
        license: None,
        maintenance_until: None,
        issued_at: None,
    };
    let token = instance.signing_key.sign_token(&claims).expect("a token");
    for token in [token, "garbage".to_owned()] {
        let answer: Answer = ask(LICENSED, Some(token)).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.json()["error"].is_string(), "{}", answer.text());
    }
}

/// A client that names another address each time is one caller: what it sends is
/// not believed where no proxy is configured.
async fn forged_addresses(instance: &Instance) {
    let body = json!({ "invoice_id": NOBODY, "email": "somebody@example.com" });
    let tries = RECOVERIES.network.burst + 10;
    let mut refused = 0;
    for number in 0..tries {
        let forged = format!("198.51.{number}.1");
        let mut request = instance
            .api
            .request(Method::POST, "/v1/recover")
            .json(&body);
        for header in ["x-forwarded-for", "x-real-ip", "spin-client-addr"] {
            request = request.header(header, &forged);
        }
        let answer = instance.api.send(request).await;
        if answer.status == 429 {
            answer.is_error(429, "rate_limited");
            assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
            refused += 1;
        } else {
            answer.is_error(404, "not_found");
        }
    }
    assert!(refused > 0, "all {tries} tries came from one connection");
}

/// Nothing is watched: no payment can be looked up, and none is there.
async fn claiming(instance: &Instance) {
    let hash = format!("0x{}", "ab".repeat(32));
    let looked_up = instance.api.get(&format!("/v1/license/{hash}")).await;
    looked_up.is_error(503, "usdc_not_configured");
    let path = format!("/v1/license/{hash}/challenge");
    let challenge = instance.api.post(&path, &json!({})).await;
    challenge.is_error(404, "not_found");
    let wallet = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    let file = json!({ "binary_sha256": "ab".repeat(32), "wallet_address": wallet });
    let challenge = instance.api.post("/v1/claim/challenge", &file).await;
    challenge.is_error(403, "never_paid");
}

async fn paid_purchase(instance: &Instance) {
    put_on_sale(instance, "paid", "1000").await;
    let answer = instance
        .api
        .post("/v1/purchase", &json!({ "product": "paid" }))
        .await;
    answer.is_error(503, "btcpay_not_configured");
    let to_dollars = "UPDATE products SET price_currency = 'USD' WHERE slug = 'paid'";
    instance.database.change(to_dollars, &[]).await;
    let in_dollars = json!({ "product": "paid", "rail": "usdc" });
    let answer = instance.api.post("/v1/purchase", &in_dollars).await;
    answer.is_error(503, "usdc_not_configured");
    let sql = "SELECT count(*) AS n FROM invoices WHERE amount_sats > 0";
    assert_eq!(
        instance.database.count(sql, &[]).await,
        0,
        "nothing is recorded"
    );
}

/// Without a key that seals receipts nothing is sold, also for nothing: its license
/// could never be signed.
async fn free_purchase(instance: &Instance) {
    put_on_sale(instance, "free", "0").await;
    let answer = instance
        .api
        .post("/v1/purchase", &json!({ "product": "free" }))
        .await;
    answer.is_error(503, "service_unavailable");
    for sql in [
        "SELECT count(*) AS n FROM receipts",
        "SELECT count(*) AS n FROM licenses",
        "SELECT count(*) AS n FROM invoices",
    ] {
        assert_eq!(instance.database.count(sql, &[]).await, 0, "{sql}");
    }
}
