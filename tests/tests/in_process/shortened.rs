//! A license that is shortened after its key, token, download id and links were
//! handed out: from then on each of them opens what the license now is.

use crate::bench::{Answer, NOW};
use crate::feeds::publish;
use crate::gatehouse::{House, LINUX, link};
use axum::body::Body;
use http::{Request, header};
use keywright_tests::published::release;
use keywright_tests::vendor;
use serde_json::{Value, json};

const FILE: &str = "/releases/demo/1.2.0/x86_64-unknown-linux-gnu";
const PACKAGE: &str = "/api/v1/licensing/download/demo/1.2.0.zip";
const TAURI: &str = "/updates/tauri/demo/linux/x86_64/1.0.0";
const SPARKLE: &str = "/updates/sparkle/demo/appcast.xml";
const ELECTRON: &str = "/updates/electron/demo/latest-linux.yml";

/// A license with everything that can be taken from it, and what opens its
/// downloads.
struct Sold {
    house: House,
    id: String,
    key: String,
    token: String,
    download_id: String,
}

async fn sold(members: Value) -> Sold {
    let house = House::new(&[release("demo", "1.2.0")
        .file(LINUX, "demo.AppImage", b"the program")
        .file("any", "demo.zip", b"the package")
        .with("requires_entitlement", json!("pro"))
        .with("built_at_unix", json!(vendor::PUBLISHED_AT))]);
    house.bench.product("demo", 1).await;
    let recorded = vendor::Release::new("demo", "1.2.0")
        .file(LINUX, "demo.AppImage")
        .file("universal-apple-darwin", "demo.dmg")
        .file("any", "demo.zip")
        .with("requires_entitlement", json!("pro"));
    publish(&house.bench, &[recorded]).await;
    let issued = house.bench.issue("demo", members).await;
    Sold {
        id: issued.text("license_id"),
        key: issued.text("license_key"),
        token: issued.text("token"),
        download_id: issued.text("download_id"),
        house,
    }
}

impl Sold {
    async fn change(&self, change: &Value) {
        let path = format!("/v1/admin/licenses/{}", self.id);
        let answer = match change.as_str() {
            Some(verb) => {
                let path = format!("{path}/{verb}");
                self.house.bench.operate("POST", &path, &json!({})).await
            }
            None => self.house.bench.operate("PATCH", &path, change).await,
        };
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    async fn bearing(&self, path: &str, credential: &str) -> Answer {
        let request = Request::get(path)
            .header(header::AUTHORIZATION, format!("Bearer {credential}"))
            .body(Body::empty());
        self.house.bench.send(request.expect("a request")).await
    }

    /// The downloads, by each of the ways that open them.
    async fn downloads(&self) -> Vec<(&'static str, Answer)> {
        let linked = link("demo", "1.2.0", &self.download_id, 300);
        let house = &self.house;
        vec![
            ("token", self.bearing(FILE, &self.token).await),
            (
                "token in the query",
                house.get(&format!("{FILE}?token={}", self.token)).await,
            ),
            (
                "link to the file",
                house.get(&format!("{FILE}?{linked}")).await,
            ),
            (
                "link to the package",
                house.get(&format!("{PACKAGE}?{linked}")).await,
            ),
            (
                "download id",
                house
                    .get(&format!("{PACKAGE}?dlid={}", self.download_id))
                    .await,
            ),
            (
                "license key",
                house.get(&format!("{PACKAGE}?dlid={}", self.key)).await,
            ),
            (
                "token for the package",
                self.bearing(PACKAGE, &self.token).await,
            ),
        ]
    }

    async fn verify_key(&self) -> Answer {
        let asked = json!({ "license_key_b64": self.token, "product_id": "demo" });
        self.house.bench.post("/verify-key", &asked).await
    }

    /// A new link, by the key and by the token.
    async fn new_links(&self) -> Vec<(&'static str, Answer)> {
        let body = json!({ "version": "1.2.0", "platform": LINUX });
        let mut answers = Vec::new();
        for (way, credential) in [("key", &self.key), ("token", &self.token)] {
            let request = Request::post("/v1/downloads/link")
                .header(header::AUTHORIZATION, format!("Bearer {credential}"))
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()));
            let answer = self.house.bench.send(request.expect("a request")).await;
            answers.push((way, answer));
        }
        answers
    }

    /// What each feed offers to the key and to the token: the version, nothing,
    /// or a refusal.
    async fn feeds(&self) -> Vec<(String, Answer)> {
        let mut answers = Vec::new();
        for path in [TAURI, SPARKLE, ELECTRON] {
            for credential in [&self.key, &self.token] {
                let way = format!("{path} {}", &credential[..4]);
                answers.push((way, self.bearing(path, credential).await));
            }
        }
        answers
    }
}

fn offers(answer: &Answer) -> bool {
    answer.status == 200 && String::from_utf8_lossy(&answer.body).contains("1.2.0")
}

fn everything() -> Value {
    json!({ "entitlements": ["pro", "team"] })
}

#[tokio::test]
async fn a_shortened_license_opens_nothing_more_in_any_way() {
    // The last day of updates before the version was built.
    let before = keywright_domain::dates::utc_day(vendor::PUBLISHED_AT - 86_400);
    for (change, code, still_in_force) in [
        (
            json!({ "expires_at": "2026-01-01T00:00:00Z" }),
            "channel-expired",
            false,
        ),
        (json!({ "entitlements": [] }), "entitlement-missing", true),
        (
            json!({ "entitlements": ["team"] }),
            "entitlement-missing",
            true,
        ),
        (
            json!({ "maintenance_until": before }),
            "maintenance-expired",
            true,
        ),
        (json!("suspend"), "token-revoked", false),
        (json!("revoke"), "token-revoked", false),
    ] {
        let sold = sold(everything()).await;
        for (way, answer) in sold.downloads().await {
            assert_eq!(answer.status, 200, "{way} before {change}: {answer:?}");
        }
        for (way, answer) in sold.feeds().await {
            assert!(offers(&answer), "{way} before {change}: {answer:?}");
        }
        for (way, answer) in sold.new_links().await {
            assert_eq!(answer.status, 200, "{way} before {change}: {answer:?}");
        }
        assert_eq!(sold.verify_key().await.status, 200);

        sold.change(&change).await;
        for (way, answer) in sold.downloads().await {
            assert_eq!(answer.status, 403, "{way} after {change}: {answer:?}");
            assert_eq!(answer.text("error"), code, "{way} after {change}");
        }
        for (way, answer) in sold.feeds().await {
            assert!(!offers(&answer), "{way} after {change}: {answer:?}");
        }
        for (way, answer) in sold.new_links().await {
            assert_eq!(answer.status, 403, "{way} after {change}: {answer:?}");
        }
        let judged = sold.verify_key().await;
        assert_eq!(
            judged.json()["valid"],
            still_in_force,
            "{change}: {judged:?}"
        );
        if let Some(left) = change.get("entitlements") {
            assert_eq!(&judged.json()["entitlements"], left, "{change}");
        }
    }
}

#[tokio::test]
async fn verify_key_answers_the_earlier_of_both_last_days() {
    let sold = sold(json!({ "entitlements": ["pro"], "expires_at": "2027-03-01T00:00:00Z" })).await;
    assert_eq!(
        sold.verify_key().await.json()["channel_expiry"],
        "2027-03-01"
    );
    sold.change(&json!({ "expires_at": "2027-02-01T00:00:00Z" }))
        .await;
    assert_eq!(
        sold.verify_key().await.json()["channel_expiry"],
        "2027-02-01"
    );
    // Longer again than the token says: the token is no better for it.
    sold.change(&json!({ "expires_at": null })).await;
    assert_eq!(
        sold.verify_key().await.json()["channel_expiry"],
        "2027-03-01"
    );
    sold.change(&json!({ "expires_at": "2026-12-31T00:00:00Z" }))
        .await;
    let over = sold.verify_key().await;
    let expected = json!({ "valid": false, "reason": "channel expired", "expired": "2026-12-31" });
    assert_eq!((over.status, over.json()), (403, expected));
}

/// A row that grew does not widen a token that was signed before.
#[tokio::test]
async fn a_token_opens_no_more_than_it_says() {
    let sold = sold(json!({ "entitlements": [] })).await;
    sold.change(&everything()).await;
    for (way, answer) in sold.downloads().await {
        let by_token = way.starts_with("token");
        let status = if by_token { 403 } else { 200 };
        assert_eq!(answer.status, status, "{way}: {answer:?}");
    }
    for (way, answer) in sold.new_links().await {
        let status = if way == "token" { 403 } else { 200 };
        assert_eq!(answer.status, status, "{way}: {answer:?}");
    }
    let judged = sold.verify_key().await.json();
    assert_eq!(judged["entitlements"], json!([]), "{judged}");
    // Its own last day counts, however long the license is now.
    let short =
        self::sold(json!({ "entitlements": ["pro"], "expires_at": "2027-01-20T00:00:00Z" }));
    let short = short.await;
    short.change(&json!({ "expires_at": null })).await;
    assert_eq!(short.bearing(FILE, &short.token).await.status, 200);
    let days = u64::try_from(1_800_489_600).expect("a time") - NOW;
    short.house.bench.clock.advance(days);
    let answer = short.bearing(FILE, &short.token).await;
    assert_eq!(answer.text("error"), "channel-expired", "{answer:?}");
}

/// A license of this id that is for another product, however its token came to
/// be, opens neither.
#[tokio::test]
async fn token_and_license_have_to_be_for_the_same_product() {
    let sold = sold(everything()).await;
    sold.house.bench.product("other", 1).await;
    sold.house
        .bench
        .sql("UPDATE licenses SET product_id = (SELECT id FROM products WHERE slug = 'other')")
        .await;
    let answer = sold.bearing(FILE, &sold.token).await;
    assert_eq!(answer.text("error"), "wrong-product", "{answer:?}");
    let judged = sold.verify_key().await.json();
    assert_eq!(judged["reason"], "wrong-product", "{judged}");
}
