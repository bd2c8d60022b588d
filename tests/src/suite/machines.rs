//! Machines: taking a seat by validating and by activating, heartbeats, the
//! list, freeing a seat, and every refusal.

use super::cases;
use super::floor::{NOBODY, issue, product, revoke, text};
use super::validate::minted;
use crate::hosts::{Answer, Instance};
use data_encoding::HEXLOWER;
use http::Method;
use keywright_license::{SigningKey, hash_fingerprint};
use serde_json::{Value, json};

cases![
    first_use,
    up_to_the_cap,
    without_a_cap,
    churn,
    activations,
    not_in_force,
    expired,
    bound_keys,
    heartbeats,
    freeing,
    freeing_by_id,
    another_licenses_machine,
    listing,
    odd_names,
    bad_keys,
    limits,
];

/// A key for machines of a new product, with these terms.
struct Holder<'a> {
    instance: &'a Instance,
    key: String,
    license_id: String,
    product_id: String,
}

impl<'a> Holder<'a> {
    async fn new(instance: &'a Instance, slug: &str, members: Value) -> Self {
        let made = product(instance, slug, 10).await;
        let issued = issue(instance, slug, members).await;
        Self {
            instance,
            key: text(&issued, "license_key"),
            license_id: text(&issued, "license_id"),
            product_id: text(&made, "id"),
        }
    }

    async fn send(&self, path: &str, mut members: Value) -> Answer {
        members["key"] = self.key.as_str().into();
        self.instance.api.post(path, &members).await
    }

    async fn validate(&self, fingerprint: &str) -> Value {
        let members = json!({ "fingerprint": fingerprint });
        self.send("/v1/validate", members).await.ok()
    }

    async fn machine(&self, verb: &str, fingerprint: &str) -> Value {
        let members = json!({ "fingerprint": fingerprint });
        self.send(&format!("/v1/machines/{verb}"), members)
            .await
            .ok()
    }

    async fn list(&self) -> Value {
        self.send("/v1/machines/list", json!({})).await.ok()
    }

    async fn events(&self, event_type: &str) -> Vec<Value> {
        let sql = "SELECT data FROM events
                   WHERE event_type = ?1 AND data ->> 'license_id' = ?2 ORDER BY id";
        let params = [event_type, &self.license_id];
        let rows = self.instance.database.rows(sql, &params).await;
        let data = rows.iter().filter_map(|row| row["data"].as_str());
        data.map(|text| serde_json::from_str(text).expect("JSON"))
            .collect()
    }
}

fn hash(fingerprint: &str) -> String {
    HEXLOWER.encode(&hash_fingerprint(fingerprint))
}

async fn first_use(instance: &Instance) {
    let holder = Holder::new(instance, "first-use", json!({})).await;
    let first = holder.validate("a").await;
    let expected = json!({
        "ok": true, "license_id": holder.license_id, "product_id": holder.product_id,
        "product_slug": "first-use", "issued_at": first["issued_at"], "status": "active",
        "max_machines": 1, "machine_id": first["machine_id"],
    });
    assert_eq!(first, expected);
    assert_eq!(text(&first, "machine_id").len(), 36);
    let told = json!({
        "license_id": holder.license_id, "machine_id": first["machine_id"],
        "fingerprint_hash": hash("a"),
    });
    assert_eq!(holder.events("machine.activated").await, [told]);
    assert_eq!(holder.validate("a").await, first);
    let mismatch = json!({ "ok": false, "reason": "fingerprint_mismatch" });
    assert_eq!(holder.validate("b").await, mismatch);
    // Nothing is trimmed or folded.
    assert_eq!(holder.validate("A").await, mismatch);
    assert_eq!(holder.validate("a ").await, mismatch);
    // An empty fingerprint is none, and none takes no seat.
    for members in [
        json!({}),
        json!({ "fingerprint": "" }),
        json!({ "fingerprint": null }),
    ] {
        let answer = holder.send("/v1/validate", members).await.ok();
        assert_eq!(answer["ok"], true, "{answer}");
        assert!(answer.get("machine_id").is_none(), "{answer}");
    }
    assert_eq!(
        holder.machine("deactivate", "a").await,
        json!({ "ok": true })
    );
    assert_eq!(holder.validate("b").await["ok"], true);
    assert_eq!(holder.validate("a").await, mismatch);
}

async fn up_to_the_cap(instance: &Instance) {
    let holder = Holder::new(instance, "two-seats", json!({ "max_machines": 2 })).await;
    let one = holder.validate("a").await;
    let two = holder.machine("activate", "b").await;
    assert_ne!(one["machine_id"], two["machine_id"]);
    let refused = json!({
        "ok": false, "reason": "too_many_machines", "license_id": holder.license_id,
        "product_id": holder.product_id, "max_machines": 2,
    });
    assert_eq!(holder.validate("c").await, refused);
    let refused = json!({
        "ok": false, "machine_id": null, "active_count": 2, "max_machines": 2,
        "reason": "too_many_machines",
    });
    assert_eq!(holder.machine("activate", "c").await, refused);
    assert_eq!(holder.validate("b").await["machine_id"], two["machine_id"]);
    holder.machine("deactivate", "a").await;
    assert_eq!(holder.validate("c").await["ok"], true);
    assert_eq!(holder.validate("a").await["reason"], "too_many_machines");
}

async fn without_a_cap(instance: &Instance) {
    let holder = Holder::new(instance, "no-cap", json!({ "max_machines": 0 })).await;
    for number in 1..=15 {
        let answer = holder.machine("activate", &number.to_string()).await;
        let counts = json!([answer["ok"], answer["active_count"], answer["max_machines"]]);
        assert_eq!(counts, json!([true, number, 0]));
    }
    let answer = holder.validate("another").await;
    assert_eq!(
        (&answer["ok"], &answer["max_machines"]),
        (&json!(true), &json!(0))
    );
}

async fn churn(instance: &Instance) {
    let terms = json!({ "max_machines": 1, "max_activations_per_day": 3 });
    let holder = Holder::new(instance, "churn", terms).await;
    for fingerprint in ["a", "b", "d"] {
        assert_eq!(holder.validate(fingerprint).await["ok"], true);
        holder.machine("deactivate", fingerprint).await;
    }
    let refused = json!({
        "ok": false, "reason": "too_many_activations", "license_id": holder.license_id,
        "product_id": holder.product_id, "max_machines": 1,
    });
    assert_eq!(holder.validate("c").await, refused);
    let refused = json!({
        "ok": false, "machine_id": null, "active_count": 0, "max_machines": 1,
        "reason": "too_many_activations",
    });
    assert_eq!(holder.machine("activate", "c").await, refused);
}

async fn activations(instance: &Instance) {
    let holder = Holder::new(instance, "activations", json!({ "max_machines": 3 })).await;
    let members = json!({ "fingerprint": "a", "hostname": "h", "platform": "linux-x86_64" });
    let first = holder.send("/v1/machines/activate", members).await.ok();
    let expected = json!({
        "ok": true, "machine_id": first["machine_id"], "active_count": 1, "max_machines": 3,
        "reason": null,
    });
    assert_eq!(first, expected);
    assert_eq!(
        holder.machine("activate", "a").await,
        expected,
        "the same seat again"
    );
    let by_validating = holder.validate("a").await;
    assert_eq!(by_validating["machine_id"], first["machine_id"]);
    assert_eq!(holder.events("machine.activated").await.len(), 1);
    // Another answer has another count.
    assert_eq!(holder.machine("activate", "b").await["active_count"], 2);
}

async fn not_in_force(instance: &Instance) {
    let holder = Holder::new(instance, "not-in-force", json!({})).await;
    holder.validate("a").await;
    let refused = |reason: &str| {
        json!({ "ok": false, "machine_id": null, "active_count": 0, "max_machines": 1,
                "reason": reason })
    };
    let standing = async |verb: &str| {
        let path = format!("licenses/{}/{verb}", holder.license_id);
        let body = json!({ "reason": "a test" });
        instance.api.admin(Method::POST, &path, &body).await.ok();
    };
    standing("suspend").await;
    assert_eq!(holder.machine("activate", "a").await, refused("suspended"));
    assert_eq!(
        holder.validate("a").await,
        json!({ "ok": false, "reason": "suspended" })
    );
    // A machine may still say that it is there, and go.
    assert_eq!(holder.machine("heartbeat", "a").await["ok"], true);
    standing("unsuspend").await;
    assert_eq!(holder.machine("activate", "a").await["ok"], true);
    revoke(instance, &holder.license_id).await.ok();
    for fingerprint in ["a", "b"] {
        let answer = holder.machine("activate", fingerprint).await;
        assert_eq!(answer, refused("revoked"));
    }
    assert_eq!(holder.machine("heartbeat", "a").await["ok"], true);
    assert_eq!(holder.list().await["active_count"], 1);
    assert_eq!(
        holder.machine("deactivate", "a").await,
        json!({ "ok": true })
    );
    assert_eq!(holder.list().await["active_count"], 0);
}

/// Expiry is what validating is for.
async fn expired(instance: &Instance) {
    let past = json!({ "expires_at": "2020-01-01T00:00:00Z" });
    let holder = Holder::new(instance, "expired-machine", past).await;
    assert_eq!(holder.validate("a").await["reason"], "expired");
    assert_eq!(
        holder.list().await["active_count"],
        0,
        "expired before any seat"
    );
    assert_eq!(holder.machine("activate", "a").await["ok"], true);
    assert_eq!(holder.validate("a").await["reason"], "expired");
}

/// A key that its own payload binds to a machine.
async fn bound_keys(instance: &Instance) {
    let mut holder = Holder::new(instance, "bound-keys", json!({ "max_machines": 2 })).await;
    let unbound = holder.key.clone();
    holder.key = minted(
        &instance.signing_key,
        &holder.product_id,
        &holder.license_id,
        Some("mine"),
    );
    let mismatch = json!({ "ok": false, "reason": "fingerprint_mismatch" });
    assert_eq!(holder.validate("yours").await, mismatch);
    let refused = json!({
        "ok": false, "machine_id": null, "active_count": 0, "max_machines": 2,
        "reason": "fingerprint_mismatch",
    });
    assert_eq!(holder.machine("activate", "yours").await, refused);
    assert_eq!(
        holder.list().await["machines"],
        json!([]),
        "no seat was taken"
    );
    assert_eq!(holder.validate("mine").await["ok"], true);
    assert_eq!(holder.validate("yours").await, mismatch);
    holder.key = unbound;
    assert_eq!(holder.validate("yours").await["ok"], true);
}

async fn heartbeats(instance: &Instance) {
    let mut holder = Holder::new(instance, "heartbeats", json!({})).await;
    let none = json!({ "ok": false, "reason": "not_activated" });
    assert_eq!(holder.machine("heartbeat", "a").await, none);
    let seat = holder.validate("a").await;
    let beat = json!({ "ok": true, "machine_id": seat["machine_id"] });
    assert_eq!(holder.machine("heartbeat", "a").await, beat);
    assert_eq!(holder.machine("heartbeat", "b").await, none);
    holder.machine("deactivate", "a").await;
    assert_eq!(holder.machine("heartbeat", "a").await, none);
    // A good key of a license that is not recorded is no error here.
    holder.key = minted(&instance.signing_key, &holder.product_id, NOBODY, None);
    assert_eq!(holder.machine("heartbeat", "a").await, none);
}

async fn freeing(instance: &Instance) {
    let mut holder = Holder::new(instance, "freeing", json!({ "max_machines": 2 })).await;
    let unknown = json!({ "ok": false, "reason": "not_found" });
    assert_eq!(holder.machine("deactivate", "a").await, unknown);
    let one = holder.validate("a").await;
    let two = holder.validate("b").await;
    // Repeating it changes nothing, whatever reason is given then.
    for reason in [json!(null), json!("again"), json!("")] {
        let members = json!({ "fingerprint": "a", "reason": reason });
        let freed = holder.send("/v1/machines/deactivate", members).await.ok();
        assert_eq!(freed, json!({ "ok": true }));
    }
    let members = json!({ "fingerprint": "b", "reason": "sold \u{1f4bb} \"it\"" });
    holder.send("/v1/machines/deactivate", members).await.ok();
    let told = |seat: &Value, reason: &str| {
        json!({ "license_id": holder.license_id, "machine_id": seat["machine_id"],
                "reason": reason })
    };
    let expected = [
        told(&one, "client_requested"),
        told(&two, "sold \u{1f4bb} \"it\""),
    ];
    assert_eq!(holder.events("machine.deactivated").await, expected);
    holder.key = minted(&instance.signing_key, &holder.product_id, NOBODY, None);
    assert_eq!(holder.machine("deactivate", "a").await, unknown);
}

async fn freeing_by_id(instance: &Instance) {
    let holder = Holder::new(instance, "freeing-by-id", json!({})).await;
    let seat = holder.validate("lost").await;
    let path = "/v1/machines/deactivate";
    for members in [
        json!({}),
        json!({ "fingerprint": null, "machine_id": null }),
        json!({ "fingerprint": "lost", "machine_id": seat["machine_id"] }),
        json!({ "fingerprint": "" }),
    ] {
        holder
            .send(path, members)
            .await
            .is_error(400, "bad_request");
    }
    for id in [NOBODY, "", "lost", &hash("lost"), &"x".repeat(100_000)] {
        let answer = holder.send(path, json!({ "machine_id": id })).await.ok();
        assert_eq!(answer, json!({ "ok": false, "reason": "not_found" }));
    }
    assert_eq!(
        holder.validate("new").await["reason"],
        "fingerprint_mismatch"
    );
    let id = text(&seat, "machine_id").to_uppercase();
    for _ in 0..2 {
        let answer = holder.send(path, json!({ "machine_id": id })).await.ok();
        assert_eq!(answer, json!({ "ok": true }));
    }
    assert_eq!(holder.events("machine.deactivated").await.len(), 1);
    assert_eq!(holder.validate("new").await["ok"], true);
}

/// A key opens the machines of its own license and of no other.
async fn another_licenses_machine(instance: &Instance) {
    let mine = Holder::new(instance, "my-machines", json!({})).await;
    let yours = Holder::new(instance, "your-machines", json!({})).await;
    let seat = yours.validate("a").await;
    let members = json!({ "machine_id": seat["machine_id"] });
    let answer = mine.send("/v1/machines/deactivate", members).await.ok();
    assert_eq!(answer, json!({ "ok": false, "reason": "not_found" }));
    assert_eq!(mine.machine("deactivate", "a").await["ok"], false);
    assert_eq!(mine.machine("heartbeat", "a").await["ok"], false);
    assert_eq!(mine.list().await["machines"], json!([]));
    assert_eq!(yours.validate("a").await, seat);
}

async fn listing(instance: &Instance) {
    let mut holder = Holder::new(instance, "listing", json!({ "max_machines": 3 })).await;
    let empty = json!({
        "ok": true, "license_id": holder.license_id, "max_machines": 3, "active_count": 0,
        "machines": [],
    });
    assert_eq!(holder.list().await, empty);
    let mut ids = Vec::new();
    for fingerprint in ["a", "b", "c"] {
        let members = match fingerprint {
            "b" => json!({ "fingerprint": "b", "hostname": "desk", "platform": "linux" }),
            other => json!({ "fingerprint": other, "hostname": "" }),
        };
        let seat = holder.send("/v1/validate", members).await.ok();
        ids.push(text(&seat, "machine_id"));
    }
    holder.machine("deactivate", "a").await;
    let listed = holder.list().await;
    assert_eq!(
        (&listed["active_count"], &listed["max_machines"]),
        (&json!(2), &json!(3))
    );
    let machines = listed["machines"].as_array().expect("a list");
    let shown = |machine: &Value, fingerprint: &str, id: &str, hostname: Value, platform: Value| {
        let expected = json!({
            "machine_id": id, "fingerprint_hash": hash(fingerprint), "hostname": hostname,
            "platform": platform, "activated_at": machine["activated_at"],
            "last_seen_at": machine["activated_at"],
        });
        assert_eq!(*machine, expected);
        assert!(text(machine, "activated_at").ends_with('Z'), "{machine}");
    };
    assert_eq!(machines.len(), 2);
    shown(&machines[0], "c", &ids[2], Value::Null, Value::Null);
    shown(&machines[1], "b", &ids[1], "desk".into(), "linux".into());
    holder.key = minted(&instance.signing_key, &holder.product_id, NOBODY, None);
    for (verb, members) in [
        ("list", json!({})),
        ("activate", json!({ "fingerprint": "a" })),
    ] {
        let path = format!("/v1/machines/{verb}");
        let answer = holder.send(&path, members).await;
        answer.is_error(404, "not_found");
    }
}

/// Names come from machines, which may say anything.
async fn odd_names(instance: &Instance) {
    let holder = Holder::new(instance, "odd-names", json!({ "max_machines": 0 })).await;
    for (fingerprint, name) in [
        ("emoji", "\u{1f4bb} caf\u{e9} \u{202e}"),
        ("quotes", "'; DROP TABLE machines; -- \"\\"),
        ("controls", "a\u{1}b\u{7}\r\n\t"),
        ("\u{1}\u{1f511}", "<script>"),
    ] {
        let members = json!({ "fingerprint": fingerprint, "hostname": name, "platform": name });
        let seat = holder.send("/v1/validate", members).await.ok();
        assert_eq!(seat["ok"], true, "{seat}");
        let listed = holder.list().await;
        let machine = listed["machines"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|machine| machine["machine_id"] == seat["machine_id"])
            .expect("the machine")
            .clone();
        let shown = json!([
            machine["hostname"],
            machine["platform"],
            machine["fingerprint_hash"]
        ]);
        assert_eq!(shown, json!([name, name, hash(fingerprint)]));
        let again = holder.machine("heartbeat", fingerprint).await;
        assert_eq!(again["machine_id"], seat["machine_id"]);
    }
}

async fn bad_keys(instance: &Instance) {
    let holder = Holder::new(instance, "machine-keys", json!({})).await;
    let other = SigningKey::from_bytes(&[7; 32]).expect("a seed");
    let forged = minted(&other, &holder.product_id, &holder.license_id, None);
    let cut = holder.key[..holder.key.len() - 1].to_owned();
    for key in [forged, cut, String::new(), "x".to_owned()] {
        for verb in ["activate", "heartbeat", "deactivate", "list"] {
            let path = format!("/v1/machines/{verb}");
            let mut body = json!({ "key": key });
            if verb != "list" {
                body["fingerprint"] = "a".into();
            }
            let answer = instance.api.post(&path, &body).await;
            answer.is_error(400, "bad_request");
            assert!(
                text(&answer.json(), "message").starts_with("key must be "),
                "{}",
                answer.text()
            );
        }
    }
    assert_eq!(holder.list().await["active_count"], 0);
}

async fn limits(instance: &Instance) {
    let holder = Holder::new(instance, "machine-limits", json!({ "max_machines": 0 })).await;
    let (long, longest) = ("é".repeat(512) + "x", "é".repeat(512));
    let name = "x".repeat(256);
    for path in [
        "/v1/validate",
        "/v1/machines/activate",
        "/v1/machines/heartbeat",
        "/v1/machines/deactivate",
    ] {
        let members = json!({ "fingerprint": long });
        holder
            .send(path, members)
            .await
            .is_error(400, "bad_request");
        let answer = holder.send(path, json!({ "fingerprint": longest })).await;
        answer.ok();
        if path != "/v1/validate" {
            let answer = holder.send(path, json!({ "fingerprint": "" })).await;
            answer.is_error(400, "bad_request");
        }
    }
    for path in ["/v1/validate", "/v1/machines/activate"] {
        for member in ["hostname", "platform"] {
            let members = json!({ "fingerprint": "a", member: name });
            let answer = holder.send(path, members).await;
            answer.is_error(400, "bad_request");
            let message = text(&answer.json(), "message");
            assert_eq!(message, format!("{member} must be at most 255 bytes long"));
            let members = json!({ "fingerprint": "a", member: name[..255] });
            assert_eq!(holder.send(path, members).await.ok()["ok"], true);
        }
    }
    let members = json!({ "fingerprint": "a", "reason": "x".repeat(2_001) });
    let answer = holder.send("/v1/machines/deactivate", members).await;
    answer.is_error(400, "bad_request");
    for verb in ["activate", "heartbeat"] {
        let path = format!("/v1/machines/{verb}");
        let answer = holder.send(&path, json!({})).await;
        answer.is_error(422, "unprocessable_entity");
    }
    let listed = holder.list().await;
    assert_eq!(
        listed["active_count"], 1,
        "refused requests took no seat: {listed}"
    );
}
