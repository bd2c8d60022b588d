//! Round trips of the routes of Zaprite: a row each in the table of `round_trips`.

use crate::bench::{Bench, json_request, signed_in};
use crate::card_shop::{connect, dollars, path_of};
use crate::stores::business;
use axum::body::Body;
use http::{Method, Request};
use keywright_zaprite_double::{API_KEY, Spelling, Zaprite, event};
use serde_json::{Value, json};

/// Each route with a request and how many round trips it makes.
pub(crate) async fn rows(
    bench: &Bench,
    zaprite: &Zaprite,
) -> Vec<(&'static str, Request<Body>, u64)> {
    let connected = business(bench, "Cards").await;
    let webhook = path_of(&connect(bench, Some(&connected), API_KEY).await);
    let other = business(bench, "More cards").await;
    dollars(bench, "by-card").await;
    let product = "SELECT id FROM products WHERE slug = 'by-card'";
    let product = bench.sql(product).await[0]["id"].clone();
    let path = format!("/v1/admin/products/{}", product.as_str().expect("an id"));
    let moved = json!({ "merchant_profile_id": connected });
    bench.operate("PATCH", &path, &moved).await;
    let order = json!({ "product": "by-card", "rail": "card" });
    let bought = bench.post("/v1/purchase", &order).await;
    let there = bought.text("btcpay_invoice_id");
    zaprite.pay(&there);
    let send =
        |method: Method, path: &str, body: &Value| signed_in(json_request(method, path, body));
    vec![
        // The connected organization, the order, the limit, and settling it.
        (
            "/v1/zaprite/webhook/{provider_id}",
            json_request(
                Method::POST,
                &webhook,
                &event(Spelling::Event, &there, "PAID"),
            ),
            4,
        ),
        // Limit, product, policies, seller; then the order, and its link.
        (
            "/v1/purchase",
            json_request(Method::POST, "/v1/purchase", &order),
            6,
        ),
        // The business, the row, and that it is connected.
        (
            "/v1/admin/zaprite/connect",
            send(
                Method::POST,
                "/v1/admin/zaprite/connect",
                &json!({ "merchant_profile_id": other, "api_key": API_KEY }),
            ),
            3,
        ),
        (
            "/v1/admin/zaprite/status",
            send(Method::GET, "/v1/admin/zaprite/status", &json!({})),
            1,
        ),
        // The business, its saved cards, and that it is disconnected.
        (
            "/v1/admin/zaprite/disconnect",
            send(
                Method::POST,
                "/v1/admin/zaprite/disconnect",
                &json!({ "merchant_profile_id": connected }),
            ),
            3,
        ),
    ]
}
