//! Seats: activate, heartbeat, deactivate, and trust on first use.

use crate::{cases, client, licensed, status};
use keysat_licensing_client::{MachineResponse, ValidateRequest};
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor;
use serde_json::json;

cases![
    to_the_cap_and_beyond,
    heartbeat,
    deactivate,
    trust_on_first_use,
    validate_takes_seats,
    hostname_and_platform,
    unlimited,
    churn,
    not_in_force,
    unknown_keys,
];

/// What an activation says, without its id.
fn counted(answer: &MachineResponse) -> (bool, Option<&str>, Option<i64>, Option<i64>) {
    let reason = answer.reason.as_deref();
    (answer.ok, reason, answer.active_count, answer.max_machines)
}

async fn to_the_cap_and_beyond(instance: &Instance) {
    let sold = licensed(instance, "r-cap", json!({ "max_machines": 3 })).await;
    let client = client(instance);
    let mut ids = Vec::new();
    for (machine, count) in [("a", 1), ("b", 2), ("c", 3)] {
        let answer = client
            .activate(&sold.key, machine)
            .await
            .expect("an answer");
        assert_eq!(counted(&answer), (true, None, Some(count), Some(3)));
        ids.push(answer.machine_id.expect("a seat"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 3, "each machine has a seat of its own");
    for _ in 0..2 {
        let answer = client.activate(&sold.key, "d").await.expect("an answer");
        let beyond = (false, Some("too_many_machines"), Some(3), Some(3));
        assert_eq!(counted(&answer), beyond);
        assert_eq!(answer.machine_id, None);
    }
    let again = client.activate(&sold.key, "b").await.expect("an answer");
    assert_eq!(counted(&again), (true, None, Some(3), Some(3)));
    assert_eq!(again.machine_id.as_ref(), Some(&ids[1]), "the same seat");
}

async fn heartbeat(instance: &Instance) {
    let sold = licensed(instance, "r-heartbeat", json!({ "max_machines": 2 })).await;
    let client = client(instance);
    let seat = client.activate(&sold.key, "a").await.expect("an answer");
    let beat = client.heartbeat(&sold.key, "a").await.expect("an answer");
    assert!(beat.ok && beat.reason.is_none(), "{beat:?}");
    assert_eq!(beat.machine_id, seat.machine_id);
    let stranger = client.heartbeat(&sold.key, "b").await.expect("an answer");
    assert_eq!(
        (stranger.ok, stranger.reason.as_deref()),
        (false, Some("not_activated"))
    );
}

async fn deactivate(instance: &Instance) {
    let sold = licensed(instance, "r-deactivate", json!({ "max_machines": 2 })).await;
    let client = client(instance);
    for machine in ["a", "b"] {
        client.activate(&sold.key, machine).await.expect("a seat");
    }
    let stranger = client.deactivate(&sold.key, "c", None).await;
    let stranger = stranger.expect("an answer");
    assert_eq!(
        (stranger.ok, stranger.reason.as_deref()),
        (false, Some("not_found"))
    );
    let freed = client
        .deactivate(&sold.key, "a", Some("sold the laptop"))
        .await;
    assert!(freed.expect("an answer").ok);
    let again = client.deactivate(&sold.key, "a", None).await;
    assert!(again.expect("an answer").ok, "repeating it succeeds");
    let gone = client.heartbeat(&sold.key, "a").await.expect("an answer");
    assert_eq!(gone.reason.as_deref(), Some("not_activated"));
    let third = client.activate(&sold.key, "c").await.expect("an answer");
    assert_eq!(counted(&third), (true, None, Some(2), Some(2)));
    client
        .deactivate(&sold.key, "c", None)
        .await
        .expect("an answer");
    let back = client.activate(&sold.key, "a").await.expect("an answer");
    assert_eq!(counted(&back), (true, None, Some(2), Some(2)));
}

/// A single-seat license belongs to the first machine that asks.
async fn trust_on_first_use(instance: &Instance) {
    let sold = licensed(instance, "r-tofu", json!({})).await;
    let client = client(instance);
    let first = client.validate(&sold.key, Some("r-tofu"), Some("mine"));
    let first = first.await.expect("an answer");
    assert!(first.ok && first.machine_id.is_some(), "{first:?}");
    assert_eq!(first.max_machines, Some(1));
    let again = client.validate(&sold.key, None, Some("mine")).await;
    assert_eq!(again.expect("an answer").machine_id, first.machine_id);
    let stranger = client.validate(&sold.key, None, Some("yours")).await;
    let stranger = stranger.expect("an answer");
    assert_eq!(
        (stranger.ok, stranger.reason.as_deref()),
        (false, Some("fingerprint_mismatch"))
    );
    let asked = client
        .activate(&sold.key, "yours")
        .await
        .expect("an answer");
    let taken = (false, Some("too_many_machines"), Some(1), Some(1));
    assert_eq!(counted(&asked), taken);
    // Without a fingerprint only the license counts.
    let plain = client.validate(&sold.key, None, None).await;
    let plain = plain.expect("an answer");
    assert!(plain.ok && plain.machine_id.is_none(), "{plain:?}");
    // Freeing the machine opens the license for another.
    let freed = client.deactivate(&sold.key, "mine", None).await;
    assert!(freed.expect("an answer").ok);
    let moved = client.validate(&sold.key, None, Some("yours")).await;
    assert!(moved.expect("an answer").ok);
    let late = client.validate(&sold.key, None, Some("mine")).await;
    assert_eq!(
        late.expect("an answer").reason.as_deref(),
        Some("fingerprint_mismatch")
    );
}

async fn validate_takes_seats(instance: &Instance) {
    let sold = licensed(instance, "r-seats", json!({ "max_machines": 2 })).await;
    let client = client(instance);
    let mut seats = Vec::new();
    for machine in ["a", "b", "a"] {
        let answer = client.validate(&sold.key, None, Some(machine)).await;
        seats.push(answer.expect("an answer").machine_id.expect("a seat"));
    }
    assert_eq!(seats[0], seats[2]);
    assert_ne!(seats[0], seats[1]);
    let beyond = client.validate(&sold.key, None, Some("c")).await;
    let beyond = beyond.expect("an answer");
    assert_eq!(beyond.reason.as_deref(), Some("too_many_machines"));
    assert_eq!(beyond.max_machines, Some(2));
    assert_eq!(beyond.license_id, Some(sold.license_id));
    assert_eq!(beyond.product_id, Some(sold.product_id));
}

async fn hostname_and_platform(instance: &Instance) {
    let sold = licensed(instance, "r-described", json!({})).await;
    let request = ValidateRequest {
        key: &sold.key,
        product_slug: Some("r-described"),
        fingerprint: Some("board-serial"),
        hostname: Some("studio.lan"),
        platform: Some("linux-x86_64"),
    };
    let answer = client(instance).validate_full(request).await;
    let answer = answer.expect("an answer");
    let listed = instance
        .api
        .post("/v1/machines/list", &json!({ "key": sold.key }))
        .await
        .ok();
    let machine = &listed["machines"][0];
    assert_eq!(machine["machine_id"].as_str(), answer.machine_id.as_deref());
    assert_eq!(machine["hostname"], "studio.lan");
    assert_eq!(machine["platform"], "linux-x86_64");
}

async fn unlimited(instance: &Instance) {
    let sold = licensed(instance, "r-unlimited", json!({ "max_machines": 0 })).await;
    let client = client(instance);
    for number in 1..=12 {
        let machine = format!("machine {number}");
        let answer = client.activate(&sold.key, &machine).await;
        let answer = answer.expect("an answer");
        assert_eq!(counted(&answer), (true, None, Some(number), Some(0)));
    }
    let online = client.validate(&sold.key, None, Some("one more")).await;
    assert_eq!(online.expect("an answer").max_machines, Some(0));
}

/// Seats cannot be passed around all day: the reason is not in the SDK's list,
/// and reaches the application as its text.
async fn churn(instance: &Instance) {
    let sold = licensed(instance, "r-churn", json!({})).await;
    let client = client(instance);
    let mut turned_away = None;
    for round in 0..12 {
        let machine = format!("machine {round}");
        let answer = client.activate(&sold.key, &machine).await;
        let answer = answer.expect("an answer");
        if !answer.ok {
            turned_away = answer.reason;
            break;
        }
        client
            .deactivate(&sold.key, &machine, None)
            .await
            .expect("an answer");
    }
    assert_eq!(turned_away.as_deref(), Some("too_many_activations"));
    let online = client.validate(&sold.key, None, Some("another")).await;
    assert_eq!(
        online.expect("an answer").reason.as_deref(),
        Some("too_many_activations")
    );
}

/// A license that is not in force takes no machine; those that it has may
/// still beat and go.
async fn not_in_force(instance: &Instance) {
    let sold = licensed(instance, "r-ended", json!({ "max_machines": 2 })).await;
    let client = client(instance);
    client.activate(&sold.key, "a").await.expect("a seat");
    floor::revoke(instance, &sold.license_id).await.ok();
    let refused = client.activate(&sold.key, "b").await.expect("an answer");
    assert_eq!(
        counted(&refused),
        (false, Some("revoked"), Some(0), Some(2))
    );
    assert!(
        client
            .heartbeat(&sold.key, "a")
            .await
            .expect("an answer")
            .ok
    );
    let freed = client.deactivate(&sold.key, "a", None).await;
    assert!(freed.expect("an answer").ok);
}

async fn unknown_keys(instance: &Instance) {
    let sold = licensed(instance, "r-unknown", json!({})).await;
    let client = client(instance);
    let nobody = sold.reissued(&instance.signing_key, |license| {
        license.license_id = uuid::Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000);
    });
    assert_eq!(status(client.activate(&nobody, "a").await), 404);
    let beat = client.heartbeat(&nobody, "a").await.expect("an answer");
    assert_eq!(beat.reason.as_deref(), Some("not_activated"));
    let freed = client.deactivate(&nobody, "a", None).await;
    assert_eq!(
        freed.expect("an answer").reason.as_deref(),
        Some("not_found")
    );
    for key in ["LIC1-AAAA-BBBB", "", &sold.key[..sold.key.len() - 8]] {
        assert_eq!(status(client.activate(key, "a").await), 400, "{key}");
        assert_eq!(status(client.heartbeat(key, "a").await), 400, "{key}");
        assert_eq!(
            status(client.deactivate(key, "a", None).await),
            400,
            "{key}"
        );
    }
    assert_eq!(status(client.activate(&sold.key, "").await), 400);
}
