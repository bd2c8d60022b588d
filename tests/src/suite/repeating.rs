//! `Idempotency-Key`: a request that is repeated, for a lost answer or in a
//! hurry, is carried out once.

use super::cases;
use super::floor::{licenses_of, product, text};
use super::races::at_once;
use crate::hosts::{Answer, Instance};
use crate::shop::ADMIN_KEY;
use http::Method;
use serde_json::{Value, json};

cases![
    free_purchase,
    paid_purchase,
    other_body,
    refused,
    nothing_is_kept_of_a_refusal,
    odd_keys,
    two_hundred_at_once
];

/// As the operator where the path is an operator's.
async fn post(instance: &Instance, path: &str, key: &str, body: &Value) -> Answer {
    let mut request = instance.api.request(Method::POST, path).json(body);
    if path.starts_with("/v1/admin/") {
        request = request.bearer_auth(ADMIN_KEY);
    }
    instance
        .api
        .send(request.header("idempotency-key", key))
        .await
}

async fn issued_for(instance: &Instance, slug: &str) -> i64 {
    let sql = "SELECT count(*) AS n FROM licenses l JOIN products p ON p.id = l.product_id
               WHERE p.slug = ?1";
    instance.database.count(sql, &[slug]).await
}

async fn free_purchase(instance: &Instance) {
    product(instance, "repeated-gift", 0).await;
    let order = json!({ "product": "repeated-gift" });
    let first = post(instance, "/v1/purchase", "repeated-gift-0001", &order).await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = post(instance, "/v1/purchase", "\"repeated-gift-0001\"", &order).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.ok(), first.ok());
    assert_eq!(issued_for(instance, "repeated-gift").await, 1);
}

async fn paid_purchase(instance: &Instance) {
    product(instance, "repeated-order", 1_000).await;
    let order = json!({ "product": "repeated-order" });
    let first = post(instance, "/v1/purchase", "repeated-order-0001", &order).await;
    let again = post(instance, "/v1/purchase", "repeated-order-0001", &order).await;
    assert_eq!(again.ok(), first.ok(), "one invoice, one checkout");
    let bought = first.ok();
    instance
        .btcpay
        .pay_in_full(&text(&bought, "btcpay_invoice_id"))
        .expect("a payment");
    let invoice = text(&bought, "invoice_id");
    super::floor::until(instance, &invoice, "settled").await;
    assert_eq!(licenses_of(instance, &invoice).await, 1);
    // What was answered then, not what would be answered now.
    let later = post(instance, "/v1/purchase", "repeated-order-0001", &order).await;
    assert_eq!(later.ok(), bought);
}

async fn other_body(instance: &Instance) {
    product(instance, "repeated-otherwise", 0).await;
    let order = json!({ "product": "repeated-otherwise" });
    post(instance, "/v1/purchase", "repeated-otherwise", &order)
        .await
        .ok();
    let other = json!({ "product": "repeated-otherwise", "buyer_note": "x" });
    // Of strangers who happen on one key, none is in the other's way.
    post(instance, "/v1/purchase", "repeated-otherwise", &other)
        .await
        .ok();
    // The same key of another caller, or on another route, is another key.
    let path = "/v1/admin/licenses";
    let issue = json!({ "product_slug": "repeated-otherwise" });
    post(instance, path, "repeated-otherwise", &issue)
        .await
        .ok();
    assert_eq!(issued_for(instance, "repeated-otherwise").await, 3);
    // For a caller who is known, another body is a mistake.
    let other = json!({ "product_slug": "repeated-otherwise", "note": "x" });
    post(instance, path, "repeated-otherwise", &other)
        .await
        .is_error(422, "unprocessable_entity");
    assert_eq!(issued_for(instance, "repeated-otherwise").await, 3);
}

async fn refused(instance: &Instance) {
    let issue = json!({ "product_slug": "repeated-soon" });
    post(instance, "/v1/admin/licenses", "repeated-soon", &issue)
        .await
        .is_error(404, "not_found");
    product(instance, "repeated-soon", 0).await;
    post(instance, "/v1/admin/licenses", "repeated-soon", &issue)
        .await
        .ok();
}

/// A batch that finds the code used up writes nothing, the key's row included.
async fn nothing_is_kept_of_a_refusal(instance: &Instance) {
    product(instance, "repeated-in-vain", 1_000).await;
    let code = json!({ "code": "REPEATED-IN-VAIN", "kind": "free_license", "max_uses": 1 });
    instance
        .api
        .admin(Method::POST, "discount-codes", &code)
        .await
        .ok();
    let redeem = json!({ "product": "repeated-in-vain", "code": "REPEATED-IN-VAIN" });
    let answers = at_once(20, |number| {
        let redeem = &redeem;
        async move {
            let key = format!("repeated-in-vain-{number}");
            post(instance, "/v1/redeem", &key, redeem).await
        }
    })
    .await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 1, "{answers:?}");
    for (number, answer) in answers.iter().enumerate() {
        let key = format!("repeated-in-vain-{number}");
        let again = post(instance, "/v1/redeem", &key, &redeem).await;
        let was_good = answer.status == 200;
        assert_eq!(again.header("idempotent-replayed") == "true", was_good);
    }
}

async fn odd_keys(instance: &Instance) {
    let order = json!({ "product": "nothing" });
    for key in ["\"\"", "a b", "\"", "1", &"x".repeat(15), &"x".repeat(256)] {
        post(instance, "/v1/purchase", key, &order)
            .await
            .is_error(400, "bad_request");
    }
}

async fn two_hundred_at_once(instance: &Instance) {
    product(instance, "repeated-in-a-hurry", 0).await;
    let issue = json!({ "product_slug": "repeated-in-a-hurry" });
    let path = "/v1/admin/licenses";
    let answers = at_once(200, |_| post(instance, path, "repeated-in-a-hurry", &issue)).await;
    let good: Vec<Value> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(Answer::ok)
        .collect();
    assert!(good.iter().all(|answer| *answer == good[0]), "{good:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.is_error(409, "conflict");
    }
    let last = post(instance, path, "repeated-in-a-hurry", &issue)
        .await
        .ok();
    assert_eq!(last, good[0]);
    assert_eq!(issued_for(instance, "repeated-in-a-hurry").await, 1);
}
