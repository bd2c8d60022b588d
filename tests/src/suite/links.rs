//! Signed links and download ids, as Joomla and browsers use them; and that no
//! log has them, or a token.

use super::cases;
use super::floor::{eventually, issue, now, product, standing, text};
use super::gate::{refused, token, with_token};
use crate::hosts::Instance;
use crate::hosts::releases::{EXTENSION, LISTED, PAID, PLATFORM};
use crate::shop;
use keywright_domain::release::DownloadId;
use keywright_license::{Date, DownloadLink, TokenClaims};
use serde_json::json;

cases![joomla alone, no_token_is_logged alone];

/// The query of a link from now on.
pub(super) fn link(instance: &Instance, version: &str, download_id: &str, seconds: i64) -> String {
    let expires = now() + seconds;
    let said = DownloadLink::new(EXTENSION, version, download_id, expires).expect("a link");
    let token = instance.signing_key.sign_link(&said);
    format!("token={token}&expires={expires}&dlid={download_id}")
}

/// What stock Joomla asks for, and what a link may.
async fn joomla(instance: &Instance) {
    product(instance, EXTENSION, 10).await;
    let issued = issue(instance, EXTENSION, json!({ "max_machines": 2 })).await;
    let (id, key) = (text(&issued, "license_id"), text(&issued, "license_key"));
    let dlid = DownloadId::from_random([0x2a; 14]);
    let dlid = dlid.as_str();
    instance
        .database
        .change(
            "INSERT OR REPLACE INTO download_ids (license_id, download_id, created_at)
             VALUES (?1, ?2, 0)",
            &[&id, dlid],
        )
        .await;
    let package = |version: &str, query: &str| {
        format!("/api/v1/licensing/download/{EXTENSION}/{version}.zip?{query}")
    };
    for query in [
        format!("dlid={dlid}"),
        format!("amp;dlid={dlid}"),
        format!("dlid={key}"),
        link(instance, "1.0.0", dlid, 300),
        format!("{}&amp;dlid={dlid}", link(instance, "1.0.0", dlid, 300)),
        format!("dlid={dlid}&domain=a.example"),
        format!("dlid={dlid}&domain=A.example:443"),
        format!("dlid={dlid}&domain=b.example"),
    ] {
        let answer = instance.api.get(&package("1.0.0", &query)).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/zip");
        assert!(
            answer.header("content-disposition").ends_with(".zip\""),
            "{answer:?}"
        );
        assert!(answer.text().starts_with(PAID));
    }
    let changed = link(instance, "1.0.0", dlid, 300).replace("expires=", "expires=1");
    for (version, query, status, code) in [
        ("1.0.0", String::new(), 401, "token required"),
        ("1.0.0", "dlid=x".to_owned(), 403, "malformed-download-id"),
        (
            "1.0.0",
            link(instance, "1.0.0", dlid, 0),
            403,
            "link-expired",
        ),
        (
            "1.0.0",
            link(instance, "1.1.0", dlid, 300),
            403,
            "invalid-signature",
        ),
        ("1.0.0", changed, 403, "invalid-signature"),
        ("1.1.0", format!("dlid={dlid}"), 403, "entitlement-missing"),
        (
            "1.1.0",
            link(instance, "1.1.0", dlid, 300),
            403,
            "entitlement-missing",
        ),
        ("latest", format!("dlid={dlid}"), 404, "binary not found"),
        ("9.9.9", format!("dlid={dlid}"), 404, "binary not found"),
        (
            "1.0.0",
            format!("dlid={dlid}&domain=c.example"),
            403,
            "domain-limit",
        ),
        (
            "1.0.0",
            format!("dlid={dlid}&domain=https://c.example"),
            400,
            "bad query",
        ),
    ] {
        let answer = instance.api.get(&package(version, &query)).await;
        refused(&answer, status, code);
    }
    let by_path = format!(
        "/releases/{EXTENSION}/1.0.0/any?{}",
        link(instance, "1.0.0", dlid, 300)
    );
    assert_eq!(instance.api.get(&by_path).await.status, 200);
    revoked_and_logged(instance, &id, &key, dlid).await;
}

/// What comes after: nothing opens any more, and all of it is in the log.
async fn revoked_and_logged(instance: &Instance, id: &str, key: &str, dlid: &str) {
    let package = |query: &str| format!("/api/v1/licensing/download/{EXTENSION}/1.0.0.zip?{query}");
    standing(instance, id, "revoke").await;
    for query in [
        format!("dlid={dlid}"),
        format!("dlid={key}"),
        link(instance, "1.0.0", dlid, 300),
    ] {
        let answer = instance.api.get(&package(&query)).await;
        refused(&answer, 403, "token-revoked");
    }
    // The log is written after the answers.
    let sql = "SELECT count(*) AS n FROM download_log WHERE license_id = ?1 AND result = ?2";
    for (result, count) in [("ok", 9), ("token-revoked", 3), ("domain-limit", 1)] {
        let params = &[id, result];
        let look = || instance.database.count(sql, params);
        eventually(look, |found| *found >= count, result).await;
        assert_eq!(look().await, count, "{result}");
    }
}

/// Good ones and bad ones, in headers and queries, opened and refused.
async fn no_token_is_logged(instance: &Instance) {
    let good = token(instance, LISTED, &["a-claim-that-is-not-logged"]);
    let foreign = keywright_license::SigningKey::from_bytes(&[9; 32]).expect("a seed");
    let claims = TokenClaims {
        product: LISTED.to_owned(),
        channel_expiry: Date::MAX,
        entitlements: Vec::new(),
        version_floor: None,
        license: None,
        maintenance_until: None,
        issued_at: None,
    };
    let forged = foreign.sign_token(&claims).expect("a token");
    let dlid = DownloadId::from_random([0x4b; 14]).as_str().to_owned();
    let signed = link(instance, "1.0.0", &dlid, 300);
    let file = format!("/releases/{LISTED}/1.0.0/{PLATFORM}");
    let package = format!("/api/v1/licensing/download/{EXTENSION}/1.0.0.zip");
    for token in [&good, &forged] {
        with_token(instance, &file, token).await;
        for path in [
            &file,
            &package,
            "/releases/../x",
            "/releases/listed/latest/any",
        ] {
            instance.api.get(&format!("{path}?token={token}")).await;
        }
        let body = json!({ "license_key_b64": token, "product_id": LISTED });
        instance.api.post("/verify-key", &body).await;
    }
    instance.api.get(&format!("{package}?{signed}")).await;
    instance.api.get(&format!("{package}?dlid={dlid}")).await;
    // Something that is logged, so that an empty log proves nothing: a
    // database that does not answer.
    instance
        .database
        .change("ALTER TABLE download_ids RENAME TO gone", &[])
        .await;
    let broken = instance.api.get(&format!("{package}?dlid={dlid}")).await;
    instance
        .database
        .change("ALTER TABLE gone RENAME TO download_ids", &[])
        .await;
    assert_eq!(broken.status, 503, "{}", broken.text());
    let id = broken.header("x-request-id").to_owned();
    let look = || async { instance.log() };
    let log = eventually(look, |log| log.contains(&id), "it is logged").await;
    let secrets = [
        &good,
        &forged,
        &dlid,
        signed.split('&').next().expect("a token"),
    ];
    for secret in secrets {
        // A piece of it would do to find the rest.
        let piece = &secret[secret.len() / 2..];
        assert!(!log.contains(piece), "a secret is in the log");
    }
    assert!(!log.contains(shop::ADMIN_KEY));
}
