//! Events of what operators do, and of the attention list.

use crate::bench::Bench;
use crate::webhook_receiver::{Received, Told, endpoint_path};
use keywright_domain::webhook::event_type::ANNOUNCED_ACTIONS;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Checks that each change that was made and is announced has its event. Answers which
/// announced actions were.
pub(crate) async fn announced(bench: &Bench) -> BTreeSet<&'static str> {
    let mut made = BTreeSet::new();
    let types = BTreeMap::from(ANNOUNCED_ACTIONS);
    let rows = bench
        .sql(
            "SELECT a.action, a.object_kind, a.object_id, a.after, e.event_type, e.data
             FROM audit a LEFT JOIN events e ON e.id = a.id ORDER BY a.at",
        )
        .await;
    for row in rows {
        let action = row["action"].as_str().expect("an action");
        let known = types.get_key_value(action);
        let event_type = known.map(|(_, event_type)| event_type.as_str());
        assert_eq!(row["event_type"].as_str(), event_type, "{action}: {row:?}");
        let Some((action, _)) = known else {
            continue;
        };
        made.insert(*action);
        let data: Value = serde_json::from_str(row["data"].as_str().expect("data")).expect("JSON");
        let kind = row["object_kind"].as_str().expect("a kind");
        assert_eq!(
            data[format!("{kind}_id")],
            row["object_id"],
            "{action}: {data}"
        );
        if ["policy", "product"].contains(&kind) {
            assert!(data["product_id"].is_string(), "{action}: {data}");
        }
    }
    made
}

fn types(arrived: &[Received]) -> Vec<String> {
    let text = |one: &Received| one.json()["type"].as_str().expect("a type").to_owned();
    arrived.iter().map(text).collect()
}

#[tokio::test]
async fn a_change_tells_what_was_changed_and_not_to_what() {
    let told = Told::new();
    let product_id = told.bench.product("demo", 5_000).await;
    let code_id = told
        .bench
        .code("SPRING", json!({ "product_slug": "demo" }))
        .await;
    told.endpoint("hooks.example.com", json!({ "product_id": product_id }))
        .await;
    let path = format!("/v1/admin/discount-codes/{code_id}");
    let change = json!({ "max_uses": 7, "description": "For friends" });
    for _ in 0..2 {
        // The second changes nothing, and is no news.
        assert_eq!(
            told.bench.operate("PATCH", &path, &change).await.status,
            200
        );
    }
    let arrived = told.tick().await;
    assert_eq!(types(&arrived), ["discount_code.changed"]);
    assert_eq!(
        arrived[0].json()["data"],
        json!({ "discount_code_id": code_id, "product_id": product_id, "actor": "operator",
                "changed": ["description", "max_uses"] })
    );
}

#[tokio::test]
async fn an_endpoint_gets_no_news_of_itself() {
    let told = Told::new();
    let one = told.endpoint("one.example.com", json!({})).await;
    let other = told.endpoint("other.example.com", json!({})).await;
    let news = |arrived: &[Received], host: &str| -> Vec<Value> {
        let of_host = arrived.iter().filter(|received| received.host == host);
        of_host
            .map(|received| received.json()["data"]["webhook_endpoint_id"].clone())
            .collect()
    };
    let arrived = told.tick().await;
    assert_eq!(news(&arrived, "one.example.com"), [other["id"].clone()]);
    assert_eq!(news(&arrived, "other.example.com"), [] as [Value; 0]);
    told.change(&one, &json!({ "description": "x" })).await;
    told.bench
        .operate("DELETE", &endpoint_path(&other, ""), &json!({}))
        .await;
    let arrived = told.tick().await;
    assert_eq!(types(&arrived), ["webhook_endpoint.deleted"]);
    assert_eq!(news(&arrived, "one.example.com"), [other["id"].clone()]);
}

const ITEM: &str = "INSERT INTO attention (id, at, kind, object_kind, object_id, details)";

#[tokio::test]
async fn an_item_is_announced_when_it_opens_and_when_it_ends() {
    let told = Told::new();
    told.endpoint(
        "hooks.example.com",
        json!({ "event_types": ["attention.*"] }),
    )
    .await;
    let item = "01a3185c-5000-7792-841b-cbfd471e2e79";
    let open = format!("{ITEM} VALUES ('{item}', 5, 'underpaid', 'invoice', 'o', '{{}}')");
    told.bench.sql(&open).await;
    // News of endpoints would be more to deliver to endpoints that fail.
    let failing =
        format!("{ITEM} VALUES ('i2', 5, 'webhook_failing', 'webhook_endpoint', 'w', '{{}}')");
    told.bench.sql(&failing).await;
    let data = json!({ "attention_id": item, "kind": "underpaid", "object_kind": "invoice",
                       "object_id": "o" });
    let path = format!("/v1/admin/attention/{item}/resolve");
    for _ in 0..2 {
        let arrived = told.tick().await;
        assert_eq!(types(&arrived), ["attention.opened"]);
        assert_eq!(arrived[0].json()["data"], data);
        assert_eq!(told.tick().await.len(), 0);
        told.bench.operate("POST", &path, &json!({})).await;
        let arrived = told.tick().await;
        assert_eq!(types(&arrived), ["attention.resolved"]);
        assert_eq!(arrived[0].json()["data"], data);
        assert_eq!(told.tick().await.len(), 0);
        // It comes back.
        told.bench
            .sql("UPDATE attention SET resolved_at = NULL, resolved_by = NULL")
            .await;
    }
    // One that opened and ended between two ticks is no news.
    told.tick().await;
    told.bench
        .sql("UPDATE attention SET resolved_at = 9, announced_at = NULL")
        .await;
    assert_eq!(told.tick().await.len(), 0);
}

#[tokio::test]
async fn a_flood_of_items_is_announced_in_parts() {
    let told = Told::new();
    told.bench
        .sql(&format!(
            "{ITEM} WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
             SELECT format('01a3185c-5000-7792-841b-%012d', i), i, 'underpaid', 'invoice', i, '{{}}'
             FROM n"
        ))
        .await;
    let count = "SELECT count(*) AS n FROM events WHERE event_type = 'attention.opened'";
    for expected in [100, 200, 250, 250] {
        told.tick().await;
        assert_eq!(told.bench.number(count).await, expected);
    }
}
