//! Licenses older than this software: keys of the first payload version, and
//! rows that were written at the first level of the schema, go on validating.

use crate::bad_keys::key_over;
use crate::bench::Bench;
use keywright_license::{Uuid, hash_fingerprint};
use keywright_native_host::SqliteDatabase;
use keywright_ports::{DatabasePort, Statement};
use keywright_store::MIGRATIONS;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

const PRODUCT: &str = "01890000-0000-7000-8000-000000000001";
const LICENSE: &str = "01890000-0000-7000-8000-000000000002";

/// A shop whose database was filled when there was the first level only.
async fn shop_of_old(name: &str, max_machines: i64) -> Bench {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("old-{name}.sqlite"));
    let _ = std::fs::remove_file(&path);
    let old = SqliteDatabase::open(&path, &MIGRATIONS[..1]).expect("a database");
    for (sql, params) in [
        (
            "INSERT INTO products (id, slug, name, description, price_amount, price_currency,
                                   active, metadata, created_at, updated_at)
             VALUES (?1, 'demo', 'Demo', '', 1, 'SAT', 1, '{}', 1, 1)",
            vec![PRODUCT.into()],
        ),
        (
            "INSERT INTO policies (id, product_id, slug, name, duration_seconds, grace_seconds,
                                   max_machines, entitlements, is_trial, active, public,
                                   metadata, created_at, updated_at)
             VALUES ('tier', ?1, 'tier', 'Tier', 0, 0, 1, '[]', 0, 1, 1, '{}', 1, 1)",
            vec![PRODUCT.into()],
        ),
        (
            "INSERT INTO receipts (id, kind, external_ref, product_id, amount, currency,
                                   received_at)
             VALUES ('receipt', 'grant', 'x', ?1, 0, 'SAT', 1)",
            vec![PRODUCT.into()],
        ),
        (
            "INSERT INTO licenses (id, receipt_id, product_id, policy_id, status, issued_at,
                                   grace_seconds, max_machines, entitlements, is_trial,
                                   updated_at)
             VALUES (?1, 'receipt', ?2, 'tier', 'active', 1700000000, 0, ?3, '[\"pro\"]', 0, 1)",
            vec![LICENSE.into(), PRODUCT.into(), max_machines.into()],
        ),
    ] {
        old.query(Statement::new(sql, params)).await.expect("a row");
    }
    drop(old);
    let now = SqliteDatabase::open(&path, MIGRATIONS).expect("every level");
    Bench::over(Arc::new(now), &[])
}

fn id(text: &str) -> [u8; 16] {
    Uuid::parse_str(text).expect("an id").into_bytes()
}

/// The payload of 74 bytes that the first version issued.
fn first_version(bound_to: Option<&str>) -> String {
    let mut payload = vec![1, u8::from(bound_to.is_some())];
    payload.extend(id(PRODUCT));
    payload.extend(id(LICENSE));
    payload.extend(1_700_000_000_i64.to_be_bytes());
    payload.extend(bound_to.map_or([0; 32], hash_fingerprint));
    assert_eq!(payload.len(), 74);
    key_over(&payload)
}

/// The payload of the second version, with what it said when it was issued.
fn second_version() -> String {
    let mut payload = vec![2, 0];
    payload.extend(id(PRODUCT));
    payload.extend(id(LICENSE));
    payload.extend(1_700_000_000_i64.to_be_bytes());
    payload.extend(1_700_000_001_i64.to_be_bytes());
    payload.extend([0; 32]);
    payload.extend([1, 3]);
    payload.extend(b"old");
    key_over(&payload)
}

async fn validate(bench: &Bench, key: &str, fingerprint: &str) -> Value {
    let members = json!({ "key": key, "product_slug": "demo", "fingerprint": fingerprint });
    bench.post("/v1/validate", &members).await.json()
}

#[tokio::test]
async fn keys_of_every_version_validate_as_recorded() {
    let bench = shop_of_old("versions", 0).await;
    for key in [first_version(None), second_version()] {
        let answer = validate(&bench, &key, "a").await;
        // What the record says counts, not what a key said years ago.
        let expected = json!({
            "ok": true, "license_id": LICENSE, "product_id": PRODUCT, "product_slug": "demo",
            "issued_at": "2023-11-14T22:13:20Z", "status": "active", "entitlements": ["pro"],
            "max_machines": 0, "machine_id": answer["machine_id"],
        });
        assert_eq!(answer, expected);
        // And in a thousand years.
        bench.clock.advance(1_000 * 365 * 86_400);
        assert_eq!(validate(&bench, &key, "a").await, expected);
    }
    assert_eq!(bench.number("SELECT count(*) FROM machines").await, 1);
}

/// A key that is bound to a machine by its own payload: the old way.
#[tokio::test]
async fn a_bound_key_takes_a_seat_for_its_own_machine_only() {
    let bench = shop_of_old("bound", 2).await;
    let key = first_version(Some("mine"));
    let refused = json!({ "ok": false, "reason": "fingerprint_mismatch" });
    assert_eq!(validate(&bench, &key, "yours").await, refused);
    let members = json!({ "key": key, "fingerprint": "yours" });
    let answer = bench.post("/v1/machines/activate", &members).await.json();
    let expected = json!({
        "ok": false, "machine_id": null, "active_count": 0, "max_machines": 2,
        "reason": "fingerprint_mismatch",
    });
    assert_eq!(answer, expected);
    assert_eq!(
        bench.number("SELECT count(*) FROM machines").await,
        0,
        "no seat was taken"
    );
    assert_eq!(bench.number("SELECT count(*) FROM events").await, 0);
    let mine = validate(&bench, &key, "mine").await;
    assert_eq!(mine["ok"], true);
    // Another machine got in by a key that is not bound; the bound one does
    // not open it.
    let other = validate(&bench, &first_version(None), "yours").await;
    assert_eq!(other["ok"], true);
    assert_eq!(validate(&bench, &key, "yours").await, refused);
    // Where every seat is taken, that is said first, as the contract has it.
    let full = validate(&bench, &key, "third").await;
    assert_eq!(full["reason"], "too_many_machines");
    assert_eq!(bench.number("SELECT count(*) FROM machines").await, 2);
    // Without a fingerprint the contract asks for none.
    assert_eq!(validate(&bench, &key, "").await["ok"], true);
}

#[tokio::test]
async fn rows_of_the_first_level_get_todays_limits() {
    let bench = shop_of_old("limits", 1).await;
    let key = second_version();
    for number in 0..10 {
        let fingerprint = number.to_string();
        assert_eq!(validate(&bench, &key, &fingerprint).await["ok"], true);
        let members = json!({ "key": key, "fingerprint": fingerprint });
        bench.post("/v1/machines/deactivate", &members).await;
    }
    let answer = validate(&bench, &key, "last").await;
    assert_eq!(answer["reason"], "too_many_activations");
}
