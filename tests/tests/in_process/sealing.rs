//! The sealed audit log: what a tick seals, what sign signs, and what is found out about a
//! log that somebody changed.

use crate::bench::Bench;
use crate::breaking::break_every_call;
use axum::body::Body;
use http::Request;
use keywright_domain::audit_log::leaf::StoredEntry;
use keywright_domain::audit_log::verdict::{
    Finding, IntactLog, LogReader, ServedLeaf, SignedHead, Verdict,
};
use keywright_license::{Checkpoint, PublicKey, SignedCheckpoint, SigningKey};
use keywright_ports::name;
use keywright_tests::shop::SEAL_KEY;
use serde_json::{Value, json};

/// The seed that takes the place of [`SEAL_KEY`]: 32 bytes of 0x63, in base64.
const NEXT_SEAL_KEY: &str = "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M=";
const DAY: u64 = 86_400;

fn public(seed: &str) -> PublicKey {
    let key = SigningKey::from_seed_base64(seed);
    key.expect("a seed").public_key()
}

fn verified(note: &str) -> Checkpoint {
    let signed = SignedCheckpoint::parse(note).expect("a note");
    let checkpoint = signed.verify(&[public(SEAL_KEY)]);
    checkpoint.expect("a good signature").clone()
}

fn head(checkpoint: &Checkpoint) -> SignedHead {
    SignedHead {
        size: checkpoint.size,
        root: checkpoint.root,
    }
}

/// The checkpoint that is served; `None` for none.
async fn note(bench: &Bench) -> Option<String> {
    let path = "/v1/admin/audit/checkpoint";
    let answer = bench.operate("GET", path, &json!({})).await;
    let text = String::from_utf8(answer.body.to_vec()).expect("a text");
    match answer.status {
        200 => Some(text),
        status => {
            assert_eq!(status, 404, "{text}");
            None
        }
    }
}

async fn checkpoint(bench: &Bench) -> Checkpoint {
    verified(&note(bench).await.expect("a checkpoint"))
}

async fn tick(bench: &Bench) -> Value {
    let answer = bench.tick().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The verdict on the log as this key sees it.
async fn verdict(bench: &Bench, signed: SignedHead, kept: Option<SignedHead>) -> Verdict {
    let mut reader = LogReader::new(signed, kept);
    let mut from = 0;
    loop {
        let path = format!("/v1/admin/audit/leaves?first={from}&limit=7");
        let page = bench.operate("GET", &path, &json!({})).await;
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        let leaves: Vec<ServedLeaf> =
            serde_json::from_value(page["leaves"].clone()).expect("leaves");
        for leaf in &leaves {
            from = leaf.index + 1;
            reader.leaf(leaf);
        }
        if leaves.is_empty() {
            for entry in page["unsealed"].as_array().expect("a list") {
                let entry = serde_json::from_value(entry.clone()).expect("an entry");
                reader.without_leaf(&entry);
            }
            return reader.finish();
        }
    }
}

async fn intact(bench: &Bench, kept: Option<SignedHead>) -> IntactLog {
    let signed = head(&checkpoint(bench).await);
    match verdict(bench, signed, kept).await {
        Verdict::Intact(log) => log,
        other => panic!("{other:?}"),
    }
}

async fn findings(bench: &Bench) -> Vec<Finding> {
    let signed = head(&checkpoint(bench).await);
    match verdict(bench, signed, None).await {
        Verdict::Altered(findings) => findings,
        other => panic!("{other:?}"),
    }
}

/// A shop whose audit log has this many entries, all sealed.
async fn sealed(entries: usize) -> Bench {
    let bench = Bench::new();
    add(&bench, entries).await;
    tick(&bench).await;
    bench
}

async fn add(bench: &Bench, entries: usize) {
    for number in 0..entries {
        let before = bench.number("SELECT count(*) FROM audit").await;
        bench.product(&format!("p{before}-{number}"), 1).await;
    }
}

#[tokio::test]
async fn ticks_seal_new_entries_and_every_checkpoint_extends_the_one_before() {
    let bench = Bench::new();
    assert_eq!(tick(&bench).await["sealed"], 0);
    assert_eq!(note(&bench).await, None, "nothing to seal");
    let mut kept: Option<SignedHead> = None;
    for round in 1..=9_u64 {
        add(&bench, 3).await;
        assert_eq!(tick(&bench).await["sealed"], 3);
        let checkpoint = checkpoint(&bench).await;
        assert_eq!(checkpoint.origin, "shop.test/keywright-audit");
        assert_eq!(checkpoint.size, 3 * round);
        assert_eq!(intact(&bench, kept).await.size, 3 * round);
        kept = Some(head(&checkpoint));
    }
    let before = bench.dump().await;
    assert_eq!(tick(&bench).await["sealed"], 0);
    assert_eq!(bench.dump().await["audit_tree"], before["audit_tree"]);
}

#[tokio::test]
async fn a_tick_is_bounded_and_the_next_one_goes_on() {
    let bench = Bench::new();
    let many = "INSERT INTO audit (id, at, actor, action, object_kind, object_id, request_id)
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)
                SELECT 'entry-' || i, i, 'a', 'b', 'c', 'd', '' FROM n";
    bench.sql(many).await;
    for (sealed, size) in [(200, 200), (200, 400), (50, 450), (0, 450)] {
        assert_eq!(tick(&bench).await["sealed"], sealed);
        assert_eq!(checkpoint(&bench).await.size, size);
    }
    assert_eq!(intact(&bench, None).await.size, 450);
}

#[tokio::test]
async fn without_a_key_nothing_is_sealed_and_nothing_breaks() {
    let bench = Bench::with(&[(name::SEAL_KEY, "")]);
    add(&bench, 3).await;
    assert_eq!(tick(&bench).await["sealed"], 0);
    assert_eq!(note(&bench).await, None);
    for table in ["audit_tree", "audit_leaves"] {
        let rows = format!("SELECT count(*) FROM {table}");
        assert_eq!(bench.number(&rows).await, 0);
    }
    assert!(!bench.log().contains("audit log"), "{}", bench.log());
    // Entries from before are sealed once there is a key.
    let bench = bench.redeployed(&[]);
    assert_eq!(tick(&bench).await["sealed"], 3);
    assert_eq!(intact(&bench, None).await.size, 3);
    // A key that cannot be used is in the log, and seals nothing.
    let bench = bench.redeployed(&[(name::SEAL_KEY, "c2hvcnQ=")]);
    add(&bench, 1).await;
    assert_eq!(tick(&bench).await["sealed"], 0);
    assert!(
        bench.log().contains("the audit log is not sealed"),
        "{}",
        bench.log()
    );
    assert_eq!(checkpoint(&bench).await.size, 3);
}

#[tokio::test]
async fn whatever_call_of_a_tick_breaks_one_size_has_one_root() {
    break_every_call(9, async |call, fault| {
        let bench = sealed(3).await;
        let kept = head(&checkpoint(&bench).await);
        add(&bench, 5).await;
        bench.shop.database.break_call(call, fault);
        bench.tick().await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        let case = format!("call {call}, {fault:?}");
        // A reader in between sees a checkpoint that is whole.
        let between = head(&checkpoint(&bench).await);
        let seen = verdict(&bench, between, Some(kept)).await;
        assert!(matches!(seen, Verdict::Intact(_)), "{case}: {seen:?}");
        add(&bench, 1).await;
        tick(&bench).await;
        let log = intact(&bench, Some(between)).await;
        assert_eq!((log.size, log.unsealed), (9, 0), "{case}");
        true
    })
    .await;
}

#[tokio::test]
async fn ticks_at_once_seal_each_entry_once() {
    let bench = Bench::new();
    add(&bench, 20).await;
    let ticks = (0..8).map(|_| bench.tick());
    for answer in futures_util::future::join_all(ticks).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(intact(&bench, None).await.size, 20);
}

#[tokio::test]
async fn sign_signs_the_recorded_head_and_gives_the_same_bytes_each_time() {
    let bench = sealed(4).await;
    let (host, router) = bench.shop.sign();
    let ask = async |body: &'static str| {
        let request = Request::post("/checkpoint")
            .header("content-type", "application/json")
            .body(Body::from(body));
        let answer = keywright_native_host::serve(host, router, request.expect("a request")).await;
        let status = answer.status().as_u16();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await;
        let body = body.expect("a body").to_bytes();
        (
            status,
            serde_json::from_slice::<Value>(&body).expect("JSON"),
        )
    };
    let (status, first) = ask("{}").await;
    assert_eq!((status, &first["size"]), (200, &json!(4)));
    assert_eq!(note(&bench).await.as_deref(), first["note"].as_str());
    // What a caller says changes nothing.
    let (_, again) = ask(r#"{"size":9,"root":"AAAA","origin":"evil.example"}"#).await;
    assert_eq!(again, first);
    // Not even the bytes of what was stored are needed for that.
    bench
        .sql("UPDATE audit_tree SET signed_size = 0, note = NULL")
        .await;
    assert_eq!(ask("{}").await.1, first);
    bench
        .sql("UPDATE audit_tree SET frontier = frontier || frontier")
        .await;
    assert_eq!(ask("{}").await.0, 500, "a head that contradicts itself");
}

#[tokio::test]
async fn a_rotated_key_signs_beside_the_old_one_under_the_first_name() {
    let bench = sealed(2).await;
    let first = note(&bench).await.expect("a checkpoint");
    let both = format!("{NEXT_SEAL_KEY},{SEAL_KEY}");
    let moved = (name::PUBLIC_URL, "https://new.example");
    let bench = bench.redeployed(&[(name::SEAL_KEY, &both), moved]);
    tick(&bench).await;
    assert_eq!(note(&bench).await.as_ref(), Some(&first), "nothing is new");
    add(&bench, 1).await;
    tick(&bench).await;
    let second = note(&bench).await.expect("a checkpoint");
    let signed = SignedCheckpoint::parse(&second).expect("a note");
    for seed in [SEAL_KEY, NEXT_SEAL_KEY] {
        let checkpoint = signed.verify(&[public(seed)]).expect("a good signature");
        assert_eq!(checkpoint.origin, "shop.test/keywright-audit");
    }
    let bench = bench.redeployed(&[(name::SEAL_KEY, NEXT_SEAL_KEY), moved]);
    add(&bench, 1).await;
    tick(&bench).await;
    let third = note(&bench).await.expect("a checkpoint");
    let third = SignedCheckpoint::parse(&third).expect("a note");
    let unknown = third.verify(&[public(SEAL_KEY)]).expect_err("a new key");
    assert_eq!(unknown.to_string(), "none of the given keys has signed it");
    let newest = third.verify(&[public(NEXT_SEAL_KEY)]).expect("a new key");
    let kept = head(&verified(&first));
    let seen = verdict(&bench, head(newest), Some(kept)).await;
    assert!(matches!(seen, Verdict::Intact(_)), "{seen:?}");
}

#[tokio::test]
async fn an_instance_without_an_address_gets_a_name_of_its_own() {
    let bench = Bench::with(&[(name::PUBLIC_URL, "")]);
    add(&bench, 1).await;
    tick(&bench).await;
    let origin = checkpoint(&bench).await.origin;
    assert!(origin.starts_with("keywright-audit/"), "{origin}");
}

#[tokio::test]
async fn what_is_changed_by_sql_is_found() {
    for (sql, expected) in [
        (
            "UPDATE audit SET after = json_set(after, '$.name', 'x') WHERE sequence = 3",
            vec![Finding::Changed { index: 2, sequence: 3 }],
        ),
        (
            "UPDATE audit SET at = at - 60 WHERE sequence IN (1, 5)",
            vec![
                Finding::Changed { index: 0, sequence: 1 },
                Finding::Changed { index: 4, sequence: 5 },
            ],
        ),
        (
            "DELETE FROM audit WHERE sequence = 4",
            vec![Finding::Removed { index: 3, sequence: 4 }],
        ),
        (
            "UPDATE audit SET sequence = 99 WHERE sequence = 2",
            vec![Finding::Removed { index: 1, sequence: 2 }],
        ),
        (
            "INSERT INTO audit (sequence, id, at, actor, action, object_kind, object_id, request_id)
             VALUES (-1, 'x', 1, 'a', 'b', 'c', 'd', '')",
            vec![Finding::Inserted { sequence: -1 }],
        ),
        ("DELETE FROM audit_leaves WHERE position = 2", vec![Finding::Leaves]),
        (
            "UPDATE audit_leaves SET hash = (SELECT hash FROM audit_leaves WHERE position = 0)
             WHERE position = 5",
            vec![Finding::Leaves, Finding::Changed { index: 5, sequence: 6 }],
        ),
    ] {
        let bench = sealed(6).await;
        bench.sql(sql).await;
        assert_eq!(findings(&bench).await, expected, "{sql}");
        // Sealing goes on, and covers nothing up.
        add(&bench, 1).await;
        tick(&bench).await;
        assert!(!findings(&bench).await.is_empty(), "{sql}");
    }
}

/// What a release wrote is sealed as it wrote it: nobody reads and writes it anew.
#[tokio::test]
async fn entries_are_sealed_as_they_are_stored() {
    let bench = Bench::new();
    for after in [
        r#"{"b":1,"a":2}"#,
        r#"{ "a" : 2, "b": 1.0, "a": "\u00e9" }"#,
        r#"{"n":9007199254740993,"e":1e400}"#,
        "no JSON",
        "",
    ] {
        bench
            .sql(&format!(
                "INSERT INTO audit (id, at, actor, action, object_kind, object_id, after, request_id)
                 VALUES (lower(hex(randomblob(8))), 1, 'x', 'y', 'x', '12', '{after}', '')"
            ))
            .await;
    }
    // Members that would run into each other without frames.
    bench
        .sql(
            "INSERT INTO audit (id, at, actor, action, object_kind, object_id, request_id)
             VALUES (NULL, 1, 'x', 'y', 'x1', '2', ''), ('', 1, '', '', '', '', '')",
        )
        .await;
    assert_eq!(tick(&bench).await["sealed"], 7);
    assert_eq!(intact(&bench, None).await.size, 7);
    bench
        .sql(r#"UPDATE audit SET after = '{"a":2,"b":1}' WHERE sequence = 1"#)
        .await;
    let changed = vec![Finding::Changed {
        index: 0,
        sequence: 1,
    }];
    assert_eq!(
        findings(&bench).await,
        changed,
        "the same object, other bytes"
    );
}

#[tokio::test]
async fn an_entry_that_was_damaged_before_it_was_sealed_holds_up_no_other() {
    let bench = Bench::new();
    add(&bench, 3).await;
    bench
        .sql("UPDATE audit SET salt = NULL WHERE sequence = 2")
        .await;
    assert_eq!(tick(&bench).await["sealed"], 3);
    let changed = vec![Finding::Changed {
        index: 1,
        sequence: 2,
    }];
    assert_eq!(findings(&bench).await, changed);
}

#[tokio::test]
async fn a_restored_backup_is_rolled_back_and_then_a_fork() {
    let bench = sealed(5).await;
    let kept = head(&checkpoint(&bench).await);
    // Yesterday's backup knew three entries.
    let bench = sealed(3).await;
    let signed = head(&checkpoint(&bench).await);
    assert_eq!(
        verdict(&bench, signed, Some(kept)).await,
        Verdict::RolledBack
    );
    add(&bench, 3).await;
    tick(&bench).await;
    let signed = head(&checkpoint(&bench).await);
    assert_eq!(verdict(&bench, signed, Some(kept)).await, Verdict::Forked);
}

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
    let unknown = "019b0000-0000-7000-8000-00000000000a";
    assert_eq!(erase(&bench, unknown).await.0, 404);
}

#[tokio::test]
async fn whatever_call_of_an_erasure_breaks_it_is_whole_or_nothing() {
    break_every_call(2, async |call, fault| {
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
        assert_eq!(erase(&bench, &license).await.0, 200);
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

#[tokio::test]
async fn a_number_never_comes_again() {
    let bench = sealed(3).await;
    bench.sql("DELETE FROM audit WHERE sequence = 3").await;
    add(&bench, 1).await;
    let newest = bench.number("SELECT max(sequence) FROM audit").await;
    assert_eq!(newest, 4);
}

#[tokio::test]
async fn what_a_key_may_not_see_is_withheld_and_compared_by_hash_all_the_same() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    bench.code("HUSH", json!({})).await;
    // An order from before orders had secrets: its id opens the license key.
    let order = json!({ "product": "demo" });
    let order = bench.post("/v1/purchase", &order).await.text("order_id");
    bench.sql("UPDATE invoices SET poll_hash = NULL").await;
    tick(&bench).await;
    let key = json!({ "label": "auditor", "role": "read-only" });
    let key = bench
        .operate("POST", "/v1/admin/api-keys", &key)
        .await
        .text("token");
    let get = async |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {key}"));
        bench
            .send(request.body(Body::empty()).expect("a request"))
            .await
    };
    let page = get("/v1/admin/audit/leaves").await;
    assert_eq!(page.status, 200);
    let body = String::from_utf8_lossy(&page.body);
    assert!(!body.contains("HUSH") && !body.contains(&order), "{body}");
    assert!(
        !body.contains("hidden-"),
        "whole entries are withheld: {body}"
    );
    let signed = get("/v1/admin/audit/checkpoint").await;
    let signed = verified(std::str::from_utf8(&signed.body).expect("a text"));
    let mut reader = LogReader::new(head(&signed), None);
    for leaf in page.json()["leaves"].as_array().expect("leaves") {
        reader.leaf(&serde_json::from_value(leaf.clone()).expect("a leaf"));
    }
    let Verdict::Intact(log) = reader.finish() else {
        panic!("the log is intact");
    };
    assert_eq!((log.size, log.withheld), (3, 2));
}

#[tokio::test]
async fn pages_of_leaves_are_bounded() {
    let bench = sealed(2).await;
    for wrong in [
        "limit=0",
        "limit=201",
        "first=-1",
        "first=1.5",
        "first=9007199254740992",
        "after=1",
    ] {
        let path = format!("/v1/admin/audit/leaves?{wrong}");
        let answer = bench.operate("GET", &path, &json!({})).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    let path = "/v1/admin/audit/leaves?first=9007199254740991";
    let past = bench.operate("GET", path, &json!({})).await.json();
    assert_eq!(past, json!({ "size": 2, "leaves": [], "unsealed": [] }));
}
