//! `Idempotency-Key`: what is repeated happens once, whatever breaks.

use crate::bench::{Answer, Bench, NOW, raw_request, signed_in};
use crate::races::at_once;
use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{HeaderValue, Method, Request};
use keywright_domain::recent_orders::PER_CALLER;
use keywright_native_host::Fault;
use keywright_native_host::serve;
use keywright_ports::Host;
use keywright_ports::{Clock, Database, Statement};
use keywright_store::licenses::recorded::licenses_in_force;
use keywright_web::{ApiError, Attempted, Callers, repeatable};
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
async fn a_known_callers_other_body_is_refused_and_another_route_or_caller_is_another_key() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    bench.product("free", 0).await;
    let body = json!({ "product_slug": "demo" });
    issue(&bench, "k", &body).await;
    let changed = issue(&bench, "k", &json!({ "product_slug": "free" })).await;
    assert_eq!(changed.refusal(), (422, "unprocessable_entity".to_owned()));
    assert_eq!(licenses(&bench).await, 1);
    issue(&bench, LONG, &body).await;
    let order = json!({ "product": "demo" });
    let elsewhere = bench.send(request("/v1/purchase", LONG, &order)).await;
    assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
    assert!(!is_replay(&order_of(&bench, LONG, &order).await));
    assert_eq!(licenses(&bench).await, 4);
}

/// A key that anybody may send.
const LONG: &str = "0123456789abcdef";

/// An order of nobody in particular.
async fn order_of(bench: &Bench, key: &str, order: &Value) -> Answer {
    anonymous(bench, "/v1/purchase", key, order).await
}

async fn anonymous(bench: &Bench, path: &str, key: &str, body: &Value) -> Answer {
    let mut request = request(path, key, body);
    request.headers_mut().remove("authorization");
    bench.send(request).await
}

#[tokio::test]
async fn an_anonymous_key_is_long_and_belongs_to_its_body() {
    let bench = Bench::new();
    bench.product("free", 0).await;
    let order = json!({ "product": "free", "buyer_email": "one@example.com" });
    for short in ["1", &LONG[..15]] {
        let answer = order_of(&bench, short, &order).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{short}");
        assert!(answer.text("message").contains("at least 16"), "{answer:?}");
    }
    let first = order_of(&bench, LONG, &order).await;
    assert_eq!(first.status, 200, "{first:?}");
    let stranger = json!({ "product": "free", "buyer_email": "two@example.com" });
    let other = order_of(&bench, LONG, &stranger).await;
    assert_eq!(
        other.status, 200,
        "a stranger's key blocks nobody: {other:?}"
    );
    assert!(!is_replay(&other), "and shows nothing");
    assert_ne!(other.json(), first.json());
    let again = order_of(&bench, LONG, &order).await;
    assert!(is_replay(&again));
    assert_eq!(again.json(), first.json());
}

#[tokio::test]
async fn a_replay_shows_no_secret_of_a_license_that_is_out_of_force() {
    let bench = Bench::new();
    bench.product("free", 0).await;
    let order = json!({ "product": "free" });
    let first = order_of(&bench, LONG, &order).await;
    assert!(first.text("license_key").starts_with("LIC1-"));
    let issued = issue(&bench, "k", &json!({ "product_slug": "free" })).await;
    let standing = async |answer: &Answer, what: &str| {
        let path = format!("/v1/admin/licenses/{}/{what}", answer.text("license_id"));
        let changed = bench
            .operate("POST", &path, &json!({ "reason": "x" }))
            .await;
        assert_eq!(changed.status, 200, "{changed:?}");
    };
    for (answer, path, key, body) in [
        (&first, "/v1/purchase", LONG, &order),
        (&issued, ROUTE, "k", &json!({ "product_slug": "free" })),
    ] {
        let again = async || match path {
            ROUTE => issue(&bench, key, body).await,
            _ => order_of(&bench, key, body).await,
        };
        standing(answer, "suspend").await;
        let replayed = again().await;
        assert!(is_replay(&replayed), "{path}");
        let mut expected = answer.json();
        for member in ["license_key", "token", "download_id"] {
            if expected.get(member).is_some() {
                expected[member] = Value::Null;
            }
        }
        assert_eq!(replayed.json(), expected, "{path}");
        standing(answer, "unsuspend").await;
        assert_eq!(again().await.json(), answer.json(), "{path}");
        standing(answer, "revoke").await;
        assert_eq!(again().await.json(), expected, "{path}");
    }
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_row() {
    let bench = Bench::new();
    bench.product("demo", 5).await;
    bench.product("free", 0).await;
    let key = issue(&bench, "first", &json!({ "product_slug": "free" })).await;
    let key = key.text("license_key");
    bench.sql("DELETE FROM idempotency_keys").await;
    let machine = |fingerprint: &str| json!({ "key": key, "fingerprint": fingerprint });
    let mine = bench.post("/v1/machines/activate", &machine("mine")).await;
    assert_eq!(mine.json()["ok"], true);
    for (path, body, status) in [
        ("/v1/validate", machine("mine"), 200),
        ("/v1/validate", machine("another"), 200),
        ("/v1/validate", json!({ "key": "garbage" }), 200),
        ("/v1/machines/heartbeat", machine("mine"), 200),
        ("/v1/machines/heartbeat", machine("another"), 200),
        (
            "/v1/machines/list",
            json!({ "key": machine("mine")["key"] }),
            200,
        ),
        // Known already, no seat left, not there: nothing to change.
        ("/v1/machines/activate", machine("mine"), 200),
        ("/v1/machines/activate", machine("another"), 200),
        ("/v1/machines/deactivate", machine("another"), 200),
        ("/v1/purchase", json!({ "product": "nothing" }), 404),
        (
            "/v1/purchase",
            json!({ "product": "free", "code": "GUESS" }),
            400,
        ),
        ("/v1/purchase", json!({ "product": "demo" }), 503),
        ("/v1/purchase", json!({ "product": 1 }), 422),
        (
            "/v1/redeem",
            json!({ "product": "demo", "code": "GUESS" }),
            400,
        ),
        (
            "/v1/recover",
            json!({ "invoice_id": "x", "email": "y" }),
            404,
        ),
        (
            "/v1/downloads/link",
            json!({ "version": "1", "platform": "any" }),
            401,
        ),
    ] {
        let answer = anonymous(&bench, path, LONG, &body).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        let rows = bench.number("SELECT count(*) FROM idempotency_keys").await;
        assert_eq!(rows, 0, "{path} {body}");
    }
    let freed = anonymous(&bench, "/v1/machines/deactivate", LONG, &machine("mine")).await;
    assert_eq!(freed.json()["ok"], true);
    assert_eq!(
        bench.number("SELECT count(*) FROM idempotency_keys").await,
        1
    );
}

#[tokio::test]
async fn a_caller_over_its_limit_writes_no_row() {
    let bench = Bench::new();
    bench.product("free", 0).await;
    let mut statuses = Vec::new();
    for number in 0..60 {
        let order = json!({ "product": "free", "buyer_note": number.to_string() });
        let mut request = request("/v1/purchase", &format!("{LONG}-{number}"), &order);
        let headers = request.headers_mut();
        headers.remove("authorization");
        headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));
        statuses.push(bench.send(request).await.status);
    }
    // What an hour gives away for nothing is less than what one may try at once.
    let given = usize::try_from(PER_CALLER).expect("a number");
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        given
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        60 - given
    );
    let rows = bench.number("SELECT count(*) FROM idempotency_keys").await;
    assert_eq!(rows, PER_CALLER);
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
    let write = move |Attempted(database): Attempted<Database>, body: String| async move {
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
    let routes = Router::new().route("/", post(write)).with_state(database);
    let router = repeatable(routes, &host, Callers::Verified, licenses_in_force).expect("granted");
    assert!(slot.set((host.clone(), router.clone())).is_ok());
    let overtaken = serve(&host, &router, keyed("x")).await;
    assert_eq!(overtaken.status().as_u16(), 409);
    assert_eq!(bench.number("SELECT count(*) FROM events").await, 1);
}

/// A handler that forgets the attempt would make its change twice: it is an error of ours
/// as soon as somebody sends a key.
#[tokio::test]
async fn a_repeatable_route_takes_its_attempt() {
    let bench = Bench::new();
    let host = bench.shop.native.host(&keywright_admin::FUNCTION);
    let routes = Router::new().route("/", post(|| async { "done" }));
    let router = repeatable(routes, &host, Callers::Verified, licenses_in_force).expect("granted");
    let answer = serve(&host, &router, keyed("x")).await;
    assert_eq!(answer.status().as_u16(), 500);
    let plain = Request::post("/").body(Body::empty()).expect("a request");
    assert_eq!(serve(&host, &router, plain).await.status().as_u16(), 200);
}

fn keyed(body: &str) -> Request<Body> {
    let request = Request::post("/").header("idempotency-key", "k");
    request
        .body(Body::from(body.to_owned()))
        .expect("a request")
}
