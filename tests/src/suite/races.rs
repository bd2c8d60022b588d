//! The same thing many times at once: limits hold because the database says
//! so, whatever the order.

use super::cases;
use super::floor::{buy, issue, licenses_of, product, revoke, text, validate};
use crate::hosts::Instance;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use std::collections::HashSet;

cases![
    free_purchases,
    one_slug,
    one_policy_slug,
    revocations,
    validations,
    polls_while_settling
];

/// What `count` futures answer that run at once, in their order.
pub(super) async fn at_once<F: Future>(count: usize, make: impl Fn(usize) -> F) -> Vec<F::Output> {
    join_all((0..count).map(make)).await
}

async fn free_purchases(instance: &Instance) {
    product(instance, "giveaway", 0).await;
    let bought = at_once(20, |_| buy(instance, "giveaway")).await;
    for member in ["invoice_id", "license_id", "license_key"] {
        let distinct: HashSet<String> = bought.iter().map(|answer| text(answer, member)).collect();
        assert_eq!(distinct.len(), 20, "{member}: {distinct:?}");
    }
    let sql = "SELECT count(*) AS n FROM licenses l JOIN products p ON p.id = l.product_id
               WHERE p.slug = ?1";
    assert_eq!(instance.database.count(sql, &["giveaway"]).await, 20);
}

async fn one_slug(instance: &Instance) {
    let new = json!({ "slug": "contested", "name": "Contested", "price_sats": 1 });
    let answers = at_once(10, |_| instance.api.admin(Method::POST, "products", &new)).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.is_error(409, "conflict");
    }
    let sql = "SELECT count(*) AS n FROM audit a JOIN products p ON p.id = a.object_id
               WHERE p.slug = ?1";
    assert_eq!(
        instance.database.count(sql, &["contested"]).await,
        1,
        "one entry for one product"
    );
}

async fn one_policy_slug(instance: &Instance) {
    product(instance, "contested-tier", 1).await;
    let new = json!({ "product_slug": "contested-tier", "slug": "pro", "name": "Pro" });
    let answers = at_once(10, |_| instance.api.admin(Method::POST, "policies", &new)).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        1
    );
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.is_error(409, "conflict");
    }
}

async fn revocations(instance: &Instance) {
    product(instance, "revoked-often", 1).await;
    let issued = issue(instance, "revoked-often", json!({})).await;
    let id = text(&issued, "license_id");
    for answer in at_once(10, |_| revoke(instance, &id)).await {
        assert_eq!(answer.ok(), json!({ "ok": true }));
    }
    let audit =
        "SELECT count(*) AS n FROM audit WHERE action = 'license.revoke' AND object_id = ?1";
    assert_eq!(instance.database.count(audit, &[&id]).await, 1);
    let events = "SELECT count(*) AS n FROM events
                  WHERE event_type = 'license.revoked' AND data ->> 'license_id' = ?1";
    assert_eq!(instance.database.count(events, &[&id]).await, 1);
}

async fn validations(instance: &Instance) {
    product(instance, "popular", 1).await;
    let key = text(&issue(instance, "popular", json!({})).await, "license_key");
    for answer in at_once(50, |_| validate(instance, &key, "popular")).await {
        assert_eq!(answer["ok"], true, "{answer}");
    }
}

/// A buyer who polls hard sees pending or settled with its key, never
/// something in between or an error.
async fn polls_while_settling(instance: &Instance) {
    product(instance, "impatient", 1_000).await;
    let bought = buy(instance, "impatient").await;
    let invoice = text(&bought, "invoice_id");
    instance
        .btcpay
        .pay_in_full(&text(&bought, "btcpay_invoice_id"))
        .expect("a payment");
    let answers = at_once(30, |_| super::floor::poll(instance, &invoice)).await;
    for answer in answers {
        let settled = answer["status"] == "settled";
        assert!(settled || answer["status"] == "pending", "{answer}");
        assert_eq!(settled, answer["license_key"] != Value::Null, "{answer}");
        assert_eq!(settled, answer["token"] != Value::Null, "{answer}");
    }
    super::floor::until(instance, &invoice, "settled").await;
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}
