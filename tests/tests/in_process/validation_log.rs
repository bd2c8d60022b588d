//! The validation log: what is written, what is not, and when it goes.

use crate::bench::{Bench, NOW, json_request};
use crate::holder::{Holder, written};
use data_encoding::HEXLOWER;
use http::{HeaderValue, Method};
use keywright_license::{NewLicense, SigningKey, hash_fingerprint};
use keywright_ports::{Row, name};
use keywright_tests::shop::SIGNING_KEY;
use serde_json::{Value, json};

const DAY: u64 = 86_400;
/// SHA-256 of `hello`.
const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn keeping(days: &'static str) -> Bench {
    Bench::with(&[(name::VALIDATION_LOG_DAYS, days)])
}

async fn entries(bench: &Bench) -> Vec<Row> {
    written().await;
    bench.sql("SELECT * FROM validation_log ORDER BY id").await
}

#[tokio::test]
async fn every_result_is_logged_with_what_is_known() {
    // The default is to keep it.
    let bench = keeping("");
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let seat = holder.validate("hello").await;
    holder.validate("other").await;
    let none = json!({ "product_slug": "other" });
    holder.send("/v1/validate", none).await;
    bench.sql("UPDATE licenses SET expires_at = 1").await;
    holder.validate("hello").await;
    bench.sql("UPDATE licenses SET status = 'suspended'").await;
    holder.validate("hello").await;
    bench.sql("UPDATE licenses SET status = 'revoked'").await;
    holder.validate("hello").await;
    bench.sql("PRAGMA ignore_check_constraints = 1").await;
    bench.sql("UPDATE licenses SET status = 'lapsed'").await;
    assert_eq!(
        holder.validate("hello").await,
        json!({ "ok": false, "reason": "invalid_state" })
    );
    let bad = json!({ "key": "LIC1-AAAA-BBBB", "fingerprint": "hello" });
    bench.post("/v1/validate", &bad).await;
    let foreign = SigningKey::from_bytes(&[9; 32]).expect("a seed");
    let ours = SigningKey::from_seed_base64(SIGNING_KEY).expect("a seed");
    let unknown = NewLicense {
        product_id: holder.product_id.parse().expect("an id"),
        license_id: keywright_license::Uuid::from_u128(7),
        issued_at: 1,
        expires_at: None,
        trial: false,
        fingerprint_hash: None,
        entitlements: Vec::new(),
    };
    for key in [&foreign, &ours] {
        let key = key.sign_license(&unknown).expect("a key");
        bench.post("/v1/validate", &json!({ "key": key })).await;
    }
    let entries = entries(&bench).await;
    let shown: Vec<Value> = entries
        .iter()
        .map(|row| {
            json!([
                row["result"],
                row["license_id"],
                row["product_id"],
                row["fingerprint_hash"]
            ])
        })
        .collect();
    let (license, product) = (&holder.license_id, &holder.product_id);
    let other = HEXLOWER.encode(&hash_fingerprint("other"));
    let nobody = "00000000-0000-0000-0000-000000000007";
    let expected = [
        json!(["ok", license, product, HELLO]),
        json!(["fingerprint_mismatch", license, product, other]),
        json!(["product_mismatch", license, product, null]),
        json!(["expired", license, product, HELLO]),
        json!(["suspended", license, product, HELLO]),
        json!(["revoked", license, product, HELLO]),
        json!(["bad_format", null, null, HELLO]),
        // What a forged key says of itself is not written down as if it were so.
        json!(["bad_signature", null, null, null]),
        json!(["not_found", nobody, product, null]),
    ];
    assert_eq!(shown, expected);
    assert_eq!(entries[0]["machine_id"], seat["machine_id"]);
    assert!(entries[1..].iter().all(|row| row["machine_id"].is_null()));
    assert!(entries.iter().all(|row| row["at"] == NOW));
    let stored = serde_json::to_string(&entries).expect("JSON");
    assert!(
        !stored.contains("\"hello\"") && !stored.contains("LIC1"),
        "{stored}"
    );
}

#[tokio::test]
async fn of_the_caller_only_the_network_and_the_user_agent_are_kept() {
    let bench = keeping("90");
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let long = "é".repeat(200);
    for (address, agent) in [
        ("203.0.113.9", "app/1.0 'quoted\" {json}"),
        ("2001:db8:1:2:3:4:5:6", long.as_str()),
    ] {
        let mut request = json_request(Method::POST, "/v1/validate", &json!({ "key": holder.key }));
        let headers = request.headers_mut();
        headers.insert("x-forwarded-for", address.parse().expect("a header"));
        let agent = HeaderValue::from_bytes(agent.as_bytes()).expect("a header");
        headers.insert("user-agent", agent);
        assert_eq!(bench.send(request).await.status, 200);
    }
    let mut request = json_request(Method::POST, "/v1/validate", &json!({ "key": holder.key }));
    let unknown = HeaderValue::from_static("unknown");
    request.headers_mut().insert("x-forwarded-for", unknown);
    assert_eq!(bench.send(request).await.status, 200);
    let entries = entries(&bench).await;
    let caller = |row: &Row| json!([row["address_prefix"], row["user_agent"]]);
    assert_eq!(
        caller(&entries[0]),
        json!(["203.0.113.0/24", "app/1.0 'quoted\" {json}"])
    );
    assert_eq!(
        caller(&entries[1]),
        json!(["2001:db8:1::/48", "é".repeat(127)])
    );
    assert_eq!(caller(&entries[2]), json!([null, null]));
}

#[tokio::test]
async fn with_no_days_nothing_is_written_and_nothing_kept() {
    let bench = keeping("90");
    let holder = Holder::new(&bench, "demo", json!({})).await;
    holder.validate("a").await;
    assert_eq!(entries(&bench).await.len(), 1);
    let bench = bench.redeployed(&[(name::VALIDATION_LOG_DAYS, "0")]);
    let answer = bench
        .post("/v1/validate", &json!({ "key": holder.key }))
        .await;
    assert_eq!(answer.json()["ok"], true);
    assert_eq!(entries(&bench).await.len(), 1);
    assert_eq!(bench.tick().await.status, 200);
    assert_eq!(entries(&bench).await.len(), 0);
}

#[tokio::test]
async fn a_tick_forgets_what_is_older_than_the_operator_wants() {
    let bench = keeping("2");
    let holder = Holder::new(&bench, "demo", json!({})).await;
    for _ in 0..3 {
        holder.validate("a").await;
        written().await;
        bench.clock.advance(DAY);
    }
    // Three days, two days and one day old: the second is just not too old.
    bench.tick().await;
    let left = entries(&bench).await;
    let ages: Vec<Option<i64>> = left.iter().map(|row| row["at"].as_i64()).collect();
    let at = |days: u64| i64::try_from(NOW + days * DAY).ok();
    assert_eq!(ages, [at(1), at(2)]);
    bench.clock.advance(1);
    bench.tick().await;
    assert_eq!(entries(&bench).await.len(), 1);
}

#[tokio::test]
async fn a_tick_is_bounded() {
    let bench = keeping("1");
    bench
        .sql(
            "INSERT INTO validation_log (at, result)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
             SELECT i, 'ok' FROM n",
        )
        .await;
    let mut left = vec![];
    for _ in 0..4 {
        bench.tick().await;
        left.push(bench.number("SELECT count(*) FROM validation_log").await);
    }
    assert_eq!(left, [7_000, 2_000, 0, 0]);
}

/// A slip in the configuration neither stops the log nor empties it.
#[tokio::test]
async fn days_that_cannot_be_read_keep_everything() {
    let bench = keeping("90 days");
    let said = "VALIDATION_LOG_DAYS must be a whole number of days";
    assert!(bench.log().contains(said), "{}", bench.log());
    let holder = Holder::new(&bench, "demo", json!({})).await;
    holder.validate("a").await;
    bench.clock.advance(10_000 * DAY);
    bench.tick().await;
    assert_eq!(entries(&bench).await.len(), 1);
}
