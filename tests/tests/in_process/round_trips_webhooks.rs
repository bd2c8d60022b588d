//! Round trips of the routes of outgoing webhooks: a row each in the table of
//! `round_trips`.

use crate::bench::{Bench, json_request, signed_in};
use axum::body::Body;
use http::{Method, Request, header};
use keywright_tests::shop::CRON_TOKEN;
use serde_json::{Value, json};

/// Each route with a request and how many round trips it makes.
pub(crate) async fn rows(bench: &Bench) -> Vec<(&'static str, Request<Body>, u64)> {
    let new = json!({ "url": "https://hooks.example.com/" });
    let endpoints = "/v1/admin/webhook-endpoints";
    let made = bench.operate("POST", endpoints, &new).await;
    let endpoint = format!("{endpoints}/{}", made.text("id"));
    let other = bench.operate("POST", endpoints, &new).await.text("id");
    let test = bench
        .operate("POST", &format!("{endpoint}/test"), &json!({}))
        .await;
    let delivery = format!("/v1/admin/webhook-deliveries/{}", test.text("id"));
    let send =
        |method: Method, path: &str, body: &Value| signed_in(json_request(method, path, body));
    let get = |path: &str| send(Method::GET, path, &json!({}));
    let post = |path: String, body: Value| send(Method::POST, &path, &body);
    let tick = Request::post("/v1/cron/deliver")
        .header(header::AUTHORIZATION, format!("Bearer {CRON_TOKEN}"))
        .body(Body::empty());
    let change = json!({ "description": "told" });
    let pause = json!({ "active": false });
    vec![
        ("/v1/admin/events", get("/v1/admin/events"), 1),
        (endpoints, get(endpoints), 1),
        (endpoints, post(endpoints.to_owned(), new), 1),
        ("/v1/admin/webhook-endpoints/{id}", get(&endpoint), 1),
        (
            "/v1/admin/webhook-endpoints/{id}",
            send(Method::PATCH, &endpoint, &change),
            1,
        ),
        (
            "/v1/admin/webhook-endpoints/{id}/active",
            send(Method::PATCH, &format!("{endpoint}/active"), &pause),
            1,
        ),
        // Reads whether there is an Ed25519 key, then rotates.
        (
            "/v1/admin/webhook-endpoints/{id}/rotate-secret",
            post(format!("{endpoint}/rotate-secret"), json!({})),
            2,
        ),
        (
            "/v1/admin/webhook-endpoints/{id}/test",
            post(format!("{endpoint}/test"), json!({})),
            1,
        ),
        (
            "/v1/admin/webhook-endpoints/{id}/replay",
            post(
                format!("{endpoint}/replay?from=2026-01-31T12:00:00Z"),
                json!({}),
            ),
            1,
        ),
        (
            "/v1/admin/webhook-deliveries",
            get("/v1/admin/webhook-deliveries?status=failed"),
            1,
        ),
        ("/v1/admin/webhook-deliveries/{id}", get(&delivery), 1),
        (
            "/v1/admin/webhook-deliveries/{id}/retry",
            post(format!("{delivery}/retry"), json!({})),
            1,
        ),
        (
            "/v1/admin/webhook-endpoints/{id}",
            send(Method::DELETE, &format!("{endpoints}/{other}"), &json!({})),
            1,
        ),
        // What is due, planning, a claim, what came of it, and that nothing more is due: one
        // endpoint is paused, one deleted, and the third is sent what was done to them.
        ("/v1/cron/deliver", tick.expect("a request"), 5),
    ]
}
