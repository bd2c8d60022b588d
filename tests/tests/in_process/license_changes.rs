//! What the operator changes of one license that was sold: exactly what was
//! sent, told exactly as it was, and at once in force.

use crate::bench::{Answer, Bench, json_request, signed_in};
use http::Method;
use keywright_native_host::Fault;
use serde_json::{Value, json};

pub(crate) async fn change(bench: &Bench, id: &str, body: &Value) -> Answer {
    let path = format!("/v1/admin/licenses/{id}");
    bench.operate("PATCH", &path, body).await
}

/// A member of the last audit entry of this action, as JSON.
pub(crate) async fn told(bench: &Bench, action: &str, column: &str) -> Value {
    let entries = bench.sql("SELECT * FROM audit ORDER BY rowid DESC").await;
    let entry = entries.iter().find(|entry| entry["action"] == action);
    let text = entry.expect("an entry")[column].as_str().expect("a text");
    serde_json::from_str(text).expect("JSON")
}

pub(crate) async fn events(bench: &Bench, event_type: &str) -> Vec<Value> {
    let events = bench.sql("SELECT * FROM events ORDER BY rowid").await;
    events
        .iter()
        .filter(|event| event["event_type"] == event_type)
        .map(|event| serde_json::from_str(event["data"].as_str().expect("a text")).expect("JSON"))
        .collect()
}

pub(crate) async fn validated(bench: &Bench, key: &str) -> Value {
    let asked = json!({ "key": key, "product_slug": "demo" });
    bench.post("/v1/validate", &asked).await.json()
}

#[tokio::test]
async fn a_change_is_in_force_and_told_exactly() {
    let bench = Bench::new();
    let product_id = bench.product("demo", 5).await;
    let issued = bench
        .issue("demo", json!({ "entitlements": ["old"], "note": "press" }))
        .await;
    let (id, old_key) = (issued.text("license_id"), issued.text("license_key"));
    bench.clock.advance(60);
    let sent = json!({
        "max_machines": 5, "entitlements": ["new", "newer"], "expires_at": "2030-01-01T02:00:00+02:00",
        "grace_seconds": 60, "is_trial": true, "max_activations_per_day": 9,
        "buyer_email": " Buyer@Example.com ", "note": "press", "nostr_npub": "npub1",
    });
    let answer = change(&bench, &id, &sent).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let changed = answer.json();
    for (member, value) in [
        ("id", json!(id)),
        ("max_machines", json!(5)),
        ("entitlements", json!(["new", "newer"])),
        ("expires_at", json!("2030-01-01T00:00:00Z")),
        ("grace_seconds", json!(60)),
        ("is_trial", json!(true)),
        ("max_activations_per_day", json!(9)),
        ("buyer_email", json!("Buyer@Example.com")),
        ("note", json!("press")),
        ("status", json!("active")),
        ("active_machines", json!(0)),
        ("machines_over_limit", json!(0)),
        ("updated_at", json!("2027-01-15T08:01:00Z")),
        ("issued_at", json!("2027-01-15T08:00:00Z")),
    ] {
        assert_eq!(changed[member], value, "{member}");
    }
    // What is sent and is so already, the note, is no change.
    let before = json!({
        "max_machines": 1, "entitlements": ["old"], "expires_at": null, "grace_seconds": 0,
        "is_trial": false, "max_activations_per_day": null, "buyer_email": null,
    });
    let after = json!({
        "max_machines": 5, "entitlements": ["new", "newer"], "expires_at": 1_893_456_000,
        "grace_seconds": 60, "is_trial": true, "max_activations_per_day": 9,
        "buyer_email": "Buyer@Example.com",
    });
    assert_eq!(told(&bench, "license.change", "before").await, before);
    assert_eq!(told(&bench, "license.change", "after").await, after);
    let mut event =
        json!({ "license_id": id, "product_id": product_id, "before": before, "after": after });
    event["after"]["expires_at"] = json!("2030-01-01T00:00:00Z");
    assert_eq!(events(&bench, "license.changed").await, [event]);

    // The new key says what is recorded now; the old one still validates, with
    // the terms of now.
    let new_key = answer.text("license_key");
    assert_ne!(new_key, old_key);
    let verified = bench.verified(&new_key);
    assert_eq!(verified.payload().entitlements(), ["new", "newer"]);
    assert_eq!(verified.payload().expires_at(), Some(1_893_456_000));
    for key in [&old_key, &new_key] {
        let valid = validated(&bench, key).await;
        assert_eq!(valid["ok"], true, "{valid}");
        assert_eq!(valid["entitlements"], json!(["new", "newer"]));
        assert_eq!(valid["max_machines"], 5);
    }
    let token = answer.text("token");
    let file = format!("{}?token={token}", crate::bench::FILE);
    assert_eq!(bench.get(&file).await.status, 200);

    // Null clears what may be empty; what is not sent stays.
    let cleared = json!({ "expires_at": null, "max_activations_per_day": null,
                          "buyer_email": null, "note": " " });
    let cleared = change(&bench, &id, &cleared).await.json();
    for member in [
        "expires_at",
        "max_activations_per_day",
        "buyer_email",
        "note",
    ] {
        assert_eq!(cleared[member], Value::Null, "{member}");
    }
    assert_eq!(cleared["max_machines"], 5);
    let shown = bench
        .operate("GET", &format!("/v1/admin/licenses/{id}"), &json!({}))
        .await;
    let mut shown = shown.json();
    shown["license_key"] = cleared["license_key"].clone();
    shown["token"] = cleared["token"].clone();
    assert_eq!(shown, cleared, "the answer is the license as it is shown");
}

#[tokio::test]
async fn what_changes_nothing_is_not_told() {
    let bench = Bench::new();
    let catalog = json!([{ "slug": "a", "name": "A" }]);
    let product_id = bench.product("demo", 5).await;
    let path = format!("/v1/admin/products/{product_id}");
    let described = json!({ "description": "A \"b\" \\ \u{e9}\n\u{1f600}", "metadata": { "b": [1, 2.5, null], "a": "\u{1}" },
                            "entitlements_catalog": catalog });
    assert_eq!(bench.operate("PATCH", &path, &described).await.status, 200);
    let terms = json!({ "entitlements": ["a", "\"\\"], "duration_seconds": 60, "tier_rank": 3,
                        "max_activations_per_day": 0, "metadata": { "highlight": true } });
    let policy_id = bench.policy("demo", "pro", terms.clone()).await;
    let members = json!({ "entitlements": ["a"], "max_machines": 2, "note": "n \"q\" \u{e9}",
                          "expires_at": "2030-01-01T00:00:00Z" });
    let issued = bench.issue("demo", members.clone()).await;
    let id = issued.text("license_id");
    bench.clock.advance(60);
    let mut policy = terms;
    policy["archived"] = json!(false);
    policy["price_sats_override"] = json!(null);
    for (path, body) in [
        (path.clone(), json!({})),
        (path.clone(), described),
        (
            path.clone(),
            json!({ "price_sats": 5, "active": true, "name": "demo" }),
        ),
        (
            path.clone(),
            json!({ "price_currency": "SAT", "price_value": 5 }),
        ),
        (format!("{path}/active"), json!({ "active": true })),
        (format!("/v1/admin/policies/{policy_id}"), json!({})),
        (format!("/v1/admin/policies/{policy_id}"), policy),
        (
            format!("/v1/admin/policies/{policy_id}/active"),
            json!({ "active": true }),
        ),
        (
            format!("/v1/admin/policies/{policy_id}/public"),
            json!({ "public": true }),
        ),
        (
            format!("/v1/admin/policies/{policy_id}/archived"),
            json!({ "archived": false }),
        ),
        (format!("/v1/admin/licenses/{id}"), json!({})),
        (format!("/v1/admin/licenses/{id}"), members),
        (
            format!("/v1/admin/licenses/{id}"),
            json!({ "buyer_email": null, "is_trial": false }),
        ),
        (
            format!("/v1/admin/licenses/{id}"),
            json!({ "note": null, "max_machines": null }),
        ),
    ] {
        let request = signed_in(json_request(Method::PATCH, &path, &body));
        if body.get("note") == Some(&Value::Null) {
            // Only what may be empty is cleared by null.
            assert_eq!(bench.send(request).await.json()["max_machines"], 2);
            assert_eq!(
                told(&bench, "license.change", "after").await,
                json!({ "note": null })
            );
        } else {
            let answer = bench.untouched_by(request).await;
            assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn each_member_has_its_limits() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let id = bench.issue("demo", json!({})).await.text("license_id");
    let path = format!("/v1/admin/licenses/{id}");
    let century = 100_i64 * 365 * 86_400;
    let (bad, unfit) = (400, 422);
    for (member, value, status) in [
        ("max_machines", json!(-1), bad),
        ("max_machines", json!(1_000_001), bad),
        ("max_machines", json!("1"), unfit),
        ("grace_seconds", json!(-1), bad),
        ("grace_seconds", json!(century + 1), bad),
        ("entitlements", json!([""]), bad),
        ("entitlements", json!(["a b"]), bad),
        ("entitlements", json!(vec!["e"; 256]), bad),
        ("entitlements", json!([1]), unfit),
        ("is_trial", json!(1), unfit),
        ("expires_at", json!(""), bad),
        ("expires_at", json!("tomorrow"), bad),
        ("expires_at", json!("1970-01-01T00:00:00Z"), bad),
        ("expires_at", json!("1970-01-01T00:00:00.9Z"), bad),
        ("expires_at", json!(0), unfit),
        ("max_activations_per_day", json!(-1), bad),
        ("max_activations_per_day", json!(1_000_001), bad),
        ("max_activations_per_day", json!("9"), unfit),
        ("note", json!("n".repeat(2_001)), bad),
        ("note", json!("a\u{0}b"), bad),
        ("buyer_email", json!("e".repeat(2_001)), bad),
        ("buyer_email", json!("a\u{0}@b"), bad),
        ("buyer_email", json!(1), unfit),
    ] {
        // Beside a member that is right: all or nothing.
        let mut body = json!({ "max_machines": 7 });
        body[member] = value.clone();
        let request = signed_in(json_request(Method::PATCH, &path, &body));
        let answer = bench.untouched_by(request).await;
        assert_eq!(answer.status, status, "{member} {value}: {answer:?}");
        answer.code();
    }
    let most = json!({
        "max_machines": 1_000_000, "grace_seconds": century, "max_activations_per_day": 1_000_000,
        "expires_at": "9999-12-31T23:59:59Z", "note": "n".repeat(2_000),
    });
    assert_eq!(change(&bench, &id, &most).await.status, 200);
    let unlimited = json!({ "max_machines": 0, "max_activations_per_day": 0 });
    assert_eq!(
        change(&bench, &id, &unlimited).await.json()["max_machines"],
        0
    );
}

#[tokio::test]
async fn fewer_seats_than_machines_leave_the_machines() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let issued = bench.issue("demo", json!({ "max_machines": 3 })).await;
    let id = issued.text("license_id");
    for machine in ["m1", "m2", "m3"] {
        bench.machine(machine, &id).await;
    }
    let free = "/v1/admin/machines/m1/deactivate";
    for (seats, active, over) in [(3, 3, 0), (1, 3, 2), (0, 3, 0), (2, 3, 1)] {
        let changed = change(&bench, &id, &json!({ "max_machines": seats })).await;
        let changed = changed.json();
        assert_eq!(changed["active_machines"], active, "{seats} seats");
        assert_eq!(changed["machines_over_limit"], over, "{seats} seats");
        assert_eq!(changed["machines"].as_array().map(Vec::len), Some(3));
    }
    bench.operate("POST", free, &json!({})).await;
    let path = format!("/v1/admin/licenses/{id}");
    let shown = bench.operate("GET", &path, &json!({})).await.json();
    assert_eq!(shown["active_machines"], 2);
    assert_eq!(shown["machines_over_limit"], 0);
}

#[tokio::test]
async fn a_change_that_could_not_be_signed_shows_its_key_when_sent_again() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let id = bench.issue("demo", json!({})).await.text("license_id");
    let sent = json!({ "entitlements": ["pro"] });
    bench.shop.database.break_call(1, Fault::Before);
    let answer = change(&bench, &id, &sent).await;
    bench.shop.database.mend();
    assert_eq!(answer.refusal(), (503, "service_unavailable".to_owned()));
    let path = format!("/v1/admin/licenses/{id}");
    let again = signed_in(json_request(Method::PATCH, &path, &sent));
    let again = bench.untouched_by(again).await;
    let key = again.text("license_key");
    assert_eq!(bench.verified(&key).payload().entitlements(), ["pro"]);
}

#[tokio::test]
async fn a_limit_of_activations_comes_with_the_license() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    for (sent, kept) in [
        (json!({}), json!(null)),
        (json!({ "max_activations_per_day": 4 }), json!(4)),
    ] {
        let issued = bench.issue("demo", sent).await;
        assert_eq!(issued.json()["max_activations_per_day"], kept);
        let path = format!("/v1/admin/licenses/{}", issued.text("license_id"));
        let shown = bench.operate("GET", &path, &json!({})).await.json();
        assert_eq!(shown["max_activations_per_day"], kept);
    }
    for (member, value) in [
        ("max_activations_per_day", json!(-1)),
        ("max_activations_per_day", json!(1_000_001)),
        ("note", json!("a\u{0}")),
        ("buyer_email", json!("a\u{0}@b")),
    ] {
        let body = json!({ "product_slug": "demo", member: value });
        let request = signed_in(json_request(Method::POST, "/v1/admin/licenses", &body));
        assert_eq!(bench.untouched_by(request).await.status, 400, "{member}");
    }
}
