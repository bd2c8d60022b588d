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
async fn a_pasted_order_number_code_or_slug_works_wherever_one_is_typed() {
    let bench = Bench::new();
    bench.product("demo", 1_000).await;
    bench
        .policy("demo", "free", json!({ "price_sats": 0 }))
        .await;
    bench.policy("demo", "pro", json!({})).await;
    bench.code("LAUNCH-27", json!({})).await;
    let order = json!({
        "product": " Demo\u{200b}", "policy_slug": "“free”", "buyer_email": "ana@example.com",
    });
    let order = bench.post("/v1/purchase", &order).await.json();
    let [secret, id] =
        ["invoice_id", "order_id"].map(|member| order[member].as_str().expect("text").to_owned());
    for pasted in carried(&secret) {
        let path = format!("/v1/purchase/{}", encoded(&pasted));
        let shown = bench.get(&path).await;
        assert_eq!(shown.status, 200, "{pasted:?}: {shown:?}");
        assert_eq!(shown.text("invoice_id"), secret, "{pasted:?}");
        let recover = json!({ "invoice_id": pasted, "email": "ana@example.com" });
        let recovered = bench.post("/v1/recover", &recover).await;
        assert_eq!(recovered.status, 200, "{pasted:?}: {recovered:?}");
    }
    for pasted in carried(&id).into_iter().chain([id.to_ascii_uppercase()]) {
        let path = format!("/v1/admin/licenses/search?invoice_id={}", encoded(&pasted));
        let found = bench.operate("GET", &path, &json!({})).await;
        let licenses = found.json()["licenses"].as_array().map(Vec::len);
        assert_eq!(licenses, Some(1), "{pasted:?}: {found:?}");
    }
    for pasted in carried("LAUNCH-27")
        .into_iter()
        .chain(["launch-27".to_owned()])
    {
        let query = format!("code={}&product=demo&policy_slug=pro", encoded(&pasted));
        let preview = bench
            .get(&format!("/v1/discount-codes/preview?{query}"))
            .await;
        assert_eq!(preview.json()["valid"], true, "{pasted:?}: {preview:?}");
        assert_eq!(preview.text("code"), "LAUNCH-27", "{pasted:?}");
    }
    for (pasted, cause) in [
        (
            secret[..40].to_owned(),
            "part of the order number is missing",
        ),
        (secret.repeat(2), "pasted more than once"),
        (format!("{secret}x"), "something follows the end"),
    ] {
        let shown = bench.get(&format!("/v1/purchase/{pasted}")).await;
        let recover = json!({ "invoice_id": pasted, "email": "ana@example.com" });
        for answer in [shown, bench.post("/v1/recover", &recover).await] {
            assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{pasted}");
            assert!(
                answer.text("message").contains(cause),
                "{pasted}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_pasted_hash_is_read_or_explained() {
    let bench = Bench::new();
    let hash = format!("0x{}", "5e".repeat(32));
    let wrong_hash = "tx_hash must be 0x and 64 hexadecimal digits; ";
    let mut forms = carried(&hash);
    forms.extend([
        hash.to_ascii_uppercase(),
        format!("https://polygonscan.com/tx/{hash}"),
    ]);
    for pasted in forms {
        let path = format!("/v1/license/{}/challenge", encoded(&pasted));
        let answer = bench.post(&path, &json!({})).await;
        assert_eq!(answer.status, 404, "{pasted:?}: {answer:?}");
        let path = format!("/v1/admin/transfers?tx_hash={}", encoded(&pasted));
        let listed = bench.operate("GET", &path, &json!({})).await;
        assert_eq!(listed.status, 200, "{pasted:?}: {listed:?}");
    }
    for (pasted, cause) in [
        (hash[..63].to_owned(), "3 of its digits are missing"),
        (hash.repeat(2), "pasted more than once"),
        (
            format!("{}\u{2026}{}", &hash[..8], &hash[60..]),
            "was shortened",
        ),
    ] {
        for path in [
            format!("/v1/license/{}/challenge", encoded(&pasted)),
            "/v1/admin/chain/transactions".to_owned(),
        ] {
            let body = if path.starts_with("/v1/admin") {
                json!({ "tx_hash": pasted })
            } else {
                json!({})
            };
            let answer = bench.operate("POST", &path, &body).await;
            let message = answer.text("message");
            assert_eq!(answer.status, 400, "{path}: {answer:?}");
            assert!(
                message.starts_with(wrong_hash) && message.contains(cause),
                "{message}"
            );
        }
    }
    let wallet = json!({ "wallet": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe" });
    let path = format!("/v1/license/{hash}/challenge");
    let message = bench.post(&path, &wallet).await.text("message");
    assert_eq!(
        message,
        "wallet must be 0x and 40 hexadecimal digits; 1 of its digits are missing"
    );
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
