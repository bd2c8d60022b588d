//! Download links: what sign makes them of, for whom it makes none, and how a
//! buyer's browser gets one.

use crate::bench::{Answer, Bench, json_request};
use crate::feeds::{LINUX, gate, publish};
use axum::body::Body;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::Signer;
use http::{Method, Request, header};
use keywright_domain::release::Channel;
use keywright_license::{DownloadLink, VerifyKeys};
use keywright_native_host::serve;
use keywright_tests::vendor::Release;
use serde_json::{Value, json};

async fn sign(bench: &Bench, body: &Value) -> Answer {
    let (host, router) = bench.shop.sign();
    let request = json_request(Method::POST, "/link", body);
    let (parts, body) = serve(host, router, request).await.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

async fn link(bench: &Bench, license_id: &str, version: &str) -> Answer {
    sign(
        bench,
        &json!({ "license_id": license_id, "version": version }),
    )
    .await
}

fn keys() -> VerifyKeys {
    crate::bench::public_key().parse().expect("keys")
}

/// A shop with a licensed product of two versions, and a license for it.
async fn shop() -> (Bench, Value) {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let release = |channel, version: &str| {
        Release::on(channel, "demo", version).file(LINUX, &format!("demo-{version}"))
    };
    publish(
        &bench,
        &[
            release(Channel::Stable, "1.0.0"),
            release(Channel::Stable, "1.2.0"),
            release(Channel::Beta, "1.3.0-beta.1"),
        ],
    )
    .await;
    let license = bench.issue("demo", json!({})).await.json();
    (bench, license)
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().expect(member)
}

#[tokio::test]
async fn sign_takes_everything_from_the_record() {
    let (bench, license) = shop().await;
    // What the caller says besides counts for nothing.
    let asked = json!({
        "license_id": license["license_id"], "version": "1.2.0", "product": "other",
        "expires": 9_999_999_999_i64, "dlid": "0",
    });
    let answer = sign(&bench, &asked).await.json();
    assert_eq!(answer["product"], "demo");
    assert_eq!(answer["version"], "1.2.0");
    assert_eq!(answer["download_id"], license["download_id"]);
    assert_eq!(answer["expires"], 1_800_000_300);
    let link = DownloadLink::new(
        "demo",
        "1.2.0",
        text(&license, "download_id"),
        1_800_000_300,
    );
    let link = link.expect("a link");
    let token = text(&answer, "token");
    link.verify(token, &keys(), 1_800_000_000)
        .expect("it verifies");
    // Versions that are not recorded may lie in the release storage.
    for version in ["9.9.9", "v9.0.0", "old"] {
        let answer = self::link(&bench, text(&license, "license_id"), version).await;
        assert_eq!(answer.status, 200, "{version}: {answer:?}");
    }
}

#[tokio::test]
async fn sign_makes_no_link_for_what_is_not_included() {
    let (bench, license) = shop().await;
    let id = text(&license, "license_id");
    for (version, status) in [
        ("", 422),
        ("latest", 422),
        ("channels", 422),
        ("../1", 422),
        ("a|b", 422),
    ] {
        let answer = link(&bench, id, version).await;
        assert_eq!(
            (answer.status, answer.text("error")),
            (status, "bad_request".to_owned())
        );
    }
    let unknown = link(&bench, "x", "1.0.0").await;
    assert_eq!(
        (unknown.status, unknown.text("error")),
        (404, "unknown_license".to_owned())
    );
    let no_member = sign(&bench, &json!({ "license_id": id })).await;
    assert_eq!(no_member.status, 422);
    let set = |column: &str, value: &str| format!("UPDATE licenses SET {column} = {value}");
    for (change, undo, word, message) in [
        (
            set("status", "'revoked'"),
            set("status", "'active'"),
            "not_entitled",
            "the license is not active",
        ),
        (
            set("expires_at", "1799900000"),
            set("expires_at", "NULL"),
            "not_active",
            "channel-expired",
        ),
        (
            set("maintenance_until", "1700000000"),
            set("maintenance_until", "NULL"),
            "version_denied",
            "maintenance-expired",
        ),
        (
            "UPDATE releases SET requires_entitlement = 'pro'".to_owned(),
            "UPDATE releases SET requires_entitlement = NULL".to_owned(),
            "version_denied",
            "entitlement-missing",
        ),
        (
            "UPDATE receipts SET product_id = id".to_owned(),
            "UPDATE receipts SET product_id = (SELECT id FROM products)".to_owned(),
            "not_entitled",
            "the receipt is for another product",
        ),
        (
            "UPDATE download_ids SET license_id = 'x' || license_id".to_owned(),
            "UPDATE download_ids SET license_id = substr(license_id, 2)".to_owned(),
            "no_download_id",
            "the license has no download id yet; the next tick gives it one",
        ),
    ] {
        bench.sql("PRAGMA foreign_keys = OFF").await;
        bench.sql(&change).await;
        let answer = link(&bench, id, "1.0.0").await;
        assert_eq!(answer.status, 409, "{change}: {answer:?}");
        assert_eq!(
            (
                answer.text("error").as_str(),
                answer.text("message").as_str()
            ),
            (word, message)
        );
        bench.sql(&undo).await;
        assert_eq!(link(&bench, id, "1.0.0").await.status, 200, "{undo}");
    }
    gate(&bench, "demo", true, "team").await;
    assert_eq!(
        link(&bench, id, "1.0.0").await.text("message"),
        "entitlement-missing"
    );
    // Of a version nobody knows, nobody knows when it was built.
    bench.sql("DELETE FROM release_gates").await;
    bench.sql(&set("maintenance_until", "1900000000")).await;
    assert_eq!(link(&bench, id, "1.0.0").await.status, 200);
    assert_eq!(
        link(&bench, id, "9.0.0").await.text("message"),
        "maintenance-expired"
    );
    let today = "UPDATE licenses SET maintenance_until = NULL, expires_at = 1799999999";
    bench.sql(today).await;
    let last_day = link(&bench, id, "1.0.0").await;
    assert_eq!(last_day.status, 200, "as a token, through the day");
}

/// A token with these members, signed with the shop's key.
pub(crate) fn token(claims: &Value) -> String {
    let payload = claims.to_string();
    let key = ed25519_dalek::SigningKey::from_bytes(&[0x5a; 32]);
    let signature = key.sign(payload.as_bytes()).to_bytes();
    BASE64URL_NOPAD.encode(&[&signature, payload.as_bytes()].concat())
}

pub(crate) fn claims(license: Option<&str>) -> Value {
    let mut claims = json!({
        "product": "demo", "channel_expiry": "2099-12-31", "entitlements": [],
        "version_floor": null,
    });
    if let Some(license) = license {
        claims["license"] = license.into();
    }
    claims
}

fn browser(bearer: Option<&str>, body: &Value) -> Request<Body> {
    let mut request = json_request(Method::POST, "/v1/downloads/link", body);
    if let Some(bearer) = bearer {
        let value = format!("Bearer {bearer}").parse().expect("a header");
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    request
}

#[tokio::test]
async fn a_browser_gets_a_link_that_opens_one_file() {
    let (bench, license) = shop().await;
    let key = text(&license, "license_key").to_owned();
    let token = token(&claims(license["license_id"].as_str()));
    let dlid = text(&license, "download_id");
    for credential in [&key, &token] {
        for (version, channel, expected) in [
            ("latest", None, "1.2.0"),
            ("latest", Some("beta"), "1.3.0-beta.1"),
            ("1.0.0", None, "1.0.0"),
            ("1.3.0-beta.1", Some("stable"), "1.3.0-beta.1"),
        ] {
            let mut body = json!({ "product": "demo", "version": version, "platform": LINUX });
            if let Some(channel) = channel {
                body["channel"] = channel.into();
            }
            let answer = bench.send(browser(Some(credential), &body)).await;
            assert_eq!(answer.status, 200, "{version}: {answer:?}");
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert_eq!(answer.text("expires_at"), "2027-01-15T08:05:00Z");
            let url = answer.text("url");
            let expected_path = format!("http://shop.test/releases/demo/{expected}/{LINUX}?token=");
            assert!(url.starts_with(&expected_path), "{url}");
            assert!(
                url.ends_with(&format!("&expires=1800000300&dlid={dlid}")),
                "{url}"
            );
            assert!(!url.contains(credential.as_str()), "{url}");
            let signature = url[expected_path.len()..]
                .split('&')
                .next()
                .expect("a token");
            let link = DownloadLink::new("demo", expected, dlid, 1_800_000_300).expect("a link");
            link.verify(signature, &keys(), 1_800_000_000)
                .expect("it verifies");
        }
    }
}

#[tokio::test]
async fn a_link_is_for_those_whose_license_includes_the_file() {
    let (bench, license) = shop().await;
    let key = text(&license, "license_key").to_owned();
    let id = text(&license, "license_id").to_owned();
    bench.product("other", 0).await;
    let other = bench.issue("other", json!({})).await.text("license_key");
    let good = json!({ "version": "1.0.0", "platform": LINUX });
    let with = |member: &str, value: &str| {
        let mut body = good.clone();
        body[member] = value.into();
        body
    };
    let expired = {
        let mut claims = claims(Some(&id));
        claims["channel_expiry"] = "2026-12-31".into();
        token(&claims)
    };
    let foreign = {
        let mut claims = claims(Some(&id));
        claims["product"] = "other".into();
        token(&claims)
    };
    for (bearer, body, status, code) in [
        (None, good.clone(), 401, "unauthorized"),
        (Some("LIC1-A-B"), good.clone(), 401, "bad_format"),
        (Some("nonsense!"), good.clone(), 401, "malformed-token"),
        (Some("AAAA"), good.clone(), 401, "token-too-short"),
        (Some(&token(&claims(None))), good.clone(), 403, "no-license"),
        (Some(&expired), good.clone(), 403, "channel-expired"),
        (Some(&foreign), good.clone(), 403, "wrong-product"),
        (Some(&key), with("product", "other"), 403, "wrong-product"),
        (Some(&key), with("product", "No!"), 400, "bad_request"),
        (Some(&key), with("version", "beta"), 400, "bad_request"),
        (Some(&key), with("platform", "Linux"), 400, "bad_request"),
        (Some(&key), with("channel", "best"), 400, "bad_request"),
        (Some(&key), with("version", "1.1.0"), 404, "not_found"),
        (Some(&key), with("platform", "any"), 404, "not_found"),
        (Some(&other), good.clone(), 404, "not_found"),
        (
            Some(&key),
            json!({ "version": "1.0.0" }),
            422,
            "unprocessable_entity",
        ),
    ] {
        let answer = bench.send(browser(bearer, &body)).await;
        assert_eq!(
            answer.refusal(),
            (status, code.to_owned()),
            "{bearer:?} {body}"
        );
    }
    for (change, status, code) in [
        (
            "UPDATE licenses SET maintenance_until = 1",
            403,
            "maintenance-expired",
        ),
        (
            "UPDATE releases SET requires_entitlement = 'pro'",
            403,
            "entitlement-missing",
        ),
        ("UPDATE licenses SET expires_at = 1", 403, "channel-expired"),
        (
            "UPDATE licenses SET status = 'revoked'",
            403,
            "token-revoked",
        ),
    ] {
        bench.sql(change).await;
        let answer = bench.send(browser(Some(&key), &good)).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{change}");
    }
    let unconfigured = bench.redeployed(&[("VERIFY_KEYS", "")]);
    let answer = unconfigured.send(browser(Some(&key), &good)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
}

#[tokio::test]
async fn a_license_without_a_download_id_is_served_after_a_tick() {
    let (bench, license) = shop().await;
    let key = text(&license, "license_key").to_owned();
    bench.sql("DELETE FROM download_ids").await;
    let body = json!({ "version": "latest", "platform": LINUX });
    let answer = bench.send(browser(Some(&key), &body)).await;
    assert_eq!(answer.refusal(), (503, "service_unavailable".to_owned()));
    bench.tick().await;
    assert_eq!(bench.send(browser(Some(&key), &body)).await.status, 200);
}

#[tokio::test]
async fn links_are_made_each_time_and_limited() {
    let (bench, license) = shop().await;
    let key = text(&license, "license_key").to_owned();
    let body = json!({ "version": "latest", "platform": LINUX });
    let request = || {
        let mut request = browser(Some(&key), &body);
        let headers = request.headers_mut();
        let repeated = "one-long-enough-key".parse().expect("a header");
        headers.insert("idempotency-key", repeated);
        request
    };
    let first = bench.send(request()).await;
    bench.clock.advance(10);
    let again = bench.send(request()).await;
    assert_ne!(again.body, first.body, "it only asks, so nothing is kept");
    let rows = bench.number("SELECT count(*) FROM idempotency_keys").await;
    assert_eq!(rows, 0);
    let mut refused = 0;
    for _ in 0..40 {
        let mut request = browser(Some(&key), &body);
        let headers = request.headers_mut();
        headers.insert("x-forwarded-for", "203.0.113.7".parse().expect("a header"));
        let answer = bench.send(request).await;
        refused += usize::from(answer.status == 429);
    }
    assert_eq!(refused, 10, "thirty at once");
}
