//! What is written down of keys that are shown and of credentials that are refused:
//! once an hour, counted, bounded, and never in the way of a right credential.

use crate::bench::{Answer, Bench, NOW, json_request};
use crate::holder::written;
use axum::body::Body;
use http::{Method, Request, header};
use keywright_domain::caller_limits::REFUSED_CREDENTIALS;
use keywright_ports::Database;
use keywright_store::operator::activity::{ActivityKind, Occurrence, statements};
use keywright_tests::shop::{ADMIN_KEY, CRON_TOKEN};
use serde_json::{Value, json};

/// A free license; answers its order.
async fn sale(bench: &Bench) -> Answer {
    bench.product("free", 0).await;
    let order = json!({ "product": "free", "buyer_email": "a@example.com" });
    let bought = bench.post("/v1/purchase", &order).await;
    assert_eq!(bought.status, 200, "{bought:?}");
    bought
}

/// A request from this address.
fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    let value = address.parse().expect("a header");
    request.headers_mut().insert("x-forwarded-for", value);
    request
}

fn poll(order: &Answer) -> Request<Body> {
    let path = format!("/v1/purchase/{}", order.text("invoice_id"));
    Request::get(path).body(Body::empty()).expect("a request")
}

fn recover(order: &Answer, email: &str) -> Request<Body> {
    let body = json!({ "invoice_id": order.text("invoice_id"), "email": email });
    json_request(Method::POST, "/v1/recover", &body)
}

async fn counts(bench: &Bench, query: &str) -> Vec<Value> {
    let path = format!("/v1/admin/activity{query}");
    let answer = bench.operate("GET", &path, &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["counts"].as_array().expect("a list").clone()
}

async fn audited(bench: &Bench, action: &str) -> Vec<Value> {
    let path = format!("/v1/admin/audit?action={action}");
    let answer = bench.operate("GET", &path, &json!({})).await;
    answer.json()["entries"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn keys_that_are_shown_are_audited_once_an_hour_and_counted() {
    let bench = Bench::new();
    let order = sale(&bench).await;
    let license = order.text("license_id");
    for _ in 0..5 {
        let shown = bench.send(from("203.0.113.9", poll(&order))).await;
        assert!(shown.text("license_key").starts_with("LIC1-"));
    }
    for email in ["a@example.com", "A@example.com ", "wrong@example.com"] {
        bench
            .send(from("203.0.113.9", recover(&order, email)))
            .await;
    }
    written().await;
    for (kind, times) in [("license.poll_key", 5), ("license.recover_key", 2)] {
        let entries = audited(&bench, kind).await;
        assert_eq!(entries.len(), 1, "{kind}");
        assert_eq!(entries[0]["object_kind"], "license");
        assert_eq!(entries[0]["object_id"], license);
        assert_eq!(entries[0]["actor"], "buyer");
        assert_eq!(entries[0]["after"], json!({ "network": "203.0.113.0/24" }));
        assert_eq!(entries[0]["request_id"].as_str().map(str::len), Some(36));
        let counted = counts(&bench, &format!("?kind={kind}")).await;
        assert_eq!(counted.len(), 1, "{counted:?}");
        assert_eq!(counted[0]["count"], times, "{kind}");
        assert_eq!(counted[0]["subject"], license);
        assert_eq!(counted[0]["network"], "203.0.113.0/24");
    }
    let refused = counts(&bench, "?kind=recovery.refuse").await;
    assert_eq!(refused[0]["count"], 1, "{refused:?}");
    assert_eq!(refused[0]["subject"], "203.0.113.0/24");
    // Another hour, another entry; no whole address and no key is kept.
    bench.clock.advance(3_600);
    bench.send(from("198.51.100.7", poll(&order))).await;
    written().await;
    assert_eq!(audited(&bench, "license.poll_key").await.len(), 2);
    let hours = counts(&bench, &format!("?kind=license.poll_key&subject={license}")).await;
    assert_eq!(hours.len(), 2);
    assert_eq!(hours[0]["hour"], "2027-01-15T09:00:00Z", "the newest first");
    let dump = bench.dump().await;
    let kept = json!([dump["audit"], dump["hourly_counts"]]).to_string();
    assert!(
        !kept.contains("203.0.113.9") && !kept.contains("LIC1-"),
        "{kept}"
    );
}

#[tokio::test]
async fn an_order_without_a_key_shows_none_and_notes_none() {
    let bench = Bench::new();
    let order = sale(&bench).await;
    let path = format!("/v1/admin/licenses/{}/revoke", order.text("license_id"));
    bench
        .operate("POST", &path, &json!({ "reason": "x" }))
        .await;
    let shown = bench.send(poll(&order)).await;
    assert_eq!(shown.json()["license_key"], Value::Null);
    assert_eq!(
        bench.send(recover(&order, "a@example.com")).await.status,
        404
    );
    written().await;
    let noted = counts(&bench, "").await;
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert_eq!(noted[0]["kind"], "recovery.refuse");
}

/// A request of an operator's route with this credential.
fn operator(credential: &str) -> Request<Body> {
    let request = Request::get("/v1/admin/audit")
        .header(header::AUTHORIZATION, format!("Bearer {credential}"));
    from(
        "203.0.113.9",
        request.body(Body::empty()).expect("a request"),
    )
}

fn tick(function: &str, credential: &str) -> Request<Body> {
    let request = Request::post(format!("/v1/cron/{function}"))
        .header(header::AUTHORIZATION, format!("Bearer {credential}"));
    from(
        "203.0.113.9",
        request.body(Body::empty()).expect("a request"),
    )
}

#[tokio::test]
async fn wrong_credentials_are_slowed_down_and_right_ones_never() {
    let bench = Bench::new();
    let body = json!({ "label": "x", "role": "read-only" });
    let made = bench.operate("POST", "/v1/admin/api-keys", &body).await;
    let scoped = made.text("token");
    let unknown = format!("ks_{}", "A".repeat(43));
    let burst = usize::try_from(REFUSED_CREDENTIALS.address.burst).expect("a number");
    let mut statuses = Vec::new();
    for number in 0..burst + 5 {
        let wrong = match number % 4 {
            0 => operator("nonsense"),
            1 => operator(&unknown),
            2 => tick("renew", "nonsense"),
            _ => tick("watch", ADMIN_KEY),
        };
        let answer = bench.send(wrong).await;
        if answer.status == 429 {
            assert_eq!(answer.refusal(), (429, "rate_limited".to_owned()));
            assert_eq!(answer.headers["retry-after"], "30");
        }
        statuses.push(answer.status);
        // Every right one gets in meanwhile, from the same address.
        for right in [operator(ADMIN_KEY), operator(&scoped)] {
            assert_eq!(bench.send(right).await.status, 200, "after {number}");
        }
        assert_eq!(bench.send(tick("renew", CRON_TOKEN)).await.status, 200);
    }
    let slowed = statuses.split_off(burst);
    assert!(statuses.iter().all(|status| *status == 403), "{statuses:?}");
    assert!(slowed.iter().all(|status| *status == 429), "{slowed:?}");
    // A request without a credential is no try.
    let nobody = Request::get("/v1/admin/audit").body(Body::empty());
    let nobody = from("203.0.113.9", nobody.expect("a request"));
    assert_eq!(bench.send(nobody).await.status, 401);
    // Others are not slowed down.
    let other = from("198.51.100.7", operator("nonsense"));
    assert_eq!(bench.send(other).await.status, 403);
    written().await;
    let counted = counts(&bench, "?kind=credential.refuse&subject=203.0.113.0/24").await;
    assert_eq!(counted[0]["count"], burst + 5, "{counted:?}");
    let entries = audited(&bench, "credential.refuse").await;
    assert_eq!(entries.len(), 2, "one for each network: {entries:?}");
    let kept = serde_json::to_string(&bench.dump().await).expect("JSON");
    assert!(!kept.contains("nonsense") && !kept.contains(&unknown));
}

#[tokio::test]
async fn a_scoped_key_that_is_refused_is_named() {
    let bench = Bench::new();
    let mut expected = Vec::new();
    for (label, expires_at) in [
        ("revoked", Value::Null),
        ("expired", json!("2027-01-15T08:20:00Z")),
    ] {
        let body = json!({ "label": label, "role": "read-only", "expires_at": expires_at });
        let made = bench.operate("POST", "/v1/admin/api-keys", &body).await;
        assert_eq!(made.status, 200, "{made:?}");
        let (id, token) = (made.text("id"), made.text("token"));
        assert_eq!(bench.send(operator(&token)).await.status, 200, "{label}");
        if label == "revoked" {
            let path = format!("/v1/admin/api-keys/{id}");
            bench.operate("DELETE", &path, &json!({})).await;
        }
        bench.clock.advance(600);
        let answer = bench.send(operator(&token)).await;
        assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
        assert!(answer.text("message").contains(label), "{answer:?}");
        expected.push(format!("api_key:{id}"));
    }
    // A good key that lacks the scope is no wrong credential, but worth knowing of.
    let body = json!({ "label": "reader", "role": "read-only" });
    let made = bench.operate("POST", "/v1/admin/api-keys", &body).await;
    for _ in 0..30 {
        let body = json!({ "slug": "p", "name": "P", "price_sats": 1 });
        let mut request = json_request(Method::POST, "/v1/admin/products", &body);
        let key = format!("Bearer {}", made.text("token"));
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, key.parse().expect("a header"));
        let answer = bench.send(from("192.0.2.9", request)).await;
        assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
    }
    expected.push(format!("api_key:{}", made.text("id")));
    written().await;
    let counted = counts(&bench, "?kind=credential.refuse").await;
    let mut subjects: Vec<&str> = counted
        .iter()
        .map(|count| count["subject"].as_str().expect("a text"))
        .collect();
    subjects.sort_unstable();
    expected.sort_unstable();
    assert_eq!(subjects, expected);
}

fn database(bench: &Bench) -> Database {
    let host = bench.shop.native.host(&keywright_admin::FUNCTION);
    host.database().expect("granted")
}

/// Refused credentials of so many networks, in one hour.
fn refusals(from: usize, to: usize) -> Vec<Occurrence> {
    let now = i64::try_from(NOW).expect("a time");
    let one = |number: usize| Occurrence {
        kind: ActivityKind::CredentialRefused,
        subject: format!("network {number}"),
        at: now,
        network: None,
        request_id: "r".to_owned(),
        audit_id: format!("audit {number}"),
    };
    (from..to).map(one).collect()
}

#[tokio::test]
async fn nobody_floods_the_audit_table() {
    let bench = Bench::new();
    let database = database(&bench);
    for from in (0..3_000).step_by(500) {
        let batch = statements(&refusals(from, from + 500));
        database.batch(batch).await.expect("written");
    }
    let entries = "SELECT count(*) FROM audit WHERE action = 'credential.refuse'";
    assert_eq!(bench.number(entries).await, 200);
    let rows = "SELECT count(*) FROM hourly_counts";
    assert_eq!(bench.number(rows).await, 201, "and one for all the others");
    let sum = "SELECT sum(count) FROM hourly_counts";
    assert_eq!(bench.number(sum).await, 3_000, "none is lost");
    // Those that are told apart go on being counted, in whatever batch.
    let batch = statements(&[refusals(0, 150), refusals(2_900, 3_000)].concat());
    database.batch(batch).await.expect("written");
    let known = "SELECT sum(count) FROM hourly_counts WHERE subject <> ''";
    assert_eq!(bench.number(known).await, 350);
    assert_eq!(bench.number(sum).await, 3_250);
    assert_eq!(bench.number(entries).await, 200);
}

#[tokio::test]
async fn counts_are_forgotten_after_ninety_days() {
    let bench = Bench::new();
    let order = sale(&bench).await;
    bench.send(poll(&order)).await;
    written().await;
    let rows = async || bench.number("SELECT count(*) FROM hourly_counts").await;
    bench.clock.advance(90 * 86_400);
    bench.tick().await;
    assert_eq!(rows().await, 1);
    bench.clock.advance(3_600);
    bench.tick().await;
    assert_eq!(rows().await, 0);
}
