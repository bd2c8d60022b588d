//! Codes that give a license away.

use super::cases;
use super::floor::{code, policy, poll, product, text, uses, validate};
use crate::hosts::Instance;
use serde_json::{Value, json};

cases![redeemed, refused, unknown_things, bad_bodies];

async fn redeemed(instance: &Instance) {
    let made = product(instance, "redeemed", 10_000).await;
    let terms = json!({ "entitlements": ["pro"], "max_machines": 2, "is_trial": true });
    policy(instance, "redeemed", "pro", terms).await;
    let free = json!({ "kind": "free_license", "max_uses": 2, "product_slug": "redeemed" });
    code(instance, "REDEEMED", free).await;
    let order = json!({ "product": "redeemed", "code": " redeemed ", "policy_slug": "pro",
                        "buyer_email": "a@b.example", "buyer_note": "hello" });
    let first = instance.api.post("/v1/redeem", &order).await.ok();
    for member in [
        "license_id",
        "license_key",
        "invoice_id",
        "order_id",
        "redemption_id",
        "token",
    ] {
        assert!(!text(&first, member).is_empty(), "{member}: {first}");
    }
    let good = validate(instance, &text(&first, "license_key"), "redeemed").await;
    assert_eq!(good["ok"], true, "{good}");
    assert_eq!(good["license_id"], first["license_id"]);
    assert_eq!(good["entitlements"], json!(["pro"]));
    assert_eq!(good["is_trial"], true);
    assert_eq!(good["product_id"], made["id"]);
    let polled = poll(instance, &text(&first, "invoice_id")).await;
    assert_eq!(polled["status"], "settled");
    assert_eq!(polled["amount_sats"], 0);
    assert_eq!(polled["license_key"], first["license_key"]);
    let again = json!({ "product": "redeemed", "code": "REDEEMED", "policy_slug": "",
                        "buyer_email": "" });
    let second = instance.api.post("/v1/redeem", &again).await.ok();
    assert_ne!(second["license_id"], first["license_id"]);
    instance
        .api
        .post("/v1/redeem", &again)
        .await
        .is_error(400, "bad_request");
    assert_eq!(uses(instance, "REDEEMED").await, [2, 0, 2, 0]);
}

async fn refused(instance: &Instance) {
    product(instance, "not-redeemed", 10_000).await;
    policy(instance, "not-redeemed", "default", json!({})).await;
    policy(
        instance,
        "not-redeemed",
        "hidden",
        json!({ "public": false }),
    )
    .await;
    code(instance, "WHOLE-PRICE", json!({ "amount": 10_000 })).await;
    code(instance, "NOT-REDEEMED", json!({ "kind": "free_license" })).await;
    for (member, value) in [
        ("code", json!("WHOLE-PRICE")),
        ("code", json!("NO-SUCH-CODE")),
        ("code", json!("")),
        ("policy_slug", json!("hidden")),
        ("buyer_note", json!("n".repeat(2_001))),
    ] {
        let mut body = json!({ "product": "not-redeemed", "code": "NOT-REDEEMED" });
        body[member] = value.clone();
        let answer = instance.api.post("/v1/redeem", &body).await;
        answer.is_error(400, "bad_request");
        assert!(answer.text().contains(member), "{value}: {}", answer.text());
    }
    for code in ["WHOLE-PRICE", "NOT-REDEEMED"] {
        assert_eq!(uses(instance, code).await, [0; 4], "{code}");
    }
}

async fn unknown_things(instance: &Instance) {
    product(instance, "redeem-known", 10_000).await;
    code(instance, "REDEEM-KNOWN", json!({ "kind": "free_license" })).await;
    for body in [
        json!({ "product": "redeem-unknown", "code": "REDEEM-KNOWN" }),
        json!({ "product": "a/b", "code": "REDEEM-KNOWN" }),
        json!({ "product": "redeem-known", "code": "REDEEM-KNOWN", "policy_slug": "none" }),
    ] {
        let answer = instance.api.post("/v1/redeem", &body).await;
        answer.is_error(404, "not_found");
    }
}

async fn bad_bodies(instance: &Instance) {
    for body in [
        json!({}),
        json!({ "product": "x" }),
        json!({ "product": "x", "code": Value::Null }),
        json!({ "product": "x", "code": 7 }),
        json!([]),
    ] {
        let answer = instance.api.post("/v1/redeem", &body).await;
        answer.is_error(422, "unprocessable_entity");
    }
    instance
        .api
        .get("/v1/redeem")
        .await
        .is_error(405, "method_not_allowed");
}
