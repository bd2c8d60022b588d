//! What is found out about a sealed audit log that somebody changed, and what a key may see
//! of it.

use crate::bench::Bench;
use crate::sealing::{add, checkpoint, findings, head, intact, sealed, tick, verdict, verified};
use axum::body::Body;
use http::Request;
use keywright_domain::audit_log::verdict::{Finding, LogReader, Verdict};
use serde_json::json;

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

/// An entry is sealed byte for byte as the release that wrote it stored it.
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
