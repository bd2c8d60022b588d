//! Round trips of the routes of subscriptions: a row each in the table of `round_trips`.

use crate::bench::{Bench, json_request, signed_in};
use axum::body::Body;
use http::{Method, Request, header};
use serde_json::{Value, json};

/// Each route with a request and how many round trips it makes.
pub(crate) async fn rows(bench: &Bench) -> Vec<(&'static str, Request<Body>, u64)> {
    bench.product("club", 1_000).await;
    let monthly = json!({ "price_sats": 1_000, "is_recurring": true, "renewal_period_days": 30,
                          "tier_rank": 1 });
    bench.policy("club", "monthly", monthly).await;
    let better = json!({ "price_sats": 3_000, "is_recurring": true, "renewal_period_days": 30,
                         "tier_rank": 2 });
    bench.policy("club", "better", better).await;
    let gift = json!({ "amount": 10_000, "product_slug": "club", "policy_slug": "monthly" });
    bench.code("FIRST-FREE", gift).await;
    let order = json!({ "product": "club", "policy_slug": "monthly", "code": "FIRST-FREE" });
    let bought = bench.post("/v1/purchase", &order).await;
    let key = bought.text("license_key");
    let other = bench.post("/v1/purchase", &order).await;
    let admin = "/v1/admin/subscriptions";
    let sql = format!(
        "SELECT id FROM subscriptions WHERE license_id = '{}'",
        other.text("license_id")
    );
    let id = bench.sql(&sql).await[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let better = json!({ "license_key": key, "target_policy_slug": "better" });
    let other_license = other.text("license_id");
    let mine = json!({ "license_key": key });
    let post = |path: &str, body: &Value| json_request(Method::POST, path, body);
    let operate = |method: Method, path: &str| signed_in(json_request(method, path, &json!({})));
    let show =
        Request::get("/v1/subscription").header(header::AUTHORIZATION, format!("Bearer {key}"));
    vec![
        // The limit, the subscription, its history.
        (
            "/v1/subscription",
            show.body(Body::empty()).expect("a request"),
            3,
        ),
        // The limit, the subscription, its product, the cycle, the subscription again, the order
        // that is open, the business, the order, the store's invoice.
        (
            "/v1/subscriptions/pay",
            post("/v1/subscriptions/pay", &mine),
            9,
        ),
        // The limit, the license with what was paid, the subscription, the product, its policies.
        ("/v1/upgrade-quote", post("/v1/upgrade-quote", &better), 5),
        // The same; the business, the order, the store's invoice, and whether it was recorded.
        ("/v1/upgrade", post("/v1/upgrade", &better), 8),
        // As for a quote; the booking, the subscription, its history.
        (
            "/v1/subscriptions/change",
            post("/v1/subscriptions/change", &better),
            8,
        ),
        // The limit, the subscription, the end of it.
        (
            "/v1/subscriptions/cancel",
            post("/v1/subscriptions/cancel", &mine),
            3,
        ),
        // The same, and how it stands then.
        (
            "/v1/subscriptions/resume",
            post("/v1/subscriptions/resume", &mine),
            5,
        ),
        (admin, operate(Method::GET, admin), 1),
        // The license with what was paid, the subscription, the product, its policies, the change.
        (
            "/v1/admin/licenses/{id}/change-tier",
            signed_in(json_request(
                Method::POST,
                &format!("/v1/admin/licenses/{other_license}/change-tier"),
                &json!({ "to_policy_slug": "better", "skip_payment": true }),
            )),
            5,
        ),
        (
            "/v1/admin/subscriptions/{id}",
            operate(Method::GET, &format!("{admin}/{id}")),
            1,
        ),
        (
            "/v1/admin/subscriptions/{id}/cancel",
            operate(Method::POST, &format!("{admin}/{id}/cancel")),
            2,
        ),
    ]
}
