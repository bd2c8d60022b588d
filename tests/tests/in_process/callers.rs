//! Who a caller is, and what one caller, a thousand of one network, and all those
//! without an address can take.

use crate::bench::{Bench, NOW, json_request};
use crate::races::at_once;
use axum::body::Body;
use http::{Method, Request};
use keywright_domain::caller_limits::{CallerLimit, RECOVERIES, Rate};
use keywright_native_host::CONNECTION_ADDRESS;
use keywright_ports::{Database, name};
use keywright_web::Client;
use keywright_web::caller_limit::try_take_for;
use serde_json::json;
use std::sync::Arc;

const NOW_MILLIS: u64 = NOW * 1_000;

const fn rate(burst: u32, token_millis: u64) -> Rate {
    Rate {
        burst,
        token_millis,
    }
}

const LIMIT: CallerLimit = CallerLimit {
    name: "test",
    address: rate(10, 4_000),
    network: rate(25, 2_000),
    provider: rate(60, 1_000),
    everybody: Some(rate(100, 500)),
};

const OTHER: CallerLimit = CallerLimit {
    name: "other",
    everybody: None,
    ..LIMIT
};

fn database(bench: &Bench) -> Database {
    let host = bench.shop.native.host(&keywright_admin::FUNCTION);
    host.database().expect("granted")
}

fn caller(address: &str) -> Client {
    Client {
        address: Some(address.parse().expect("an address")),
        user_agent: None,
    }
}

async fn take(database: &Database, client: &Client, now: u64) -> bool {
    let taken = try_take_for(database, &[&LIMIT], client, now).await;
    taken.expect("an answer").is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_width_gives_its_tokens_and_not_one_more() {
    let bench = Bench::new();
    let database = Arc::new(database(&bench));
    // Forty callers of one /48, ten takes each, all at once.
    let takes = (0..400_u16).map(|number| {
        let database = database.clone();
        let client = caller(&format!("2001:db8:1:{:x}::1", number % 40));
        async move { take(&database, &client, NOW_MILLIS).await }
    });
    let given = at_once(takes).await;
    assert_eq!(given.iter().filter(|given| **given).count(), 25, "the /48");
    let mut given = 0;
    for number in 0..100 {
        let client = caller(&format!("2001:db8:{:x}::{number:x}", 2 + number));
        given += i32::from(take(&database, &client, NOW_MILLIS).await);
    }
    assert_eq!(given, 35, "the /32 has 60, of which 25 are gone");
    let mut given = 0;
    for number in 0..100 {
        let client = caller(&format!("192.0.{number}.1"));
        given += i32::from(take(&database, &client, NOW_MILLIS).await);
    }
    assert_eq!(given, 40, "everybody has 100, of which 60 are gone");
}

#[tokio::test]
async fn a_refusal_takes_no_token_and_says_when_to_come_back() {
    let bench = Bench::new();
    let database = database(&bench);
    let client = caller("203.0.113.9");
    for _ in 0..10 {
        assert!(take(&database, &client, NOW_MILLIS).await);
    }
    let before = bench.dump().await;
    for _ in 0..30 {
        let taken = try_take_for(&database, &[&LIMIT], &client, NOW_MILLIS).await;
        let refused = taken
            .expect("an answer")
            .expect_err("the address has no token");
        assert_eq!(refused.retry_after(), 4);
    }
    assert_eq!(bench.dump().await, before, "nothing is written");
    // The network around it has the rest of its own tokens for the neighbours.
    let mut given = 0;
    for number in 10..40 {
        let client = caller(&format!("203.0.113.{number}"));
        given += i32::from(take(&database, &client, NOW_MILLIS).await);
    }
    assert_eq!(given, 15);
    assert!(!take(&database, &client, NOW_MILLIS + 3_999).await);
    assert!(take(&database, &client, NOW_MILLIS + 4_000).await);
}

#[tokio::test]
async fn several_limits_are_taken_from_together_or_not_at_all() {
    let bench = Bench::new();
    let database = database(&bench);
    let client = caller("203.0.113.9");
    for _ in 0..10 {
        assert!(take(&database, &client, NOW_MILLIS).await);
    }
    let both = try_take_for(&database, &[&OTHER, &LIMIT], &client, NOW_MILLIS).await;
    assert!(both.expect("an answer").is_err());
    let rows = bench.number("SELECT count(*) FROM rate_limits WHERE bucket LIKE 'other:%'");
    assert_eq!(rows.await, 0);
    let other = try_take_for(&database, &[&OTHER], &client, NOW_MILLIS).await;
    assert!(other.expect("an answer").is_ok());
}

/// A try to recover a key, with these headers.
fn recovery(headers: &[(&'static str, &str)]) -> Request<Body> {
    let body = json!({ "invoice_id": "0190", "email": "somebody@example.com" });
    let mut request = json_request(Method::POST, "/v1/recover", &body);
    for (name, value) in headers {
        request
            .headers_mut()
            .append(*name, value.parse().expect("a value"));
    }
    request
}

/// How many of so many tries by these callers are let through.
async fn let_through(
    bench: &Bench,
    headers: impl Iterator<Item = Vec<(&'static str, String)>>,
) -> usize {
    let mut count = 0;
    for headers in headers {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = bench.send(recovery(&headers)).await;
        match answer.status {
            404 => count += 1,
            _ => assert_eq!(answer.refusal(), (429, "rate_limited".to_owned())),
        }
    }
    count
}

#[tokio::test]
async fn a_header_that_no_setting_names_is_not_believed() {
    let bench = Bench::with(&[(name::CLIENT_ADDRESS_HEADER, "")]);
    let forged = (0..30).map(|number| {
        let address = format!("198.51.{number}.1");
        vec![
            ("x-forwarded-for", address.clone()),
            ("x-real-ip", address.clone()),
            ("cf-connecting-ip", address.clone()),
            // The host's own header comes last, whatever the client sent.
            (CONNECTION_ADDRESS, address),
            (CONNECTION_ADDRESS, "203.0.113.9:5000".to_owned()),
        ]
    });
    assert_eq!(let_through(&bench, forged).await, 10);
}

#[tokio::test]
async fn callers_without_an_address_share_one_bucket() {
    for hidden in ["127.0.0.1:5000", "192.168.1.7:5000", "unknown"] {
        let bench = Bench::with(&[(name::CLIENT_ADDRESS_HEADER, "")]);
        let callers = (0..100).map(|number| {
            vec![
                ("x-forwarded-for", format!("198.51.{number}.1")),
                (CONNECTION_ADDRESS, hidden.to_owned()),
            ]
        });
        let shared = usize::try_from(RECOVERIES.network.burst).expect("a number");
        assert_eq!(let_through(&bench, callers).await, shared, "{hidden}");
    }
}

#[tokio::test]
async fn a_client_cannot_add_to_what_the_proxy_adds() {
    let bench = Bench::new();
    let appended = (0..15).map(|number| {
        let forged = format!("198.51.{number}.1");
        vec![("x-forwarded-for", format!("{forged}, 203.0.113.9"))]
    });
    assert_eq!(let_through(&bench, appended).await, 10);
    let second_line = (0..15).map(|number| {
        let forged = format!("198.51.{number}.1");
        vec![
            ("x-forwarded-for", forged),
            ("x-forwarded-for", "203.0.114.9".to_owned()),
        ]
    });
    assert_eq!(let_through(&bench, second_line).await, 10);
}

#[tokio::test]
async fn a_thousand_callers_of_one_network_take_no_more_than_the_network_has() {
    let bench = Bench::new();
    let callers =
        (0..1_000).map(|number| vec![("x-forwarded-for", format!("2001:db8:7:{number:x}::1"))]);
    let network = usize::try_from(RECOVERIES.network.burst).expect("a number");
    assert_eq!(let_through(&bench, callers).await, network);
    // Each refused caller has left no row of its own.
    let rows = bench.number("SELECT count(*) FROM rate_limits").await;
    assert_eq!(rows, i64::from(RECOVERIES.network.burst) + 2);
    // Customers of one carrier behind one /24 still get through.
    let customers = (0..50).map(|number| vec![("x-forwarded-for", format!("203.0.113.{number}"))]);
    assert_eq!(let_through(&bench, customers).await, 50);
}

#[tokio::test]
async fn a_setting_that_names_no_header_is_logged_and_trusts_nothing() {
    let bench = Bench::with(&[(name::CLIENT_ADDRESS_HEADER, "X-Forwarded-For, X-Real-IP")]);
    assert!(
        bench.log().contains("CLIENT_ADDRESS_HEADER must "),
        "{}",
        bench.log()
    );
    let callers = (0..70).map(|number| {
        vec![
            ("x-forwarded-for", format!("198.51.{number}.1")),
            (CONNECTION_ADDRESS, format!("203.0.{number}.1:5000")),
        ]
    });
    assert_eq!(let_through(&bench, callers).await, 60);
}
