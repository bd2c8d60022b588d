//! The release gate on what is published with manifests.

use super::cases;
use super::floor::{issue, product, standing, text};
use crate::hosts::releases::{LISTED, PAID, PLATFORM};
use crate::hosts::{Answer, GIT_URL, Instance};
use crate::published::sha256;
use http::Method;
use keywright_license::{Date, TokenClaims};
use serde_json::{Value, json};

cases![
    files_of_a_manifest,
    latest,
    channel_feed,
    public_routes,
    verify_key,
    entitlements_and_dates,
    revoked,
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
        issued_at: None,
    };
    instance.signing_key.sign_token(&claims).expect("a token")
}

pub(super) async fn with_token(instance: &Instance, path: &str, token: &str) -> Answer {
    let request = instance.api.request(Method::GET, path);
    instance.api.send(request.bearer_auth(token)).await
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
        issued_at: None,
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
