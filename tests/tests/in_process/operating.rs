//! What the operator changes: each change is in the audit table, written by
//! the batch that makes it, and never changes what was ordered before.

use crate::bench::{Bench, json_request, played_store, signed_in};
use crate::payments::{deliver, order, poll};
use http::{HeaderValue, Method};
use keywright_ports::Row;
use serde_json::{Value, json};

/// Sends a request of the operator under this id.
async fn operate_as(
    bench: &Bench,
    id: &'static str,
    method: Method,
    path: &str,
    body: &Value,
) -> Value {
    let mut request = signed_in(json_request(method, path, body));
    request
        .headers_mut()
        .insert("x-request-id", HeaderValue::from_static(id));
    let answer = bench.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The audit entry of this request.
async fn entry(bench: &Bench, request_id: &str) -> Row {
    let mut entries = bench.sql("SELECT * FROM audit").await;
    entries.retain(|entry| entry["request_id"] == request_id);
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

fn json_of(entry: &Row, column: &str) -> Value {
    serde_json::from_str(entry[column].as_str().expect("a text")).expect("JSON")
}

async fn events(bench: &Bench, event_type: &str) -> Vec<Value> {
    let mut events = bench
        .sql("SELECT event_type, data, delivered_at FROM events")
        .await;
    events.retain(|event| event["event_type"] == event_type);
    assert!(events.iter().all(|event| event["delivered_at"].is_null()));
    events.iter().map(|event| json_of(event, "data")).collect()
}

#[tokio::test]
async fn every_change_of_a_product_is_told() {
    let bench = Bench::new();
    let new = json!({ "slug": "demo", "name": "Demo", "price_sats": 5 });
    let product = operate_as(&bench, "make", Method::POST, "/v1/admin/products", &new).await;
    let id = product["id"].as_str().expect("an id");
    let made = entry(&bench, "make").await;
    assert_eq!(made["actor"], "operator");
    assert_eq!(made["action"], "product.create");
    assert_eq!(
        (&made["object_kind"], &made["object_id"]),
        (&json!("product"), &product["id"])
    );
    assert_eq!(made["at"], crate::bench::NOW);
    assert!(made["before"].is_null());
    assert_eq!(json_of(&made, "after")["slug"], "demo");
    assert_eq!(
        events(&bench, "product.created").await,
        [json!({ "product_id": id, "slug": "demo" })]
    );

    bench.clock.advance(60);
    let path = format!("/v1/admin/products/{id}");
    let change = json!({ "price_sats": 7, "name": "New", "entitlements_catalog": null,
                         "description": "", "active": true, "metadata": {} });
    let changed = operate_as(&bench, "change", Method::PATCH, &path, &change).await;
    assert_eq!(
        (&changed["price_sats"], &changed["name"]),
        (&json!(7), &json!("New"))
    );
    assert_eq!(changed["updated_at"], "2027-01-15T08:01:00Z");
    assert_eq!(changed["created_at"], "2027-01-15T08:00:00Z");
    let told = entry(&bench, "change").await;
    assert_eq!(
        (&told["action"], &told["object_id"]),
        (&json!("product.change"), &json!(id))
    );
    // What is sent and is so already is no change.
    assert_eq!(
        json_of(&told, "before"),
        json!({ "price_amount": 5, "name": "Demo" })
    );
    assert_eq!(
        json_of(&told, "after"),
        json!({ "price_amount": 7, "name": "New" })
    );

    let path = format!("{path}/active");
    operate_as(
        &bench,
        "off",
        Method::PATCH,
        &path,
        &json!({ "active": false }),
    )
    .await;
    assert_eq!(
        json_of(&entry(&bench, "off").await, "after"),
        json!({ "active": false })
    );
    assert_eq!(bench.get("/v1/products/demo").await.status, 404);
    assert_eq!(bench.get("/v1/products/demo/policies").await.status, 404);
    assert_eq!(
        bench.get("/v1/products").await.json(),
        json!({ "products": [] })
    );
    operate_as(
        &bench,
        "on",
        Method::PATCH,
        &path,
        &json!({ "active": true }),
    )
    .await;
    assert_eq!(bench.get("/v1/products/demo").await.status, 200);
}

#[tokio::test]
async fn every_change_of_a_policy_is_told() {
    let bench = Bench::new();
    bench.product("demo", 5).await;
    let new = json!({ "product_slug": "demo", "slug": "pro", "name": "Pro", "price_sats": 9 });
    let policy = operate_as(&bench, "make", Method::POST, "/v1/admin/policies", &new).await;
    let made = entry(&bench, "make").await;
    assert_eq!(
        (&made["action"], &made["actor"]),
        (&json!("policy.create"), &json!("operator"))
    );
    assert_eq!(
        (&made["object_kind"], &made["object_id"]),
        (&json!("policy"), &policy["id"])
    );
    assert_eq!(json_of(&made, "after")["price_amount"], 9);
    let path = format!(
        "/v1/admin/policies/{}",
        policy["id"].as_str().expect("an id")
    );
    let change = json!({ "price_sats_override": null, "entitlements": ["a"], "archived": true });
    let changed = operate_as(&bench, "change", Method::PATCH, &path, &change).await;
    assert!(changed["price_sats_override"].is_null());
    assert_eq!(changed["archived_at"], "2027-01-15T08:00:00Z");
    let told = entry(&bench, "change").await;
    assert_eq!(told["action"], "policy.change");
    assert_eq!(
        json_of(&told, "before"),
        json!({ "price_amount": 9, "entitlements": [], "archived": false })
    );
    assert_eq!(
        json_of(&told, "after"),
        json!({ "price_amount": null, "entitlements": ["a"], "archived": true })
    );
    let back = json!({ "archived": false, "price_sats": 3 });
    let back = operate_as(&bench, "back", Method::PATCH, &path, &back).await;
    assert!(back["archived_at"].is_null());
    let shown = bench.get("/v1/products/demo/policies").await.json();
    assert_eq!(
        (
            &shown["policies"][0]["price_sats"],
            &shown["policies"][0]["slug"]
        ),
        (&json!(3), &json!("pro"))
    );
}

#[tokio::test]
async fn every_change_of_a_discount_code_is_told() {
    let bench = Bench::new();
    bench.product("demo", 5).await;
    let policy_id = bench.policy("demo", "pro", json!({})).await;
    let routes = "/v1/admin/discount-codes";
    let new = json!({ "code": "save", "kind": "percent", "amount": 9, "product_slug": "demo" });
    let code = operate_as(&bench, "make", Method::POST, routes, &new).await;
    let made = entry(&bench, "make").await;
    assert_eq!(
        (&made["action"], &made["object_kind"], &made["object_id"]),
        (
            &json!("discount_code.create"),
            &json!("discount_code"),
            &code["id"]
        )
    );
    assert_eq!(json_of(&made, "after")["code"], "SAVE");
    assert_eq!(json_of(&made, "after")["amount"], 9);
    let path = format!("{routes}/{}", code["id"].as_str().expect("an id"));
    let change = json!({ "amount": 8, "max_uses": 3, "policy_slugs": ["pro"],
                         "referrer_label": null });
    operate_as(&bench, "change", Method::PATCH, &path, &change).await;
    let told = entry(&bench, "change").await;
    assert_eq!(told["action"], "discount_code.change");
    assert_eq!(
        json_of(&told, "before"),
        json!({ "amount": 9, "max_uses": null, "policy_ids": null })
    );
    assert_eq!(
        json_of(&told, "after"),
        json!({ "amount": 8, "max_uses": 3, "policy_ids": [policy_id] })
    );
    let again = signed_in(json_request(Method::PATCH, &path, &change));
    assert_eq!(bench.untouched_by(again).await.status, 200);
    let active = format!("{path}/active");
    let off = json!({ "active": false });
    operate_as(&bench, "off", Method::PATCH, &active, &off).await;
    assert_eq!(json_of(&entry(&bench, "off").await, "after"), off);
    let again = signed_in(json_request(Method::PATCH, &active, &off));
    assert_eq!(bench.untouched_by(again).await.status, 200);
    operate_as(&bench, "gone", Method::DELETE, &path, &json!({})).await;
    let gone = entry(&bench, "gone").await;
    assert_eq!(gone["action"], "discount_code.delete");
    assert_eq!(json_of(&gone, "before")["active"], false);
    assert!(gone["after"].is_null());
}

#[tokio::test]
async fn issuing_and_revoking_are_told_once() {
    let bench = Bench::new();
    let product_id = bench.product("demo", 5).await;
    let policy = json!({ "duration_seconds": 60, "entitlements": ["pro"], "is_trial": true });
    let policy_id = bench.policy("demo", "pro", policy).await;
    let new = json!({ "product_slug": "demo", "policy_slug": "pro", "note": "press" });
    let issued = operate_as(&bench, "issue", Method::POST, "/v1/admin/licenses", &new).await;
    let told = entry(&bench, "issue").await;
    assert_eq!(
        (&told["action"], &told["actor"]),
        (&json!("license.issue"), &json!("operator"))
    );
    assert_eq!(told["object_id"], issued["license_id"]);
    assert_eq!(
        json_of(&told, "after"),
        json!({
            "maintenance_until": null,
            "product_id": product_id, "policy_id": policy_id, "expires_at": crate::bench::NOW + 60,
            "grace_seconds": 0, "max_machines": 1, "entitlements": ["pro"], "is_trial": true,
            "source": "admin_issue",
        })
    );
    let event = json!({
        "license_id": issued["license_id"], "product_id": product_id, "policy_id": policy_id,
        "invoice_id": null, "is_trial": true, "expires_at": "2027-01-15T08:01:00Z",
        "entitlements": ["pro"], "source": "admin_issue",
    });
    assert_eq!(events(&bench, "license.issued").await, [event]);

    let license_id = issued["license_id"].as_str().expect("an id");
    let path = format!("/v1/admin/licenses/{license_id}/revoke");
    let reason = json!({ "reason": "refund" });
    assert_eq!(
        operate_as(&bench, "revoke", Method::POST, &path, &reason).await,
        json!({ "ok": true })
    );
    let told = entry(&bench, "revoke").await;
    assert_eq!(
        (&told["action"], &told["object_id"]),
        (&json!("license.revoke"), &json!(license_id))
    );
    assert_eq!(json_of(&told, "before"), json!({ "status": "active" }));
    assert_eq!(
        json_of(&told, "after"),
        json!({ "status": "revoked", "reason": "refund" })
    );
    let told = json!({ "license_id": license_id, "reason": "refund" });
    assert_eq!(
        events(&bench, "license.revoked").await,
        std::slice::from_ref(&told)
    );

    bench.clock.advance(60);
    let again = json!({ "reason": "another reason" });
    let repeated = bench
        .untouched_by(signed_in(json_request(Method::POST, &path, &again)))
        .await;
    assert_eq!(repeated.json(), json!({ "ok": true }));
}

#[tokio::test]
async fn who_bought_is_in_the_entry_of_a_sale() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("free", 0).await;
    bench.product("demo", 5_000).await;
    bench.product("late", 5_000).await;
    bench
        .post("/v1/purchase", &json!({ "product": "free" }))
        .await;
    let (_, told_of) = order(&bench, "demo").await;
    let (_, not_told_of) = order(&bench, "late").await;
    pay.pay_in_full(&told_of).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &told_of).await;
    pay.pay_in_full(&not_told_of).expect("a payment");
    bench.clock.advance(crate::bench::UNTIL_DUE);
    bench.tick().await;
    let entries = bench
        .sql("SELECT * FROM audit WHERE action = 'license.issue' ORDER BY rowid")
        .await;
    let actors: Vec<&Value> = entries.iter().map(|entry| &entry["actor"]).collect();
    assert_eq!(actors, ["buyer", "btcpay", "renew"]);
    for entry in &entries {
        assert_eq!(json_of(entry, "after")["source"], "purchase");
        assert_eq!(entry["request_id"].as_str().map(str::len), Some(36));
    }
}

#[tokio::test]
async fn what_was_ordered_keeps_its_price_and_terms() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    let product_id = bench.product("demo", 50_000).await;
    let policy_id = bench
        .policy(
            "demo",
            "default",
            json!({ "entitlements": ["old"], "duration_seconds": 0 }),
        )
        .await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    let cheaper = json!({ "price_sats": 1, "active": false });
    bench
        .operate(
            "PATCH",
            &format!("/v1/admin/products/{product_id}"),
            &cheaper,
        )
        .await;
    let other = json!({
        "entitlements": ["new"], "duration_seconds": 60, "max_machines": 9, "grace_seconds": 9,
        "is_trial": true, "archived": true, "price_sats": 2,
    });
    bench
        .operate("PATCH", &format!("/v1/admin/policies/{policy_id}"), &other)
        .await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let progress = poll(&bench, &invoice_id).await;
    assert_eq!(
        (&progress["status"], &progress["amount_sats"]),
        (&json!("settled"), &json!(50_000))
    );
    let key = progress["license_key"].as_str().expect("a key");
    let verified = bench.verified(key);
    assert_eq!(verified.payload().entitlements(), ["old"]);
    assert_eq!(verified.payload().expires_at(), None);
    let valid = bench
        .post("/v1/validate", &json!({ "key": key }))
        .await
        .json();
    assert_eq!(
        (&valid["ok"], &valid["max_machines"]),
        (&json!(true), &json!(1))
    );
    let receipt = &bench
        .sql("SELECT amount, currency, kind FROM receipts")
        .await[0];
    assert_eq!(receipt["amount"], 50_000);
    assert_eq!(
        (&receipt["currency"], &receipt["kind"]),
        (&json!("SAT"), &json!("btcpay"))
    );
}
