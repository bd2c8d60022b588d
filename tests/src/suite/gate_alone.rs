//! The release gate of a vendor who left its database out: everything but what
//! only a database can tell.

use super::cases;
use super::floor::{issue, product, text};
use super::gate::{refused, token, with_token};
use super::links::link;
use crate::hosts::Instance;
use crate::hosts::releases::{EXTENSION, LISTED, PAID, PLATFORM};
use keywright_domain::release::DownloadId;
use serde_json::json;

cases![files, links, download_ids, sites];

/// A token opens, also one that the shop beside it issued and revoked since.
async fn files(instance: &Instance) {
    let path = format!("/releases/{LISTED}/1.0.0/{PLATFORM}");
    let answer = with_token(instance, &path, &token(instance, LISTED, &[])).await;
    assert!(
        answer.status == 200 && answer.text().starts_with(PAID),
        "{}",
        answer.text()
    );
    product(instance, LISTED, 10).await;
    let issued = issue(instance, LISTED, json!({})).await;
    super::floor::revoke(instance, &text(&issued, "license_id")).await;
    let answer = with_token(instance, &path, &text(&issued, "token")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let elsewhere = format!("/releases/{EXTENSION}/1.0.0/any");
    let answer = with_token(instance, &elsewhere, &text(&issued, "token")).await;
    refused(&answer, 403, "wrong-product");
    for path in [
        "/releases/",
        "/releases/listed/",
        "/releases/listed/channels/stable.json",
        "/verify-key.pub",
    ] {
        assert_eq!(instance.api.get(path).await.status, 200, "{path}");
    }
    let sql = "SELECT count(*) AS n FROM download_log";
    assert_eq!(instance.database.count(sql, &[]).await, 0);
}

async fn links(instance: &Instance) {
    let dlid = DownloadId::from_random([0x2a; 14]);
    let path = format!("/api/v1/licensing/download/{EXTENSION}/1.0.0.zip");
    let query = link(instance, "1.0.0", dlid.as_str(), 300);
    let answer = instance.api.get(&format!("{path}?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let query = link(instance, "1.0.0", dlid.as_str(), -1);
    refused(
        &instance.api.get(&format!("{path}?{query}")).await,
        403,
        "link-expired",
    );
}

async fn download_ids(instance: &Instance) {
    let dlid = DownloadId::from_random([0x2a; 14]);
    let path = format!("/api/v1/licensing/download/{EXTENSION}/1.0.0.zip");
    let answer = instance
        .api
        .get(&format!("{path}?dlid={}", dlid.as_str()))
        .await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let error = answer.json()["error"].as_str().expect("a text").to_owned();
    assert!(error.contains("no database"), "{error}");
}

async fn sites(instance: &Instance) {
    let path = format!("/api/v1/licensing/download/{EXTENSION}/1.0.0.zip?domain=a.example");
    let token = token(instance, EXTENSION, &[]);
    assert_eq!(with_token(instance, &path, &token).await.status, 200);
}
