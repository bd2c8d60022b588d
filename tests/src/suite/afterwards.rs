//! What is written after the answer, and what it is written for: the
//! validation log, signs of life, rate limits.

use super::cases;
use super::floor::{eventually, issue, now, product, text, tick};
use super::races::at_once;
use crate::hosts::{Answer, Instance};
use data_encoding::HEXLOWER;
use http::Method;
use keywright_license::hash_fingerprint;
use keywright_ports::Row;
use serde_json::{Value, json};

cases![
    validations_are_logged,
    forged_keys_are_logged_without_their_claims,
    signs_of_life alone,
    old_validations_go alone,
    validations_are_limited alone,
    a_rush_is_counted_to_the_last alone,
    heartbeats_are_limited alone,
];

async fn holder(instance: &Instance, slug: &str) -> (String, String) {
    product(instance, slug, 10).await;
    let issued = issue(instance, slug, json!({})).await;
    (text(&issued, "license_key"), text(&issued, "license_id"))
}

/// As a caller of this address.
async fn validate_from(instance: &Instance, address: &str, body: &Value) -> Answer {
    let request = instance.api.request(Method::POST, "/v1/validate");
    let request = request
        .header("x-forwarded-for", address)
        .header("user-agent", "suite/1.0 (\u{e9}\"')");
    instance.api.send(request.json(body)).await
}

/// The rows of a statement, as soon as there are so many.
async fn rows(instance: &Instance, sql: &'static str, param: &str, count: usize) -> Vec<Row> {
    let params = &[param];
    let look = || instance.database.rows(sql, params);
    let are_there = |found: &Vec<Row>| found.len() >= count;
    eventually(look, are_there, &format!("there are {count} rows")).await
}

async fn validations_are_logged(instance: &Instance) {
    let started = now();
    let (key, license_id) = holder(instance, "logged").await;
    let good = json!({ "key": key, "product_slug": "logged", "fingerprint": "hello" });
    let seat = validate_from(instance, "198.51.100.7", &good).await.ok();
    let other = json!({ "key": key, "product_slug": "other" });
    validate_from(instance, "2001:db8:1:2::9", &other)
        .await
        .ok();
    let sql = "SELECT * FROM validation_log WHERE license_id = ?1 ORDER BY result";
    let logged = rows(instance, sql, &license_id, 2).await;
    assert_eq!(logged.len(), 2, "{logged:?}");
    for (row, result, machine, hash, network) in [
        (
            &logged[0],
            "ok",
            seat["machine_id"].clone(),
            json!("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
            "198.51.100.0/24",
        ),
        (
            &logged[1],
            "product_mismatch",
            Value::Null,
            Value::Null,
            "2001:db8:1::/48",
        ),
    ] {
        assert_eq!(row["result"], result);
        assert_eq!(row["product_id"], seat["product_id"]);
        assert_eq!(row["machine_id"], machine);
        assert_eq!(row["fingerprint_hash"], hash);
        assert_eq!(row["address_prefix"], network);
        let agent = row["user_agent"].as_str().unwrap_or_default();
        assert!(agent.starts_with("suite/1.0 ("), "{agent}");
        let at = row["at"].as_i64().expect("a time");
        assert!((started..=now()).contains(&at), "{at}");
    }
}

async fn forged_keys_are_logged_without_their_claims(instance: &Instance) {
    let (key, license_id) = holder(instance, "forged-log").await;
    let (start, end) = key.rsplit_once('-').expect("a signature");
    let swapped: String = end.chars().rev().collect();
    // A signature of 103 characters whose last one has no spare bits set.
    let forged = format!("{start}-{}A", &swapped[..102]);
    let body = json!({ "key": forged, "fingerprint": "forged-log" });
    let answer = validate_from(instance, "198.51.100.8", &body).await.ok();
    assert_eq!(answer["reason"], "bad_signature");
    let hash = HEXLOWER.encode(&hash_fingerprint("forged-log"));
    let sql = "SELECT * FROM validation_log WHERE fingerprint_hash = ?1";
    let logged = rows(instance, sql, &hash, 1).await;
    assert_eq!(logged[0]["result"], "bad_signature");
    assert!(logged[0]["license_id"].is_null() && logged[0]["product_id"].is_null());
    let sql = "SELECT count(*) AS n FROM validation_log WHERE license_id = ?1";
    assert_eq!(instance.database.count(sql, &[&license_id]).await, 0);
}

async fn signs_of_life(instance: &Instance) {
    let (key, license_id) = holder(instance, "signs").await;
    let members = json!({ "key": key, "fingerprint": "a", "hostname": "old" });
    instance.api.post("/v1/validate", &members).await.ok();
    for (way, hostname, expected) in [
        ("/v1/validate", Some("new"), "new"),
        ("/v1/machines/activate", Some("newer"), "newer"),
        ("/v1/machines/heartbeat", None, "newer"),
    ] {
        let sql = "UPDATE machines SET last_seen_at = last_seen_at - 600 WHERE license_id = ?1";
        instance.database.change(sql, &[&license_id]).await;
        let mut members = json!({ "key": key, "fingerprint": "a" });
        if let Some(hostname) = hostname {
            members["hostname"] = hostname.into();
        }
        let answer = instance.api.post(way, &members).await.ok();
        assert_eq!(answer["ok"], true, "{way}: {answer}");
        let sql = "SELECT hostname FROM machines
                   WHERE license_id = ?1 AND last_seen_at >= activated_at";
        let seen = rows(instance, sql, &license_id, 1).await;
        assert_eq!(seen[0]["hostname"], expected, "{way}");
    }
}

async fn old_validations_go(instance: &Instance) {
    let (key, license_id) = holder(instance, "retention").await;
    instance
        .api
        .post("/v1/validate", &json!({ "key": key }))
        .await
        .ok();
    let fresh = "SELECT id FROM validation_log WHERE license_id = ?1";
    rows(instance, fresh, &license_id, 1).await;
    let old = "INSERT INTO validation_log (id, at, result) VALUES (-7, 1, ?1)";
    instance.database.change(old, &["ok"]).await;
    tick(instance).await.ok();
    let old = "SELECT count(*) AS n FROM validation_log WHERE id = -7";
    assert_eq!(instance.database.count(old, &[]).await, 0);
    assert_eq!(rows(instance, fresh, &license_id, 1).await.len(), 1);
}

/// Has a bucket stand as other instances left it: empty.
async fn empty_bucket(instance: &Instance, bucket: &str, full_in_seconds: i64) {
    let full_at = ((now() + full_in_seconds) * 1_000).to_string();
    let sql = "INSERT INTO rate_limits (bucket, full_at) VALUES (?1, CAST(?2 AS INTEGER))";
    instance.database.change(sql, &[bucket, &full_at]).await;
}

fn limited(answer: &Answer, name: &str) {
    let expected = json!({ "ok": false, "reason": "rate_limited" });
    assert_eq!(answer.ok(), expected);
    let wait: i64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=3_660).contains(&wait), "{wait}");
    let policy = answer.header("ratelimit-policy");
    assert!(policy.starts_with(&format!("\"{name}\";q=60")), "{policy}");
    let left = answer.header("ratelimit");
    assert!(left.starts_with(&format!("\"{name}\";r=0")), "{left}");
}

async fn validations_are_limited(instance: &Instance) {
    let (key, license_id) = holder(instance, "limited").await;
    let body = json!({ "key": key });
    empty_bucket(instance, "validate:198.51.100.60", 3_660).await;
    for _ in 0..2 {
        limited(
            &validate_from(instance, "198.51.100.60", &body).await,
            "validate",
        );
    }
    let answer = validate_from(instance, "198.51.100.61", &body).await;
    assert_eq!(answer.ok()["ok"], true);
    assert!(
        answer.header("ratelimit").starts_with("\"validate\";r="),
        "{answer:?}"
    );
    assert_eq!(answer.header("retry-after"), "");
    let sql = "SELECT id FROM validation_log WHERE license_id = ?1";
    let logged = rows(instance, sql, &license_id, 1).await;
    assert_eq!(logged.len(), 1, "what was not looked at is not logged");
}

/// Whether a validation was looked at.
fn is_let_in(answer: &Answer) -> bool {
    answer.ok()["reason"] != "rate_limited"
}

/// However many instances a rush meets at once, each request that got through
/// is charged: nothing is left for the next ones, and the bucket says why.
async fn a_rush_is_counted_to_the_last(instance: &Instance) {
    let (key, _) = holder(instance, "validated-in-a-rush").await;
    let body = json!({ "key": key });
    let address = "198.51.100.62";
    let started = now();
    let mut let_in = 0;
    for _ in 0..6 {
        let answers = at_once(40, |_| validate_from(instance, address, &body)).await;
        let_in += answers.iter().filter(|answer| is_let_in(answer)).count();
    }
    assert!(let_in >= 60, "{let_in}");
    // Seconds of tokens that the bucket lacks, once all of them are charged.
    let sql = "SELECT full_at FROM rate_limits WHERE bucket = ?1";
    let charged = async move |let_in: usize| {
        let look = || async move {
            let found = rows(instance, sql, "validate:198.51.100.62", 1).await;
            found[0]["full_at"].as_i64().expect("milliseconds") / 1_000 - started
        };
        let let_in = i64::try_from(let_in).expect("a count");
        eventually(look, |charged| *charged >= let_in, "all are charged").await
    };
    charged(let_in).await;
    let emptied = now();
    let mut refused = 0;
    for _ in 0..20 {
        let answer = validate_from(instance, address, &body).await;
        if is_let_in(&answer) {
            let_in += 1;
        } else {
            refused += 1;
        }
    }
    // A token came back with every second that passed, also before the rush was over.
    let back = now() - emptied + (emptied - started);
    assert!(
        refused + back >= 20,
        "{refused} refused while {back} tokens came back"
    );
    let charged = charged(let_in).await;
    let let_in = i64::try_from(let_in).expect("a count");
    // A bucket counts from its first charge, which is written a moment later.
    let late = now() - started;
    assert!(
        (let_in..=let_in + late).contains(&charged),
        "{let_in} let in, {charged} charged after {late} s"
    );
}

async fn heartbeats_are_limited(instance: &Instance) {
    let (key, license_id) = holder(instance, "limited-beats").await;
    let body = json!({ "key": key, "fingerprint": "a" });
    let seat = instance.api.post("/v1/validate", &body).await.ok();
    let path = "/v1/machines/heartbeat";
    let beat = instance.api.post(path, &body).await.ok();
    assert_eq!(
        beat,
        json!({ "ok": true, "machine_id": seat["machine_id"] })
    );
    let bucket = format!("heartbeat:{license_id}");
    empty_bucket(instance, &bucket, 3_660).await;
    for _ in 0..2 {
        limited(&instance.api.post(path, &body).await, "heartbeat");
    }
    assert_eq!(
        instance.api.post("/v1/validate", &body).await.ok()["ok"],
        true
    );
}
