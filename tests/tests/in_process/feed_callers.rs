//! Who asks a licensed product's feeds: anybody is told of the version, a good
//! key gets a link, and a bad one is refused.

use crate::bench::{Answer, Bench};
use crate::download_links::{claims, token};
use crate::feeds::{LINUX, gate, publish};
use axum::body::Body;
use http::{Request, header};
use keywright_license::{DownloadLink, VerifyKeys};
use keywright_tests::vendor::Release;
use serde_json::{Value, json};

const TAURI: &str = "/updates/tauri/demo/linux/x86_64/1.0.0";
const SPARKLE: &str = "/updates/sparkle/demo/appcast.xml";
const ELECTRON: &str = "/updates/electron/demo/latest-linux.yml";
const FILE: &str = "/updates/electron/demo/demo-1.2.0.AppImage";

fn release(version: &str) -> Release {
    Release::new("demo", version)
        .file(LINUX, &format!("demo-{version}.AppImage"))
        .file("universal-apple-darwin", &format!("demo-{version}.zip"))
}

/// A licensed product of one version, and a license for it.
async fn shop() -> (Bench, Value) {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    publish(&bench, &[release("1.2.0")]).await;
    let license = bench.issue("demo", json!({})).await.json();
    (bench, license)
}

async fn ask(bench: &Bench, path: &str, bearer: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    }
    bench
        .send(request.body(Body::empty()).expect("a request"))
        .await
}

fn body(answer: &Answer) -> String {
    let text = String::from_utf8(answer.body.to_vec()).expect("text");
    quick_xml::escape::unescape(&text).map_or(text.clone(), std::borrow::Cow::into_owned)
}

#[tokio::test]
async fn anybody_is_told_of_the_version() {
    let (bench, _) = shop().await;
    for path in [TAURI, SPARKLE, ELECTRON] {
        let answer = ask(&bench, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(
            answer.headers["cache-control"], "public, max-age=60",
            "{path}"
        );
        let body = body(&answer);
        assert!(body.contains("1.2.0"), "{path}: {body}");
        assert!(!body.contains("token="), "{path}: {body}");
    }
    let file = ask(&bench, FILE, None).await;
    let plain = format!("http://shop.test/releases/demo/1.2.0/{LINUX}");
    assert_eq!(
        file.headers["location"], plain,
        "where a token is asked for"
    );
}

#[tokio::test]
async fn a_good_key_or_token_gets_a_link() {
    let (bench, license) = shop().await;
    let key = license["license_key"].as_str().expect("a key").to_owned();
    let token = token(&claims(license["license_id"].as_str()));
    let dlid = license["download_id"].as_str().expect("an id");
    let keys: VerifyKeys = crate::bench::public_key().parse().expect("keys");
    let link = DownloadLink::new("demo", "1.2.0", dlid, 1_800_000_300).expect("a link");
    for credential in [&key, &token] {
        for path in [TAURI, SPARKLE, FILE] {
            let in_query = ask(&bench, &format!("{path}?token={credential}"), None).await;
            let in_header = ask(&bench, path, Some(credential)).await;
            for answer in [in_query, in_header] {
                assert_eq!(
                    answer.headers["cache-control"], "private, no-store",
                    "{path}"
                );
                let said = match answer.headers.get("location") {
                    Some(location) => location.to_str().expect("text").to_owned(),
                    None => body(&answer),
                };
                let signature = said.split("?token=").nth(1).expect("a link");
                let signature = signature.split('&').next().expect("a token");
                link.verify(signature, &keys, 1_800_000_000)
                    .expect("it verifies");
                let rest = format!("&expires=1800000300&dlid={dlid}");
                assert!(said.contains(&rest), "{path}: {said}");
                assert!(!said.contains(credential.as_str()), "{path}: {said}");
            }
        }
        // The channel file names the files as they are beside it.
        let yaml = body(&ask(&bench, ELECTRON, Some(credential)).await);
        assert!(yaml.contains("url: \"demo-1.2.0.AppImage\""), "{yaml}");
    }
}

#[tokio::test]
async fn a_password_counts_where_it_is_a_key_or_a_token() {
    let (bench, license) = shop().await;
    for (member, is_one) in [
        ("license_key", true),
        ("token", true),
        ("download_id", false),
    ] {
        let password = license[member].as_str().expect("text");
        let basic = data_encoding::BASE64.encode(format!("user:{password}").as_bytes());
        let request = Request::get(TAURI).header(header::AUTHORIZATION, format!("Basic {basic}"));
        let answer = bench
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(answer.status, 200, "{member}: {answer:?}");
        assert_eq!(body(&answer).contains("token="), is_one, "{member}");
    }
}

#[tokio::test]
async fn a_bad_key_or_token_is_refused() {
    let (bench, license) = shop().await;
    let id = license["license_id"].as_str().expect("an id");
    bench.product("other", 0).await;
    let other = bench.issue("other", json!({})).await;
    let (other_key, other_token) = (other.text("license_key"), other.text("token"));
    let expired = bench
        .issue("demo", json!({ "expires_at": "2027-01-01T00:00:00Z" }))
        .await;
    let (expired_key, expired_token) = (expired.text("license_key"), expired.text("token"));
    let unknown = token(&claims(Some("01890000-0000-7000-8000-000000000009")));
    let mut tampered = token(&claims(Some(id)));
    tampered.replace_range(0..1, if tampered.starts_with('A') { "B" } else { "A" });
    for path in [TAURI, SPARKLE, ELECTRON, FILE] {
        for (credential, status, code) in [
            ("nonsense!", 401, "malformed-token"),
            ("AAAA", 401, "token-too-short"),
            (tampered.as_str(), 401, "invalid-signature"),
            ("LIC1-A-B", 401, "bad_format"),
            (&other_key, 403, "wrong-product"),
            (&other_token, 403, "wrong-product"),
            (&expired_key, 403, "channel-expired"),
            (&expired_token, 403, "channel-expired"),
        ] {
            let answer = ask(&bench, path, Some(credential)).await;
            assert_eq!(
                answer.refusal(),
                (status, code.to_owned()),
                "{path} {credential}"
            );
        }
        // Of a license that is not recorded here: as good as its signature.
        let answer = ask(&bench, path, Some(&unknown)).await;
        assert!(matches!(answer.status, 200 | 302), "{path}: {answer:?}");
    }
    bench
        .operate(
            "POST",
            &format!("/v1/admin/licenses/{id}/revoke"),
            &json!({}),
        )
        .await;
    let key = license["license_key"].as_str().expect("a key");
    let newer = token(&claims(Some(id)));
    for credential in [key, &newer] {
        let answer = ask(&bench, TAURI, Some(credential)).await;
        assert_eq!(answer.refusal(), (403, "token-revoked".to_owned()));
    }
    let unconfigured = bench.redeployed(&[("VERIFY_KEYS", "")]);
    assert_eq!(ask(&unconfigured, TAURI, Some(key)).await.status, 503);
    assert_eq!(ask(&unconfigured, TAURI, None).await.status, 200);
    let unsigned = bench.redeployed(&[("PUBLIC_URL", "")]);
    assert_eq!(ask(&unsigned, TAURI, None).await.status, 503);
}

#[tokio::test]
async fn a_refused_link_has_one_code_on_every_route() {
    let (bench, license) = shop().await;
    let key = license["license_key"].as_str().expect("a key");
    bench.sql("PRAGMA foreign_keys = OFF").await;
    for (change, status, code) in [
        ("DELETE FROM download_ids", 503, "service_unavailable"),
        ("UPDATE receipts SET product_id = id", 403, "not-entitled"),
    ] {
        bench.sql(change).await;
        let body = json!({ "version": "1.2.0", "platform": LINUX }).to_string();
        let link = Request::post("/v1/downloads/link")
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .expect("a request");
        for answer in [
            ask(&bench, TAURI, Some(key)).await,
            ask(&bench, FILE, Some(key)).await,
            bench.send(link).await,
        ] {
            assert_eq!(answer.refusal(), (status, code.to_owned()), "{change}");
        }
    }
}

#[tokio::test]
async fn an_open_product_asks_nobody() {
    let (bench, license) = shop().await;
    gate(&bench, "demo", false, "").await;
    let key = license["license_key"].as_str().expect("a key");
    for credential in [None, Some(key), Some("nonsense!")] {
        let answer = ask(&bench, TAURI, credential).await;
        let plain = format!("http://shop.test/releases/demo/1.2.0/{LINUX}");
        assert_eq!(answer.text("url"), plain, "{credential:?}");
    }
}

#[tokio::test]
async fn an_older_token_goes_on_to_the_download() {
    let (bench, _) = shop().await;
    let older = token(&claims(None));
    let plain = format!("http://shop.test/releases/demo/1.2.0/{LINUX}");
    let in_query = ask(&bench, &format!("{TAURI}?token={older}"), None).await;
    assert_eq!(in_query.text("url"), format!("{plain}?token={older}"));
    // The client sends its header with the download, too.
    assert_eq!(ask(&bench, TAURI, Some(&older)).await.text("url"), plain);
}

#[tokio::test]
async fn a_caller_is_told_of_what_it_may_download() {
    let (bench, license) = shop().await;
    publish(
        &bench,
        &[
            release("1.3.0").with("requires_entitlement", json!("pro")),
            release("1.4.0").with("built_at", json!(1_900_000_000)),
        ],
    )
    .await;
    let id = license["license_id"].as_str().expect("an id");
    let version = |answer: Answer| match answer.status {
        204 => "none".to_owned(),
        _ => answer.text("version"),
    };
    assert_eq!(version(ask(&bench, TAURI, None).await), "1.4.0");
    let key = license["license_key"].as_str().expect("a key");
    assert_eq!(version(ask(&bench, TAURI, Some(key)).await), "1.4.0");
    bench
        .sql("UPDATE licenses SET maintenance_until = 1800000000")
        .await;
    assert_eq!(version(ask(&bench, TAURI, Some(key)).await), "1.2.0");
    bench
        .sql("UPDATE licenses SET entitlements = '[\"pro\"]'")
        .await;
    assert_eq!(version(ask(&bench, TAURI, Some(key)).await), "1.3.0");
    // Tokens that say it themselves.
    for (member, value, expected) in [
        ("maintenance_until", json!("2027-01-15"), "1.2.0"),
        ("entitlements", json!(["pro"]), "1.4.0"),
        ("version_floor", json!("1.4.0"), "1.4.0"),
        ("version_floor", json!("1.5"), "none"),
    ] {
        let mut claims = claims(None);
        claims[member] = value;
        let found = version(ask(&bench, TAURI, Some(&token(&claims))).await);
        assert_eq!(found, expected, "{member}");
    }
    let mut floor = claims(Some(id));
    floor["version_floor"] = json!("1.5.0");
    assert_eq!(
        version(ask(&bench, TAURI, Some(&token(&floor))).await),
        "none"
    );
}

#[tokio::test]
async fn a_rollout_knows_a_license_again() {
    let (bench, license) = shop().await;
    publish(
        &bench,
        &[release("1.3.0").with("rollout_percent", json!(50))],
    )
    .await;
    let mut versions = Vec::new();
    for _ in 0..12 {
        let license = bench.issue("demo", json!({})).await.text("license_key");
        let first = ask(&bench, TAURI, Some(&license)).await.text("version");
        assert_eq!(
            ask(&bench, TAURI, Some(&license)).await.text("version"),
            first
        );
        versions.push(first);
    }
    versions.sort();
    versions.dedup();
    assert_eq!(versions, ["1.2.0", "1.3.0"]);
    drop(license);
}
