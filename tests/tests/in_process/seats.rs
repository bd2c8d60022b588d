//! Machines and their seats, as the clock moves: trust on first use, the cap,
//! the churn, freeing.

use crate::bench::{Bench, json_request};
use crate::holder::{Holder, written};
use http::{HeaderValue, Method};
use serde_json::{Value, json};

const DAY: u64 = 86_400;

#[tokio::test]
async fn the_first_machine_takes_the_only_seat_until_it_is_freed() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let first = holder.validate("a").await;
    assert_eq!(
        (&first["ok"], &first["max_machines"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(holder.validate("a").await, first, "the same machine");
    let mismatch = json!({ "ok": false, "reason": "fingerprint_mismatch" });
    assert_eq!(holder.validate("b").await, mismatch);
    // Without a fingerprint the key is good anywhere, and takes no seat.
    for fingerprint in [Value::Null, "".into()] {
        let answer = holder
            .send("/v1/validate", json!({ "fingerprint": fingerprint }))
            .await
            .json();
        assert_eq!(answer["ok"], true, "{answer}");
        assert!(answer.get("machine_id").is_none(), "{answer}");
    }
    assert_eq!(holder.events("machine.activated").await, 1);
    assert_eq!(holder.free("a").await, json!({ "ok": true }));
    let second = holder.validate("b").await;
    assert_eq!(second["ok"], true);
    assert_ne!(second["machine_id"], first["machine_id"]);
    assert_eq!(holder.validate("a").await, mismatch);
    assert_eq!(holder.events("machine.activated").await, 2);
    assert_eq!(holder.events("machine.deactivated").await, 1);
}

#[tokio::test]
async fn activating_and_validating_share_the_seats() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let active = holder.activate("a").await;
    assert_eq!(active["ok"], true);
    assert_eq!(
        holder.validate("a").await["machine_id"],
        active["machine_id"]
    );
    assert_eq!(holder.validate("b").await["reason"], "fingerprint_mismatch");
    let refused = json!({
        "ok": false, "machine_id": null, "active_count": 1, "max_machines": 1,
        "reason": "too_many_machines",
    });
    assert_eq!(holder.activate("b").await, refused);
    assert_eq!(holder.events("machine.activated").await, 1);
}

#[tokio::test]
async fn machines_come_in_up_to_the_cap() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({ "max_machines": 3 })).await;
    for (count, fingerprint) in [(1, "a"), (2, "b"), (3, "c"), (3, "a")] {
        let answer = holder.activate(fingerprint).await;
        assert_eq!(
            (&answer["ok"], &answer["reason"]),
            (&json!(true), &Value::Null)
        );
        assert_eq!(
            (&answer["active_count"], &answer["max_machines"]),
            (&json!(count), &json!(3))
        );
        assert!(answer["machine_id"].is_string());
    }
    let refused = json!({
        "ok": false, "reason": "too_many_machines", "license_id": holder.license_id,
        "product_id": holder.product_id, "max_machines": 3,
    });
    assert_eq!(holder.validate("d").await, refused);
    assert_eq!(holder.activate("d").await["active_count"], 3);
    // Those that are in stay in, also when seats are taken away.
    bench.sql("UPDATE licenses SET max_machines = 1").await;
    assert_eq!(holder.validate("c").await["ok"], true);
    assert_eq!(holder.activate("d").await["active_count"], 3);
    assert_eq!(holder.validate("d").await["reason"], "fingerprint_mismatch");
    bench.sql("UPDATE licenses SET max_machines = 4").await;
    assert_eq!(holder.validate("d").await["ok"], true);
    bench.sql("UPDATE licenses SET max_machines = 0").await;
    for number in 0..20 {
        assert_eq!(holder.validate(&number.to_string()).await["ok"], true);
    }
    assert_eq!(holder.activate("a").await["active_count"], 24);
}

#[tokio::test]
async fn seats_change_hands_ten_times_a_day_at_most() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({})).await;
    for number in 0..10 {
        assert_eq!(holder.validate(&number.to_string()).await["ok"], true);
        holder.free(&number.to_string()).await;
        bench.clock.advance(60);
    }
    let refused = json!({
        "ok": false, "reason": "too_many_activations", "license_id": holder.license_id,
        "product_id": holder.product_id, "max_machines": 1,
    });
    assert_eq!(holder.validate("10").await, refused);
    // One that had a seat today comes back, as often as it restarts.
    for _ in 0..20 {
        assert_eq!(holder.validate("9").await["ok"], true);
        holder.free("9").await;
    }
    let refused = json!({
        "ok": false, "machine_id": null, "active_count": 0, "max_machines": 1,
        "reason": "too_many_activations",
    });
    assert_eq!(holder.activate("10").await, refused);
    // A day after the first, one more; not yet a second.
    bench.clock.advance(DAY - 600 - 1);
    assert_eq!(holder.activate("10").await["ok"], false);
    bench.clock.advance(1);
    assert_eq!(holder.activate("10").await["ok"], true);
    holder.free("10").await;
    assert_eq!(
        holder.activate("11").await["reason"],
        "too_many_activations"
    );
}

#[tokio::test]
async fn the_operator_sets_how_often_seats_change_hands() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let policy = bench.policy("demo", "tier", json!({})).await;
    let attach = format!("UPDATE licenses SET policy_id = '{policy}'");
    bench.sql(&attach).await;
    let moves = async |from: u32, to: u32| {
        let mut moved = 0;
        for number in from..to {
            let answer = holder.activate(&number.to_string()).await;
            if answer["ok"] == false {
                assert_eq!(answer["reason"], "too_many_activations");
                break;
            }
            holder.free(&number.to_string()).await;
            moved += 1;
        }
        moved
    };
    bench
        .sql("UPDATE policies SET max_activations_per_day = 2")
        .await;
    assert_eq!(moves(0, 9).await, 2);
    bench
        .sql("UPDATE policies SET max_activations_per_day = 5")
        .await;
    assert_eq!(moves(10, 19).await, 3, "read as it is now");
    bench
        .sql("UPDATE licenses SET max_activations_per_day = 7")
        .await;
    assert_eq!(moves(20, 29).await, 2, "the license's own comes first");
    bench
        .sql("UPDATE licenses SET max_activations_per_day = 0")
        .await;
    assert_eq!(moves(30, 45).await, 15, "0 is as often as they like");
}

#[tokio::test]
async fn a_machine_is_written_at_most_every_ten_minutes() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let members = json!({ "fingerprint": "a", "hostname": "old", "platform": "linux" });
    holder.send("/v1/validate", members).await;
    let seen = async || {
        written().await;
        let rows = bench
            .sql("SELECT last_seen_at - activated_at AS age, hostname, platform FROM machines")
            .await;
        assert_eq!(rows.len(), 1);
        let text = |name: &str| rows[0][name].as_str().unwrap_or_default().to_owned();
        (rows[0]["age"].as_i64(), text("hostname"), text("platform"))
    };
    let at = |age: i64, hostname: &str| (Some(age), hostname.to_owned(), "linux".to_owned());
    bench.clock.advance(599);
    holder.validate("a").await;
    holder.activate("a").await;
    holder.heartbeat("a").await;
    assert_eq!(seen().await, at(0, "old"));
    bench.clock.advance(1);
    let members = json!({ "fingerprint": "a", "hostname": "new", "platform": "" });
    holder.send("/v1/validate", members).await;
    assert_eq!(seen().await, at(600, "new"));
    for (advance, age, way) in [(600, 1_200, "heartbeat"), (700, 1_900, "activate")] {
        bench.clock.advance(advance);
        let path = format!("/v1/machines/{way}");
        let answer = holder.send(&path, json!({ "fingerprint": "a" })).await;
        assert_eq!(answer.json()["ok"], true);
        assert_eq!(seen().await, at(age, "new"), "{way}");
    }
}

#[tokio::test]
async fn a_repeated_activation_answers_as_the_first_did() {
    let bench = Bench::new();
    let holder = Holder::new(&bench, "demo", json!({})).await;
    let again = async |key: &'static str| {
        let body = json!({ "key": holder.key, "fingerprint": "a" });
        let mut request = json_request(Method::POST, "/v1/machines/activate", &body);
        let headers = request.headers_mut();
        headers.insert("idempotency-key", HeaderValue::from_static(key));
        bench.send(request).await.json()
    };
    let first = again("one-long-enough-key").await;
    assert_eq!(first["ok"], true);
    holder.free("a").await;
    assert_eq!(
        again("one-long-enough-key").await,
        first,
        "what was answered then"
    );
    assert_eq!(
        holder.list().await["active_count"],
        0,
        "and nothing was done"
    );
    assert_ne!(
        again("two-long-enough-key").await["machine_id"],
        first["machine_id"]
    );
    assert_eq!(holder.events("machine.activated").await, 2);
}

#[tokio::test]
async fn the_answer_waits_for_one_read_only() {
    let bench = Bench::with(&[(keywright_ports::name::VALIDATION_LOG_DAYS, "90")]);
    let holder = Holder::new(&bench, "demo", json!({})).await;
    holder.validate("a").await;
    written().await;
    bench.clock.advance(600);
    bench.shop.database.count_anew();
    holder.validate("a").await;
    let counted = (
        bench.shop.database.calls(),
        bench.shop.database.statements(),
    );
    assert_eq!(counted, (1, 1), "log, sign of life and charge come later");
    written().await;
    let counted = (
        bench.shop.database.calls(),
        bench.shop.database.statements(),
    );
    assert_eq!(counted, (2, 4), "together, in one batch");
}
