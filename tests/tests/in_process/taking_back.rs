//! What the operator takes back: products and policies that nothing holds in
//! place, and policies that are put away.

use crate::bench::{Answer, Bench, played_store, signed_in};
use crate::payments::order;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

fn delete(path: &str) -> Request<Body> {
    let request = Request::delete(format!("/v1/admin/{path}")).body(Body::empty());
    signed_in(request.expect("a request"))
}

/// A deletion that must not happen; answers the refusal's text.
async fn refused(bench: &Bench, path: &str) -> String {
    let answer = bench.untouched_by(delete(path)).await;
    assert_eq!(answer.refusal(), (409, "conflict".to_owned()), "{path}");
    answer.text("message")
}

async fn last_entry(bench: &Bench) -> (String, Value) {
    let entries = bench
        .sql("SELECT * FROM audit ORDER BY rowid DESC LIMIT 1")
        .await;
    let text = |column: &str| entries[0][column].as_str().expect("a text").to_owned();
    let before = serde_json::from_str(&text("before")).expect("JSON");
    assert!(entries[0]["after"].is_null());
    (text("action"), before)
}

async fn code(bench: &Bench, code: &str, product_id: Option<&str>, policies: &Value) {
    let product_id = product_id.map_or("NULL".to_owned(), |id| format!("'{id}'"));
    let policies = if policies.is_null() {
        "NULL".to_owned()
    } else {
        format!("'{policies}'")
    };
    bench
        .sql(&format!(
            "INSERT INTO discount_codes (id, code, kind, amount, currency, used_count, product_id,
                                         policy_ids, active, featured, description, created_at,
                                         updated_at)
             VALUES ('{code}', '{code}', 'percent', 1000, 'SAT', 0, {product_id}, {policies},
                     1, 0, '', 1, 1)"
        ))
        .await;
}

#[tokio::test]
async fn a_product_that_was_never_sold_can_go() {
    let bench = Bench::new();
    let id = bench.product("demo", 5).await;
    let kept = bench.product("kept", 5).await;
    let deleted = bench.send(delete(&format!("products/{id}"))).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(
        deleted.json(),
        json!({ "ok": true, "deleted": { "policies": 0, "discount_codes": 0 } })
    );
    let (action, before) = last_entry(&bench).await;
    assert_eq!(action, "product.delete");
    assert_eq!(
        (&before["slug"], &before["price_amount"]),
        (&json!("demo"), &json!(5))
    );
    assert_eq!(
        (&before["policies"], &before["active"]),
        (&json!([]), &json!(true))
    );
    let again = bench.untouched_by(delete(&format!("products/{id}"))).await;
    assert_eq!(again.refusal(), (404, "not_found".to_owned()));
    assert_eq!(bench.get("/v1/products/demo").await.status, 404);
    assert_eq!(bench.get("/v1/products/kept").await.text("id"), kept);
    // Its slug is free again.
    assert_ne!(bench.product("demo", 6).await, id);
}

#[tokio::test]
async fn policies_and_codes_go_along_only_by_force() {
    let bench = Bench::new();
    let id = bench.product("demo", 5).await;
    let other = bench.product("other", 5).await;
    for slug in ["a", "b"] {
        bench.policy("demo", slug, json!({})).await;
    }
    let others = bench.policy("other", "a", json!({})).await;
    code(&bench, "MINE", Some(&id), &Value::Null).await;
    code(&bench, "OTHERS", Some(&other), &json!([others])).await;
    code(&bench, "GLOBAL", None, &Value::Null).await;
    for query in ["", "?force=false"] {
        let said = refused(&bench, &format!("products/{id}{query}")).await;
        assert!(said.contains("2 policies and 1 discount codes"), "{said}");
        assert!(said.contains("?force=true"), "{said}");
    }
    let answer = bench
        .untouched_by(delete(&format!("products/{id}?force=maybe")))
        .await;
    assert_eq!(answer.refusal(), (400, "bad_request".to_owned()));
    let deleted = bench
        .send(delete(&format!("products/{id}?force=true")))
        .await;
    assert_eq!(
        deleted.json(),
        json!({ "ok": true, "deleted": { "policies": 2, "discount_codes": 1 } })
    );
    let (_, before) = last_entry(&bench).await;
    assert_eq!(before["discount_codes"], json!(["MINE"]));
    assert_eq!(before["policies"].as_array().map(Vec::len), Some(2));
    let left = bench
        .sql("SELECT code FROM discount_codes ORDER BY code")
        .await;
    assert_eq!(
        json!(left),
        json!([{ "code": "GLOBAL" }, { "code": "OTHERS" }])
    );
    let left = bench.sql("SELECT id FROM policies").await;
    assert_eq!(json!(left), json!([{ "id": others }]));
}

#[tokio::test]
async fn what_was_ordered_or_issued_stays() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    let ordered = bench.product("ordered", 50_000).await;
    order(&bench, "ordered").await;
    let issued = bench.product("issued", 5).await;
    bench.issue("issued", json!({})).await;
    for (id, count) in [
        (ordered, "1 orders, 0 licenses and 0 releases"),
        (issued, "0 orders, 1 licenses and 0 releases"),
    ] {
        for query in ["", "?force=true"] {
            let said = refused(&bench, &format!("products/{id}{query}")).await;
            assert!(said.contains(count), "{said}");
            assert!(said.contains("take it off sale"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_policy_that_nothing_uses_can_go() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    let product_id = bench.product("demo", 50_000).await;
    let ordered = bench.policy("demo", "default", json!({})).await;
    order(&bench, "demo").await;
    let issued = bench.policy("demo", "issued", json!({})).await;
    bench
        .issue("demo", json!({ "policy_slug": "issued" }))
        .await;
    let named = bench.policy("demo", "named", json!({})).await;
    let unused = bench
        .policy("demo", "unused", json!({ "tier_rank": 2 }))
        .await;
    code(&bench, "SOME", Some(&product_id), &json!([ordered, named])).await;
    code(&bench, "ALL", Some(&product_id), &Value::Null).await;
    for (id, count) in [
        (ordered, "1 orders, 0 licenses and 1 discount codes"),
        (issued, "0 orders, 1 licenses and 0 discount codes"),
        (named, "0 orders, 0 licenses and 1 discount codes"),
    ] {
        let said = refused(&bench, &format!("policies/{id}")).await;
        assert!(said.contains(count), "{said}");
        assert!(said.contains("archived"), "{said}");
    }
    let path = format!("policies/{unused}");
    let deleted: Answer = bench.send(delete(&path)).await;
    assert_eq!(
        (deleted.status, deleted.json()),
        (200, json!({ "ok": true }))
    );
    let (action, before) = last_entry(&bench).await;
    assert_eq!(action, "policy.delete");
    assert_eq!(
        (&before["slug"], &before["tier_rank"]),
        (&json!("unused"), &json!(2))
    );
    let again = bench.untouched_by(delete(&path)).await;
    assert_eq!(again.refusal(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn a_policy_put_away_is_refused_at_purchase_and_comes_back() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let id = bench
        .policy("demo", "pro", json!({ "entitlements": ["pro"] }))
        .await;
    let buy = || async {
        let order = json!({ "product": "demo", "policy_slug": "pro" });
        bench.post("/v1/purchase", &order).await
    };
    let key = buy().await.text("license_key");
    let shown = |answer: Answer| answer.json()["policies"].as_array().map(Vec::len);
    for (switch, away, back) in [
        ("archived", true, false),
        ("active", false, true),
        ("public", false, true),
    ] {
        let path = format!("/v1/admin/policies/{id}/{switch}");
        let answer = bench
            .operate("PATCH", &path, &json!({ switch: away }))
            .await;
        assert_eq!(answer.json(), json!({ "ok": true }), "{switch}");
        let refused = buy().await;
        assert!(matches!(refused.status, 400 | 404), "{switch}: {refused:?}");
        assert_eq!(
            shown(bench.get("/v1/products/demo/policies").await),
            Some(0),
            "{switch}"
        );
        // What was sold under it stays good.
        let valid = bench
            .post("/v1/validate", &json!({ "key": key }))
            .await
            .json();
        assert_eq!(valid["entitlements"], json!(["pro"]), "{switch}");
        bench
            .operate("PATCH", &path, &json!({ switch: back }))
            .await;
        assert_eq!(buy().await.status, 200, "{switch}");
        assert_eq!(
            shown(bench.get("/v1/products/demo/policies").await),
            Some(1),
            "{switch}"
        );
    }
    for switch in ["archived", "active", "public"] {
        let path = format!("/v1/admin/policies/x/{switch}");
        let answer = bench
            .operate("PATCH", &path, &json!({ switch: true }))
            .await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{switch}");
    }
}
