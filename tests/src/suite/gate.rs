//! The release gate on what is published with manifests, links, sites, and what
//! it says of tokens.

use super::cases;
use super::floor::{issue, now, product, standing, text};
use crate::hosts::releases::{EXTENSION, LISTED, PAID, PLATFORM};
use crate::hosts::{Answer, GIT_URL, Instance};
use crate::published::sha256;
use crate::shop;
use http::Method;
use keywright_domain::release::DownloadId;
use keywright_license::{Date, DownloadLink, TokenClaims};
use serde_json::{Value, json};

cases![
    files_of_a_manifest,
    latest,
    channel_feed,
    public_routes,
    verify_key,
    entitlements_and_dates,
    revoked,
    joomla alone,
    no_token_is_logged alone,
];

/// A token for a product, with these entitlements.
pub(super) fn token(instance: &Instance, product: &str, entitlements: &[&str]) -> String {
    let claims = TokenClaims {
        product: product.to_owned(),
        channel_expiry: Date::MAX,
        entitlements: entitlements.iter().map(|text| (*text).to_owned()).collect(),
        version_floor: None,
        license: None,
        maintenance_until: None,
    };
    instance.signing_key.sign_token(&claims).expect("a token")
}

pub(super) async fn with_token(instance: &Instance, path: &str, token: &str) -> Answer {
    let request = instance.api.request(Method::GET, path);
    instance.api.send(request.bearer_auth(token)).await
}

/// The query of a link from now on.
pub(super) fn link(instance: &Instance, version: &str, download_id: &str, seconds: i64) -> String {
    let expires = now() + seconds;
    let said = DownloadLink::new(EXTENSION, version, download_id, expires).expect("a link");
    let token = instance.signing_key.sign_link(&said);
    format!("token={token}&expires={expires}&dlid={download_id}")
}

pub(super) fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}: {}", answer.asked, answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json()["error"], code, "{}", answer.asked);
    assert!(!answer.text().contains(PAID), "{}", answer.asked);
}

async fn files_of_a_manifest(instance: &Instance) {
    let token = token(instance, LISTED, &[]);
    for platform in [PLATFORM, "any.deb"] {
        let name = format!("{LISTED}-1.0.0-{platform}");
        let bytes = format!("{PAID}: {name}\n");
        let path = format!("/releases/{LISTED}/1.0.0/{platform}");
        let answer = with_token(instance, &path, &token).await;
        assert_eq!((answer.status, answer.text()), (200, bytes.clone()));
        let digest = sha256(bytes.as_bytes());
        assert_eq!(answer.header("etag"), format!("\"{digest}\""));
        let saved = format!("attachment; filename=\"{name}\"");
        assert_eq!(answer.header("content-disposition"), saved);
        let signature = instance.api.get(&format!("{path}.sig")).await;
        assert_eq!(signature.text(), format!("the signature of {name}\n"));
        refused(&instance.api.get(&path).await, 401, "token required");
        let part = instance.api.request(Method::GET, &path).bearer_auth(&token);
        let part = instance.api.send(part.header("range", "bytes=0-3")).await;
        assert_eq!((part.status, part.text().as_str()), (206, "what"));
    }
    let manifest = instance
        .api
        .get(&format!("/releases/{LISTED}/1.0.0/MANIFEST"))
        .await;
    assert_eq!(manifest.ok()["artifacts"].as_array().map(Vec::len), Some(2));
    let path = format!("/releases/{LISTED}/1.0.0/any");
    refused(
        &with_token(instance, &path, &token).await,
        404,
        "binary not found",
    );
    let head = instance
        .api
        .request(Method::HEAD, &format!("/releases/{LISTED}/1.0.0/any.deb"));
    assert_eq!(
        instance.api.send(head.bearer_auth(&token)).await.status,
        200
    );
}

async fn latest(instance: &Instance) {
    for (asked, target) in [
        (PLATFORM, "1.0.0/x86_64-unknown-linux-gnu"),
        (
            "x86_64-unknown-linux-gnu?channel=rc",
            "1.2.0-rc.1/x86_64-unknown-linux-gnu",
        ),
        ("any", "1.3.0/any"),
        ("any.sig", "1.3.0/any.sig"),
        ("MANIFEST", "1.3.0/MANIFEST"),
        ("MANIFEST?platform=any.deb", "1.0.0/MANIFEST"),
        ("any?token=a%26b%23c%0d", "1.3.0/any?token=a%26b%23c%0D"),
    ] {
        let answer = instance
            .api
            .get(&format!("/releases/{LISTED}/latest/{asked}"))
            .await;
        assert_eq!(answer.status, 307, "{asked}: {}", answer.text());
        assert_eq!(
            answer.header("location"),
            format!("/releases/{LISTED}/{target}")
        );
        assert!(answer.body.is_empty());
    }
    let answer = instance
        .api
        .get(&format!("/releases/{LISTED}/latest/other"))
        .await;
    refused(&answer, 404, "no version for this platform");
    assert!(answer.json()["hint"].is_string());
    let answer = instance
        .api
        .get(&format!("/releases/{LISTED}/latest/any?channel=x"))
        .await;
    refused(&answer, 400, "bad query");
    // Laid out the older way.
    let answer = instance
        .api
        .get(&format!("/releases/gate/latest/{PLATFORM}"))
        .await;
    assert_eq!(
        answer.header("location"),
        format!("/releases/gate/1.0.0/{PLATFORM}")
    );
}

async fn channel_feed(instance: &Instance) {
    let feed = instance
        .api
        .get(&format!("/releases/{LISTED}/channels/stable.json"))
        .await
        .ok();
    assert_eq!(feed["latest"]["version"], "1.3.0");
    let versions: Vec<&Value> = feed["recent"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|release| &release["version"])
        .collect();
    assert_eq!(versions, ["1.3.0", "1.0.0"]);
    let url = feed["latest"]["artifacts"][0]["url"]
        .as_str()
        .expect("an address");
    assert!(url.ends_with("/releases/listed/1.3.0/any"), "{url}");
    assert!(url.starts_with("http"), "{url}");
    let nothing = instance
        .api
        .get("/releases/nothing/channels/stable.json")
        .await;
    refused(&nothing, 404, "product not found");
    let channel = instance
        .api
        .get(&format!("/releases/{LISTED}/channels/x.json"))
        .await;
    refused(&channel, 404, "channel not found");
}

async fn public_routes(instance: &Instance) {
    let key = instance.api.get("/verify-key.pub").await;
    assert_eq!(key.text(), instance.signing_key.public_key().to_hex());
    assert_eq!(key.header("content-type"), "text/plain; charset=utf-8");
    let git = instance
        .api
        .get("/git/demo.git/info/refs?service=git-upload-pack")
        .await;
    assert_eq!(git.status, 307);
    let target = format!("{GIT_URL}/demo.git/info/refs?service=git-upload-pack");
    assert_eq!(git.header("location"), target);
    let pack = instance
        .api
        .post("/git/demo.git/git-upload-pack", &json!({}))
        .await;
    assert_eq!(pack.status, 307);
    refused(&instance.api.get("/git/").await, 404, "not found");
    let put = instance.api.request(Method::PUT, "/git/a");
    refused(&instance.api.send(put).await, 405, "method not allowed");
    let script = instance.api.get("/releases/gate/install.sh").await;
    refused(&script, 404, "not found");
    for (path, status) in [
        ("/releases", 200),
        ("/verify-key.pub", 200),
        ("/releases/x", 404),
    ] {
        for path in [path.to_owned(), format!("{path}/")] {
            let answer = instance.api.get(&path).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            // This one is reached without TLS.
            assert_eq!(answer.header("strict-transport-security"), "", "{path}");
        }
    }
}

async fn verify_key(instance: &Instance) {
    let good = token(instance, LISTED, &["pro"]);
    let ask =
        |token: &str, product: &str| json!({ "license_key_b64": token, "product_id": product });
    let answer = instance.api.post("/verify-key", &ask(&good, LISTED)).await;
    assert_eq!(
        answer.ok(),
        json!({ "valid": true, "product": LISTED, "version_floor": null,
                "channel_expiry": "9999-12-31", "entitlements": ["pro"] })
    );
    for (token, product, status, reason) in [
        (good.as_str(), "other", 403, "wrong-product"),
        ("%%", LISTED, 401, "malformed-token"),
        ("", LISTED, 401, "token-too-short"),
        (
            &good.replacen(['A', 'B', 'C', 'D'], "E", 1),
            LISTED,
            401,
            "invalid-signature",
        ),
    ] {
        let answer = instance.api.post("/verify-key", &ask(token, product)).await;
        assert_eq!(answer.status, status, "{reason}");
        assert_eq!(answer.json(), json!({ "valid": false, "reason": reason }));
    }
    let answer = instance.api.post("/verify-key", &json!({})).await;
    refused(&answer, 422, "bad request");
    let request = instance.api.request(Method::POST, "/verify-key").body("{}");
    refused(&instance.api.send(request).await, 415, "bad request");
}

async fn entitlements_and_dates(instance: &Instance) {
    let path = format!("/releases/{LISTED}/1.3.0/any");
    let plain = with_token(instance, &path, &token(instance, LISTED, &["team"])).await;
    refused(&plain, 403, "entitlement-missing");
    let pro = with_token(instance, &path, &token(instance, LISTED, &["pro"])).await;
    assert_eq!(pro.status, 200, "{}", pro.text());
    let mut claims = TokenClaims {
        product: LISTED.to_owned(),
        channel_expiry: Date::MAX,
        entitlements: vec!["pro".to_owned()],
        version_floor: Some("1.3.1".to_owned()),
        license: None,
        maintenance_until: None,
    };
    let sign = |claims: &TokenClaims| instance.signing_key.sign_token(claims).expect("a token");
    let below = with_token(instance, &path, &sign(&claims)).await;
    refused(&below, 403, "version-below-floor");
    claims.version_floor = None;
    claims.maintenance_until = Some(Date::parse("2023-11-13").expect("a day"));
    let late = with_token(instance, &path, &sign(&claims)).await;
    refused(&late, 403, "maintenance-expired");
    claims.maintenance_until = Some(Date::parse("2023-11-14").expect("a day"));
    assert_eq!(
        with_token(instance, &path, &sign(&claims)).await.status,
        200
    );
}

async fn revoked(instance: &Instance) {
    product(instance, LISTED, 10).await;
    let issued = issue(instance, LISTED, json!({})).await;
    let token = text(&issued, "token");
    let path = format!("/releases/{LISTED}/1.0.0/{PLATFORM}");
    for (change, code) in [
        ("suspend", Some("token-revoked")),
        ("unsuspend", None),
        ("revoke", Some("token-revoked")),
    ] {
        standing(instance, &text(&issued, "license_id"), change).await;
        let answer = with_token(instance, &path, &token).await;
        match code {
            Some(code) => refused(&answer, 403, code),
            None => assert_eq!(answer.status, 200, "{}", answer.text()),
        }
    }
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
        for _ in 0..100 {
            if instance.database.count(sql, &[id, result]).await == count {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(
            instance.database.count(sql, &[id, result]).await,
            count,
            "{result}"
        );
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
    let mut log = String::new();
    for _ in 0..100 {
        log = instance.log();
        if log.contains(&id) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(log.contains(&id), "what went wrong is logged: {log}");
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
