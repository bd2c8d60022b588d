//! `Idempotency-Key`: what is repeated happens once, whatever breaks.

use crate::bench::{Answer, Bench, NOW, raw_request, signed_in};
use crate::races::at_once;
use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{HeaderValue, Method, Request};
use keywright_edge::Host;
use keywright_edge::host::native::Fault;
use keywright_edge::host::native::serve;
use keywright_edge::http::{ApiError, repeatable};
use keywright_edge::ports::{Clock, Statement};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

const ROUTE: &str = "/v1/admin/licenses";

fn request(path: &str, key: &str, body: &Value) -> Request<Body> {
    let mut request = signed_in(raw_request(
        Method::POST,
        path,
        "application/json",
        body.to_string(),
    ));
    let value = HeaderValue::from_str(key).expect("a value");
    request.headers_mut().insert("idempotency-key", value);
    request
}

async fn issue(bench: &Bench, key: &str, body: &Value) -> Answer {
    bench.send(request(ROUTE, key, body)).await
}

async fn licenses(bench: &Bench) -> usize {
    bench.sql("SELECT id FROM licenses").await.len()
}

fn is_replay(answer: &Answer) -> bool {
    answer.headers.contains_key("idempotent-replayed")
}

#[tokio::test]
async fn the_same_key_and_body_answer_what_the_first_did() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let body = json!({ "product_slug": "demo" });
    let first = issue(&bench, "k-1", &body).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert!(!is_replay(&first));
    for key in ["k-1", "\"k-1\""] {
        let again = issue(&bench, key, &body).await;
        assert_eq!(again.json(), first.json());
        assert!(is_replay(&again));
    }
    assert_eq!(licenses(&bench).await, 1);
    let other = issue(&bench, "k-2", &body).await;
    assert_ne!(other.json(), first.json());
    assert_eq!(licenses(&bench).await, 2);
}

#[tokio::test]
async fn another_body_is_refused_and_another_route_or_caller_is_another_key() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    bench.product("free", 0).await;
    let body = json!({ "product_slug": "demo" });
    issue(&bench, "k", &body).await;
    let changed = issue(&bench, "k", &json!({ "product_slug": "free" })).await;
    assert_eq!(changed.refusal(), (422, "unprocessable_entity".to_owned()));
    assert_eq!(licenses(&bench).await, 1);
    let elsewhere = bench
        .send(request("/v1/purchase", "k", &json!({ "product": "free" })))
        .await;
    assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
    let mut nobody = request("/v1/purchase", "k", &json!({ "product": "demo" }));
    nobody.headers_mut().remove("authorization");
    assert_eq!(bench.send(nobody).await.status, 200);
    assert_eq!(licenses(&bench).await, 3);
}

#[tokio::test]
async fn a_wrong_credential_leaves_no_trace_of_the_key() {
    let bench = Bench::new();
    let mut wrong = request(ROUTE, "k", &json!({}));
    wrong
        .headers_mut()
        .insert("authorization", HeaderValue::from_static("Bearer no"));
    assert_eq!(bench.send(wrong).await.status, 403);
    let rows = bench.sql("SELECT id FROM idempotency_keys").await;
    assert!(rows.is_empty(), "{rows:?}");
}

#[tokio::test]
async fn a_refused_request_frees_its_key() {
    let bench = Bench::new();
    let unknown = json!({ "product_slug": "later" });
    assert_eq!(issue(&bench, "k", &unknown).await.status, 404);
    bench.product("later", 0).await;
    assert_eq!(issue(&bench, "k", &unknown).await.status, 200);
    assert_eq!(licenses(&bench).await, 1);
}

#[tokio::test]
async fn odd_keys_are_refused() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let body = json!({ "product_slug": "demo" });
    for key in [
        "",
        " ",
        "a b",
        "\"\"",
        "\"",
        "a\"b",
        "k\u{e9}",
        &"x".repeat(256),
    ] {
        let answer = issue(&bench, key, &body).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{key:?}");
    }
    let mut two = request(ROUTE, "one", &body);
    two.headers_mut()
        .append("idempotency-key", HeaderValue::from_static("two"));
    assert_eq!(bench.send(two).await.status, 400);
    assert_eq!(issue(&bench, &"x".repeat(255), &body).await.status, 200);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let body = json!({ "product_slug": "demo" });
    issue(&bench, "k", &body).await;
    bench.clock.advance(86_399);
    assert!(is_replay(&issue(&bench, "k", &body).await));
    bench.clock.advance(1);
    assert!(!is_replay(&issue(&bench, "k", &body).await));
    assert_eq!(licenses(&bench).await, 2);
}

#[tokio::test]
async fn neither_key_nor_answer_can_be_read_in_the_database() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let answer = issue(&bench, "very-own-key", &json!({ "product_slug": "demo" })).await;
    let kept = bench.sql("SELECT * FROM idempotency_keys").await;
    let text = serde_json::to_string(&kept).expect("JSON");
    assert_eq!(kept.len(), 1);
    assert!(!text.contains("very-own-key"));
    assert!(!text.contains(&answer.text("license_id")) && !text.contains("LIC1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_once_are_carried_out_once() {
    let bench = Arc::new(Bench::new());
    bench.product("demo", 0).await;
    let requests = (0..200).map(|_| {
        let bench = bench.clone();
        async move { issue(&bench, "k", &json!({ "product_slug": "demo" })).await }
    });
    let answers = at_once(requests).await;
    let good: Vec<Value> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(Answer::json)
        .collect();
    assert!(!good.is_empty() && good.iter().all(|answer| *answer == good[0]));
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.refusal(), (409, "conflict".to_owned()));
    }
    assert_eq!(licenses(&bench).await, 1);
}

/// Every call to the database of an issue with a key breaks once, before and
/// after it was written; then the request is repeated until it answers.
#[tokio::test]
async fn whatever_call_breaks_the_change_happens_once() {
    let body = json!({ "product_slug": "demo" });
    let mut lost_answers = 0;
    let mut broken = 0;
    for call in 0.. {
        let mut has_broken = false;
        for fault in [Fault::Before, Fault::After] {
            let bench = Bench::new();
            bench.product("demo", 0).await;
            bench.shop.database.break_call(call, fault);
            let first = issue(&bench, "k", &body).await;
            has_broken |= bench.shop.database.mend() > call;
            if first.status == 200 {
                assert_eq!(licenses(&bench).await, 1);
            }
            // Long enough for the attempt to count as crashed.
            bench.clock.advance(61);
            let again = issue(&bench, "k", &body).await;
            match again.status {
                // 503: recorded, and signing it was what broke.
                200 | 503 => {}
                409 => lost_answers += 1,
                status => panic!("call {call} {fault:?}: {status} {again:?}"),
            }
            assert_eq!(licenses(&bench).await, 1, "call {call} {fault:?}");
        }
        if !has_broken {
            break;
        }
        broken += 1;
    }
    assert!(
        broken >= 4,
        "claim, product, grant, signature, answer: {broken}"
    );
    assert!(lost_answers > 0, "an answer that was lost is said to be");
}

/// An attempt that was given up as crashed and goes on after all writes
/// nothing: the handler lets a minute pass and another attempt take over.
#[tokio::test]
async fn an_attempt_that_was_overtaken_changes_nothing() {
    let bench = Bench::new();
    let host = bench.shop.native.host(&keywright_admin::FUNCTION);
    let database = host.database().expect("granted");
    let (clock, stamps) = (bench.clock.clone(), host.stamps());
    let slot: Arc<OnceLock<(Host, Router)>> = Arc::default();
    let own = slot.clone();
    let write = move |body: String| async move {
        if clock.unix_seconds() == i64::try_from(NOW).expect("a time") {
            clock.advance(61);
            let (host, router) = own.get().expect("the router");
            let again = Box::pin(serve(host, router, keyed(&body))).await;
            assert_eq!(again.status().as_u16(), 200);
        }
        let event = "INSERT INTO events (id, at, event_type, data) VALUES (?1, 1, 't', '{}')";
        let event = Statement::new(event, [stamps.new_id().into()]);
        database.batch(vec![event]).await.map_err(ApiError::from)?;
        Ok::<_, ApiError>("written")
    };
    let routes = Router::new().route("/", post(write));
    let router = repeatable(routes, &host).expect("granted");
    assert!(slot.set((host.clone(), router.clone())).is_ok());
    let overtaken = serve(&host, &router, keyed("x")).await;
    assert_eq!(overtaken.status().as_u16(), 409);
    assert_eq!(bench.number("SELECT count(*) FROM events").await, 1);
}

fn keyed(body: &str) -> Request<Body> {
    let request = Request::post("/").header("idempotency-key", "k");
    request
        .body(Body::from(body.to_owned()))
        .expect("a request")
}
