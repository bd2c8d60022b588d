//! How often one may ask: validations of an address, heartbeats of a license.

use crate::bench::{Answer, Bench, json_request};
use crate::holder::{Holder, written};
use http::Method;
use keywright_domain::caller_limits::VALIDATIONS;
use keywright_ports::name;
use serde_json::json;

async fn from(holder: &Holder<'_>, bench: &Bench, address: &str) -> Answer {
    let body = json!({ "key": holder.key });
    let mut request = json_request(Method::POST, "/v1/validate", &body);
    let address = address.parse().expect("a header");
    request.headers_mut().insert("x-forwarded-for", address);
    let answer = bench.send(request).await;
    assert_eq!(answer.status, 200, "also when it is one too many");
    answer
}

#[tokio::test]
async fn sixty_at_once_then_one_a_second() {
    let bench = Bench::with(&[(name::VALIDATION_LOG_DAYS, "90")]);
    let holder = Holder::new(&bench, "demo", json!({})).await;
    for left in (0..60).rev() {
        let answer = from(&holder, &bench, "203.0.113.9").await;
        assert_eq!(answer.json()["ok"], true);
        assert_eq!(answer.headers["ratelimit-policy"], "\"validate\";q=60;w=60");
        let now = format!("\"validate\";r={left};t={}", 60 - left);
        assert_eq!(answer.headers["ratelimit"], now.as_str());
        assert_eq!(answer.headers.contains_key("retry-after"), left == 0);
    }
    bench.shop.database.count_anew();
    let refused = from(&holder, &bench, "203.0.113.9").await;
    assert_eq!(
        refused.json(),
        json!({ "ok": false, "reason": "rate_limited" })
    );
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.headers["ratelimit"], "\"validate\";r=0;t=60");
    // It comes first: whatever is sent.
    let mut request = json_request(Method::POST, "/v1/validate", &json!({ "key": "x" }));
    request
        .headers_mut()
        .insert("x-forwarded-for", "203.0.113.9".parse().expect("a header"));
    assert_eq!(bench.send(request).await.json()["reason"], "rate_limited");
    assert_eq!(
        from(&holder, &bench, "203.0.113.10").await.json()["ok"],
        true
    );
    bench.clock.advance(1);
    assert_eq!(
        from(&holder, &bench, "203.0.113.9").await.json()["ok"],
        true
    );
    assert_eq!(
        from(&holder, &bench, "203.0.113.9").await.json()["ok"],
        false
    );
    written().await;
    let logged = "SELECT count(*) FROM validation_log";
    assert_eq!(
        bench.number(logged).await,
        62,
        "what was not looked at is not logged"
    );
}

#[tokio::test]
async fn instances_share_the_limit() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let other = bench.redeployed(&[]);
    let mut given = 0;
    // By turns, and what was taken is written before the next ten.
    for _ in 0..10 {
        for instance in [&bench, &other] {
            for _ in 0..10 {
                let answer = from(&holder, instance, "203.0.113.9").await;
                given += u32::from(answer.json()["ok"] == true);
            }
            written().await;
        }
    }
    // Neither knows of what the other took while that was fewer than fifteen.
    assert!((60..75).contains(&given), "{given}");
}

#[tokio::test]
async fn a_caller_without_an_address_is_told_by_its_key_and_is_not_alone() {
    let bench = Bench::new();
    let one = Holder::new(&bench, "one", json!({})).await;
    for _ in 0..60 {
        assert_eq!(from(&one, &bench, "unknown").await.json()["ok"], true);
    }
    let refused = from(&one, &bench, "unknown").await.json();
    assert_eq!(refused["reason"], "rate_limited");
    // Another key of the same product is another caller.
    let key = bench.issue("one", json!({})).await.text("license_key");
    let ask = async |key: &str| {
        let mut request = json_request(Method::POST, "/v1/validate", &json!({ "key": key }));
        let unknown = "unknown".parse().expect("a header");
        request.headers_mut().insert("x-forwarded-for", unknown);
        bench.send(request).await.json()
    };
    assert_eq!(ask(&key).await["ok"], true);
    // Whoever makes up keys takes from the bucket of all of them.
    let mut asked = 62;
    while ask(&format!("LIC1-AAAA-{asked}")).await["reason"] == "bad_format" {
        asked += 1;
    }
    assert_eq!(asked, VALIDATIONS.network.burst);
    assert_eq!(ask(&key).await["reason"], "rate_limited");
    let known = from(&one, &bench, "203.0.113.9").await;
    assert_eq!(known.json()["ok"], true, "who has an address has its own");
}

#[tokio::test]
async fn a_thousand_callers_of_one_network_share_its_validations() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let mut given = 0;
    for number in 0..1_000 {
        let address = format!("2001:db8:1:{number:x}::1");
        let answer = from(&holder, &bench, &address).await.json();
        given += u32::from(answer["ok"] == true);
    }
    assert_eq!(given, VALIDATIONS.network.burst);
    // Those who were refused have left no bucket of their own.
    written().await;
    let rows = bench.number("SELECT count(*) FROM rate_limits WHERE bucket LIKE 'validate:%'");
    assert_eq!(rows.await, i64::from(VALIDATIONS.network.burst));
}

#[tokio::test]
async fn made_up_keys_do_not_fill_the_log() {
    let bench = Bench::with(&[(keywright_ports::name::VALIDATION_LOG_DAYS, "90")]);
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let garbage = async |address: &str| {
        let body = json!({ "key": "LIC1-AAAA-AAAA" });
        let mut request = json_request(Method::POST, "/v1/validate", &body);
        let address = address.parse().expect("a header");
        request.headers_mut().insert("x-forwarded-for", address);
        let answer = bench.send(request).await;
        assert_eq!(answer.json()["reason"], "bad_format");
    };
    let logged = async || {
        written().await;
        let sql = "SELECT count(*) FROM validation_log WHERE license_id IS NULL";
        bench.number(sql).await
    };
    for _ in 0..30 {
        garbage("203.0.113.9").await;
    }
    assert_eq!(logged().await, 10, "of one caller");
    for number in 0..200 {
        garbage(&format!("203.0.113.{number}")).await;
    }
    assert_eq!(logged().await, 40, "of one network");
    for number in 0..600 {
        garbage(&format!("198.{}.{}.1", 18 + number / 200, number % 200)).await;
    }
    assert_eq!(logged().await, 200, "of everybody");
    // What names a license is logged whatever comes beside it.
    from(&holder, &bench, "203.0.113.9").await;
    written().await;
    let sql = "SELECT count(*) FROM validation_log WHERE license_id IS NOT NULL";
    assert_eq!(bench.number(sql).await, 1);
}

#[tokio::test]
async fn a_license_heartbeats_sixty_times_an_hour() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({ "max_machines": 2 })).await;
    holder.activate("a").await;
    holder.activate("b").await;
    for number in 0..60 {
        let fingerprint = ["a", "b", "unknown"][number % 3];
        let answer = holder.heartbeat(fingerprint).await;
        assert_eq!(answer["ok"], fingerprint != "unknown", "{answer}");
    }
    let members = json!({ "fingerprint": "a" });
    let refused = holder.send("/v1/machines/heartbeat", members).await;
    assert_eq!(
        refused.json(),
        json!({ "ok": false, "reason": "rate_limited" })
    );
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(
        refused.headers["ratelimit-policy"],
        "\"heartbeat\";q=60;w=3600"
    );
    bench.clock.advance(59);
    assert_eq!(holder.heartbeat("a").await["ok"], false);
    bench.clock.advance(1);
    assert_eq!(holder.heartbeat("a").await["ok"], true);
    // Neither a validation nor another license is touched by it.
    assert_eq!(holder.validate("a").await["ok"], true);
    let other = Holder::new(&bench, "other", json!({})).await;
    assert_eq!(other.heartbeat("a").await["reason"], "not_activated");
}
