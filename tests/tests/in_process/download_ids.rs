//! Download ids: every license has one, whoever shows the license shows the
//! same one, the operator can replace it, and licenses older than download ids
//! get theirs from the cron function.

use crate::bench::{Bench, json_request, played_store, signed_in};
use crate::payments::{deliver, order, poll};
use http::Method;
use keywright_domain::release::DownloadId;
use serde_json::{Value, json};

/// The download id of an answer, which is one by its check digits.
fn id_of(answer: &Value) -> String {
    let text = answer["download_id"].as_str();
    let text = text.unwrap_or_else(|| panic!("no download id in {answer}"));
    DownloadId::parse(text).expect("a download id");
    text.to_owned()
}

/// What the operator sees.
async fn shown(bench: &Bench, license_id: &str) -> Value {
    let path = format!("/v1/admin/licenses/{license_id}");
    bench.operate("GET", &path, &json!({})).await.json()
}

async fn replace(bench: &Bench, license_id: &str) -> Value {
    let path = format!("/v1/admin/licenses/{license_id}/download-id");
    let answer = bench.operate("POST", &path, &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Licenses that got one in a tick.
async fn filled_in(bench: &Bench) -> i64 {
    let report = bench.tick().await.json();
    report["download_ids"].as_i64().expect("a number")
}

#[tokio::test]
async fn whoever_shows_a_license_shows_its_download_id() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    bench.product("free", 0).await;
    bench.code("GIFT", json!({ "kind": "free_license" })).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    assert_eq!(poll(&bench, &invoice_id).await["download_id"], Value::Null);
    pay.pay_in_full(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let bought = poll(&bench, &invoice_id).await;
    assert_eq!(poll(&bench, &invoice_id).await, bought);
    let order = json!({ "product": "free", "buyer_email": "a@b.example" });
    let free = bench.post("/v1/purchase", &order).await.text("invoice_id");
    let recovered = json!({ "invoice_id": free, "email": "a@b.example" });
    let recovered = bench.post("/v1/recover", &recovered).await.json();
    let free = poll(&bench, &free).await;
    assert_eq!(id_of(&recovered), id_of(&free));
    let redeemed = json!({ "product": "demo", "code": "GIFT" });
    let redeemed = bench.post("/v1/redeem", &redeemed).await.json();
    let issued = bench.issue("demo", json!({})).await.json();
    let mut ids = Vec::new();
    for license in [bought, free, redeemed, issued] {
        let license_id = license["license_id"].as_str().expect("an id");
        let detail = shown(&bench, license_id).await;
        assert_eq!(id_of(&detail), id_of(&license));
        ids.push(id_of(&license));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each has its own");
    // What lists many licenses does not hand out what opens their downloads.
    let list = bench
        .operate("GET", "/v1/admin/licenses", &json!({}))
        .await
        .json()
        .to_string();
    assert!(ids.iter().all(|id| !list.contains(id)), "{list}");
    let log = bench.log();
    assert!(ids.iter().all(|id| !log.contains(id)), "{log}");
}

#[tokio::test]
async fn the_operator_replaces_one() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let issued = bench.issue("demo", json!({})).await;
    let other = bench.issue("demo", json!({})).await.json();
    let license_id = issued.text("license_id");
    let first = id_of(&issued.json());
    bench.clock.advance(60);
    let second = id_of(&replace(&bench, &license_id).await);
    assert_ne!(first, second);
    assert_eq!(id_of(&shown(&bench, &license_id).await), second);
    let third = id_of(&replace(&bench, &license_id).await);
    assert_ne!(second, third);
    assert_eq!(bench.number("SELECT count(*) FROM download_ids").await, 2);
    let other_id = other["license_id"].as_str().expect("an id");
    assert_eq!(id_of(&shown(&bench, other_id).await), id_of(&other));

    let entries = bench
        .sql("SELECT * FROM audit WHERE action = 'license.download_id' ORDER BY id")
        .await;
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["object_id"], license_id.as_str());
    assert_eq!(entries[0]["actor"], "operator");
    let audit = json!(bench.sql("SELECT * FROM audit").await).to_string();
    for id in [first, second, third] {
        assert!(!audit.contains(&id), "the audit table holds a download id");
    }
}

#[tokio::test]
async fn a_repeated_replacement_with_a_key_is_one() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let license_id = bench.issue("demo", json!({})).await.text("license_id");
    let path = format!("/v1/admin/licenses/{license_id}/download-id");
    let request = || {
        let mut request = signed_in(json_request(Method::POST, &path, &json!({})));
        let key = "\"one\"".parse().expect("a header");
        request.headers_mut().insert("idempotency-key", key);
        request
    };
    let first = bench.send(request()).await;
    assert_eq!(bench.send(request()).await.body, first.body);
    assert_eq!(
        id_of(&shown(&bench, &license_id).await),
        id_of(&first.json())
    );
    let entries = "SELECT count(*) FROM audit WHERE action = 'license.download_id'";
    assert_eq!(bench.number(entries).await, 1);
}

#[tokio::test]
async fn an_unknown_license_has_none_to_replace() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    bench.issue("demo", json!({})).await;
    for id in ["01890000-0000-7000-8000-000000000001", "x", "%FF"] {
        let path = format!("/v1/admin/licenses/{id}/download-id");
        let request = signed_in(json_request(Method::POST, &path, &json!({})));
        let answer = bench.untouched_by(request).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{id}");
    }
}

#[tokio::test]
async fn older_licenses_get_theirs_a_part_at_a_time() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let issued = bench.issue("demo", json!({})).await.json();
    let license_id = issued["license_id"].as_str().expect("an id");
    // 240 licenses from before, with lower ids and earlier times.
    bench
        .sql(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 239)
             INSERT INTO receipts (id, kind, external_ref, product_id, amount, currency,
                                   received_at)
             SELECT 'old-' || i, 'grant', 'old-' || i, (SELECT id FROM products), 0, 'SAT', 1
             FROM n",
        )
        .await;
    bench
        .sql(
            "INSERT INTO licenses (id, receipt_id, product_id, status, issued_at, grace_seconds,
                                   max_machines, entitlements, is_trial, updated_at)
             SELECT printf('00000000-0000-7000-8000-%012d', rowid), id, product_id, 'active',
                    rowid, 0, 1, '[]', 0, 1
             FROM receipts WHERE id LIKE 'old-%'",
        )
        .await;
    assert_eq!(
        shown(&bench, license_id).await,
        shown(&bench, license_id).await
    );
    // The newest 100, one of which has an id, are among the 100 below the
    // lowest that has one.
    assert_eq!(filled_in(&bench).await, 100);
    assert_eq!(filled_in(&bench).await, 100);
    assert_eq!(filled_in(&bench).await, 40);
    assert_eq!(filled_in(&bench).await, 0, "done");
    let distinct = "SELECT count(DISTINCT download_id) FROM download_ids";
    assert_eq!(bench.number(distinct).await, 241);
    assert_eq!(id_of(&shown(&bench, license_id).await), id_of(&issued));
    for row in bench.sql("SELECT download_id FROM download_ids").await {
        id_of(&Value::Object(row));
    }
    let audited = "SELECT count(*) FROM audit WHERE object_kind = 'license'";
    assert_eq!(
        bench.number(audited).await,
        1,
        "it is no change of anybody's"
    );
}

#[tokio::test]
async fn one_that_was_sold_by_an_older_program_meanwhile_gets_its_own() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let first = bench.issue("demo", json!({})).await.text("license_id");
    bench.clock.advance(1);
    let second = bench.issue("demo", json!({})).await.text("license_id");
    bench.clock.advance(1);
    bench.issue("demo", json!({})).await;
    bench
        .sql(&format!(
            "DELETE FROM download_ids WHERE license_id = '{second}'"
        ))
        .await;
    let without = shown(&bench, &second).await;
    assert_eq!(without["download_id"], Value::Null);
    let before = id_of(&shown(&bench, &first).await);
    assert_eq!(filled_in(&bench).await, 1);
    id_of(&shown(&bench, &second).await);
    assert_eq!(id_of(&shown(&bench, &first).await), before);
    assert_eq!(filled_in(&bench).await, 0);
}

#[tokio::test]
async fn every_license_without_exception_gets_one() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    for _ in 0..3 {
        bench.issue("demo", json!({})).await;
    }
    bench.sql("DELETE FROM download_ids").await;
    assert_eq!(filled_in(&bench).await, 3);
    assert_eq!(filled_in(&bench).await, 0);
}
