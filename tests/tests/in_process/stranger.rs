//! What one anonymous caller, and a thousand callers of one IPv6 /48, can write, hold
//! and cost in an hour: every anonymous route as often as it lets them, over a played
//! `BTCPay` and a played RPC endpoint. The table of docs/security.md is made of this run.

use crate::bench::{Answer, Bench, account_of, json_request, played_store};
use crate::recent_orders::from_address;
use crate::usdc_shop::{Market, try_tick};
use axum::body::Body;
use http::{Method, Request};
use keywright_btcpay_double::BtcPay;
use keywright_ports::name;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

const MINUTES: u64 = 60;
/// Tries of a route in a minute: more than any limit lets through in an hour of them,
/// where anything is written.
const MOST_TRIES: usize = 40;
/// Refusals in a row, each of another caller, after which a route is left.
const REFUSALS: usize = 3;

/// The anonymous routes, each with what costs most there. `number` makes each request
/// another one.
#[expect(clippy::too_many_lines, reason = "one list")]
fn requests(number: usize) -> Vec<Request<Body>> {
    let note = "n".repeat(2_000);
    let post = |path: &str, body: Value| {
        let mut request = json_request(Method::POST, path, &body);
        let key = format!("a-key-of-its-own-{number:08}-{path}").replace('/', "-");
        let key = key.parse().expect("a header");
        request.headers_mut().insert("idempotency-key", key);
        request
    };
    let get = |path: &str| {
        let request = Request::get(path).body(Body::empty());
        request.expect("a request")
    };
    let order = |members: Value| {
        let mut body = json!({ "buyer_email": format!("someone-{number}@example.com"),
                               "buyer_note": note });
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        body
    };
    let hash = format!("0x{number:064x}");
    let wallet = format!("0x{number:040x}");
    let sha256 = format!("{number:064x}");
    let bearer = |mut request: Request<Body>, token: &str| {
        let value = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", value);
        request
    };
    vec![
        post(
            "/v1/purchase",
            order(json!({ "product": "sats", "policy_slug": "pro", "code": "LAUNCH" })),
        ),
        post(
            "/v1/purchase",
            order(json!({ "product": "sats", "policy_slug": "pro" })),
        ),
        post(
            "/v1/purchase",
            order(json!({ "product": "demo", "rail": "usdc" })),
        ),
        post("/v1/purchase", order(json!({ "product": "free" }))),
        post(
            "/v1/purchase",
            order(json!({ "product": "try", "policy_slug": "trial" })),
        ),
        post(
            "/v1/redeem",
            order(json!({ "product": "sats", "policy_slug": "pro", "code": "GIFT" })),
        ),
        post(
            "/v1/recover",
            json!({ "invoice_id": sha256, "email": "a@example.com" }),
        ),
        post(
            "/v1/licenses/replace-key",
            json!({ "invoice_id": sha256, "email": "a@example.com" }),
        ),
        post(
            "/v1/licenses/current-key",
            json!({ "key": format!("LIC1-{number}") }),
        ),
        post(
            "/v1/recover/mail",
            json!({ "email": format!("someone-{number}@example.com") }),
        ),
        post("/recover/mail/ml_unknown", json!({})),
        post(
            "/v1/subscriptions/pay",
            json!({ "pay_token": format!("{number:021}A") }),
        ),
        bearer(get("/v1/subscription"), &format!("{number:021}A")),
        get(&format!(
            "/v1/discount-codes/preview?product=sats&code=GUESS{number}"
        )),
        get(&format!("/v1/purchase/{sha256}")),
        post(
            "/v1/validate",
            json!({ "key": format!("LIC1-{number}"), "product_slug": "sats" }),
        ),
        post(
            "/v1/machines/activate",
            json!({ "key": format!("LIC1-{number}"), "fingerprint": sha256 }),
        ),
        bearer(
            post(
                "/v1/downloads/link",
                json!({ "product": "sats", "version": "1.0.0", "platform": "any" }),
            ),
            &sha256,
        ),
        get(&format!("/v1/license/{hash}")),
        post(
            &format!("/v1/license/{hash}/challenge"),
            json!({ "wallet": wallet }),
        ),
        post(
            "/v1/claim/challenge",
            json!({ "binary_sha256": sha256, "wallet_address": wallet }),
        ),
        get("/releases/open/1.0.0/any"),
        bearer(get("/v1/admin/licenses"), &sha256),
        post("/v1/btcpay/webhook", json!({ "type": "InvoiceSettled" })),
        post(
            "/v1/zaprite/webhook/00000000-0000-7000-8000-000000000001?token=x",
            json!({ "event": "order.change", "data": { "id": "x" } }),
        ),
    ]
}

/// What an hour came to.
#[derive(Debug, Default)]
struct Hour {
    rows: BTreeMap<String, i64>,
    open: i64,
    held: i64,
    provider: usize,
    rpc: usize,
    bytes: i64,
}

async fn shop() -> (BtcPay, Market) {
    let pay = played_store();
    let logs = [
        (name::VALIDATION_LOG_DAYS, "90"),
        (name::DOWNLOAD_LOG_DAYS, "90"),
    ];
    let market = Market::over(1, &[&account_of(&pay)[..], &logs].concat()).await;
    let bench = &market.bench;
    bench.product("sats", 50_000).await;
    bench.policy("sats", "pro", json!({})).await;
    bench.product("free", 0).await;
    bench.product("try", 0).await;
    let trial = json!({ "is_trial": true, "duration_seconds": 86_400 });
    bench.policy("try", "trial", trial).await;
    bench.code("LAUNCH", json!({ "max_uses": 100 })).await;
    let gift = json!({ "kind": "free_license", "max_uses": 1_000_000 });
    bench.code("GIFT", gift).await;
    // As a tick with mail leaves it.
    bench.sql("UPDATE mail_state SET is_on = 1").await;
    (pay, market)
}

async fn rows(bench: &Bench) -> BTreeMap<String, i64> {
    let dump = bench.dump().await;
    let count = |rows: Vec<_>| i64::try_from(rows.len()).expect("a number");
    dump.into_iter()
        .map(|(table, rows)| (table, count(rows)))
        .collect()
}

async fn bytes(bench: &Bench) -> i64 {
    let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    bench.number(size).await
}

/// Sends a route as often as it lets these callers in this minute.
async fn exhaust(bench: &Bench, callers: &[String], route: usize, number: &mut usize) {
    let mut refused = 0;
    for caller in callers.iter().cycle().take(MOST_TRIES) {
        *number += 1;
        let request = requests(*number).swap_remove(route);
        let answer: Answer = bench.send(from_address(request, caller)).await;
        assert!(answer.status < 500, "route {route}: {answer:?}");
        refused = if answer.status == 429 { refused + 1 } else { 0 };
        if refused == REFUSALS.min(callers.len()) {
            return;
        }
    }
}

/// An hour with these callers; none of them is the shop by itself.
async fn hour(callers: &[String]) -> Hour {
    let (pay, market) = shop().await;
    let bench = &market.bench;
    let (before, size) = (rows(bench).await, bytes(bench).await);
    pay.clear_logs();
    let rpc = market.endpoints[0].calls().len();
    let mut hour = Hour::default();
    let mut number = 0;
    for _ in 0..MINUTES {
        if !callers.is_empty() {
            for route in 0..requests(0).len() {
                exhaust(bench, callers, route, &mut number).await;
            }
        }
        let open = "SELECT count(*) FROM invoices WHERE status = 'pending'";
        hour.open = hour.open.max(bench.number(open).await);
        let held = "SELECT count(*) FROM redemptions WHERE state = 'reserved'";
        hour.held = hour.held.max(bench.number(held).await);
        market.pass(60);
        pay.advance(Duration::from_mins(1));
        assert_eq!(bench.tick().await.status, 200);
        assert_eq!(try_tick(bench).await.status, 200);
    }
    for (table, rows) in rows(bench).await {
        let more = rows - before.get(&table).copied().unwrap_or_default();
        if more > 0 {
            hour.rows.insert(table, more);
        }
    }
    hour.provider = pay.requests().len();
    hour.rpc = market.endpoints[0].calls().len() - rpc;
    hour.bytes = bytes(bench).await - size;
    hour
}

/// How long rows of a table stay that strangers write.
fn kept(table: &str) -> &'static str {
    match table {
        "invoices" | "redemptions" | "usdc_orders" => "unpaid 30 days, free for good",
        "receipts" | "licenses" | "download_ids" | "audit" | "derivations" => "for good",
        "events" | "validation_log" | "download_log" | "hourly_counts" => "90 days",
        "idempotency_keys" => "a day",
        "recent_orders" => "an hour, trials a day",
        "rate_limits" => "until full again",
        "claim_challenges" => "ten minutes",
        "mail_requests" => "two hours",
        "store_turns" => "one for each store",
        "chain_checkpoints" => "no more than 128",
        _ => "see the manual",
    }
}

/// Rounded up to two digits, so that a row more or less is not another table.
fn about(count: i64) -> String {
    let digits = count.max(1).ilog10();
    let step = 10_i64.pow(digits.saturating_sub(1));
    let rounded = (count + step - 1) / step * step;
    let text = rounded.to_string();
    let mut grouped = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > 0 && (text.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[tokio::test]
async fn what_strangers_can_write_hold_and_cost_is_in_the_manual() {
    let idle = hour(&[]).await;
    let one = hour(&["2001:db8:1:1::1".to_owned()]).await;
    let thousand: Vec<String> = (0..1_000)
        .map(|number| format!("2001:db8:1:{number:x}::1"))
        .collect();
    let many = hour(&thousand).await;
    let mut table = String::from(
        "| in an hour | one caller | a thousand callers of one /48 | kept |\n|---|---|---|---|\n",
    );
    let mut line = |what: &str, one: i64, many: i64, kept: &str| {
        let (one, many) = (about(one), about(many));
        writeln!(table, "| {what} | {one} | {many} | {kept} |").expect("text");
    };
    let count = |number: usize| i64::try_from(number).expect("a number");
    line("orders open at once", one.open, many.open, "–");
    line(
        "uses of a code of 100 held at once",
        one.held,
        many.held,
        "–",
    );
    line(
        "requests to BTCPay",
        count(one.provider - idle.provider),
        count(many.provider - idle.provider),
        "–",
    );
    line(
        "calls of the RPC endpoint",
        count(one.rpc.saturating_sub(idle.rpc)),
        count(many.rpc.saturating_sub(idle.rpc)),
        "–",
    );
    line(
        "KB in the database",
        (one.bytes - idle.bytes).max(0) / 1_024,
        (many.bytes - idle.bytes).max(0) / 1_024,
        "–",
    );
    for (table, rows) in &many.rows {
        let by_itself = idle.rows.get(table).copied().unwrap_or_default();
        let of_one = one.rows.get(table).copied().unwrap_or_default();
        if *rows > by_itself {
            let name = format!("rows in `{table}`");
            line(
                &name,
                (of_one - by_itself).max(0),
                rows - by_itself,
                kept(table),
            );
        }
    }
    compare(&table);
}

/// `KEYWRIGHT_WRITE_SECURITY=1` writes the table anew.
fn compare(table: &str) {
    const BEGIN: &str = "<!-- strangers: begin -->\n";
    const END: &str = "<!-- strangers: end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let text = std::fs::read_to_string(&path).expect("docs/security.md");
    let (before, rest) = text.split_once(BEGIN).expect("the mark before the table");
    let (kept, after) = rest.split_once(END).expect("the mark after the table");
    if std::env::var_os("KEYWRIGHT_WRITE_SECURITY").is_some() {
        let new = format!("{before}{BEGIN}{table}{END}{after}");
        std::fs::write(&path, new).expect("docs/security.md");
        return;
    }
    // A limit may become tighter; a number that grows has to be looked at.
    let shown = numbers(kept);
    for (what, measured) in numbers(table) {
        let limits = shown.get(&what);
        let limits = limits.unwrap_or_else(|| panic!("docs/security.md has no row {what:?}"));
        assert!(
            measured[0] <= limits[0] && measured[1] <= limits[1],
            "{what}: {measured:?} measured, {limits:?} in docs/security.md"
        );
    }
}

/// What each row of the table counts, for one caller and for a thousand.
fn numbers(table: &str) -> BTreeMap<String, [i64; 2]> {
    let rows = table.lines().skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let number = |cell: &str| cell.replace(',', "").parse().expect("a number");
        (cells[1].to_owned(), [number(cells[2]), number(cells[3])])
    })
    .collect()
}
