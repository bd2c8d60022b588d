//! The official libraries of Standard Webhooks verify what an instance sends, and refuse
//! what was altered, repeated later, or signed with another secret. The one for Rust does so
//! in the suite of every host.

// compatibility: SDKs and examples | Standard Webhooks for JavaScript | npm:standardwebhooks | `make test` | verifies deliveries, also while a secret rotates; refuses altered and late ones
// compatibility: SDKs and examples | Standard Webhooks for Python | pip:standardwebhooks | `make test` | the same
// compatibility: SDKs and examples | Standard Webhooks for Rust | cargo:standardwebhooks | `make test` | verifies deliveries on every host
// compatibility: SDKs and examples | Ed25519 of Node and of cryptography | pip:cryptography | `make test` | verifies `v1a` signatures of deliveries, which no library of Standard Webhooks does

use crate::tool::{Tool, clients, set_up};
use http::Method;
use keywright_tests::hosts::{Arrived, Instance};
use keywright_tests::shop::CRON_TOKEN;
use keywright_tests::suite::floor::{issue, product, text};
use serde_json::{Map, Value, json};
use std::time::Duration;

const PATH: &str = "/libraries";

/// Ticks until this many requests have arrived.
async fn arrived(instance: &Instance, count: usize) -> Vec<Arrived> {
    loop {
        let tick = instance.api.request(Method::POST, "/v1/cron/deliver");
        instance.api.send(tick.bearer_auth(CRON_TOKEN)).await.ok();
        let arrived = instance.webhooks.arrived(PATH);
        if arrived.len() >= count {
            return arrived;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn official_libraries(instance: &Instance) {
    let of = product(instance, "webhook-libraries", 0).await;
    let url = format!("{}{PATH}", instance.webhooks.base_url());
    let body = json!({ "url": url, "product_id": of["id"], "ed25519": true });
    let admin = async |path: &str, body: &Value| {
        let answer = instance.api.admin(Method::POST, path, body).await;
        answer.ok()
    };
    let first = admin("webhook-endpoints", &body).await;
    issue(instance, "webhook-libraries", json!({})).await;
    arrived(instance, 1).await;
    let rotate = format!("webhook-endpoints/{}/rotate-secret", text(&first, "id"));
    let second = admin(&rotate, &json!({ "overlap_hours": 1 })).await;
    issue(instance, "webhook-libraries", json!({})).await;
    arrived(instance, 2).await;
    let third = admin(&rotate, &json!({ "overlap_hours": 0 })).await;
    issue(instance, "webhook-libraries", json!({})).await;
    let sent = arrived(instance, 3).await;
    let ends = [&first, &second, &third];
    let secrets = ends.map(|end| text(end, "secret"));
    let keys = ends.map(|end| text(end, "public_key"));
    let deliveries = sent.iter().enumerate().map(|(number, one)| {
        let header = |name: &&str| {
            let value = one.headers[*name].to_str().expect("text");
            ((*name).to_owned(), Value::from(value))
        };
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: Map<String, Value> = names.iter().map(header).collect();
        // Both secrets sign in the overlap; the key for v1a has none.
        let signed_by = if number == 1 { 0..=1 } else { number..=number };
        json!({
            "headers": headers,
            "body": std::str::from_utf8(&one.body).expect("text"),
            "secrets": secrets[signed_by],
            "public_keys": [keys[number]],
        })
    });
    let deliveries: Vec<Value> = deliveries.collect();
    let others = json!({ "secrets": secrets, "public_keys": keys });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("deliveries.json");
    let given = json!({ "deliveries": deliveries, "others": others });
    std::fs::write(&file, given.to_string()).expect("a file");
    let node = Tool::new(set_up("KEYWRIGHT_TEST_NODE"))
        .arg(clients("verify_webhooks.mjs"))
        .arg(set_up("KEYWRIGHT_TEST_NODE_MODULES"))
        .arg(&file);
    let python = Tool::new(set_up("KEYWRIGHT_TEST_PYTHON"))
        .arg(clients("verify_webhooks.py"))
        .arg(&file)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    // Four with each right secret, one with each other one; three with the right key, one
    // with each other one.
    let checks = 4 * 4 + 5 + 3 * 3 + 6;
    for program in [node, python] {
        assert_eq!(program.succeeds().trim(), checks.to_string());
    }
}
