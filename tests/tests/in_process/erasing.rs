//! What is erased and pruned by record, and what is not taken for that.

use crate::bench::Bench;
use crate::breaking::break_every_call;
use crate::sealing::{add, checkpoint, findings, head, intact, tick, verdict};
use axum::body::Body;
use http::Request;
use keywright_domain::audit_log::leaf::StoredEntry;
use keywright_domain::audit_log::verdict::{Finding, ServedLeaf, Verdict};
use keywright_ports::name;
use serde_json::{Value, json};

const DAY: u64 = 86_400;

/// A license whose buyer is named in three entries, in its row and in an event.
async fn bought(bench: &Bench) -> String {
    bench.product("demo", 1).await;
    let buyer = json!({ "buyer_email": "ana@example.com", "note": "Ana from Lisbon" });
    let license = bench.issue("demo", buyer).await.text("license_id");
    for (member, value) in [
        ("buyer_email", "ana@new.example.com"),
        ("note", "moved to Porto"),
        ("buyer_email", "ana@old.example.com"),
    ] {
        let path = format!("/v1/admin/licenses/{license}");
        let answer = bench
            .operate("PATCH", &path, &json!({ member: value }))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let path = format!("/v1/admin/licenses/{license}");
    let change = json!({ "max_machines": 7 });
    assert_eq!(bench.operate("PATCH", &path, &change).await.status, 200);
    bench.machine("m1", &license).await;
    license
}

async fn erase(bench: &Bench, license: &str) -> (u16, Value) {
    let path = format!("/v1/admin/licenses/{license}/erase-buyer");
    let answer = bench.operate("POST", &path, &json!({})).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_buyer_who_is_erased_by_record_is_nowhere_and_the_log_stays_green() {
    for is_sealed_before in [true, false] {
        let bench = Bench::new();
        let license = bought(&bench).await;
        if is_sealed_before {
            tick(&bench).await;
        }
        let done = json!({ "ok": true, "erased_entries": 3, "complete": true });
        assert_eq!(erase(&bench, &license).await, (200, done));
        let stored = format!("{:?}", bench.dump().await);
        for personal in ["ana@", "Lisbon", "Porto", "\"host\""] {
            assert!(!stored.contains(personal), "{personal} is still stored");
        }
        if is_sealed_before {
            let signed = head(&checkpoint(&bench).await);
            let seen = verdict(&bench, signed, None).await;
            assert_eq!(seen, Verdict::RecordNotSealed);
        }
        tick(&bench).await;
        let log = intact(&bench, None).await;
        let record = "SELECT l.position FROM audit a JOIN audit_leaves l ON l.sequence = a.sequence
                      WHERE a.action = 'license.erase_buyer'";
        let by = bench.number(record).await;
        let erased: Vec<(u64, u64)> = log.erased.iter().map(|e| (e.count, e.by)).collect();
        assert_eq!(erased, [(3, by.cast_unsigned())]);
        // Repeating it erases and records nothing more.
        let done = json!({ "ok": true, "erased_entries": 0, "complete": true });
        let before = bench.dump().await;
        assert_eq!(erase(&bench, &license).await, (200, done));
        assert_eq!(bench.dump().await, before);
        let path = "/v1/admin/audit?action=license.change";
        let listed = bench.operate("GET", path, &json!({})).await.json();
        let entries = listed["entries"].as_array().expect("a list");
        let marked = entries.iter().filter(|entry| entry["erased"] == true);
        assert_eq!((marked.count(), entries.len()), (3, 4));
        // What was not about the buyer is still there.
        let kept = "SELECT count(*) FROM audit WHERE after ->> '$.max_machines' = 7";
        assert_eq!(bench.number(kept).await, 1);
    }
}

async fn erase_address(bench: &Bench, address: &str) -> (u16, Value) {
    let body = json!({ "buyer_email": address });
    let path = "/v1/admin/licenses/erase-buyer";
    let answer = bench.operate("POST", path, &body).await;
    (answer.status, answer.json())
}

/// What is answered when so much is erased, and nothing is left.
fn done(licenses: i64, entries: i64) -> (u16, Value) {
    let body =
        json!({ "ok": true, "licenses": licenses, "erased_entries": entries, "complete": true });
    (200, body)
}

#[tokio::test]
async fn all_licenses_of_an_address_are_erased_at_once_and_no_other() {
    let bench = Bench::new();
    let first = bought(&bench).await;
    let mut ids = vec![first];
    // In other spellings, of which one is from before addresses were cleaned.
    for address in ["Ana@OLD.example.com", "ana@old.example.com."] {
        let license = bench.issue("demo", json!({ "note": "of Ana" })).await;
        ids.push(license.text("license_id"));
        let row = format!(
            "UPDATE licenses SET buyer_email = '{address}' WHERE id = '{}'",
            ids[ids.len() - 1]
        );
        bench.sql(&row).await;
    }
    let other = json!({ "buyer_email": "ann@old.example.com", "note": "of Ann" });
    bench.issue("demo", other).await;
    tick(&bench).await;
    assert_eq!(
        erase_address(&bench, " ANA@old.example.com ").await,
        done(3, 3)
    );
    let stored = format!("{:?}", bench.dump().await).to_lowercase();
    assert!(!stored.contains("ana@") && !stored.contains("of ana"));
    assert!(stored.contains("ann@old") && stored.contains("of ann"));
    // An entry and an event for each.
    let events = bench
        .operate("GET", "/v1/admin/events?limit=1000", &json!({}))
        .await;
    let events = events.json()["events"].as_array().expect("events").clone();
    let erased = events
        .iter()
        .filter(|event| event["type"] == "license.buyer_erased");
    let erased = erased.map(|event| event["data"]["license_id"].as_str().expect("an id"));
    let mut erased: Vec<&str> = erased.collect();
    erased.sort_unstable();
    ids.sort_unstable();
    assert_eq!(erased, ids);
    tick(&bench).await;
    let log = intact(&bench, None).await;
    assert_eq!(log.erased.iter().map(|one| one.count).sum::<u64>(), 3);
    // Repeated, and of an address that nobody has.
    let before = bench.dump().await;
    for address in ["ana@old.example.com", "nobody@x.example"] {
        assert_eq!(erase_address(&bench, address).await, done(0, 0));
    }
    assert_eq!(bench.dump().await, before);
    assert_eq!(erase_address(&bench, " ").await.0, 400);
}

#[tokio::test]
async fn an_address_with_very_many_licenses_is_erased_in_several_requests() {
    let bench = Bench::new();
    let license = bought(&bench).await;
    // As many licenses as no request takes, and one with as many entries.
    bench
        .sql(
            "INSERT INTO audit (id, at, actor, action, object_kind, object_id, request_id, after)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
             SELECT 'e' || i, 1, 'operator', 'license.change', 'license',
                    (SELECT id FROM licenses), '', json_object('note', 'Ana ' || i) FROM n",
        )
        .await;
    for _ in 0..120 {
        let buyer = json!({ "buyer_email": "ana@old.example.com" });
        bench.issue("demo", buyer).await;
    }
    let (mut requests, mut licenses, mut entries) = (0, 0, 0);
    loop {
        let (status, answer) = erase_address(&bench, "ana@old.example.com").await;
        assert_eq!(status, 200, "{answer}");
        let number = |member: &str| answer[member].as_i64().expect("a number");
        assert!(number("licenses") <= 100 && number("erased_entries") <= 1_000);
        requests += 1;
        licenses += number("licenses");
        entries += number("erased_entries");
        if answer["complete"] == true {
            break;
        }
        assert!(requests < 5, "{answer}");
    }
    assert_eq!(
        (licenses, entries),
        (121, 1_503),
        "after {requests} requests"
    );
    let stored = format!("{:?}", bench.dump().await);
    assert!(
        !stored.contains("ana@") && !stored.contains("Ana "),
        "{license}"
    );
}

#[tokio::test]
async fn the_same_mark_by_sql_is_found() {
    let bench = Bench::new();
    let license = bought(&bench).await;
    tick(&bench).await;
    erase(&bench, &license).await;
    tick(&bench).await;
    // Blanked with the right digest, as the erasure would have done it.
    let leaves = bench
        .operate("GET", "/v1/admin/audit/leaves", &json!({}))
        .await
        .json();
    let leaf: ServedLeaf = serde_json::from_value(leaves["leaves"][0].clone()).expect("a leaf");
    let erased = leaf
        .entry
        .and_then(StoredEntry::without_content)
        .expect("an entry");
    let digest = erased.content_digest.expect("a digest");
    bench
        .sql(&format!(
            "UPDATE audit SET before = NULL, after = NULL, salt = NULL, content_digest = '{digest}'
             WHERE sequence = {}",
            leaf.sequence
        ))
        .await;
    let blanked = vec![Finding::Blanked {
        index: 0,
        sequence: leaf.sequence,
    }];
    assert_eq!(findings(&bench).await, blanked);
}

#[tokio::test]
async fn erasing_needs_the_operators_key_and_a_license() {
    let bench = Bench::new();
    let license = bought(&bench).await;
    let key = json!({ "label": "support", "role": "full-admin" });
    let key = bench
        .operate("POST", "/v1/admin/api-keys", &key)
        .await
        .text("token");
    let path = format!("/v1/admin/licenses/{license}/erase-buyer");
    let request = Request::post(path).header("authorization", format!("Bearer {key}"));
    let answer = bench
        .send(request.body(Body::empty()).expect("a request"))
        .await;
    assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
    let request = Request::post("/v1/admin/licenses/erase-buyer")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json");
    let body = Body::from(r#"{"buyer_email":"ana@old.example.com"}"#);
    let answer = bench.send(request.body(body).expect("a request")).await;
    assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
    let unknown = "019b0000-0000-7000-8000-00000000000a";
    assert_eq!(erase(&bench, unknown).await.0, 404);
}

#[tokio::test]
async fn whatever_call_of_an_erasure_breaks_it_is_whole_or_nothing() {
    break_erasure(2, async |bench, license| erase(bench, license).await.0).await;
    let address = "ana@old.example.com";
    break_erasure(4, async |bench, _| erase_address(bench, address).await.0).await;
}

async fn break_erasure(calls: u64, erase: impl AsyncFn(&Bench, &str) -> u16) {
    break_every_call(calls, async |call, fault| {
        let bench = Bench::new();
        let license = bought(&bench).await;
        tick(&bench).await;
        bench.shop.database.break_call(call, fault);
        erase(&bench, &license).await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        tick(&bench).await;
        let before = intact(&bench, None).await;
        let kept = head(&checkpoint(&bench).await);
        assert_eq!(erase(&bench, &license).await, 200);
        tick(&bench).await;
        let log = intact(&bench, Some(kept)).await;
        let count: u64 = log.erased.iter().map(|erased| erased.count).sum();
        assert_eq!(count, 3, "call {call}, {fault:?}, before: {before:?}");
        true
    })
    .await;
}

#[tokio::test]
async fn retention_prunes_sealed_entries_by_record_and_keeps_their_hashes() {
    let bench = Bench::with(&[(name::AUDIT_DAYS, "365")]);
    add(&bench, 4).await;
    tick(&bench).await;
    let kept = head(&checkpoint(&bench).await);
    bench.clock.advance(365 * DAY);
    add(&bench, 2).await;
    bench.clock.advance(DAY);
    tick(&bench).await;
    assert_eq!(
        bench.number("SELECT count(*) FROM audit").await,
        6,
        "not yet due for a day"
    );
    bench.clock.advance(1);
    tick(&bench).await;
    assert_eq!(
        bench.number("SELECT count(*) FROM audit").await,
        3,
        "two and the record"
    );
    let log = intact(&bench, Some(kept)).await;
    let pruned = log.pruned.expect("pruned entries");
    assert_eq!((log.size, pruned.count, pruned.by), (7, 4, 6));
    // Once a day at most, so that records do not fill the log.
    bench.clock.advance(60);
    let before = bench.number("SELECT max(sequence) FROM audit").await;
    tick(&bench).await;
    assert_eq!(
        bench.number("SELECT max(sequence) FROM audit").await,
        before
    );
    // What somebody removes is not taken for pruned.
    bench.sql("DELETE FROM audit WHERE sequence = 5").await;
    tick(&bench).await;
    let removed = vec![Finding::Removed {
        index: 4,
        sequence: 5,
    }];
    assert_eq!(findings(&bench).await, removed);
}

#[tokio::test]
async fn entries_that_are_not_sealed_are_not_pruned() {
    let bench = Bench::with(&[(name::AUDIT_DAYS, "1"), (name::SEAL_KEY, "")]);
    add(&bench, 2).await;
    bench.clock.advance(400 * DAY);
    tick(&bench).await;
    assert_eq!(bench.number("SELECT count(*) FROM audit").await, 2);
}
