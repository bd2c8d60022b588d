//! The sealed audit log: a tick seals what was recorded, and what is served verifies.

use super::cases;
use super::floor::{issue, product};
use crate::hosts::Instance;
use crate::shop::{CRON_TOKEN, SEAL_KEY};
use http::Method;
use keywright_domain::audit_log::verdict::{LogReader, ServedLeaf, SignedHead, Verdict};
use keywright_license::{SignedCheckpoint, SigningKey};
use serde_json::{Value, json};

cases![the_audit_log_is_sealed_and_verifies];

async fn page(instance: &Instance, from: u64) -> Value {
    let path = format!("audit/leaves?first={from}");
    let page = instance.api.admin(Method::GET, &path, &json!({})).await;
    page.ok()
}

/// Ticks until nothing is left to seal that was recorded before.
async fn seal(instance: &Instance) {
    loop {
        let request = instance.api.request(Method::POST, "/v1/cron/renew");
        let tick = instance.api.send(request.bearer_auth(CRON_TOKEN)).await;
        if tick.ok()["sealed"]
            .as_u64()
            .is_some_and(|sealed| sealed < 200)
        {
            return;
        }
    }
}

/// Reads the log that the served checkpoint is of.
async fn verdict(instance: &Instance, mut each: impl FnMut(&ServedLeaf)) -> Verdict {
    let path = "audit/checkpoint";
    let answer = instance.api.admin(Method::GET, path, &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let note = SignedCheckpoint::parse(&answer.text()).expect("a note");
    let key = SigningKey::from_seed_base64(SEAL_KEY).expect("a seed");
    let signed = note.verify(&[key.public_key()]).expect("a good signature");
    let head = SignedHead {
        size: signed.size,
        root: signed.root,
    };
    let mut reader = LogReader::new(head, None);
    let mut from = 0;
    while from < signed.size {
        let leaves = page(instance, from).await["leaves"].clone();
        let leaves: Vec<ServedLeaf> = serde_json::from_value(leaves).expect("leaves");
        assert!(!leaves.is_empty(), "{from} of {}", signed.size);
        for leaf in leaves {
            from = leaf.index + 1;
            each(&leaf);
            reader.leaf(&leaf);
        }
    }
    reader.finish()
}

async fn the_audit_log_is_sealed_and_verifies(instance: &Instance) {
    let product = product(instance, "sealed-entry", 0).await;
    let license = issue(instance, "sealed-entry", json!({})).await;
    let license = license["license_id"].as_str().expect("an id");
    let path = format!("licenses/{license}");
    let buyer = json!({ "buyer_email": "ana@sealed.example" });
    instance.api.admin(Method::PATCH, &path, &buyer).await.ok();
    seal(instance).await;
    let mut found = false;
    let seen = verdict(instance, |leaf| {
        let entry = leaf.entry.as_ref();
        found |= entry.is_some_and(|entry| product["id"] == entry.object_id.as_str());
    });
    let seen = seen.await;
    assert!(matches!(seen, Verdict::Intact(_)), "{seen:?}");
    assert!(found, "the entry is sealed");
    // Erased by record, the log is still what was sealed.
    let path = format!("{path}/erase-buyer");
    let erased = instance
        .api
        .admin(Method::POST, &path, &json!({}))
        .await
        .ok();
    assert_eq!(erased["erased_entries"], 1);
    seal(instance).await;
    let mut is_there = false;
    let seen = verdict(instance, |leaf| {
        is_there |= format!("{leaf:?}").contains("ana@sealed.example");
    });
    let Verdict::Intact(log) = seen.await else {
        panic!("the log is intact");
    };
    assert!(!is_there, "the address is erased");
    assert!(log.erased.iter().any(|erased| erased.count == 1), "{log:?}");
}
