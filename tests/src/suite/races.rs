//! The same thing many times at once: limits hold because the database says
//! so, whatever the order.

use super::cases;
use super::floor::{
    buy, code, issue, licenses_of, product, revoke, text, told_of_code, uses, validate,
};
use crate::hosts::{Answer, Instance};
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
    polls_while_settling,
    ten_free_uses alone,
    ten_redemptions alone,
    ten_paid_uses alone,
    the_last_use,
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

/// The answers that were 200; the others have to say that the code is used up.
fn in_time(answers: &[Answer]) -> Vec<Value> {
    let (good, late): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| answer.status == 200);
    for answer in late {
        answer.is_error(400, "bad_request");
        let text = answer.text();
        assert!(text.contains("used up"), "{text}");
    }
    good.into_iter().map(Answer::ok).collect()
}

async fn sold_of(instance: &Instance, product: &str) -> (i64, i64) {
    let invoices = "SELECT count(*) AS n FROM invoices i JOIN products p ON p.id = i.product_id
                    WHERE p.slug = ?1";
    let licenses = "SELECT count(*) AS n FROM licenses l JOIN products p ON p.id = l.product_id
                    WHERE p.slug = ?1";
    (
        instance.database.count(invoices, &[product]).await,
        instance.database.count(licenses, &[product]).await,
    )
}

/// 240 want one of ten licenses that a code gives away.
async fn ten_free_uses(instance: &Instance) {
    product(instance, "rushed", 9_000).await;
    let whole = json!({ "amount": 10_000, "max_uses": 10, "product_slug": "rushed" });
    code(instance, "RUSHED", whole).await;
    let order = json!({ "product": "rushed", "code": "rushed" });
    let answers = at_once(240, |_| instance.api.post("/v1/purchase", &order)).await;
    let sold = in_time(&answers);
    assert_eq!(sold.len(), 10);
    let keys: HashSet<String> = sold.iter().map(|one| text(one, "license_key")).collect();
    assert_eq!(keys.len(), 10);
    assert_eq!(uses(instance, "RUSHED").await, [10, 0, 10, 0]);
    assert_eq!(told_of_code(instance, "RUSHED").await, 10);
    assert_eq!(sold_of(instance, "rushed").await, (10, 10));
}

async fn ten_redemptions(instance: &Instance) {
    product(instance, "redeemed-in-a-rush", 9_000).await;
    let free = json!({ "kind": "free_license", "max_uses": 10 });
    code(instance, "REDEEMED-IN-A-RUSH", free).await;
    let order = json!({ "product": "redeemed-in-a-rush", "code": "REDEEMED-IN-A-RUSH" });
    let answers = at_once(240, |_| instance.api.post("/v1/redeem", &order)).await;
    let redeemed = in_time(&answers);
    assert_eq!(redeemed.len(), 10);
    for member in ["license_key", "license_id", "invoice_id", "redemption_id"] {
        let distinct: HashSet<String> = redeemed.iter().map(|one| text(one, member)).collect();
        assert_eq!(distinct.len(), 10, "{member}");
    }
    assert_eq!(uses(instance, "REDEEMED-IN-A-RUSH").await, [10, 0, 10, 0]);
    assert_eq!(told_of_code(instance, "REDEEMED-IN-A-RUSH").await, 10);
    assert_eq!(sold_of(instance, "redeemed-in-a-rush").await, (10, 10));
}

/// The same for a price that is to be paid: ten get a checkout, and each of
/// them that pays gets a license.
async fn ten_paid_uses(instance: &Instance) {
    product(instance, "sale-day", 9_000).await;
    code(instance, "SALE-DAY", json!({ "max_uses": 10 })).await;
    let order = json!({ "product": "sale-day", "code": "SALE-DAY" });
    let answers = at_once(240, |_| instance.api.post("/v1/purchase", &order)).await;
    let ordered = in_time(&answers);
    assert_eq!(ordered.len(), 10);
    assert_eq!(uses(instance, "SALE-DAY").await, [10, 10, 0, 0]);
    for bought in &ordered {
        assert_eq!(bought["amount_sats"], 8_100);
        let remote = text(bought, "btcpay_invoice_id");
        instance.btcpay.pay_in_full(&remote).expect("a payment");
    }
    for bought in &ordered {
        super::floor::until(instance, &text(bought, "invoice_id"), "settled").await;
    }
    assert_eq!(uses(instance, "SALE-DAY").await, [10, 0, 10, 0]);
    assert_eq!(told_of_code(instance, "SALE-DAY").await, 10);
    assert_eq!(sold_of(instance, "sale-day").await, (10, 10));
}

/// The one use is held by an order that ends while 200 want it: it is given
/// back once, and one of them gets it at most.
async fn the_last_use(instance: &Instance) {
    product(instance, "last-use", 9_000).await;
    code(instance, "LAST-USE", json!({ "max_uses": 1 })).await;
    let order = json!({ "product": "last-use", "code": "LAST-USE" });
    let held = instance.api.post("/v1/purchase", &order).await.ok();
    instance
        .btcpay
        .expire(&text(&held, "btcpay_invoice_id"))
        .expect("an end");
    let answers = at_once(200, |_| instance.api.post("/v1/purchase", &order)).await;
    super::floor::until(instance, &text(&held, "invoice_id"), "expired").await;
    let got = in_time(&answers).len();
    assert!(got <= 1, "{got} got the one use");
    if got == 0 {
        instance.api.post("/v1/purchase", &order).await.ok();
    }
    assert_eq!(uses(instance, "LAST-USE").await, [1, 1, 0, 1]);
    let late = instance.api.post("/v1/purchase", &order).await;
    assert!(in_time(&[late]).is_empty());
}
