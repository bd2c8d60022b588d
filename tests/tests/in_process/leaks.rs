//! What a leaked key of the least roles opens: nothing. Every GET route is read with
//! it, over a shop with sales, and every text in the answers is tried wherever a
//! license, an order or a download is opened.

use crate::bench::{Bench, json_request, played_store};
use crate::payments::{deliver, order};
use axum::body::Body;
use http::{Method, Request, header};
use keywright_admin::Api;
use serde_json::json;
use std::collections::BTreeSet;

/// The release that licenses of the shop open, as Joomla asks for it.
const PACKAGE: &str = "/api/v1/licensing/download/listed/1.0.0.zip";
const EMAILS: [&str; 2] = ["buyer@b.example", "old@b.example"];

/// A shop that sold in every way: paid, free, by a code, by hand, and before orders
/// had secrets. Two codes give licenses away: one is left.
async fn shop_with_sales() -> (keywright_btcpay_double::BtcPay, Bench) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("listed", 50_000).await;
    bench.policy("listed", "default", json!({})).await;
    bench.product("free", 0).await;
    for name in ["PRESS-2027", "PARTNER-2027"] {
        let members = json!({ "kind": "free_license", "max_uses": 9 });
        bench.code(name, members).await;
    }
    for email in EMAILS {
        let body = json!({ "product": "listed", "buyer_email": email });
        let bought = bench.post("/v1/purchase", &body).await;
        let remote = bought.text("btcpay_invoice_id");
        pay.pay_in_full(&remote).expect("a payment");
        deliver(&bench, &pay, "InvoiceSettled", &remote).await;
    }
    let free = json!({ "product": "free", "buyer_email": EMAILS[1] });
    assert_eq!(bench.post("/v1/purchase", &free).await.status, 200);
    // The last one of the first address stays as it is; the others are older.
    bench
        .sql("UPDATE invoices SET poll_hash = NULL WHERE buyer_email = 'old@b.example'")
        .await;
    let redeemed = json!({ "product": "listed", "code": "PRESS-2027",
                           "buyer_email": EMAILS[0] });
    assert_eq!(bench.post("/v1/redeem", &redeemed).await.status, 200);
    let granted = bench.issue("listed", json!({})).await.text("license_id");
    bench.machine("m1", &granted).await;
    // Somebody has to look at these: too little, and too late.
    let (_, little) = order(&bench, "listed").await;
    pay.pay_partially(&little).expect("a payment");
    pay.expire(&little).expect("an expiry");
    deliver(&bench, &pay, "InvoiceExpired", &little).await;
    let (_, lost) = order(&bench, "listed").await;
    pay.expire(&lost).expect("an expiry");
    deliver(&bench, &pay, "InvoiceExpired", &lost).await;
    bench
        .sql("UPDATE invoices SET poll_hash = NULL WHERE status = 'expired'")
        .await;
    (pay, bench)
}

async fn key(bench: &Bench, role: &str) -> String {
    let body = json!({ "label": role, "role": role });
    let made = bench.operate("POST", "/v1/admin/api-keys", &body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.text("token")
}

/// Every id that a path can hold.
async fn ids(bench: &Bench) -> Vec<String> {
    let mut ids = Vec::new();
    for rows in bench.dump().await.values() {
        for row in rows {
            ids.extend(row.get("id").and_then(|id| id.as_str()).map(str::to_owned));
        }
    }
    ids
}

/// Every answer of every GET route to this key.
async fn read(bench: &Bench, token: &str) -> Vec<String> {
    let ids = ids(bench).await;
    let mut answers = Vec::new();
    let endpoints = Api::endpoints();
    for route in endpoints.iter().filter(|route| route.method == Method::GET) {
        let path = route.path.replace("{product}", "listed");
        let mut paths = vec![
            path.clone(),
            format!("{path}?state=all&include_inactive=true&include_archived=true"),
            format!("{path}?format=csv"),
            format!("{path}?product_slug=listed"),
            format!("{path}?buyer_email={}", EMAILS[0].replace('@', "%40")),
            format!("{path}?buyer_email={}", EMAILS[1].replace('@', "%40")),
        ];
        if path.contains('{') {
            paths = ids.iter().map(|id| path.replace("{id}", id)).collect();
        }
        for path in paths {
            let request = Request::get(&path)
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .body(Body::empty());
            let answer = bench.send(request.expect("a request")).await;
            if answer.status == 200 {
                answers.push(String::from_utf8_lossy(&answer.body).into_owned());
            }
        }
    }
    answers
}

/// Every text that could be one: words, and UUIDs inside longer ones.
fn texts(answers: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for answer in answers {
        let words = answer.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
        for word in words.filter(|word| word.len() >= 4) {
            found.insert(word.to_owned());
            for prefix in ["free-", "usdc-"] {
                found.extend(word.strip_prefix(prefix).map(str::to_owned));
            }
        }
    }
    found
}

/// Which texts open something, and what.
async fn opening(bench: &Bench, texts: &BTreeSet<String>) -> Vec<String> {
    let mut opened = Vec::new();
    for text in texts {
        // No limit is what keeps a door shut here.
        bench.clock.advance(120);
        let mut asked = vec![
            Request::get(format!("/v1/purchase/{text}")),
            Request::get(format!("/v1/purchase/{text}/qr.svg")),
            Request::get(format!("{PACKAGE}?dlid={text}")),
            Request::get(format!("{PACKAGE}?token={text}")),
            Request::get(PACKAGE).header(header::AUTHORIZATION, format!("Bearer {text}")),
        ]
        .into_iter()
        .map(|request| request.body(Body::empty()).expect("a request"))
        .collect::<Vec<_>>();
        let mut bodies = vec![("/v1/redeem", json!({ "product": "listed", "code": text }))];
        for email in EMAILS {
            bodies.push(("/v1/recover", json!({ "invoice_id": text, "email": email })));
        }
        for (path, body) in bodies {
            asked.push(json_request(Method::POST, path, &body));
        }
        for request in asked {
            let what = format!("{} {} with {text}", request.method(), request.uri());
            if bench.send(request).await.status == 200 {
                opened.push(what);
            }
        }
        let validate = json!({ "key": text, "product_slug": "listed" });
        let validated = bench.post("/v1/validate", &validate).await;
        if validated.json()["ok"] == true {
            opened.push(format!("POST /v1/validate with {text}"));
        }
    }
    opened
}

#[tokio::test]
async fn nothing_that_a_read_only_key_reads_opens_anything() {
    let (_pay, bench) = shop_with_sales().await;
    let token = key(&bench, "read-only").await;
    let answers = read(&bench, &token).await;
    let all = answers.join("\n");
    // It reads the sales.
    for seen in [
        "buyer@b.example",
        "old@b.example",
        "license.issue",
        "underpaid",
        "hidden-",
    ] {
        assert!(all.contains(seen), "{seen}");
    }
    for secret in ["os_", "LIC1-", "PRESS-2027", "PARTNER-2027", "ks_"] {
        assert!(!all.contains(secret), "{secret}");
    }
    let texts = texts(&answers);
    assert!(texts.len() > 100, "{} texts", texts.len());
    assert_eq!(opening(&bench, &texts).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_publisher_reads_no_sale_and_no_buyer() {
    let (_pay, bench) = shop_with_sales().await;
    let token = key(&bench, "publisher").await;
    let answers = read(&bench, &token).await;
    assert!(!answers.is_empty(), "it reads releases");
    let all = answers.join("\n");
    // A key may read its own id.
    let own = bench.sql("SELECT id FROM api_keys").await;
    for id in ids(&bench).await {
        assert!(!all.contains(&id) || own[0]["id"] == id, "{id}");
    }
    assert!(!all.contains("b.example"), "{all}");
    let texts = texts(&answers);
    assert_eq!(opening(&bench, &texts).await, Vec::<String>::new());
}

/// The probe works: who may write licenses reads what opens them.
#[tokio::test]
async fn who_may_write_licenses_reads_what_opens_them() {
    let (_pay, bench) = shop_with_sales().await;
    let token = key(&bench, "license-issuer").await;
    let opened = opening(&bench, &texts(&read(&bench, &token).await)).await;
    for what in [
        format!("GET {PACKAGE}?dlid="),
        "GET /v1/purchase/".to_owned(),
    ] {
        assert!(
            opened.iter().any(|one| one.starts_with(&what)),
            "{what}: {opened:?}"
        );
    }
    for what in ["POST /v1/recover", "POST /v1/redeem"] {
        assert!(
            opened.iter().any(|one| one.starts_with(what)),
            "{what}: {opened:?}"
        );
    }
}

/// The ids of orders from before are the same word in every list, so that a reader can
/// still tell which entries belong together.
#[tokio::test]
async fn a_concealed_order_is_the_same_everywhere() {
    let (_pay, bench) = shop_with_sales().await;
    let token = key(&bench, "read-only").await;
    let old = bench
        .sql("SELECT id FROM invoices WHERE poll_hash IS NULL AND status = 'settled'")
        .await;
    let answers = read(&bench, &token).await;
    let hidden: BTreeSet<String> = texts(&answers)
        .into_iter()
        .filter(|text| text.starts_with("hidden-"))
        .collect();
    // Two that were settled, and two that expired.
    assert_eq!(old.len(), 2);
    assert_eq!(hidden.len(), 4, "{hidden:?}");
    for row in old {
        let id = row["id"].as_str().expect("an id");
        assert!(answers.iter().all(|answer| !answer.contains(id)));
    }
    // The public id of a newer order is shown as it is.
    let new = bench
        .sql("SELECT id FROM invoices WHERE poll_hash IS NOT NULL LIMIT 1")
        .await;
    let id = new[0]["id"].as_str().expect("an id");
    assert!(answers.iter().any(|answer| answer.contains(id)), "{id}");
}
