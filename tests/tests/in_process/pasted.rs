//! Keys, tokens and download ids as people paste them, on every route that takes one.

use crate::bench::{Answer, Bench};
use crate::feeds::{LINUX, publish};
use axum::body::Body;
use http::{Request, header};
use keywright_tests::vendor::Release;
use serde_json::{Value, json};
use std::fmt::Write as _;

const TAURI: &str = "/updates/tauri/demo/linux/x86_64/1.0.0";
const SPARKLE: &str = "/updates/sparkle/demo/appcast.xml";
const ELECTRON: &str = "/updates/electron/demo/demo-1.2.0.AppImage";
const JOOMLA: &str = "/api/v1/licensing/updates/demo.xml";
const FILE: &str = "/releases/demo/1.2.0/any";
const PACKAGE: &str = "/api/v1/licensing/download/demo/1.2.0.zip";

/// A licensed product of one version, and a license for it.
async fn shop() -> (Bench, Value) {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let release = Release::new("demo", "1.2.0")
        .file(LINUX, "demo-1.2.0.AppImage")
        .file("universal-apple-darwin", "demo-1.2.0.zip")
        .file("any", "com_demo.zip");
    publish(&bench, &[release]).await;
    let license = bench.issue("demo", json!({ "max_machines": 3 })).await;
    (bench, license.json())
}

/// Forms that any credential is pasted in.
fn carried(text: &str) -> Vec<String> {
    let (start, end) = text.split_at(text.len() / 2);
    vec![
        format!(" {text}"),
        format!("{start} {end}"),
        format!("{start}\r\n{end}\r\n"),
        format!("\u{feff}{start}\u{200b}{end}"),
        format!("{start}\u{ad}\r\n{end}"),
        format!("“{text}”"),
        format!("License key: {text}"),
        text.replace('-', "\u{2013}"),
        text.replace('-', " - "),
    ]
}

/// Those, and lower case, which a license key has no other meaning in.
fn carried_key(key: &str) -> Vec<String> {
    let mut forms = carried(key);
    forms.push(key.to_ascii_lowercase());
    forms.push(format!("Your license key is {key}"));
    forms
}

pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        // Writing to a string does not fail.
        let _ = write!(all, "%{byte:02X}");
        all
    })
}

async fn with_bearer(bench: &Bench, path: &str, authorization: &str) -> Answer {
    let request = Request::get(path)
        .header(header::AUTHORIZATION, authorization)
        .body(Body::empty());
    bench.send(request.expect("a request")).await
}

/// Whether a feed or a redirect has a link for the holder of the license, or the
/// release gate opened. Behind it there is nothing here: only rows are published.
fn is_opened(answer: &Answer) -> bool {
    let location = answer.headers.get(header::LOCATION);
    let leads_to_link =
        location.is_some_and(|to| to.to_str().is_ok_and(|to| to.contains("&expires=")));
    let has_link = String::from_utf8_lossy(&answer.body).contains("expires=");
    let is_behind_gate = answer.status == 404 && answer.text("error") == "binary not found";
    leads_to_link || (answer.status == 200 && has_link) || is_behind_gate
}

#[tokio::test]
async fn the_gate_is_shut_without_a_credential() {
    let (bench, _) = shop().await;
    for path in [TAURI, SPARKLE, ELECTRON, JOOMLA, FILE, PACKAGE] {
        let answer = bench.get(path).await;
        assert!(!is_opened(&answer), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_pasted_key_works_wherever_a_key_is_taken() {
    let (bench, license) = shop().await;
    let key = license["license_key"].as_str().expect("a key");
    for pasted in carried_key(key) {
        let body = |members: Value| {
            let mut body = json!({ "key": pasted });
            for (name, value) in members.as_object().expect("members") {
                body[name] = value.clone();
            }
            body
        };
        let fingerprint = json!({ "fingerprint": "one" });
        for (path, members) in [
            ("/v1/validate", json!({ "product_slug": "demo" })),
            ("/v1/validate", fingerprint.clone()),
            ("/v1/machines/activate", fingerprint.clone()),
            ("/v1/machines/heartbeat", fingerprint),
            ("/v1/machines/list", json!({})),
        ] {
            let answer = bench.post(path, &body(members)).await;
            assert_eq!(answer.status, 200, "{path} {pasted:?}: {answer:?}");
            assert_eq!(answer.json()["ok"], true, "{path} {pasted:?}: {answer:?}");
        }
        let nobody = body(json!({ "fingerprint": "nobody's" }));
        let answer = bench.post("/v1/machines/deactivate", &nobody).await;
        assert_eq!(
            answer.json()["reason"],
            "not_found",
            "{pasted:?}: {answer:?}"
        );
        let found = bench
            .operate(
                "POST",
                "/v1/admin/licenses/search",
                &json!({ "key": pasted }),
            )
            .await;
        assert_eq!(found.status, 200, "{pasted:?}: {found:?}");
        let licenses = found.json()["licenses"].as_array().map(Vec::len);
        assert_eq!(licenses, Some(1), "{pasted:?}: {found:?}");
        for path in [
            format!("{TAURI}?token="),
            format!("{SPARKLE}?token="),
            format!("{ELECTRON}?token="),
            format!("{JOOMLA}?dlid="),
            format!("{FILE}?token="),
            format!("{PACKAGE}?token="),
            format!("{PACKAGE}?dlid="),
        ] {
            let answer = bench.get(&format!("{path}{}", encoded(&pasted))).await;
            assert!(is_opened(&answer), "{path} {pasted:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_pasted_token_or_download_id_works_wherever_one_is_taken() {
    let (bench, license) = shop().await;
    let token = license["token"].as_str().expect("a token");
    for pasted in carried(token) {
        for path in [
            format!("{TAURI}?token="),
            format!("{SPARKLE}?token="),
            format!("{ELECTRON}?token="),
            format!("{FILE}?token="),
            format!("{PACKAGE}?token="),
            format!("{PACKAGE}?dlid="),
        ] {
            let answer = bench.get(&format!("{path}{}", encoded(&pasted))).await;
            assert!(is_opened(&answer), "{path} {pasted:?}: {answer:?}");
        }
        let question = json!({ "license_key_b64": pasted, "product_id": "demo" });
        let answer = bench.post("/verify-key", &question).await;
        assert_eq!(answer.status, 200, "{pasted:?}: {answer:?}");
    }
    let id = license["download_id"].as_str().expect("a download id");
    for pasted in carried(id).into_iter().chain([id.to_ascii_uppercase()]) {
        for path in [JOOMLA, PACKAGE] {
            let answer = bench
                .get(&format!("{path}?dlid={}", encoded(&pasted)))
                .await;
            assert!(is_opened(&answer), "{path} {pasted:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_bearer_is_read_the_same_everywhere() {
    let (bench, license) = shop().await;
    let [key, token, id] = ["license_key", "token", "download_id"]
        .map(|member| license[member].as_str().expect("text").to_owned());
    let link = json!({ "version": "latest", "platform": "any" });
    for credential in [&key, &key.to_ascii_lowercase(), &token] {
        for authorization in [
            format!("Bearer {credential}"),
            format!("bearer {credential}"),
            format!("BEARER  {credential} "),
            format!("Bearer \"{credential}\""),
        ] {
            for path in [TAURI, SPARKLE, ELECTRON, FILE, PACKAGE] {
                let answer = with_bearer(&bench, path, &authorization).await;
                assert!(is_opened(&answer), "{path} {authorization}: {answer:?}");
            }
            let request = Request::post("/v1/downloads/link")
                .header(header::AUTHORIZATION, &authorization)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(link.to_string()))
                .expect("a request");
            let answer = bench.send(request).await;
            assert_eq!(answer.status, 200, "{authorization}: {answer:?}");
        }
    }
    // A download id opens the packages of Joomla sites and nothing else.
    let bearer = format!("Bearer {id}");
    assert!(is_opened(&with_bearer(&bench, PACKAGE, &bearer).await));
    for path in [TAURI, SPARKLE, ELECTRON, FILE] {
        let answer = with_bearer(&bench, path, &bearer).await;
        let error = (answer.status, answer.text("error"));
        assert_eq!(error, (401, "token-too-short".to_owned()), "{path}");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(body.contains("this is a download id"), "{path}: {body}");
    }
}

#[tokio::test]
async fn what_is_no_longer_whole_is_refused_by_name() {
    let (bench, license) = shop().await;
    let key = license["license_key"].as_str().expect("a key");
    for (pasted, cause) in [
        (key.replace('-', ""), "the dashes are missing"),
        (
            key[..key.len() - 3].to_owned(),
            "the last 3 of its characters",
        ),
        (key.repeat(2), "pasted more than once"),
        (key[9..].to_owned(), "the beginning of the key is missing"),
    ] {
        let answer = bench.post("/v1/validate", &json!({ "key": pasted })).await;
        assert_eq!(answer.json()["reason"], "bad_format", "{pasted}");
        let list = bench
            .post("/v1/machines/list", &json!({ "key": pasted }))
            .await;
        assert_eq!(list.refusal(), (400, "bad_request".to_owned()), "{pasted}");
        assert!(list.text("message").contains(cause), "{pasted}: {list:?}");
        let feed = bench
            .get(&format!("{TAURI}?token={}", encoded(&pasted)))
            .await;
        assert_eq!(feed.status, 401, "{pasted}: {feed:?}");
        let package = bench
            .get(&format!("{PACKAGE}?dlid={}", encoded(&pasted)))
            .await;
        assert_eq!(package.status, 403, "{pasted}: {package:?}");
        if pasted.starts_with("LIC1") {
            assert!(feed.text("message").contains(cause), "{pasted}: {feed:?}");
            assert_eq!(package.text("error"), "invalid-license-key", "{pasted}");
            assert!(
                package.text("note").contains(cause),
                "{pasted}: {package:?}"
            );
        }
    }
    // A wrong character that base32 has: the shape is right, the signature is not.
    let wrong = if key.ends_with('A') { 'I' } else { 'A' };
    let altered = format!("{}{wrong}", &key[..key.len() - 1]);
    let answer = bench.post("/v1/validate", &json!({ "key": altered })).await;
    assert_eq!(answer.json()["reason"], "bad_signature", "{altered}");
}
