//! Two hundred machines at once: seats, bindings and daily limits hold because
//! the database says so, whatever the order.

use super::cases;
use super::floor::{issue, product, text};
use super::races::at_once;
use crate::hosts::Instance;
use http::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

cases![
    cap_by_activating,
    cap_by_validating,
    first_use_binds_one,
    one_machine_stays_one,
    daily_limit,
    coming_and_going,
    freed_once,
];

const ATTEMPTS: usize = 200;

struct Raced<'a> {
    instance: &'a Instance,
    key: String,
    license_id: String,
}

impl<'a> Raced<'a> {
    async fn new(instance: &'a Instance, slug: &str, terms: Value) -> Self {
        product(instance, slug, 10).await;
        let issued = issue(instance, slug, terms).await;
        Self {
            instance,
            key: text(&issued, "license_key"),
            license_id: text(&issued, "license_id"),
        }
    }

    /// Each from an address of its own, so that none is one too many.
    async fn send(&self, path: &str, fingerprint: &str) -> Value {
        static CALLERS: AtomicU32 = AtomicU32::new(0x0a00_0001);
        let caller = Ipv4Addr::from_bits(CALLERS.fetch_add(1, Ordering::Relaxed));
        let request = self.instance.api.request(Method::POST, path);
        let request = request
            .header("x-forwarded-for", caller.to_string())
            .json(&json!({ "key": self.key, "fingerprint": fingerprint }));
        self.instance.api.send(request).await.ok()
    }

    /// Machines with a seat, and events of both kinds.
    async fn recorded(&self) -> [i64; 3] {
        let database = &self.instance.database;
        let machines = "SELECT count(*) AS n FROM machines
                        WHERE license_id = ?1 AND deactivated_at IS NULL";
        let events = "SELECT count(*) AS n FROM events
                      WHERE event_type = ?2 AND data ->> 'license_id' = ?1";
        let id = self.license_id.as_str();
        [
            database.count(machines, &[id]).await,
            database.count(events, &[id, "machine.activated"]).await,
            database.count(events, &[id, "machine.deactivated"]).await,
        ]
    }
}

/// How many were let in; the others were refused for this reason.
fn let_in(answers: &[Value], reason: &str) -> usize {
    let refused = answers.iter().filter(|answer| answer["ok"] == false);
    for answer in refused {
        assert_eq!(answer["reason"], reason, "{answer}");
    }
    let seated = answers.iter().filter(|answer| answer["ok"] == true);
    let seats: HashSet<String> = seated
        .clone()
        .map(|seat| text(seat, "machine_id"))
        .collect();
    assert_eq!(seats.len(), seated.count(), "a seat for each");
    seats.len()
}

async fn cap_by_activating(instance: &Instance) {
    let raced = Raced::new(instance, "raced-activations", json!({ "max_machines": 5 })).await;
    let path = "/v1/machines/activate";
    let answers = at_once(ATTEMPTS, async |number| {
        raced.send(path, &number.to_string()).await
    })
    .await;
    assert_eq!(let_in(&answers, "too_many_machines"), 5);
    for answer in &answers {
        let active = answer["active_count"].as_i64().expect("a count");
        assert!((1..=5).contains(&active), "{answer}");
    }
    assert_eq!(raced.recorded().await, [5, 5, 0]);
}

async fn cap_by_validating(instance: &Instance) {
    let raced = Raced::new(instance, "raced-validations", json!({ "max_machines": 5 })).await;
    let answers = at_once(ATTEMPTS, async |number| {
        raced.send("/v1/validate", &number.to_string()).await
    })
    .await;
    assert_eq!(let_in(&answers, "too_many_machines"), 5);
    assert_eq!(raced.recorded().await, [5, 5, 0]);
}

async fn first_use_binds_one(instance: &Instance) {
    let raced = Raced::new(instance, "raced-first-use", json!({})).await;
    let answers = at_once(ATTEMPTS, async |number| {
        raced.send("/v1/validate", &number.to_string()).await
    })
    .await;
    assert_eq!(let_in(&answers, "fingerprint_mismatch"), 1);
    assert_eq!(raced.recorded().await, [1, 1, 0]);
    // It stays the one that is bound.
    let bound = answers.iter().position(|answer| answer["ok"] == true);
    let bound = bound.expect("one got in");
    for (number, before) in answers
        .iter()
        .enumerate()
        .take(bound + 2)
        .skip(bound.max(1) - 1)
    {
        let again = raced.send("/v1/validate", &number.to_string()).await;
        assert_eq!(again, *before, "{number}");
    }
}

async fn one_machine_stays_one(instance: &Instance) {
    let raced = Raced::new(instance, "raced-machine", json!({ "max_machines": 0 })).await;
    let answers = at_once(ATTEMPTS, async |number| {
        let path = ["/v1/validate", "/v1/machines/activate"][number % 2];
        raced.send(path, "the same").await
    })
    .await;
    let seats: HashSet<String> = answers
        .iter()
        .map(|answer| text(answer, "machine_id"))
        .collect();
    assert_eq!(seats.len(), 1, "{seats:?}");
    assert!(answers.iter().all(|answer| answer["ok"] == true));
    assert_eq!(raced.recorded().await, [1, 1, 0]);
}

async fn daily_limit(instance: &Instance) {
    let terms = json!({ "max_machines": 0, "max_activations_per_day": 7 });
    let raced = Raced::new(instance, "raced-churn", terms).await;
    let answers = at_once(ATTEMPTS, async |number| {
        raced.send("/v1/validate", &number.to_string()).await
    })
    .await;
    assert_eq!(let_in(&answers, "too_many_activations"), 7);
    assert_eq!(raced.recorded().await, [7, 7, 0]);
}

/// Machines that take a seat and free it, all mixed up.
async fn coming_and_going(instance: &Instance) {
    let terms = json!({ "max_machines": 3, "max_activations_per_day": 0 });
    let raced = Raced::new(instance, "raced-moves", terms).await;
    let answers = at_once(ATTEMPTS, async |number| {
        let fingerprint = (number % 8).to_string();
        if number % 3 == 2 {
            raced.send("/v1/machines/deactivate", &fingerprint).await
        } else {
            raced.send("/v1/validate", &fingerprint).await
        }
    })
    .await;
    for answer in &answers {
        let reason = answer["reason"].as_str().unwrap_or("too_many_machines");
        assert!(
            ["too_many_machines", "not_found"].contains(&reason),
            "{answer}"
        );
    }
    let [active, activated, deactivated] = raced.recorded().await;
    assert!((0..=3).contains(&active), "{active}");
    assert_eq!(activated - deactivated, active, "an event for each change");
    assert!(activated >= 3, "{activated}");
}

async fn freed_once(instance: &Instance) {
    let raced = Raced::new(instance, "raced-freeing", json!({})).await;
    raced.send("/v1/validate", "a").await;
    let answers = at_once(ATTEMPTS, async |_| {
        raced.send("/v1/machines/deactivate", "a").await
    })
    .await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == json!({ "ok": true }))
    );
    assert_eq!(raced.recorded().await, [0, 1, 1]);
}
