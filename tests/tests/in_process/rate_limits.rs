//! Rate limits over several instances: no token is given twice, no charge is
//! lost.

use crate::bench::{Bench, NOW, json_request};
use crate::races::at_once;
use axum::body::Body;
use http::{Method, Request};
use keywright_domain::rate_limit::Limit;
use keywright_ports::Database;
use keywright_web::rate_limit::{Charge, Limiter, charge, forget_full, take_exactly};
use serde_json::json;
use std::sync::Arc;

const LIMIT: Limit = Limit {
    name: "test",
    burst: 10,
    token_millis: 1_000,
};
const NOW_MILLIS: u64 = NOW * 1_000;

fn database(bench: &Bench) -> Database {
    let host = bench.shop.native.host(&keywright_admin::FUNCTION);
    host.database().expect("granted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_exact_limit_gives_its_tokens_and_not_one_more() {
    let bench = Bench::new();
    let database = Arc::new(database(&bench));
    let attempts = (0..200).map(|_| {
        let database = database.clone();
        async move {
            let taken = take_exactly(&database, LIMIT, "me", NOW_MILLIS).await;
            taken.expect("an answer").is_ok()
        }
    });
    let given = at_once(attempts).await;
    assert_eq!(given.iter().filter(|given| **given).count(), 10);
    let take = async |who: &str, now: u64| {
        let taken = take_exactly(&database, LIMIT, who, now).await;
        taken.expect("an answer")
    };
    let refused = take("me", NOW_MILLIS).await.expect_err("no token left");
    assert_eq!(refused.retry_after(), 1);
    assert!(take("you", NOW_MILLIS).await.is_ok());
    assert!(take("me", NOW_MILLIS + 999).await.is_err());
    assert!(take("me", NOW_MILLIS + 1_000).await.is_ok());
    assert!(take("me", NOW_MILLIS + 1_000).await.is_err());
}

/// The shared bucket, in tokens taken.
async fn tokens_in_database(bench: &Bench) -> i64 {
    let full_at = bench
        .number("SELECT coalesce(sum(full_at), 0) FROM rate_limits")
        .await;
    (full_at - i64::try_from(NOW_MILLIS).expect("a time")) / 1_000
}

#[tokio::test]
async fn charges_of_two_instances_add_up() {
    let bench = Bench::new();
    let database = database(&bench);
    let (one, two) = (Limiter::new(LIMIT, 1), Limiter::new(LIMIT, 1));
    let mut charges: Vec<Charge> = Vec::new();
    for _ in 0..4 {
        for limiter in [&one, &two] {
            let taken = limiter.take("me", NOW_MILLIS).expect("a token");
            charges.extend(taken.charge);
        }
    }
    // Written in two batches, in an order nobody chose.
    charges.reverse();
    for part in charges.chunks(5) {
        let part: Vec<&Charge> = part.iter().collect();
        let statement = charge(&part, NOW_MILLIS);
        database.batch(vec![statement]).await.expect("written");
    }
    assert_eq!(tokens_in_database(&bench).await, 8);
    // Each now learns of the other through its route's own read: of ten tokens
    // two are left, for both together.
    let shared = bench.number("SELECT full_at FROM rate_limits").await;
    let mut given = 0;
    for _ in 0..3 {
        if let Ok(taken) = one.take("me", NOW_MILLIS) {
            let now_shared = Some(shared + given * 1_000);
            let corrected = one.correct("me", taken, now_shared, NOW_MILLIS);
            given += i64::from(corrected.is_ok());
        }
    }
    assert_eq!(given, 2);
}

#[tokio::test]
async fn a_client_far_from_its_limit_costs_no_write() {
    let limiter = Limiter::new(LIMIT, 4);
    let charges: Vec<bool> = (0..5)
        .map(|_| {
            let taken = limiter.take("me", NOW_MILLIS).expect("a token");
            taken.charge.is_some()
        })
        .collect();
    assert_eq!(charges, [false, false, false, true, true]);
    // The first charge carries the three before it.
    let bench = Bench::new();
    let limiter = Limiter::new(LIMIT, 4);
    let taken: Vec<_> = (0..5)
        .filter_map(|_| limiter.take("me", NOW_MILLIS).expect("a token").charge)
        .collect();
    let taken: Vec<&Charge> = taken.iter().collect();
    let statement = charge(&taken, NOW_MILLIS);
    database(&bench)
        .batch(vec![statement])
        .await
        .expect("written");
    assert_eq!(tokens_in_database(&bench).await, 5);
}

#[tokio::test]
async fn an_instance_alone_holds_the_limit_too() {
    let limiter = Limiter::new(LIMIT, 4);
    let given = (0..200)
        .filter(|_| limiter.take("me", NOW_MILLIS).is_ok())
        .count();
    assert_eq!(given, 10);
    assert!(limiter.take("you", NOW_MILLIS).is_ok());
    assert!(limiter.take("me", NOW_MILLIS + 1_000).is_ok());
    assert!(limiter.take("me", NOW_MILLIS + 1_000).is_err());
}

#[tokio::test]
async fn full_buckets_are_forgotten() {
    let bench = Bench::new();
    let database = database(&bench);
    for who in ["a", "b", "c"] {
        let taken = take_exactly(&database, LIMIT, who, NOW_MILLIS).await;
        assert!(taken.expect("an answer").is_ok());
    }
    let forget = async |now: u64, most: u32| {
        let statement = forget_full(now, most);
        database.batch(vec![statement]).await.expect("done");
        bench.number("SELECT count(*) FROM rate_limits").await
    };
    assert_eq!(forget(NOW_MILLIS + 999, 10).await, 3);
    assert_eq!(forget(NOW_MILLIS + 1_000, 2).await, 1);
    assert_eq!(forget(NOW_MILLIS + 1_000, 2).await, 0);
}

/// A preview, a purchase or a redemption of a code nobody made.
fn typed_code(number: usize, address: &str) -> Request<Body> {
    let order = json!({ "product": "demo", "code": "GUESS" });
    let mut request = match number % 3 {
        0 => Request::get("/v1/discount-codes/preview?product=demo&code=GUESS")
            .body(Body::empty())
            .expect("a request"),
        1 => json_request(Method::POST, "/v1/purchase", &order),
        _ => json_request(Method::POST, "/v1/redeem", &order),
    };
    let address = address.parse().expect("a value");
    request.headers_mut().insert("x-forwarded-for", address);
    request
}

#[tokio::test]
async fn nobody_finds_a_code_by_trying() {
    let bench = Bench::new();
    bench.product("demo", 5).await;
    for number in 0..30 {
        let status = bench.send(typed_code(number, "192.0.2.1")).await.status;
        assert!(matches!(status, 200 | 400), "{number}: {status}");
    }
    for number in 0..3 {
        let answer = bench.send(typed_code(number, "192.0.2.1")).await;
        assert_eq!(answer.refusal(), (429, "rate_limited".to_owned()));
        assert_eq!(answer.headers["retry-after"], "2");
        assert_eq!(answer.headers["ratelimit-policy"], "\"codes\";q=30;w=60");
    }
    let other = bench.send(typed_code(0, "192.0.2.2")).await;
    assert_eq!(other.status, 200, "another address");
    // Buying without a code is not counted.
    let order = json!({ "product": "demo" });
    let mut request = json_request(Method::POST, "/v1/purchase", &order);
    let address = "192.0.2.1".parse().expect("a value");
    request.headers_mut().insert("x-forwarded-for", address);
    assert_eq!(bench.send(request).await.status, 503, "no provider");
    bench.clock.advance(2);
    assert_eq!(bench.send(typed_code(0, "192.0.2.1")).await.status, 200);
}
