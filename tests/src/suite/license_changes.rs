//! What the operator changes of what was sold, and whom it lets in.

use super::cases;
use super::floor::{issue, product, revoke, text, validate};
use super::licenses::{NOBODY, get, ids};
use super::races::at_once;
use crate::hosts::{Answer, Instance};
use crate::shop::ADMIN_KEY;
use http::Method;
use keywright_license::verify_license;
use serde_json::{Value, json};

cases![
    held_back,
    for_good,
    changed,
    unchanged,
    change_limits,
    unknown_licenses,
    machines,
    machine_lists,
    changes_at_once,
];

pub(super) async fn turn(instance: &Instance, id: &str, verb: &str, body: &Value) -> Answer {
    let path = format!("licenses/{id}/{verb}");
    instance.api.admin(Method::POST, &path, body).await
}

async fn change(instance: &Instance, id: &str, body: &Value) -> Answer {
    let path = format!("licenses/{id}");
    instance.api.admin(Method::PATCH, &path, body).await
}

/// Before and after of the audit entries about an object, in their order.
async fn told(instance: &Instance, action: &str, id: &str) -> Vec<(Value, Value)> {
    let sql = "SELECT before, after FROM audit WHERE action = ?1 AND object_id = ?2 ORDER BY rowid";
    let rows = instance.database.rows(sql, &[action, id]).await;
    let json = |text: &Value| serde_json::from_str(text.as_str().expect("a text")).expect("JSON");
    rows.iter()
        .map(|row| (json(&row["before"]), json(&row["after"])))
        .collect()
}

async fn events(instance: &Instance, event_type: &str, license_id: &str) -> Vec<Value> {
    let sql = "SELECT data FROM events
               WHERE event_type = ?1 AND data ->> 'license_id' = ?2 ORDER BY rowid";
    let rows = instance.database.rows(sql, &[event_type, license_id]).await;
    rows.iter()
        .map(|row| serde_json::from_str(&text(&json!(row), "data")).expect("JSON"))
        .collect()
}

async fn held_back(instance: &Instance) {
    product(instance, "held-back", 10).await;
    let issued = issue(instance, "held-back", json!({})).await;
    let (id, key) = (text(&issued, "license_id"), text(&issued, "license_key"));
    let reason = json!({ "reason": "chargeback" });
    for _ in 0..2 {
        let answer = turn(instance, &id, "suspend", &reason).await;
        assert_eq!(answer.ok(), json!({ "ok": true }));
        assert_eq!(
            validate(instance, &key, "held-back").await["reason"],
            "suspended"
        );
    }
    let shown = get(instance, &format!("licenses/{id}")).await.ok();
    assert_eq!(shown["status_reason"], "chargeback");
    // Unsuspending takes no body, as the contract has it, or one.
    let path = format!("/v1/admin/licenses/{id}/unsuspend");
    let request = instance.api.request(Method::POST, &path);
    let request = request.bearer_auth(ADMIN_KEY);
    assert_eq!(instance.api.send(request).await.ok(), json!({ "ok": true }));
    turn(instance, &id, "unsuspend", &json!({ "reason": "paid" }))
        .await
        .ok();
    assert_eq!(validate(instance, &key, "held-back").await["ok"], true);
    let suspended = told(instance, "license.suspend", &id).await;
    let after = json!({ "status": "suspended", "reason": "chargeback" });
    assert_eq!(suspended, [(json!({ "status": "active" }), after)]);
    let unsuspended = told(instance, "license.unsuspend", &id).await;
    let after = json!({ "status": "active", "reason": null });
    assert_eq!(unsuspended, [(json!({ "status": "suspended" }), after)]);
    let event = json!({ "license_id": id, "reason": "chargeback" });
    assert_eq!(events(instance, "license.suspended", &id).await, [event]);
    let event = json!({ "license_id": id, "reason": "" });
    assert_eq!(events(instance, "license.unsuspended", &id).await, [event]);
    let long = json!({ "reason": "r".repeat(2_001) });
    for verb in ["suspend", "unsuspend", "revoke"] {
        let answer = turn(instance, &id, verb, &long).await;
        answer.is_error(400, "bad_request");
    }
}

async fn for_good(instance: &Instance) {
    product(instance, "for-good", 10).await;
    let id = text(&issue(instance, "for-good", json!({})).await, "license_id");
    revoke(instance, &id).await.ok();
    for verb in ["suspend", "unsuspend"] {
        let answer = turn(instance, &id, verb, &json!({})).await;
        answer.is_error(409, "conflict");
        assert!(answer.text().contains("revoked"), "{}", answer.text());
    }
    // Its terms can still be put right; there is no key for it.
    let changed = change(instance, &id, &json!({ "note": "refunded" }))
        .await
        .ok();
    assert_eq!(changed["note"], "refunded");
    assert_eq!(changed["license_key"], Value::Null);
}

async fn changed(instance: &Instance) {
    let product_id = text(&product(instance, "changed-one", 10).await, "id");
    let issued = issue(instance, "changed-one", json!({ "entitlements": ["old"] })).await;
    let (id, old_key) = (text(&issued, "license_id"), text(&issued, "license_key"));
    let sent = json!({ "max_machines": 3, "entitlements": ["new"], "is_trial": true,
                       "expires_at": "2090-01-01T00:00:00Z", "grace_seconds": 60,
                       "max_activations_per_day": 0, "buyer_email": "a@b", "note": "more seats" });
    let changed = change(instance, &id, &sent).await.ok();
    for (member, value) in sent.as_object().expect("members") {
        assert_eq!(&changed[member], value, "{member}");
    }
    let key = text(&changed, "license_key");
    let verified = verify_license(&key, &instance.verify_keys()).expect("a good key");
    assert_eq!(verified.payload().entitlements(), ["new"]);
    assert!(verified.payload().is_trial());
    for key in [&key, &old_key] {
        let valid = validate(instance, key, "changed-one").await;
        assert_eq!(valid["entitlements"], json!(["new"]), "{valid}");
        assert_eq!(valid["max_machines"], 3);
    }
    let before = json!({ "max_machines": 1, "entitlements": ["old"], "is_trial": false,
                         "expires_at": null, "grace_seconds": 0, "max_activations_per_day": null,
                         "buyer_email": null, "note": null });
    let mut after = sent.clone();
    after["expires_at"] = json!(3_786_912_000_i64);
    let entry = (before.clone(), after.clone());
    assert_eq!(told(instance, "license.change", &id).await, [entry]);
    after["expires_at"] = sent["expires_at"].clone();
    let event =
        json!({ "license_id": id, "product_id": product_id, "before": before, "after": after });
    assert_eq!(events(instance, "license.changed", &id).await, [event]);
    let cleared = json!({ "expires_at": null, "buyer_email": null, "note": null,
                          "max_activations_per_day": null });
    let cleared_to = change(instance, &id, &cleared).await.ok();
    for member in cleared.as_object().expect("members").keys() {
        assert_eq!(cleared_to[member], Value::Null, "{member}");
    }
}

async fn unchanged(instance: &Instance) {
    product(instance, "unchanged", 10).await;
    let members = json!({ "entitlements": ["a", "b"], "max_machines": 2, "note": "\"q\" \u{e9}" });
    let issued = issue(instance, "unchanged", members.clone()).await;
    let id = text(&issued, "license_id");
    let before = get(instance, &format!("licenses/{id}")).await.ok();
    for body in [
        members,
        json!({}),
        json!({ "expires_at": null, "is_trial": false }),
    ] {
        let answer = change(instance, &id, &body).await.ok();
        assert_eq!(answer["license_key"], issued["license_key"]);
        assert_eq!(answer["updated_at"], before["updated_at"]);
    }
    assert_eq!(told(instance, "license.change", &id).await, []);
    assert_eq!(
        events(instance, "license.changed", &id).await,
        Vec::<Value>::new()
    );
}

async fn change_limits(instance: &Instance) {
    product(instance, "change-limits", 10).await;
    let id = text(
        &issue(instance, "change-limits", json!({})).await,
        "license_id",
    );
    for (member, value) in [
        ("max_machines", json!(-1)),
        ("max_machines", json!(1_000_001)),
        ("grace_seconds", json!(-1)),
        ("entitlements", json!(["a b"])),
        ("expires_at", json!("soon")),
        ("expires_at", json!("1970-01-01T00:00:00Z")),
        ("max_activations_per_day", json!(-1)),
        ("note", json!("n".repeat(2_001))),
        ("buyer_email", json!("a\u{0}b")),
    ] {
        let body = json!({ "is_trial": true, member: value });
        change(instance, &id, &body)
            .await
            .is_error(400, "bad_request");
    }
    let answer = change(instance, &id, &json!({ "max_machines": "two" })).await;
    answer.is_error(422, "unprocessable_entity");
    assert_eq!(told(instance, "license.change", &id).await, []);
}

async fn unknown_licenses(instance: &Instance) {
    for id in [NOBODY, "x", "%00", "%ff", "'"] {
        let path = format!("licenses/{id}");
        get(instance, &path).await.is_error(404, "not_found");
        let changed = change(instance, id, &json!({ "note": "n" })).await;
        changed.is_error(404, "not_found");
        for verb in ["suspend", "unsuspend", "revoke"] {
            let answer = turn(instance, id, verb, &json!({})).await;
            answer.is_error(404, "not_found");
        }
        let path = format!("machines/{id}/deactivate");
        let answer = instance.api.admin(Method::POST, &path, &json!({})).await;
        answer.is_error(404, "not_found");
    }
}

/// What an application on this machine is answered.
async fn on_machine(instance: &Instance, path: &str, key: &str, machine: &str) -> Value {
    let body = json!({ "key": key, "fingerprint": machine });
    instance.api.post(path, &body).await.ok()
}

async fn machines(instance: &Instance) {
    product(instance, "machined", 10).await;
    let issued = issue(instance, "machined", json!({ "max_machines": 3 })).await;
    let (id, key) = (text(&issued, "license_id"), text(&issued, "license_key"));
    let activate = "/v1/machines/activate";
    let mut seats = Vec::new();
    for machine in ["one", "two", "three"] {
        let seat = on_machine(instance, activate, &key, machine).await;
        seats.push(text(&seat, "machine_id"));
    }
    // Fewer seats than machines: those there are go on, no other gets in.
    for (max_machines, over) in [(2, 1), (1, 2)] {
        let fewer = json!({ "max_machines": max_machines });
        let fewer = change(instance, &id, &fewer).await.ok();
        assert_eq!(fewer["active_machines"], 3);
        assert_eq!(fewer["machines_over_limit"], over);
        assert_eq!(fewer["machines"].as_array().map(Vec::len), Some(3));
        for machine in ["one", "two", "three"] {
            let valid = on_machine(instance, "/v1/validate", &key, machine).await;
            assert_eq!(valid["ok"], true, "{machine}: {valid}");
        }
        let refused = on_machine(instance, activate, &key, "four").await;
        assert_eq!(refused["reason"], "too_many_machines", "{refused}");
    }
    // Freed once, however often it is said, with a body or without.
    let path = format!("/v1/admin/machines/{}/deactivate", seats[0]);
    let free = || {
        instance
            .api
            .request(Method::POST, &path)
            .bearer_auth(ADMIN_KEY)
    };
    for request in [free().json(&json!({ "reason": "sold" })), free()] {
        assert_eq!(instance.api.send(request).await.ok(), json!({ "ok": true }));
    }
    assert_eq!(
        told(instance, "machine.deactivate", &seats[0]).await.len(),
        1
    );
    for seat in &seats[1..] {
        let path = format!("machines/{seat}/deactivate");
        instance
            .api
            .admin(Method::POST, &path, &json!({}))
            .await
            .ok();
    }
    let told_of = events(instance, "machine.deactivated", &id).await;
    let reasons: Vec<String> = told_of.iter().map(|event| text(event, "reason")).collect();
    assert_eq!(
        reasons,
        ["sold", "operator_requested", "operator_requested"]
    );
    assert_eq!(text(&told_of[0], "machine_id"), seats[0]);
    // The one seat is free for whoever comes first.
    assert_eq!(
        on_machine(instance, "/v1/validate", &key, "four").await["ok"],
        true
    );
    let late = on_machine(instance, "/v1/validate", &key, "one").await;
    assert_eq!(late["reason"], "fingerprint_mismatch", "{late}");
    let shown = get(instance, &format!("licenses/{id}")).await.ok();
    assert_eq!(shown["active_machines"], 1);
    assert_eq!(shown["machines_over_limit"], 0);
}

async fn machine_lists(instance: &Instance) {
    product(instance, "machine-list", 10).await;
    let issued = issue(instance, "machine-list", json!({ "max_machines": 0 })).await;
    let (id, key) = (text(&issued, "license_id"), text(&issued, "license_key"));
    let mut seats = Vec::new();
    for machine in ["one", "two", "three"] {
        let seat = on_machine(instance, "/v1/machines/activate", &key, machine).await;
        seats.push(text(&seat, "machine_id"));
    }
    let path = format!("machines/{}/deactivate", seats[0]);
    instance
        .api
        .admin(Method::POST, &path, &json!({}))
        .await
        .ok();
    for (query, expected) in [
        (format!("license_id={id}"), &seats[1..]),
        ("product_slug=machine-list".to_owned(), &seats[1..]),
        (format!("license_id={id}&include_inactive=true"), &seats[..]),
        (format!("license_id={id}&product_slug=none"), &[]),
    ] {
        let found = get(instance, &format!("machines?{query}")).await.ok();
        let mut found = ids(&found, "machines");
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected, "{query}");
    }
    let list = format!("machines?license_id={id}&include_inactive=true&limit=2");
    let first = get(instance, &list).await.ok();
    let cursor = text(&first, "next_cursor");
    let last = get(instance, &format!("{list}&cursor={cursor}")).await.ok();
    assert_eq!(last["next_cursor"], Value::Null);
    let mut rows = first["machines"].as_array().expect("a list").clone();
    rows.extend(last["machines"].as_array().expect("a list").clone());
    assert_eq!(rows.len(), 3);
    for row in rows {
        let freed = text(&row, "id") == seats[0];
        assert_eq!(row["active"], !freed);
        assert_eq!(row["deactivated_at"].is_string(), freed);
        assert_eq!(text(&row, "fingerprint_hash").len(), 64);
        assert_eq!(row["license_id"], id);
    }
    for query in ["limit=1001", "include_inactive=1", "cursor=x"] {
        let answer = get(instance, &format!("machines?{query}")).await;
        answer.is_error(400, "bad_request");
    }
}

/// Each entry begins where the one before it ended, and the last one is what
/// is recorded.
async fn changes_at_once(instance: &Instance) {
    product(instance, "contended", 10).await;
    let id = text(&issue(instance, "contended", json!({})).await, "license_id");
    let answers = at_once(40, |number| {
        let (id, seats) = (id.clone(), number % 5);
        async move { change(instance, &id, &json!({ "max_machines": seats })).await }
    })
    .await;
    for answer in answers {
        answer.ok();
    }
    let mut seats = json!(1);
    let tale = told(instance, "license.change", &id).await;
    assert!(!tale.is_empty());
    for (before, after) in &tale {
        assert_eq!(before["max_machines"], seats);
        assert_ne!(after["max_machines"], seats);
        seats = after["max_machines"].clone();
    }
    let shown = get(instance, &format!("licenses/{id}")).await.ok();
    assert_eq!(shown["max_machines"], seats);
    assert_eq!(
        events(instance, "license.changed", &id).await.len(),
        tale.len()
    );
}
