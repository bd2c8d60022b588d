//! The sealed audit log: what a tick seals, what sign signs, and what is found out about a
//! log that somebody changed.

use crate::bench::Bench;
use crate::breaking::break_every_call;
use axum::body::Body;
use http::Request;
use keywright_domain::audit_log::verdict::{
    Finding, IntactLog, LogReader, ServedLeaf, SignedHead, Verdict,
};
use keywright_license::{Checkpoint, PublicKey, SignedCheckpoint, SigningKey};
use keywright_ports::name;
use keywright_tests::shop::SEAL_KEY;
use serde_json::{Value, json};

/// The seed that takes the place of [`SEAL_KEY`]: 32 bytes of 0x63, in base64.
const NEXT_SEAL_KEY: &str = "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M=";

pub(crate) fn public(seed: &str) -> PublicKey {
    let key = SigningKey::from_seed_base64(seed);
    key.expect("a seed").public_key()
}

pub(crate) fn verified(note: &str) -> Checkpoint {
    let signed = SignedCheckpoint::parse(note).expect("a note");
    let checkpoint = signed.verify(&[public(SEAL_KEY)]);
    checkpoint.expect("a good signature").clone()
}

pub(crate) fn head(checkpoint: &Checkpoint) -> SignedHead {
    SignedHead {
        size: checkpoint.size,
        root: checkpoint.root,
    }
}

/// The checkpoint that is served; `None` for none.
pub(crate) async fn note(bench: &Bench) -> Option<String> {
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

pub(crate) async fn checkpoint(bench: &Bench) -> Checkpoint {
    verified(&note(bench).await.expect("a checkpoint"))
}

pub(crate) async fn tick(bench: &Bench) -> Value {
    let answer = bench.tick().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The verdict on the log as this key sees it.
pub(crate) async fn verdict(
    bench: &Bench,
    signed: SignedHead,
    kept: Option<SignedHead>,
) -> Verdict {
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

pub(crate) async fn intact(bench: &Bench, kept: Option<SignedHead>) -> IntactLog {
    let signed = head(&checkpoint(bench).await);
    match verdict(bench, signed, kept).await {
        Verdict::Intact(log) => log,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn findings(bench: &Bench) -> Vec<Finding> {
    let signed = head(&checkpoint(bench).await);
    match verdict(bench, signed, None).await {
        Verdict::Altered(findings) => findings,
        other => panic!("{other:?}"),
    }
}

/// A shop whose audit log has this many entries, all sealed.
pub(crate) async fn sealed(entries: usize) -> Bench {
    let bench = Bench::new();
    add(&bench, entries).await;
    tick(&bench).await;
    bench
}

pub(crate) async fn add(bench: &Bench, entries: usize) {
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
async fn a_number_never_comes_again() {
    let bench = sealed(3).await;
    bench.sql("DELETE FROM audit WHERE sequence = 3").await;
    add(&bench, 1).await;
    let newest = bench.number("SELECT max(sequence) FROM audit").await;
    assert_eq!(newest, 4);
}
