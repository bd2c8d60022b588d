//! Outgoing webhooks: what arrives, in which order, how often, and what becomes of what
//! does not.

use crate::breaking::break_every_call;
use crate::webhook_receiver::{Received, Reply, Told, endpoint_path};
use keywright_native_host::Fault;
use keywright_ports::FetchError;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::collections::BTreeSet;
use std::time::Duration;

const HOST: &str = "hooks.example.com";

async fn told() -> (Told, Value) {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    let endpoint = told.endpoint(HOST, licenses()).await;
    (told, endpoint)
}

/// What is subscribed to: what happens to licenses, and not to other endpoints.
fn licenses() -> Value {
    json!({ "event_types": ["license.*"] })
}

/// True when the official library signs these bytes with this secret as we did. It cannot
/// verify here, because it reads the clock of the machine.
fn verifies(secret: &str, one: &Received) -> bool {
    let library = Webhook::new(secret).expect("a secret");
    let at = one.header("webhook-timestamp").parse().expect("a number");
    let signature = library.sign(one.header("webhook-id"), at, one.body.as_bytes());
    let signature = signature.expect("a signature");
    let mut signatures = one.header("webhook-signature").split(' ');
    signatures.any(|one| one == signature)
}

#[tokio::test]
async fn what_happens_arrives_once_signed_and_in_order() {
    let (told, endpoint) = told().await;
    let secret = endpoint["secret"].as_str().expect("a secret").to_owned();
    let mut licenses = Vec::new();
    for _ in 0..7 {
        licenses.push(told.happens().await);
    }
    let arrived = told.tick().await;
    assert_eq!(arrived.len(), 7);
    let sequences: Vec<i64> = arrived.iter().map(Received::sequence).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    for (one, license) in arrived.iter().zip(&licenses) {
        assert_eq!(one.url, format!("https://{HOST}/in?t=secret"));
        assert_eq!(one.json()["type"], "license.issued");
        assert_eq!(one.json()["data"]["license_id"], license.as_str());
        assert!(verifies(&secret, one), "{one:?}");
        assert!(!verifies("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", one));
        let altered = Received {
            body: one.body.replace("admin_issue", "purchase"),
            ..one.clone()
        };
        assert!(!verifies(&secret, &altered), "{altered:?}");
    }
    assert_eq!(told.tick_after(60).await.len(), 0);
    let feed = told.shown("/v1/admin/events?type=license.*").await;
    let events = feed["events"].as_array().expect("events");
    let ids: Vec<&str> = arrived.iter().map(|one| one.header("webhook-id")).collect();
    let listed: Vec<&str> = events
        .iter()
        .filter_map(|event| event["id"].as_str())
        .collect();
    assert_eq!(listed, ids);
    assert_eq!(events[0]["data"], arrived[0].json()["data"]);
}

#[tokio::test]
async fn every_attempt_sends_the_same_bytes_whatever_changed_meanwhile() {
    let (told, _) = told().await;
    told.receiver
        .reply(HOST, [Reply::Status(500), Reply::Later("120")]);
    let license = told.happens().await;
    let first = told.tick().await.remove(0);
    let path = format!("/v1/admin/licenses/{license}/suspend");
    told.bench
        .operate("POST", &path, &json!({ "reason": "why" }))
        .await;
    let terms = json!({ "max_machines": 9, "expires_at": "2029-01-15T08:00:00Z" });
    let path = format!("/v1/admin/licenses/{license}");
    let changed = told.bench.operate("PATCH", &path, &terms).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    // What came later is not held back by what failed.
    let second = told.tick().await;
    assert_eq!(second.len(), 2);
    assert_eq!(second[0].json()["type"], "license.suspended");
    let third = told.tick_after(5).await;
    assert_eq!(third.len(), 1, "5 seconds after the first failure");
    assert_eq!(
        (&third[0].body, third[0].header("webhook-id")),
        (&first.body, first.header("webhook-id"))
    );
    assert_ne!(
        third[0].header("webhook-timestamp"),
        first.header("webhook-timestamp")
    );
    // The second one is answered 503 with Retry-After: 120.
    assert_eq!(told.tick_after(60).await.len(), 0);
    let last = told.tick_after(60).await;
    assert_eq!(last[0].body, second[0].body);
    assert_eq!(told.deliveries("delivered").await.len(), 3);
}

#[tokio::test]
async fn the_tenth_failure_is_a_dead_letter_and_a_retry_begins_again() {
    let (told, _) = told().await;
    told.receiver.always(HOST, Reply::Status(404));
    told.happens().await;
    let mut attempts = told.tick().await.len();
    for wait in [5, 10, 30, 60, 300, 900, 1_800, 3_600, 7_200] {
        assert_eq!(told.tick_after(wait - 1).await.len(), 0, "before {wait} s");
        attempts += told.tick_after(1).await.len();
    }
    assert_eq!(attempts, 10);
    assert_eq!(told.tick_after(100_000).await.len(), 0);
    let dead = told.deliveries("dead").await;
    assert_eq!((dead.len(), &dead[0]["reason"]), (1, &json!("refused")));
    assert_eq!(told.attention().await, ["webhook_dead_letters"]);
    let path = format!(
        "/v1/admin/webhook-deliveries/{}",
        dead[0]["id"].as_str().expect("an id")
    );
    let shown = told.shown(&path).await;
    assert_eq!(shown["log"].as_array().map(Vec::len), Some(10));
    assert_eq!(shown["log"][9]["status"], 404);
    assert_eq!(shown["log"][9]["answer_body"], "ok");
    told.receiver.always(HOST, Reply::Status(200));
    for _ in 0..2 {
        let again = told
            .bench
            .operate("POST", &format!("{path}/retry"), &json!({}))
            .await;
        assert_eq!(again.json()["state"], "pending", "{again:?}");
    }
    assert_eq!(told.tick().await.len(), 1);
    assert_eq!(told.shown(&path).await["state"], "delivered");
}

#[tokio::test]
async fn a_failure_is_named_for_what_it_is() {
    let (told, _) = told().await;
    let host = || HOST.to_owned();
    let fails = [
        (FetchError::NameUnknown(host()), "dns"),
        (FetchError::NotSecure(host()), "tls"),
        (FetchError::TimedOut(Duration::from_secs(10)), "timeout"),
        (FetchError::Unreachable(host()), "unreachable"),
        (FetchError::NotAllowed(host()), "address_refused"),
    ];
    told.receiver.reply(
        HOST,
        fails.iter().map(|(error, _)| Reply::Fails(error.clone())),
    );
    told.happens().await;
    told.tick().await;
    for wait in [5, 10, 30, 60] {
        told.tick_after(wait).await;
    }
    let pending = told.deliveries("pending").await.remove(0);
    let path = format!(
        "/v1/admin/webhook-deliveries/{}",
        pending["id"].as_str().expect("an id")
    );
    let log = told.shown(&path).await["log"].clone();
    for (at, (_, outcome)) in fails.iter().enumerate() {
        assert_eq!(log[at]["outcome"], *outcome, "{log}");
    }
}

#[tokio::test]
async fn the_body_of_an_answer_decides_nothing() {
    let (told, _) = told().await;
    let smile = format!("{}\u{1f600}", "a".repeat(4_094)).into_bytes();
    for body in [
        b"\x1f\x8b\x00\xff\xed\xa0\x80".to_vec(),
        smile,
        vec![b'x'; 65_536],
    ] {
        told.receiver.reply(HOST, [Reply::Body(body)]);
    }
    for status in [204, 299] {
        told.receiver.reply(HOST, [Reply::Status(status)]);
    }
    for _ in 0..5 {
        told.happens().await;
    }
    assert_eq!(told.tick().await.len(), 5);
    assert_eq!(told.deliveries("delivered").await.len(), 5);
}

#[tokio::test]
async fn only_410_pauses_at_once() {
    for status in [301, 302, 401, 404, 429, 451, 503] {
        let (told, endpoint) = told().await;
        told.receiver.reply(HOST, [Reply::Status(status)]);
        told.happens().await;
        told.tick().await;
        let shown = told.shown(&endpoint_path(&endpoint, "")).await;
        assert_eq!(shown["state"], "active", "{status}");
        assert_eq!(told.tick_after(5).await.len(), 1, "{status}");
    }
    let (told, endpoint) = told().await;
    told.receiver.reply(HOST, [Reply::Status(410)]);
    told.happens().await;
    told.happens().await;
    assert_eq!(
        told.tick().await.len(),
        1,
        "the second is not sent any more"
    );
    let path = endpoint_path(&endpoint, "");
    assert_eq!(told.shown(&path).await["state"], "gone");
    assert_eq!(told.attention().await, ["webhook_gone"]);
    told.change(&endpoint, &json!({ "active": true })).await;
    assert_eq!(told.attention().await, [""; 0]);
    // The second was given back: due, with no attempt counted.
    let pending = told.deliveries("pending").await;
    let attempts = pending.iter().map(|one| one["attempts"].as_i64());
    assert_eq!(attempts.collect::<BTreeSet<_>>(), [Some(0), Some(1)].into());
    assert_eq!(told.tick_after(5).await.len(), 2);
}

#[tokio::test]
async fn pausing_holds_and_resuming_sends_in_order() {
    let (told, endpoint) = told().await;
    told.happens().await;
    told.change(&endpoint, &json!({ "active": false })).await;
    for _ in 0..40 {
        told.happens().await;
    }
    assert_eq!(told.tick_after(2 * 86_400).await.len(), 0);
    let rows = "SELECT count(*) FROM webhook_deliveries";
    assert_eq!(told.bench.number(rows).await, 0, "a position holds them");
    let shown = told.shown(&endpoint_path(&endpoint, "")).await;
    assert_eq!(
        (&shown["state"], &shown["behind"]),
        // Its making and its pausing among them, which it is not sent.
        (&json!("paused"), &json!(43))
    );
    told.change(&endpoint, &json!({ "active": true })).await;
    let mut arrived = told.tick_after(60).await;
    for _ in 0..2 {
        arrived.extend(told.tick_after(60).await);
    }
    let sequences: Vec<i64> = arrived.iter().map(Received::sequence).collect();
    assert_eq!(sequences.len(), 41);
    assert!(sequences.is_sorted(), "{sequences:?}");
}

#[tokio::test]
async fn what_waits_follows_a_change_of_its_endpoint() {
    let (told, endpoint) = told().await;
    told.receiver.always(HOST, Reply::Status(500));
    let license = told.happens().await;
    let first = told.tick().await.remove(0);
    // Another URL and format: the same event there.
    told.change(
        &endpoint,
        &json!({ "url": "https://new.example.com/", "format": "keysat" }),
    )
    .await;
    let moved = told.tick_after(5).await.remove(0);
    assert_eq!(
        (moved.host.as_str(), moved.header("x-keysat-event")),
        ("new.example.com", "license.issued")
    );
    assert_eq!(moved.json()["data"], first.json()["data"]);
    assert_eq!(moved.json()["timestamp"], first.json()["timestamp"]);
    // Unsubscribed: cancelled, with the reason.
    told.receiver.always("new.example.com", Reply::Status(500));
    told.bench
        .operate(
            "POST",
            &format!("/v1/admin/licenses/{license}/suspend"),
            &json!({ "reason": "x" }),
        )
        .await;
    told.tick().await;
    told.change(
        &endpoint,
        &json!({ "event_types": ["machine.*", "license.issued"] }),
    )
    .await;
    let cancelled = told.deliveries("cancelled").await;
    assert_eq!(
        (cancelled.len(), &cancelled[0]["reason"]),
        (1, &json!("unsubscribed"))
    );
    // Deleted: nothing more is sent, and the history stays.
    told.happens().await;
    told.tick().await;
    let deleted = told
        .bench
        .operate("DELETE", &endpoint_path(&endpoint, ""), &json!({}))
        .await;
    assert_eq!(deleted.status, 200);
    told.receiver.taken();
    told.happens().await;
    assert_eq!(told.tick_after(10_000).await.len(), 0);
    assert_eq!(told.deliveries("pending").await.len(), 0);
    assert_eq!(told.deliveries("cancelled").await.len(), 2);
    let again = told
        .bench
        .operate("DELETE", &endpoint_path(&endpoint, ""), &json!({}))
        .await;
    assert_eq!(again.status, 404);
}

#[tokio::test]
async fn three_days_of_failure_pause_and_coming_back_starts_clean() {
    let (told, endpoint) = told().await;
    told.receiver
        .always(HOST, Reply::Fails(FetchError::Unreachable(HOST.to_owned())));
    for _ in 0..74 {
        told.happens().await;
        told.tick_after(3_600).await;
    }
    let path = endpoint_path(&endpoint, "");
    assert_eq!(told.shown(&path).await["state"], "failing");
    let kinds: BTreeSet<String> = told.attention().await.into_iter().collect();
    assert_eq!(
        kinds,
        ["webhook_dead_letters", "webhook_failing"]
            .map(str::to_owned)
            .into()
    );
    assert_eq!(told.attention().await.len(), 2, "one item a kind");
    told.receiver.always(HOST, Reply::Status(200));
    told.change(&endpoint, &json!({ "active": true })).await;
    told.receiver.reply(
        HOST,
        [Reply::Fails(FetchError::TimedOut(Duration::from_secs(10)))],
    );
    told.tick_after(60).await;
    assert_eq!(told.shown(&path).await["state"], "active");
    let replay = format!("{path}/replay?from=2027-01-01T00:00:00Z");
    let replayed = told.bench.operate("POST", &replay, &json!({})).await.json();
    assert_eq!(replayed["more"], false);
    assert!(replayed["replayed"].as_u64() > Some(50), "{replayed}");
    for _ in 0..10 {
        told.tick_after(60).await;
    }
    assert_eq!(told.deliveries("delivered").await.len(), 74);
    assert_eq!(told.deliveries("failed").await.len(), 0);
}

#[tokio::test]
async fn one_that_takes_now_and_then_is_reported_and_not_paused() {
    let (told, endpoint) = told().await;
    for hour in 0..80 {
        let status = if hour % 10 == 0 { 200 } else { 500 };
        told.receiver.always(HOST, Reply::Status(status));
        told.happens().await;
        told.tick_after(3_600).await;
    }
    assert_eq!(
        told.shown(&endpoint_path(&endpoint, "")).await["state"],
        "active"
    );
    assert!(told.attention().await.contains(&"webhook_flaky".to_owned()));
}

#[tokio::test]
async fn dead_and_slow_endpoints_delay_no_other() {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    let hosts: Vec<String> = (0..12).map(|n| format!("h{n}.example.com")).collect();
    for host in &hosts {
        told.endpoint(host, licenses()).await;
    }
    for dead in &hosts[..6] {
        let late = FetchError::TimedOut(Duration::from_secs(10));
        told.receiver.always(dead, Reply::Fails(late));
    }
    told.happens().await;
    let arrived: BTreeSet<String> = told.tick().await.into_iter().map(|one| one.host).collect();
    assert_eq!(arrived.len(), 12, "in one tick: {arrived:?}");
    assert_eq!(told.deliveries("delivered").await.len(), 6);
}

/// A slow endpoint is given one delivery at a time, so that a pause or a deletion takes
/// effect soon; what was claimed besides is given back, and a tick has its end.
#[tokio::test]
async fn a_slow_endpoint_is_looked_at_again_before_each_delivery() {
    let (told, _) = told().await;
    told.receiver.always(HOST, Reply::After(9));
    for _ in 0..6 {
        told.happens().await;
    }
    let arrived = told.tick().await;
    assert_eq!(arrived.len(), 4, "what the statements of a tick allow");
    let pending = told.deliveries("pending").await;
    let attempts: Vec<&Value> = pending.iter().map(|one| &one["attempts"]).collect();
    assert_eq!(attempts, [0, 0]);
    let rest = told.tick().await;
    let all: Vec<i64> = arrived
        .iter()
        .chain(&rest)
        .map(Received::sequence)
        .collect();
    assert_eq!(all.len(), 6);
    assert!(all.is_sorted(), "{all:?}");
}

#[tokio::test]
async fn what_is_held_too_long_expires_and_is_listed() {
    let (told, endpoint) = told().await;
    told.receiver.always(HOST, Reply::Status(500));
    told.happens().await;
    told.tick().await;
    told.change(&endpoint, &json!({ "active": false })).await;
    told.happens().await;
    told.tick_after(31 * 86_400).await;
    let expired = told.deliveries("expired").await;
    assert_eq!(expired.len(), 2);
    let shown = told.shown(&endpoint_path(&endpoint, "")).await;
    assert_eq!(
        (&shown["behind"], &shown["pending"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn whatever_database_call_breaks_everything_arrives() {
    break_every_call(4, async |call, fault| {
        let (told, _) = told().await;
        let mut licenses = BTreeSet::new();
        for _ in 0..3 {
            licenses.insert(told.happens().await);
        }
        told.receiver.reply(HOST, [Reply::Status(500)]);
        told.bench.shop.database.break_call(call, fault);
        let broken = told.try_tick().await;
        if told.bench.shop.database.mend() <= call {
            return false;
        }
        let case = format!("call {call}, {fault:?}");
        assert!(broken.status == 500 || fault == Fault::After, "{case}");
        for _ in 0..5 {
            told.bench.clock.advance(60);
            told.try_tick().await;
        }
        let arrived = told.receiver.taken();
        let all: BTreeSet<String> = arrived
            .iter()
            .map(|one| {
                one.json()["data"]["license_id"]
                    .as_str()
                    .expect("an id")
                    .to_owned()
            })
            .collect();
        assert_eq!(all, licenses, "{case}");
        let ids: BTreeSet<&str> = arrived.iter().map(|one| one.header("webhook-id")).collect();
        assert_eq!(ids.len(), 3, "{case}: one id each, at every attempt");
        assert_eq!(told.deliveries("delivered").await.len(), 3, "{case}");
        true
    })
    .await;
}

/// The outcomes of the attempts of a delivery, and how often it was attempted.
async fn attempts(told: &Told, delivery: &Value) -> (Vec<String>, i64) {
    let id = delivery["id"].as_str().expect("an id");
    let shown = told
        .shown(&format!("/v1/admin/webhook-deliveries/{id}"))
        .await;
    let log = shown["log"].as_array().expect("a log").iter();
    let outcomes = log.map(|one| one["outcome"].as_str().unwrap_or("open").to_owned());
    (
        outcomes.collect(),
        shown["attempts"].as_i64().expect("a number"),
    )
}

/// A tick that is killed after its claim, or after the request and before the result, is due
/// again when the claim ends. That counts towards the ten, and not against the endpoint.
#[tokio::test]
async fn an_interrupted_attempt_counts_and_blames_nobody() {
    // The look, the planning, the claim, and the result.
    for (call, fault, requests) in [(2, Fault::After, 1), (3, Fault::Before, 2)] {
        let (told, endpoint) = told().await;
        told.happens().await;
        told.bench.shop.database.break_call(call, fault);
        assert_eq!(told.try_tick().await.status, 500);
        told.bench.shop.database.mend();
        for (seconds, delivered) in [(30, 0), (1, 1)] {
            told.bench.clock.advance(seconds);
            assert_eq!(told.try_tick().await.status, 200);
            assert_eq!(told.deliveries("delivered").await.len(), delivered);
        }
        let arrived = told.receiver.taken();
        let ids: BTreeSet<&str> = arrived.iter().map(|one| one.header("webhook-id")).collect();
        assert_eq!((arrived.len(), ids.len()), (requests, 1));
        let delivered = told.deliveries("delivered").await.remove(0);
        let (outcomes, count) = attempts(&told, &delivered).await;
        assert_eq!((outcomes.len(), count), (2, 1), "{outcomes:?}");
        assert!(outcomes.contains(&"interrupted".to_owned()), "{outcomes:?}");
        let path = endpoint_path(&endpoint, "");
        assert_eq!(told.shown(&path).await["failing_since"], Value::Null);
    }
    let (told, endpoint) = told().await;
    told.happens().await;
    for _ in 0..10 {
        // The planning of the first tick is not needed again, but ending the claim is.
        told.bench.shop.database.break_call(2, Fault::After);
        assert_eq!(told.try_tick().await.status, 500);
        told.bench.shop.database.mend();
        told.bench.clock.advance(31);
    }
    assert_eq!(told.tick().await.len(), 0);
    let dead = told.deliveries("dead").await;
    assert_eq!((dead.len(), &dead[0]["reason"]), (1, &json!("interrupted")));
    let shown = told.shown(&endpoint_path(&endpoint, "")).await;
    assert_eq!(
        (&shown["state"], &shown["failing_since"]),
        (&json!("active"), &Value::Null)
    );
}

/// A result that comes after its claim ended changes nothing and is counted.
#[tokio::test]
async fn a_late_result_is_counted_and_changes_nothing() {
    let (told, _) = told().await;
    told.receiver.reply(HOST, [Reply::After(40)]);
    told.happens().await;
    let late = told.try_tick().await;
    assert_eq!(late.json()["late"], 1, "{late:?}");
    assert_eq!(told.deliveries("delivered").await.len(), 0);
    assert_eq!(told.try_tick().await.status, 200);
    assert_eq!(told.deliveries("delivered").await.len(), 1);
    let arrived = told.receiver.taken();
    let ids: BTreeSet<&str> = arrived.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!((arrived.len(), ids.len()), (2, 1));
}

#[tokio::test]
async fn an_event_that_cannot_be_rendered_holds_up_no_other() {
    let (told, _) = told().await;
    told.receiver.reply(HOST, vec![Reply::Status(500); 3]);
    for _ in 0..3 {
        told.happens().await;
    }
    assert_eq!(told.tick().await.len(), 3);
    let second = "DELETE FROM events WHERE sequence = (SELECT max(sequence) - 1 FROM events)";
    told.bench.sql(second).await;
    assert_eq!(told.tick_after(5).await.len(), 2);
    assert_eq!(told.deliveries("delivered").await.len(), 2);
    let pending = told.deliveries("pending").await.remove(0);
    let (outcomes, _) = attempts(&told, &pending).await;
    assert_eq!(outcomes, ["refused", "unsent"]);
}

/// Two endpoints that are sent everything and are dead for a day: one item each, and no news
/// of deliveries that would breed more.
#[tokio::test]
async fn dead_endpoints_breed_no_events() {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    for host in ["a.example.com", "b.example.com"] {
        told.endpoint(host, json!({})).await;
        told.receiver.always(host, Reply::Status(500));
    }
    for _ in 0..10 {
        told.happens().await;
    }
    let events = "SELECT count(*) FROM events";
    told.tick().await;
    let mut counts = Vec::new();
    for _ in 0..24 {
        for _ in 0..6 {
            told.tick_after(600).await;
        }
        counts.push(told.bench.number(events).await);
    }
    assert_eq!(
        counts.iter().collect::<BTreeSet<_>>().len(),
        1,
        "{counts:?}"
    );
    assert_eq!(told.attention().await, ["webhook_dead_letters"; 2]);
    let items = told.shown("/v1/admin/attention").await;
    // The second is news for the first, and not for itself.
    let dead = [0, 1].map(|at| items["attention"][at]["details"]["dead"].as_i64());
    assert_eq!(BTreeSet::from(dead), [Some(10), Some(11)].into(), "{items}");
}

#[tokio::test]
async fn a_purchase_is_told_in_the_order_in_which_it_happened() {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    let code = json!({ "kind": "free_license", "product_slug": "demo" });
    told.bench.code("PRESS", code).await;
    let types = json!(["code.*", "license.*", "machine.*"]);
    told.endpoint(HOST, json!({ "event_types": types })).await;
    let keysat = json!({ "event_types": types, "format": "keysat" });
    told.endpoint("keysat.example.com", keysat).await;
    let order = json!({ "product": "demo", "code": "PRESS" });
    let redeemed = told.bench.post("/v1/redeem", &order).await;
    let machine = json!({ "key": redeemed.text("license_key"), "fingerprint": "3f1c-laptop" });
    let activated = told.bench.post("/v1/machines/activate", &machine).await;
    assert_eq!(activated.json()["ok"], true, "{activated:?}");
    let arrived = told.tick().await;
    for (host, member) in [(HOST, "type"), ("keysat.example.com", "event_type")] {
        let here: Vec<&Received> = arrived.iter().filter(|one| one.host == host).collect();
        let sequences: Vec<i64> = here.iter().map(|one| one.sequence()).collect();
        let types: BTreeSet<String> = here
            .iter()
            .map(|one| one.json()[member].to_string())
            .collect();
        assert!(
            sequences.is_sorted() && sequences.len() == 3,
            "{sequences:?}"
        );
        assert_eq!(types.len(), 3, "{types:?}");
    }
}

#[tokio::test]
async fn two_ticks_at_once_send_once() {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    for n in 0..4 {
        told.endpoint(&format!("h{n}.example.com"), licenses())
            .await;
    }
    for _ in 0..3 {
        told.happens().await;
    }
    let ticks = tokio::join!(told.try_tick(), told.try_tick(), told.try_tick());
    for tick in [ticks.0, ticks.1, ticks.2] {
        assert_eq!(tick.status, 200, "{tick:?}");
    }
    let arrived = told.receiver.taken();
    let once: BTreeSet<(String, i64)> = arrived
        .iter()
        .map(|one| (one.host.clone(), one.sequence()))
        .collect();
    assert_eq!((arrived.len(), once.len()), (12, 12));
}
