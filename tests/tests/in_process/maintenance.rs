//! Included updates: sold with a policy, kept in the license, told in the
//! token, and weighed by the gate.

use crate::bench::{Bench, NOW};
use crate::gatehouse::{House, LINUX, refusal};
use keywright_license::Token;
use keywright_tests::published::release;
use serde_json::{Value, json};

const YEAR: u64 = 365 * 86_400;

fn payload(token: &str) -> Value {
    let token = Token::parse(token).expect("a token");
    serde_json::from_slice(token.unverified_payload()).expect("JSON")
}

fn day_after(seconds: u64) -> String {
    keywright_domain::dates::utc_day(i64::try_from(NOW + seconds).expect("a time"))
}

#[tokio::test]
async fn a_policys_time_of_updates_is_sold_and_kept() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let members = json!({ "maintenance_seconds": YEAR, "price_sats_override": 0 });
    let policy = bench.policy("demo", "pro", members).await;
    let order = json!({ "product": "demo", "policy_slug": "pro" });
    let bought = bench.post("/v1/purchase", &order).await;
    assert_eq!(bought.status, 200, "{bought:?}");
    // What is sold later has other terms; what was sold keeps its own.
    let change = json!({ "maintenance_seconds": null });
    let changed = bench
        .operate("PATCH", &format!("/v1/admin/policies/{policy}"), &change)
        .await;
    assert_eq!(changed.json()["maintenance_seconds"], Value::Null);
    let invoice = bought.text("invoice_id");
    let polled = bench.get(&format!("/v1/purchase/{invoice}")).await;
    let licenses = bench.operate("GET", "/v1/admin/licenses", &json!({})).await;
    let license = &licenses.json()["licenses"][0];
    assert_eq!(license["maintenance_until"], day_after(YEAR));
    let until = bench.number("SELECT maintenance_until FROM licenses").await;
    assert_eq!(until % 86_400, 86_399, "a day's last second");
    assert_eq!(polled.status, 200);
    let id = license["id"].as_str().expect("an id");
    let touched = bench
        .operate("PATCH", &format!("/v1/admin/licenses/{id}"), &json!({}))
        .await;
    let claims = payload(&touched.text("token"));
    assert_eq!(claims["maintenance_until"], day_after(YEAR));
    assert_eq!(claims["license"], id);
    let order = bench.post("/v1/purchase", &order).await;
    assert_eq!(order.status, 200);
    let later = bench
        .number("SELECT count(*) FROM licenses WHERE maintenance_until IS NULL")
        .await;
    assert_eq!(later, 1);
}

#[tokio::test]
async fn the_operator_sets_and_changes_the_last_day() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    bench
        .policy("demo", "pro", json!({ "maintenance_seconds": YEAR }))
        .await;
    let by_policy = bench.issue("demo", json!({ "policy_slug": "pro" })).await;
    assert_eq!(by_policy.json()["maintenance_until"], day_after(YEAR));
    let by_hand = json!({ "policy_slug": "pro", "maintenance_until": "2030-02-28" });
    let by_hand = bench.issue("demo", by_hand).await;
    assert_eq!(by_hand.json()["maintenance_until"], "2030-02-28");
    assert_eq!(
        payload(&by_hand.text("token"))["maintenance_until"],
        "2030-02-28"
    );
    let none = bench.issue("demo", json!({})).await;
    assert_eq!(none.json()["maintenance_until"], Value::Null);
    let claims = payload(&none.text("token"));
    assert!(claims.get("maintenance_until").is_none(), "{claims}");
    let path = format!("/v1/admin/licenses/{}", by_hand.text("license_id"));
    for (day, shown) in [
        (json!("2031-01-01"), json!("2031-01-01")),
        (json!(null), json!(null)),
    ] {
        for _ in 0..2 {
            let change = json!({ "maintenance_until": day });
            let changed = bench.operate("PATCH", &path, &change).await;
            assert_eq!(changed.json()["maintenance_until"], shown, "{changed:?}");
        }
    }
    let told = "SELECT count(*) FROM audit WHERE action = 'license.change'";
    assert_eq!(
        bench.number(told).await,
        2,
        "what changes nothing is not told"
    );
    for bad in [
        json!("2030-02-29"),
        json!("2030"),
        json!("2030-02-28T00:00:00Z"),
        json!(""),
    ] {
        let change = json!({ "maintenance_until": bad });
        let answer = bench.operate("PATCH", &path, &change).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{bad}");
        let mut new = json!({ "product_slug": "demo" });
        new["maintenance_until"] = bad.clone();
        let answer = bench.operate("POST", "/v1/admin/licenses", &new).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{bad}");
    }
    for bad in [0, -1, 100 * 365 * 86_400_i64 + 1] {
        let new =
            json!({ "product_slug": "demo", "slug": "x", "name": "X", "maintenance_seconds": bad });
        let answer = bench.operate("POST", "/v1/admin/policies", &new).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn a_bought_token_opens_what_was_built_in_its_time() {
    let built = |version: &str, at: u64| {
        release("demo", version)
            .file(LINUX, "demo", version.as_bytes())
            .with("built_at_unix", json!(at))
    };
    let house = House::alone(&[built("1.0.0", NOW - YEAR), built("2.0.0", NOW + 2 * 86_400)]);
    house.bench.product("demo", 1).await;
    let members = json!({ "maintenance_until": day_after(86_400) });
    let [_, _, token] = house.license("demo", members).await;
    let ask = |version: &str| format!("/releases/demo/{version}/{LINUX}");
    assert_eq!(house.get_with(&ask("1.0.0"), &token).await.status, 200);
    let late = house.get_with(&ask("2.0.0"), &token).await;
    assert_eq!(refusal(&late), (403, "maintenance-expired".to_owned()));
    // Years later what was included still is.
    house.bench.clock.advance(10 * YEAR);
    assert_eq!(house.get_with(&ask("1.0.0"), &token).await.status, 200);
}

/// A license that was sold when entitlements could take more room than a token
/// leaves now still gets its token.
#[tokio::test]
async fn a_license_with_the_longest_entitlements_of_old_is_signed() {
    let bench = Bench::new();
    let slug = "d".repeat(64);
    bench.product(&slug, 0).await;
    let issued = bench.issue(&slug, json!({})).await;
    let id = issued.text("license_id");
    // 5,900 bytes of JSON, the limit of old.
    let long: Vec<String> = (0..22).map(|number| format!("{number:0>255}")).collect();
    let mut long = [long, vec!["x".repeat(220)]].concat();
    let rest = 5_900 - serde_json::to_string(&long).expect("JSON").len();
    long[22].push_str(&"x".repeat(rest));
    let text = serde_json::to_string(&long).expect("JSON");
    assert_eq!(text.len(), 5_900);
    bench
        .sql(&format!("UPDATE licenses SET entitlements = '{text}'"))
        .await;
    let path = format!("/v1/admin/licenses/{id}");
    let signed = bench.operate("PATCH", &path, &json!({})).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    let claims = payload(&signed.text("token"));
    assert_eq!(claims["entitlements"], json!(long));
    assert!(claims.get("license").is_none());
}
