//! A panic in a request becomes a logged 500 under its id; the next request is
//! served as if nothing had been.

use crate::bench::{Answer, Bench, NOW};
use crate::receipts::{list, seal, today, unseal};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use keywright_native_host::{HttpFetch, serve};
use keywright_ports::function::PortError;
use keywright_ports::{Clock, name};
use keywright_ports::{Grants, Host};
use keywright_tests::shop::{Setup, Shop};
use keywright_web::Function;
use keywright_web::api_router;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A clock that panics while it is broken.
struct BreakingClock(AtomicBool);

impl Clock for BreakingClock {
    fn unix_millis(&self) -> u64 {
        assert!(!self.0.load(Ordering::SeqCst), "the clock is broken");
        NOW * 1_000
    }
}

/// The lines of the log about this request.
fn logged(shop: &Shop, request_id: &str) -> Vec<String> {
    let id = format!("\"request_id\":\"{request_id}\"");
    let lines = shop.native.log.lines();
    lines
        .into_iter()
        .filter(|line| line.contains(&id))
        .collect()
}

async fn ask(shop: &Shop, request: Request<Body>) -> Answer {
    let (parts, body) = shop.call(request).await.into_parts();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

#[tokio::test]
async fn a_panic_deep_in_a_function_is_answered_and_logged_once() {
    let clock = Arc::new(BreakingClock(AtomicBool::new(false)));
    let setup = Setup {
        config: Vec::new(),
        clock: clock.clone(),
        releases: crate::bench::releases(),
        without_database: &[],
    };
    let shop = Shop::open_with(setup, Arc::new(HttpFetch::patient()));
    let product = json!({ "slug": "demo", "name": "Demo", "price_sats": 0 });
    let request = |path: &str, id: &str, body: &serde_json::Value| {
        let mut request =
            crate::bench::signed_in(crate::bench::json_request(http::Method::POST, path, body));
        request
            .headers_mut()
            .insert("x-request-id", id.parse().expect("an id"));
        request
    };
    assert_eq!(
        ask(&shop, request("/v1/admin/products", "made", &product))
            .await
            .status,
        200
    );
    clock.0.store(true, Ordering::SeqCst);
    for (path, body) in [
        ("/v1/purchase", json!({ "product": "demo" })),
        (
            "/v1/admin/products",
            json!({ "slug": "n", "name": "N", "price_sats": 0 }),
        ),
    ] {
        let id = path.replace('/', "_");
        let mut panicking = request(path, &id, &body);
        panicking
            .headers_mut()
            .insert("origin", "https://shop.example".parse().expect("an origin"));
        let answer = ask(&shop, panicking).await;
        assert_eq!(
            answer.refusal(),
            (500, "internal_error".to_owned()),
            "{path}"
        );
        assert_eq!(answer.headers["x-request-id"], id);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(
            answer.headers["content-length"],
            answer.body.len().to_string()
        );
        assert!(!answer.text("message").contains("clock"), "{answer:?}");
        let lines = logged(&shop, &id);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("the clock is broken"), "{lines:?}");
        assert!(lines[0].contains("\"level\":\"error\""), "{lines:?}");
    }
    clock.0.store(false, Ordering::SeqCst);
    let answer = ask(
        &shop,
        request("/v1/purchase", "again", &json!({ "product": "demo" })),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.json()["license_key"].is_string());
}

/// A function of which one route panics in each of the ways there are.
const PANICKING: Function = Function {
    name: "panicking",
    grants: Grants::NONE,
    router,
    migrations: &[],
    tick: None,
    settings: &[],
};

#[expect(clippy::unnecessary_wraps, reason = "the type of a function's router")]
fn router(_: &Host) -> Result<Router, PortError> {
    let routes = Router::new()
        .route("/fine", get(async || "fine"))
        .route(
            "/formatted",
            get(async || -> String { panic!("number {}", 7) }),
        )
        .route("/literal", get(async || -> String { panic!("a literal") }))
        .route(
            "/value",
            get(async || -> String { std::panic::panic_any(7) }),
        )
        .route(
            "/later",
            get(async || -> String {
                tokio::task::yield_now().await;
                panic!("after waiting")
            }),
        );
    Ok(api_router(routes))
}

#[tokio::test]
async fn every_kind_of_panic_is_caught_and_each_request_is_by_itself() {
    let bench = Bench::new();
    let host = bench.shop.native.host(&PANICKING);
    let router = (PANICKING.router)(&host).expect("routes");
    for (path, told) in [
        ("/formatted", "panicked: number 7"),
        ("/literal", "panicked: a literal"),
        ("/value", "panicked: without a message"),
        ("/later", "panicked: after waiting"),
    ] {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = serve(&host, &router, request).await;
        assert_eq!(response.status(), 500, "{path}");
        let id = response.headers()["x-request-id"]
            .to_str()
            .expect("an id")
            .to_owned();
        assert_eq!(id.len(), 36, "a new id: {id}");
        let lines = logged(&bench.shop, &id);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(told), "{lines:?}");
        assert!(lines[0].contains("\"function\":\"panicking\""), "{lines:?}");
        let request = Request::get("/fine")
            .body(Body::empty())
            .expect("a request");
        assert_eq!(
            serve(&host, &router, request).await.status(),
            200,
            "after {path}"
        );
    }
}

/// What breaks in sign is for the log of its callers; what was sold stays sold.
#[tokio::test]
async fn a_failure_in_sign_does_not_unsell() {
    let bench = Bench::with(&[(name::RECEIPT_SEALING_UNTIL, &today())]);
    bench.product("free", 0).await;
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "free" }))
        .await;
    let invoice_id = bought.text("invoice_id");
    // An id that is no UUID cannot be put into a key, whatever it is sealed with.
    unseal(&bench).await;
    bench.sql("PRAGMA foreign_keys = OFF").await;
    bench.sql("UPDATE licenses SET id = 'no uuid'").await;
    seal(&bench, &list(&bench).await).await;
    let progress = crate::payments::poll(&bench, &invoice_id).await;
    assert_eq!(progress["status"], "settled");
    assert!(progress["license_key"].is_null(), "{progress}");
    assert!(
        bench.log().contains("sign refused (internal_error)"),
        "{}",
        bench.log()
    );
}
