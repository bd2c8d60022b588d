//! What a scoped key costs and leaves behind: round trips, the time of its
//! last use, and no change when it is refused.

use crate::bench::{Answer, Bench, json_request};
use crate::holder::written;
use axum::body::Body;
use http::{Method, Request, header};
use keywright_admin::Api;
use keywright_domain::access::{Caller, Role, Scope};
use keywright_native_host::Fault;
use serde_json::{Value, json};
use std::sync::Arc;

/// A new key; answers its id and token.
async fn key(bench: &Bench, role: &str) -> (String, String) {
    let body = json!({ "label": "a key", "role": role });
    let made = bench.operate("POST", "/v1/admin/api-keys", &body).await;
    assert_eq!(made.status, 200, "{made:?}");
    (made.text("id"), made.text("token"))
}

fn with(token: &str, mut request: Request<Body>) -> Request<Body> {
    let value = format!("Bearer {token}").parse().expect("a header");
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

async fn list(bench: &Bench, token: &str) -> Answer {
    let request = json_request(Method::GET, "/v1/admin/audit", &json!({}));
    bench.send(with(token, request)).await
}

async fn last_used(bench: &Bench, id: &str) -> Value {
    let sql = format!("SELECT last_used_at FROM api_keys WHERE id = '{id}'");
    bench.sql(&sql).await[0]["last_used_at"].clone()
}

#[tokio::test]
async fn a_scoped_key_costs_one_round_trip_and_nonsense_is_only_counted() {
    let bench = Bench::new();
    let (_, token) = key(&bench, "full-admin").await;
    // Its use is written down once; the clock stands.
    assert_eq!(list(&bench, &token).await.status, 200);
    written().await;
    let unknown = format!("ks_{}", "A".repeat(43));
    let master = keywright_tests::shop::ADMIN_KEY;
    // A refusal is counted against its caller, and written down after the answer.
    for (offered, status, round_trips) in [
        (master, 200, 1),
        (&token, 200, 2),
        (&unknown, 403, 3),
        (&unknown[1..], 403, 2),
        (&unknown[..45], 403, 2),
        ("", 403, 2),
        ("nonsense", 403, 2),
        (&"x".repeat(4_000), 403, 2),
    ] {
        bench.shop.database.count_anew();
        assert_eq!(list(&bench, offered).await.status, status, "{offered}");
        written().await;
        assert_eq!(bench.shop.database.calls(), round_trips, "{offered}");
    }
}

#[tokio::test]
async fn a_refused_key_changes_nothing() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    for role in Role::ALL {
        let (id, token) = key(&bench, role.as_str()).await;
        let caller = Caller::Key {
            id,
            role: *role,
            extra: Vec::new(),
        };
        list(&bench, &token).await;
        written().await;
        let endpoints = Api::endpoints();
        for route in endpoints
            .iter()
            .filter(|route| !route.access.opens_to(&caller))
        {
            // A body that would do something, for those that would take it.
            let body = json!({ "slug": "p", "name": "P", "price_sats": 1, "label": "x",
                               "product_slug": "demo", "role": "full-admin" });
            let path = route.path.replace("{id}", "x");
            let request = with(&token, json_request(route.method.clone(), &path, &body));
            let refusal = bench.untouched_by(request).await.refusal();
            assert_eq!(refusal, (403, "forbidden".to_owned()), "{role} {route:?}");
        }
    }
}

#[tokio::test]
async fn a_use_is_written_at_most_once_a_minute() {
    let bench = Arc::new(Bench::new());
    let (id, token) = key(&bench, "read-only").await;
    assert_eq!(last_used(&bench, &id).await, Value::Null);
    let now = crate::bench::NOW;
    for (advance, expected, writes) in [
        (0, now, 1),
        (30, now, 0),
        (29, now, 0),
        // A minute after the first: written again.
        (1, now + 60, 1),
        (59, now + 60, 0),
        (600, now + 719, 1),
    ] {
        bench.clock.advance(advance);
        bench.shop.database.count_anew();
        let uses = (0..20).map(|_| list(&bench, &token));
        for answer in futures_util::future::join_all(uses).await {
            assert_eq!(answer.status, 200);
        }
        written().await;
        // Each looks up its key, reads, and looks whether an id in the answer opens an
        // order, because the key may not write licenses; all their uses are one write.
        assert_eq!(bench.shop.database.calls(), 60 + writes);
        let shown = last_used(&bench, &id).await;
        assert_eq!(shown, expected, "after {advance} more seconds");
    }
    assert_eq!(bench.number("SELECT count(*) FROM audit").await, 1);
}

#[tokio::test]
async fn the_use_before_a_revocation_is_kept_and_none_after_it() {
    let bench = Bench::new();
    let (id, token) = key(&bench, "read-only").await;
    bench.clock.advance(5);
    assert_eq!(list(&bench, &token).await.status, 200);
    let path = format!("/v1/admin/api-keys/{id}");
    let ended = bench.operate("DELETE", &path, &json!({})).await;
    assert_eq!(ended.text("revoked_at"), "2027-01-15T08:00:05Z");
    written().await;
    assert_eq!(last_used(&bench, &id).await, crate::bench::NOW + 5);
    bench.clock.advance(120);
    let request = json_request(Method::GET, "/v1/admin/audit", &json!({}));
    let refused = bench.untouched_by(with(&token, request)).await;
    assert_eq!(refused.refusal(), (403, "forbidden".to_owned()));
    written().await;
    assert_eq!(last_used(&bench, &id).await, crate::bench::NOW + 5);
}

#[tokio::test]
async fn nobody_gets_in_while_keys_cannot_be_looked_up() {
    let bench = Bench::new();
    let (_, token) = key(&bench, "full-admin").await;
    let body = json!({ "slug": "p", "name": "P", "price_sats": 1 });
    let make = || json_request(Method::POST, "/v1/admin/products", &body);
    let before = bench.dump().await;
    bench.shop.database.break_call(0, Fault::Before);
    let answer = bench.send(with(&token, make())).await;
    bench.shop.database.mend();
    assert_eq!(answer.refusal(), (500, "internal_error".to_owned()));
    assert_eq!(bench.dump().await, before);
    assert_eq!(bench.send(with(&token, make())).await.status, 200);
}

#[tokio::test]
async fn the_log_does_not_hold_a_token() {
    let bench = Bench::new();
    let (_, token) = key(&bench, "full-admin").await;
    for call in 0..2 {
        bench.shop.database.break_call(call, Fault::Before);
        list(&bench, &token).await;
    }
    bench.shop.database.mend();
    let log = bench.log();
    assert!(log.contains("connection lost"), "{log}");
    assert!(!log.contains(&token[3..]), "{log}");
}

/// The token is in the answer that is kept, sealed: only whoever sends the same
/// request again reads it.
#[tokio::test]
async fn a_repeated_request_for_a_key_makes_one() {
    let bench = Bench::new();
    let new = json!({ "label": "repeated", "role": "support" });
    let make = |caller: &str| {
        let mut request = json_request(Method::POST, "/v1/admin/api-keys", &new);
        let key = "0190-once".parse().expect("a header");
        request.headers_mut().insert("idempotency-key", key);
        with(caller, request)
    };
    let master = keywright_tests::shop::ADMIN_KEY;
    let first = bench.send(make(master)).await;
    let again = bench.send(make(master)).await;
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.json(), again.json());
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(bench.number("SELECT count(*) FROM api_keys").await, 1);
    let kept = bench.sql("SELECT answer FROM idempotency_keys").await;
    let kept = kept[0]["answer"].as_str().expect("an answer").to_owned();
    assert!(!kept.contains(&first.text("token")[3..]), "{kept}");
    // The key it made may not read what made it.
    let answer = bench.send(make(&first.text("token"))).await;
    assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn a_key_is_told_what_it_may_do_and_nothing_else() {
    let bench = Bench::new();
    let ask = async |token: &str| {
        let request = json_request(Method::GET, "/v1/admin/api-keys/current", &json!({}));
        bench.send(with(token, request)).await
    };
    for role in Role::ALL {
        let (id, token) = key(&bench, role.as_str()).await;
        let told = ask(&token).await;
        let caller = Caller::Key {
            id: id.clone(),
            role: *role,
            extra: Vec::new(),
        };
        let scopes = Scope::ALL.iter().filter(|scope| caller.has(**scope));
        let scopes: Vec<&str> = scopes.map(|scope| scope.as_str()).collect();
        let expected = json!({ "id": id, "role": role.as_str(), "scopes": scopes });
        assert_eq!(told.json(), expected);
    }
    let told = ask(keywright_tests::shop::ADMIN_KEY).await.json();
    assert_eq!((&told["id"], &told["role"]), (&Value::Null, &Value::Null));
    let scopes = told["scopes"].as_array().expect("scopes");
    assert_eq!(scopes.len(), Scope::ALL.len() + 1);
    assert_eq!(scopes.last(), Some(&json!("master")));
    assert_eq!(ask("ks_nonsense").await.status, 403);
}
