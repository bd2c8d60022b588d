//! Paying in USDC, from the order over the chain to the key and the books.

use super::cases;
use super::floor::{NOBODY, licenses_of, policy, poll, text};
use crate::hosts::{Answer, Instance, WALLET};
use crate::shop::CRON_TOKEN;
use http::Method;
use keywright_providers::polygon::{Address, Hash};
use keywright_rpc_double::Payment;
use serde_json::{Value, json};

cases![
    paid_and_in_the_books,
    left_to_the_operator_and_settled_by_hand,
    what_cannot_be_paid_in_usdc,
    who_may_tick,
];

const BUYER: Address = Address::from_bytes([
    0, 0, 0, 0xaa, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
]);

/// More than any case needs.
const TICKS: usize = 100;

/// A new product priced in cents.
pub(super) async fn priced(instance: &Instance, slug: &str, currency: &str, cents: i64) {
    let product =
        json!({ "slug": slug, "name": slug, "price_currency": currency, "price_value": cents });
    let made = instance.api.admin(Method::POST, "products", &product).await;
    made.ok();
}

async fn order(instance: &Instance, order: Value) -> Answer {
    instance.api.post("/v1/purchase", &order).await
}

pub(super) async fn tick(instance: &Instance) {
    let request = instance.api.request(Method::POST, "/v1/cron/watch");
    let ticked = instance.api.send(request.bearer_auth(CRON_TOKEN)).await;
    assert_eq!(ticked.ok()["ok"], true);
}

/// Pays so much in the next block, and makes that.
fn pay(instance: &Instance, units: u64) -> Hash {
    let wallet = WALLET.parse().expect("an address");
    let payment = Payment::usdc(BUYER, wallet, u128::from(units));
    let paid = instance.chain.pay(payment);
    instance.chain.mine(1);
    paid
}

/// Ticks until an order has this state; ticks of other cases may be first.
pub(super) async fn until(instance: &Instance, invoice: &str, status: &str) -> Value {
    for _ in 0..TICKS {
        let progress = poll(instance, invoice).await;
        if progress["usdc"]["status"] == status {
            return progress;
        }
        tick(instance).await;
    }
    panic!("{invoice} is not {status} after {TICKS} ticks");
}

async fn admin(instance: &Instance, method: Method, path: &str, body: &Value) -> Answer {
    instance.api.admin(method, path, body).await
}

async fn paid_and_in_the_books(instance: &Instance) {
    priced(instance, "usdc-on-chain", "USD", 1_900).await;
    policy(
        instance,
        "usdc-on-chain",
        "pro",
        json!({ "price_sats_override": 4_900 }),
    )
    .await;
    // The first tick says where reading begins.
    tick(instance).await;
    let wanted = json!({ "product": "usdc-on-chain", "policy_slug": "pro", "rail": "usdc" });
    let bought = order(instance, wanted).await.ok();
    let id = text(&bought, "invoice_id");
    let order_id = text(&bought, "order_id");
    assert_eq!(
        text(&bought, "btcpay_invoice_id"),
        format!("usdc-{order_id}")
    );
    assert!(text(&bought, "checkout_url").ends_with(&format!("/pay/{order_id}#{id}")));
    for (member, value) in [
        ("amount_sats", json!(0)),
        ("base_price_sats", json!(0)),
        ("discount_applied_sats", json!(0)),
        ("price_currency", json!("USD")),
        ("price_value", json!(4_900)),
    ] {
        assert_eq!(bought[member], value, "{member}: {bought}");
    }
    let usdc = &bought["usdc"];
    let units = usdc["amount_units"].as_u64().expect("an amount");
    assert!((49_000_001..=49_009_999).contains(&units), "{units}");
    let token = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359";
    let uri = format!("ethereum:{token}@137/transfer?address={WALLET}&uint256={units}");
    for (member, value) in [
        ("chain_id", json!(137)),
        ("token", json!(token)),
        ("address", json!(WALLET)),
        (
            "amount_display",
            json!(format!("49.{:06}", units % 1_000_000)),
        ),
        ("uri", json!(uri)),
        ("status", json!("waiting")),
        ("confirmed", Value::Null),
    ] {
        assert_eq!(usdc[member], value, "{member}");
    }
    let code = text(usdc, "qr_svg_url");
    let path = code.strip_prefix(instance.direct.base_url());
    let image = instance.api.get(path.expect("an address of ours")).await;
    assert_eq!(image.status, 200);
    assert_eq!(image.headers["content-type"], "image/svg+xml");
    let policy = image.headers["content-security-policy"].to_str();
    assert_eq!(policy.ok(), Some("default-src 'none'; sandbox"));
    assert!(image.text().contains("<svg") && !image.text().contains("<script"));
    let waiting = poll(instance, &id).await;
    assert_eq!(waiting["usdc"]["amount_units"], units);
    assert_eq!(waiting["status"], "pending");

    let paid = pay(instance, units);
    let progress = until(instance, &id, "paid").await;
    assert_eq!(progress["status"], "settled");
    assert!(text(&progress, "license_key").starts_with("LIC1-"));
    let block = instance.chain.block_of(paid).expect("a block");
    let confirmed = json!({ "tx_hash": paid.to_string(), "block_number": block });
    assert_eq!(progress["usdc"]["confirmed"], confirmed);
    tick(instance).await;
    assert_eq!(licenses_of(instance, &id).await, 1);
    in_the_books(instance, &progress, &bought["usdc"], paid).await;
}

/// The sale is a line of the books, in both forms.
async fn in_the_books(instance: &Instance, progress: &Value, usdc: &Value, paid: Hash) {
    let id = text(progress, "order_id");
    let block = instance.chain.block_of(paid).expect("a block");
    let lines = admin(
        instance,
        Method::GET,
        "transactions?limit=1000",
        &Value::Null,
    )
    .await;
    assert_eq!(lines.status, 200);
    assert_eq!(lines.headers["content-type"], "application/jsonl");
    let all = lines.text();
    let line = all.lines().find(|line| line.contains(&id)).expect("a line");
    let line: Value = serde_json::from_str(line).expect("JSON");
    for (member, value) in [
        ("product", json!("usdc-on-chain")),
        ("tier", json!("pro")),
        ("chain_id", json!(137)),
        ("tx_hash", json!(paid.to_string())),
        ("block_number", json!(block)),
        ("payer", json!(BUYER.to_string())),
        ("amount_units", usdc["amount_units"].clone()),
        ("amount_display", usdc["amount_display"].clone()),
        ("license_id", progress["license_id"].clone()),
    ] {
        assert_eq!(line[member], value, "{member}: {line}");
    }
    let table = admin(
        instance,
        Method::GET,
        "transactions?format=csv",
        &Value::Null,
    )
    .await;
    assert_eq!(table.headers["content-type"], "text/csv; charset=utf-8");
    let text = table.text();
    assert!(
        text.starts_with("date,credited_at,receipt_id,invoice_id,"),
        "{text}"
    );
    let row = text.lines().find(|row| row.contains(&id)).expect("a row");
    assert_eq!(row.split(',').count(), 14, "{row}");
    for query in ["format=xml", "limit=0", "from=today", "cursor=x"] {
        let path = format!("transactions?{query}");
        let refused = admin(instance, Method::GET, &path, &Value::Null).await;
        refused.is_error(400, "bad_request");
    }
}

/// The transfer of a transaction.
async fn transfer(instance: &Instance, paid: Hash) -> Option<Value> {
    let path = format!("transfers?tx_hash={paid}");
    let found = admin(instance, Method::GET, &path, &Value::Null).await.ok();
    found["transfers"].as_array()?.first().cloned()
}

async fn left_to_the_operator_and_settled_by_hand(instance: &Instance) {
    priced(instance, "usdc-by-hand", "USD", 123_400).await;
    tick(instance).await;
    let wanted = || json!({ "product": "usdc-by-hand", "rail": "usdc" });
    let bought = order(instance, wanted()).await.ok();
    let id = text(&bought, "invoice_id");
    let units = bought["usdc"]["amount_units"].as_u64().expect("an amount");
    let paid = pay(instance, units - 400_000);
    let mut left = Value::Null;
    for _ in 0..TICKS {
        tick(instance).await;
        left = transfer(instance, paid).await.unwrap_or_default();
        if left["state"] == "unmatched" {
            break;
        }
    }
    assert_eq!(left["state"], "unmatched", "{left}");
    assert_eq!(left["reason"], "underpaid", "{left}");
    assert_eq!(left["payer"], BUYER.to_string());
    assert_eq!(left["amount_units"], units - 400_000);
    let waiting = poll(instance, &id).await;
    assert_eq!(waiting["status"], "pending");
    let told = admin(instance, Method::GET, "attention?limit=500", &Value::Null).await;
    let told = told.ok();
    let items = told["attention"].as_array().expect("a list");
    let item = items.iter().find(|item| item["object_id"] == left["id"]);
    assert_eq!(item.expect("an item")["kind"], "usdc_underpaid");

    let path = format!("transfers/{}/resolve", text(&left, "id"));
    for (body, status, code) in [
        (json!({ "resolution": "settled" }), 400, "bad_request"),
        (json!({ "resolution": "kept" }), 400, "bad_request"),
        (
            json!({ "resolution": "refunded", "invoice_id": bought["order_id"] }),
            400,
            "bad_request",
        ),
        (
            json!({ "resolution": "settled", "invoice_id": NOBODY }),
            409,
            "conflict",
        ),
        (json!({}), 422, "unprocessable_entity"),
    ] {
        let refused = admin(instance, Method::POST, &path, &body).await;
        refused.is_error(status, code);
    }
    let settle = json!({ "resolution": "settled", "invoice_id": bought["order_id"], "note": "close enough" });
    let none = format!("transfers/{NOBODY}/resolve");
    let unknown = admin(instance, Method::POST, &none, &settle).await;
    unknown.is_error(404, "not_found");
    let done = admin(instance, Method::POST, &path, &settle).await.ok();
    assert_eq!(
        (&done["state"], &done["note"]),
        (&json!("resolved"), &json!("close enough"))
    );
    let progress = poll(instance, &id).await;
    assert_eq!(progress["status"], "settled");
    assert!(text(&progress, "license_key").starts_with("LIC1-"));
    let again = admin(instance, Method::POST, &path, &settle).await.ok();
    assert_eq!(again, done, "repeating changes nothing");
    assert_eq!(licenses_of(instance, &id).await, 1);
    let otherwise = json!({ "resolution": "refunded" });
    let refused = admin(instance, Method::POST, &path, &otherwise).await;
    refused.is_error(409, "conflict");
    let entries = "SELECT count(*) AS n FROM audit
                   WHERE action = 'transfer.resolve' AND object_id = ?1";
    let entries = instance
        .database
        .count(entries, &[&text(&left, "id")])
        .await;
    assert_eq!(entries, 1);
    let bad = [
        "limit=0",
        "limit=1001",
        "cursor=x",
        "state=paid",
        "reason=null",
    ];
    for query in bad {
        let path = format!("transfers?{query}");
        let refused = admin(instance, Method::GET, &path, &Value::Null).await;
        refused.is_error(400, "bad_request");
    }
}

async fn what_cannot_be_paid_in_usdc(instance: &Instance) {
    priced(instance, "usdc-in-sats", "SAT", 1_000).await;
    priced(instance, "usdc-in-euros", "EUR", 1_000).await;
    for product in ["usdc-in-sats", "usdc-in-euros"] {
        let wanted = json!({ "product": product, "rail": "usdc" });
        let refused = order(instance, wanted).await;
        refused.is_error(400, "bad_request");
        assert!(refused.text().contains("US dollars"), "{}", refused.text());
    }
    let sats = json!({ "product": "usdc-in-sats" });
    let elsewhere = order(instance, sats).await.ok();
    assert_eq!(elsewhere.get("usdc"), None);
    for id in [text(&elsewhere, "invoice_id").as_str(), NOBODY, "x"] {
        let path = format!("/v1/purchase/{id}/qr.svg");
        instance.api.get(&path).await.is_error(404, "not_found");
    }
}

async fn who_may_tick(instance: &Instance) {
    let ask = |token: Option<&str>| {
        let request = instance.api.request(Method::POST, "/v1/cron/watch");
        instance.api.send(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    };
    ask(None).await.is_error(401, "unauthorized");
    ask(Some("guess")).await.is_error(403, "forbidden");
    let wrong = instance.api.get("/v1/cron/watch").await;
    wrong.is_error(405, "method_not_allowed");
}
