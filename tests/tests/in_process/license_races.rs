//! Many operators at once, on four threads: every change is made once and told
//! once, and the tale has no gap.

use crate::bench::{Bench, json_request, signed_in};
use crate::races::at_once;
use http::Method;
use keywright_ports::Row;
use serde_json::{Value, json};
use std::sync::Arc;

/// Sends these requests of the operator at once; answers their statuses.
async fn operate(bench: &Arc<Bench>, requests: Vec<(Method, String, Value)>) -> Vec<u16> {
    let requests: Vec<_> = requests
        .into_iter()
        .map(|(method, path, body)| {
            let request = signed_in(json_request(method, &path, &body));
            let bench = bench.clone();
            async move { bench.send(request).await.status }
        })
        .collect();
    at_once(requests.into_iter()).await
}

/// The audit entries about an object in the order they were written, as
/// `(before, after)`.
async fn tale(bench: &Bench, action: &str) -> Vec<(Value, Value)> {
    let mut entries = bench.sql("SELECT * FROM audit ORDER BY rowid").await;
    entries.retain(|entry| entry["action"] == action);
    let json = |entry: &Row, column: &str| -> Value {
        serde_json::from_str(entry[column].as_str().expect("a text")).expect("JSON")
    };
    entries
        .iter()
        .map(|entry| (json(entry, "before"), json(entry, "after")))
        .collect()
}

async fn count(bench: &Bench, what: &str) -> usize {
    let number = bench.number(&format!("SELECT count(*) FROM {what}")).await;
    usize::try_from(number).expect("a count")
}

/// Plays a tale over what was there first; every entry has to begin where the
/// one before it ended.
fn played(first: &Value, tale: &[(Value, Value)]) -> Value {
    let mut now = first.clone();
    for (before, after) in tale {
        let members = after.as_object().expect("members");
        assert!(!members.is_empty(), "an entry tells of a change");
        let names = |value: &Value| -> Vec<String> {
            value
                .as_object()
                .expect("members")
                .keys()
                .cloned()
                .collect()
        };
        assert_eq!(names(before), names(after));
        for (name, value) in members {
            assert_eq!(now[name], before[name], "{name} was told as it was");
            assert_ne!(&now[name], value, "{name} changed");
            now[name] = value.clone();
        }
    }
    now
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_one_license_leave_a_tale_without_a_gap() {
    let bench = Arc::new(Bench::new());
    bench.product("demo", 1).await;
    let id = bench.issue("demo", json!({})).await.text("license_id");
    let path = format!("/v1/admin/licenses/{id}");
    let change = |number: i64| match number % 5 {
        0 => json!({ "max_machines": number % 7 }),
        1 => json!({ "entitlements": [format!("e{}", number % 3)], "note": format!("n{number}") }),
        2 => json!({ "max_machines": number % 7, "grace_seconds": number % 4 }),
        3 => json!({ "note": null, "is_trial": number % 2 == 0 }),
        _ => json!({ "expires_at": format!("2030-01-0{}T00:00:00Z", number % 9 + 1) }),
    };
    let requests = (0..200)
        .map(|number| (Method::PATCH, path.clone(), change(number)))
        .collect();
    assert_eq!(operate(&bench, requests).await, [200; 200]);
    let tale = tale(&bench, "license.change").await;
    assert!((20..=200).contains(&tale.len()), "{}", tale.len());
    let events = "events WHERE event_type = 'license.changed'";
    assert_eq!(count(&bench, events).await, tale.len());
    let first = json!({ "max_machines": 1, "entitlements": [], "grace_seconds": 0, "note": null,
                        "is_trial": false, "expires_at": null });
    let last = played(&first, &tale);
    let row = &bench.sql("SELECT * FROM licenses").await[0];
    let entitlements: Value =
        serde_json::from_str(row["entitlements"].as_str().expect("a text")).expect("JSON");
    assert_eq!(last["entitlements"], entitlements);
    for member in ["max_machines", "grace_seconds", "note", "expires_at"] {
        assert_eq!(last[member], row[member], "{member}");
    }
    assert_eq!(last["is_trial"], row["is_trial"] == 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_change_at_once_is_told_once() {
    let bench = Arc::new(Bench::new());
    let product_id = bench.product("demo", 1).await;
    let policy_id = bench.policy("demo", "pro", json!({})).await;
    let license_id = bench.issue("demo", json!({})).await.text("license_id");
    bench.machine("m", &license_id).await;
    for (method, path, body, action, event) in [
        (
            Method::PATCH,
            format!("/v1/admin/licenses/{license_id}"),
            json!({ "max_machines": 9 }),
            "license.change",
            Some("license.changed"),
        ),
        (
            Method::PATCH,
            format!("/v1/admin/products/{product_id}"),
            json!({ "name": "New" }),
            "product.change",
            None,
        ),
        (
            Method::PATCH,
            format!("/v1/admin/policies/{policy_id}/archived"),
            json!({ "archived": true }),
            "policy.change",
            None,
        ),
        (
            Method::POST,
            "/v1/admin/machines/m/deactivate".to_owned(),
            json!({ "reason": "r" }),
            "machine.deactivate",
            Some("machine.deactivated"),
        ),
        (
            Method::POST,
            format!("/v1/admin/licenses/{license_id}/suspend"),
            json!({ "reason": "r" }),
            "license.suspend",
            Some("license.suspended"),
        ),
    ] {
        let requests = vec![(method, path, body); 200];
        assert_eq!(operate(&bench, requests).await, [200; 200], "{action}");
        let told = count(&bench, &format!("audit WHERE action = '{action}'")).await;
        assert_eq!(told, 1, "{action}");
        if let Some(event) = event {
            let told = count(&bench, &format!("events WHERE event_type = '{event}'")).await;
            assert_eq!(told, 1, "{event}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn suspending_and_unsuspending_take_turns_until_somebody_revokes() {
    let bench = Arc::new(Bench::new());
    bench.product("demo", 1).await;
    let id = bench.issue("demo", json!({})).await.text("license_id");
    let requests = (0..200)
        .map(|number| {
            let verb = match number {
                150 => "revoke",
                even if even % 2 == 0 => "suspend",
                _ => "unsuspend",
            };
            (
                Method::POST,
                format!("/v1/admin/licenses/{id}/{verb}"),
                json!({}),
            )
        })
        .collect();
    let statuses = operate(&bench, requests).await;
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 409)),
        "{statuses:?}"
    );
    let mut entries = bench.sql("SELECT * FROM audit ORDER BY rowid").await;
    entries.retain(|entry| entry["action"] != "license.issue" && entry["object_kind"] == "license");
    let mut now = json!("active");
    for entry in &entries {
        let json = |column: &str| -> Value {
            serde_json::from_str(entry[column].as_str().expect("a text")).expect("JSON")
        };
        assert_eq!(json("before")["status"], now);
        assert_ne!(json("after")["status"], now);
        now = json("after")["status"].clone();
    }
    assert_eq!(now, "revoked", "nothing comes after it");
    assert_eq!(
        bench.sql("SELECT status FROM licenses").await[0]["status"],
        "revoked"
    );
    let events = "events WHERE event_type LIKE 'license.%' AND event_type <> 'license.issued'";
    assert_eq!(count(&bench, events).await, entries.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_product_goes_or_is_sold_never_both() {
    for round in 0..20 {
        let bench = Arc::new(Bench::new());
        let id = bench.product("demo", 0).await;
        let policy = bench.policy("demo", "default", json!({})).await;
        let requests = (0..12)
            .map(|number| match (number + round) % 3 {
                0 => (
                    Method::DELETE,
                    format!("/v1/admin/products/{id}?force=true"),
                    json!({}),
                ),
                1 => (
                    Method::DELETE,
                    format!("/v1/admin/policies/{policy}"),
                    json!({}),
                ),
                _ => (
                    Method::POST,
                    "/v1/purchase".to_owned(),
                    json!({ "product": "demo" }),
                ),
            })
            .collect();
        operate(&bench, requests).await;
        let products = count(&bench, "products").await;
        let licenses = count(&bench, "licenses").await;
        let invoices = count(&bench, "invoices").await;
        assert_eq!(licenses, invoices);
        assert_eq!(
            products == 0,
            licenses == 0,
            "{products} products, {licenses} licenses"
        );
        let told = count(&bench, "audit WHERE action = 'product.delete'").await;
        assert_eq!(told, 1 - products);
        let broken = bench.sql("PRAGMA foreign_key_check").await;
        assert!(broken.is_empty(), "{broken:?}");
    }
}
