//! What a buyer calls beside buying: redeeming, previews, featured discounts and
//! recovering.

use crate::bench::{Answer, Bench, json_request, played_store};
use crate::codes::{assert_uses_add_up, uses};
use crate::payments::{deliver, poll};
use http::{HeaderValue, Method};
use serde_json::{Value, json};

fn bad(answer: &Answer, words: &str) {
    assert_eq!(answer.refusal(), (400, "bad_request".to_owned()));
    assert!(answer.text("message").contains(words), "{answer:?}");
}

async fn redeem(bench: &Bench, body: Value) -> Answer {
    bench.post("/v1/redeem", &body).await
}

#[tokio::test]
async fn a_redeemed_code_is_a_license_of_the_policy_it_is_for() {
    let bench = Bench::new();
    let product_id = bench.product("demo", 50_000).await;
    for slug in ["default", "pro", "team"] {
        let members = json!({ "entitlements": [slug], "price_sats": 70_000 });
        bench.policy("demo", slug, members).await;
    }
    let free = |members: Value| {
        let mut all = json!({ "kind": "free_license", "product_slug": "demo" });
        all.as_object_mut()
            .expect("an object")
            .extend(members.as_object().cloned().expect("members"));
        all
    };
    bench
        .code("PRO", free(json!({ "policy_slug": "pro" })))
        .await;
    let two = json!({ "policy_slugs": ["pro", "default"] });
    bench.code("TWO", free(two)).await;
    bench.code("ALL", json!({ "kind": "free_license" })).await;
    for (code, asked, policy) in [
        ("PRO", None, "pro"),
        ("PRO", Some("pro"), "pro"),
        ("TWO", None, "default"),
        ("TWO", Some("pro"), "pro"),
        ("ALL", None, "default"),
        ("ALL", Some("team"), "team"),
    ] {
        let mut body = json!({ "product": "demo", "code": code });
        if let Some(asked) = asked {
            body["policy_slug"] = asked.into();
        }
        let redeemed = redeem(&bench, body).await;
        assert_eq!(redeemed.status, 200, "{code} {asked:?}: {redeemed:?}");
        let key = bench.verified(&redeemed.text("license_key"));
        assert_eq!(key.payload().entitlements(), [policy], "{code} {asked:?}");
        assert_eq!(
            key.payload().license_id().to_string(),
            redeemed.text("license_id")
        );
        let polled = poll(&bench, &redeemed.text("invoice_id")).await;
        for member in ["license_key", "license_id", "token"] {
            assert_eq!(polled[member], redeemed.json()[member], "{member}");
        }
        let row = format!(
            "SELECT r.state, i.amount_sats, i.base_price_sats FROM redemptions r
             JOIN invoices i ON i.id = r.invoice_id
             WHERE r.id = '{}' AND i.id = '{}' AND i.product_id = '{product_id}'",
            redeemed.text("redemption_id"),
            redeemed.text("order_id")
        );
        let row = &bench.sql(&row).await[0];
        assert_eq!(row["state"], "used");
        assert_eq!(
            (&row["amount_sats"], &row["base_price_sats"]),
            (&json!(0), &json!(70_000))
        );
    }
    bad(
        &redeem(
            &bench,
            json!({ "product": "demo", "code": "PRO", "policy_slug": "team" }),
        )
        .await,
        "another policy",
    );
    assert_uses_add_up(&bench, "redeemed").await;
}

#[tokio::test]
async fn a_code_that_is_no_free_license_is_not_redeemed() {
    let bench = Bench::new();
    let product_id = bench.product("demo", 50_000).await;
    bench.product("other", 1).await;
    for (code, members) in [
        ("WHOLE", json!({ "amount": 10_000 })),
        ("FIXED", json!({ "kind": "fixed_sats", "amount": 50_000 })),
        ("SET", json!({ "kind": "set_price", "amount": 1 })),
    ] {
        bench.code(code, members).await;
        let body = json!({ "product": "demo", "code": code });
        let request = json_request(Method::POST, "/v1/redeem", &body);
        bad(&bench.untouched_by(request).await, "POST /v1/purchase");
    }
    let free = json!({ "kind": "free_license", "product_slug": "demo" });
    let id = bench.code("FREE", free).await;
    for (body, words) in [
        (json!({ "product": "demo", "code": "" }), "no such"),
        (json!({ "product": "demo", "code": "%" }), "no such"),
        (json!({ "product": "demo", "code": "NONE" }), "no such"),
        (
            json!({ "product": "other", "code": "FREE" }),
            "not for this product",
        ),
    ] {
        let request = json_request(Method::POST, "/v1/redeem", &body);
        bad(&bench.untouched_by(request).await, words);
    }
    for body in [
        json!({ "product": "none", "code": "FREE" }),
        json!({ "product": "demo", "code": "FREE", "policy_slug": "none" }),
    ] {
        let answer = redeem(&bench, body).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()));
    }
    let off = json!({ "active": false });
    let active = format!("/v1/admin/discount-codes/{id}/active");
    bench.operate("PATCH", &active, &off).await;
    bad(
        &redeem(&bench, json!({ "product": "demo", "code": "FREE" })).await,
        "disabled",
    );
    bench
        .operate("PATCH", &active, &json!({ "active": true }))
        .await;
    let product = format!("/v1/admin/products/{product_id}/active");
    bench.operate("PATCH", &product, &off).await;
    bad(
        &redeem(&bench, json!({ "product": "demo", "code": "FREE" })).await,
        "not on sale",
    );
    assert_eq!(uses(&bench, "FREE").await, [0; 4]);
}

#[tokio::test]
async fn a_license_that_cannot_be_signed_now_is_there_at_the_next_poll() {
    let bench = Bench::new();
    bench.product("demo", 50_000).await;
    bench.code("FREE", json!({ "kind": "free_license" })).await;
    // The limits, product, code, policies, the sale; the sixth call is the sign
    // function's.
    bench
        .shop
        .database
        .break_call(5, keywright_native_host::Fault::Before);
    let answer = redeem(&bench, json!({ "product": "demo", "code": "FREE" })).await;
    bench.shop.database.mend();
    assert_eq!(answer.refusal(), (503, "service_unavailable".to_owned()));
    let message = answer.text("message");
    let secret = message.split("/v1/purchase/").nth(1).expect("an address");
    let secret = secret.split(' ').next().expect("a secret");
    assert!(secret.starts_with("os_"), "{message}");
    assert!(!bench.log().contains(secret), "the log holds the secret");
    let progress = poll(&bench, secret).await;
    bench.verified(progress["license_key"].as_str().expect("a key"));
    assert_uses_add_up(&bench, "unsigned").await;
}

#[tokio::test]
async fn the_featured_code_that_is_shown_is_the_one_that_is_taken() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    bench.product("other", 40_000).await;
    bench
        .policy("demo", "pro", json!({ "price_sats": 80_000 }))
        .await;
    bench.policy("demo", "basic", json!({})).await;
    bench.policy("other", "any", json!({})).await;
    let featured = |amount: i64, members: Value| {
        let mut all = json!({ "featured": true, "amount": amount });
        all.as_object_mut()
            .expect("an object")
            .extend(members.as_object().cloned().expect("members"));
        all
    };
    bench.code("ALL", featured(100, json!({}))).await;
    bench.clock.advance(1);
    bench.code("NEWER", featured(9_000, json!({}))).await;
    let product = json!({ "product_slug": "demo", "description": "Launch", "max_uses": 2 });
    bench.code("PRODUCT", featured(200, product)).await;
    let policy = json!({ "product_slug": "demo", "policy_slug": "pro" });
    bench.code("POLICY", featured(300, policy)).await;
    for (product, policy, code, off) in [
        ("demo", "pro", "POLICY", 2_400),
        ("demo", "basic", "PRODUCT", 1_000),
        ("other", "any", "ALL", 400),
    ] {
        let listed = bench
            .get(&format!("/v1/products/{product}/policies"))
            .await
            .json();
        let shown = listed["policies"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|shown| shown["slug"] == policy)
            .expect("the policy");
        let discount = &shown["featured_discount"];
        assert_eq!(discount["code"], code, "{policy}");
        assert_eq!(discount["discount_applied_sats"], off, "{policy}");
        let order = json!({ "product": product, "policy_slug": policy });
        let bought = bench.post("/v1/purchase", &order).await.json();
        assert_eq!(bought["discount_applied_sats"], off, "{policy}: {bought}");
        assert_eq!(bought["base_price_sats"], shown["price_sats"]);
        assert_eq!(bought["amount_sats"], discount["discounted_price_sats"]);
        assert_eq!(uses(&bench, code).await, [1, 1, 0, 0]);
    }
    let shown = bench.get("/v1/products/demo/policies").await.json();
    assert_eq!(
        shown["policies"][0]["featured_discount"],
        json!({
            "code": "PRODUCT", "kind": "percent", "amount": 200, "description": "Launch",
            "expires_at": null, "max_uses": 2, "used_count": 1, "remaining_uses": 1,
            "discount_applied_sats": 1_000, "discounted_price_sats": 49_000,
        })
    );
    // Without a policy nothing applies by itself, and the better price wins.
    let plain = bench
        .post("/v1/purchase", &json!({ "product": "other" }))
        .await
        .json();
    assert_eq!(plain["discount_applied_sats"], 0);
    let order = json!({ "product": "demo", "policy_slug": "pro", "code": "ALL" });
    let bought = bench.post("/v1/purchase", &order).await.json();
    assert_eq!(bought["discount_applied_sats"], 2_400);
    assert_eq!(bought["discount_code"], "POLICY");
    // Used up, it makes room for the next one.
    let order = json!({ "product": "demo", "policy_slug": "basic" });
    let last = bench.post("/v1/purchase", &order).await.json();
    assert_eq!(last["discount_applied_sats"], 1_000);
    let next = bench.post("/v1/purchase", &order).await.json();
    assert_eq!(
        next["discount_applied_sats"], 500,
        "1 % of ALL, the older one"
    );
    assert_uses_add_up(&bench, "featured").await;
}

fn recovering(invoice_id: &str, email: &str) -> Value {
    json!({ "invoice_id": invoice_id, "email": email })
}

#[tokio::test]
async fn only_the_buyer_recovers_an_active_license_of_a_settled_purchase() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    let product_id = bench.product("demo", 50_000).await;
    bench
        .policy(
            "demo",
            "default",
            json!({ "entitlements": ["pro"], "duration_seconds": 60 }),
        )
        .await;
    let order = json!({ "product": "demo", "buyer_email": "  Buyer@Example.org " });
    let bought = bench.post("/v1/purchase", &order).await;
    let invoice_id = bought.text("invoice_id");
    let recover = async |invoice_id: &str, email: &str| {
        let answer = bench
            .post("/v1/recover", &recovering(invoice_id, email))
            .await;
        // A minute later all tries are there again.
        bench.clock.advance(60);
        answer
    };
    let unsettled = recover(&invoice_id, "buyer@example.org").await;
    let btcpay_id = bought.text("btcpay_invoice_id");
    pay.pay_in_full(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let issued_at = bench.number("SELECT issued_at FROM licenses").await;
    for email in ["buyer@example.org", " BUYER@EXAMPLE.ORG\n"] {
        let answer = recover(&format!(" {invoice_id} "), email).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let progress = poll(&bench, &invoice_id).await;
        assert_eq!(
            answer.json(),
            json!({
                "license_key": progress["license_key"], "license_id": progress["license_id"],
                "token": progress["token"], "download_id": progress["download_id"],
                "product_id": product_id, "product": "demo",
                "issued_at": keywright_domain::dates::rfc3339(issued_at),
                "expires_at": keywright_domain::dates::rfc3339(issued_at + 60),
                "entitlements": ["pro"], "is_for_joomla": false,
            })
        );
    }
    // An order without an address, and a license that is not active.
    let nameless = json!({ "product": "free" });
    bench.product("free", 0).await;
    let nameless = bench
        .post("/v1/purchase", &nameless)
        .await
        .text("invoice_id");
    let revoked = json!({ "product": "free", "buyer_email": "r@example.org" });
    let revoked = bench.post("/v1/purchase", &revoked).await;
    let path = format!("/v1/admin/licenses/{}/revoke", revoked.text("license_id"));
    bench.operate("POST", &path, &json!({})).await;
    let mut refusals = vec![unsettled];
    for (invoice, email) in [
        (invoice_id.as_str(), "other@example.org"),
        (&invoice_id, "buyer"),
        (&nameless, "buyer@example.org"),
        (&revoked.text("invoice_id"), "r@example.org"),
        ("019b0000-0000-7000-8000-000000000000", "buyer@example.org"),
        ("nothing", "buyer@example.org"),
        (&"x".repeat(500), "buyer@example.org"),
    ] {
        refusals.push(recover(invoice, email).await);
    }
    for refusal in &refusals {
        assert_eq!(refusal.refusal(), (404, "not_found".to_owned()));
        assert_eq!(refusal.body, refusals[0].body, "one and the same answer");
    }
    for (body, member) in [
        (recovering(" ", "a@b"), "invoice_id"),
        (recovering("x", " \t"), "email"),
    ] {
        bad(&bench.post("/v1/recover", &body).await, member);
    }
}

#[tokio::test]
async fn ten_tries_a_minute_for_each_address() {
    let bench = Bench::new();
    let from = async |address: &'static str, invoice: &str| {
        let body = recovering(invoice, "a@b");
        let mut request = json_request(Method::POST, "/v1/recover", &body);
        let value = HeaderValue::from_static(address);
        request.headers_mut().insert("x-forwarded-for", value);
        bench.send(request).await
    };
    for number in 0..10 {
        let answer = from("203.0.113.9", &number.to_string()).await;
        assert_eq!(answer.status, 404, "{answer:?}");
    }
    let refused = from("203.0.113.9", "10").await;
    assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
    assert_eq!(refused.headers["retry-after"], "6");
    assert_eq!(from("203.0.113.10", "10").await.status, 404);
    bench.clock.advance(6);
    assert_eq!(from("203.0.113.9", "10").await.status, 404);
    assert_eq!(from("203.0.113.9", "10").await.status, 429);
    // Callers without an address share their tries, whatever they ask for.
    for number in 0..60 {
        let answer = from("unknown", &number.to_string()).await;
        assert_eq!(answer.status, 404, "{number}");
    }
    assert_eq!(from("unknown", "60").await.status, 429);
    assert_eq!(from("203.0.113.11", "60").await.status, 404);
}
