//! What is purged, and when: orders that ended unpaid with what their buyers wrote, and
//! old events. Whatever was paid for, or looked at by somebody, stays.

use crate::bench::{Bench, account_of, played_store};
use crate::breaking::break_every_call;
use crate::codes::{assert_uses_add_up, buy_with};
use crate::payments::{deliver, poll};
use keywright_btcpay_double::{BtcPay, MarkAs};
use keywright_ports::{Clock, name};
use serde_json::json;

const DAY: u64 = 86_400;

async fn shop(config: &[(&'static str, &str)]) -> (BtcPay, Bench) {
    let pay = played_store();
    let bench = Bench::with(&[&account_of(&pay)[..], config].concat());
    bench.product("demo", 50_000).await;
    (pay, bench)
}

/// Orders with everything that a buyer can write; answers our id and the store's.
async fn ordered(bench: &Bench) -> (String, String) {
    let order = json!({ "product": "demo", "buyer_email": "satoshi@example.com",
                        "buyer_note": "for my sister" });
    let answer = bench.post("/v1/purchase", &order).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let newest = "SELECT id FROM invoices ORDER BY rowid DESC LIMIT 1";
    let id = bench.sql(newest).await[0]["id"].clone();
    let id = id.as_str().expect("an id").to_owned();
    (id, answer.text("btcpay_invoice_id"))
}

/// An order that ended unpaid.
async fn abandoned(bench: &Bench, pay: &BtcPay) -> (String, String) {
    let (id, there) = ordered(bench).await;
    pay.expire(&there).expect("an end");
    deliver(bench, pay, "InvoiceExpired", &there).await;
    (id, there)
}

async fn tick(bench: &Bench) {
    assert_eq!(bench.tick().await.status, 200);
}

async fn is_there(bench: &Bench, id: &str) -> bool {
    let count = format!("SELECT count(*) FROM invoices WHERE id = '{id}'");
    bench.number(&count).await == 1
}

/// Everything that is stored, as text.
async fn stored(bench: &Bench) -> String {
    format!("{:?}", bench.dump().await)
}

#[tokio::test]
async fn an_order_that_ended_unpaid_is_purged_after_thirty_days() {
    let (pay, bench) = shop(&[]).await;
    let (id, there) = abandoned(&bench, &pay).await;
    bench.clock.advance(30 * DAY);
    tick(&bench).await;
    assert!(is_there(&bench, &id).await, "thirty days, to the second");
    bench.clock.advance(1);
    tick(&bench).await;
    assert!(!is_there(&bench, &id).await);
    let stored = stored(&bench).await;
    for personal in ["satoshi@example.com", "for my sister", &there] {
        assert!(!stored.contains(personal), "{personal} is still stored");
    }
    let entries = "SELECT count(*) FROM audit WHERE action = 'invoice.close'";
    assert_eq!(bench.number(entries).await, 1, "the audit log stays");
    // A delivery about it is passed over.
    let answer = deliver(&bench, &pay, "InvoiceExpired", &there).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_days_are_configured() {
    for (days, kept) in [("0", 0), ("7", 7)] {
        let (pay, bench) = shop(&[(name::ABANDONED_ORDER_DAYS, days)]).await;
        let (id, _) = abandoned(&bench, &pay).await;
        tick(&bench).await;
        assert!(is_there(&bench, &id).await, "payments are watched for");
        // BTCPay watches for a quarter of an hour and a day.
        bench.clock.advance(2 * DAY);
        tick(&bench).await;
        assert_eq!(is_there(&bench, &id).await, kept > 0, "{days}");
        bench.clock.advance(5 * DAY + 1);
        tick(&bench).await;
        assert!(!is_there(&bench, &id).await, "{days}");
    }
    let (pay, bench) = shop(&[(name::ABANDONED_ORDER_DAYS, "a month")]).await;
    let (id, _) = abandoned(&bench, &pay).await;
    bench.clock.advance(400 * DAY);
    tick(&bench).await;
    assert!(is_there(&bench, &id).await, "nothing is purged by mistake");
    assert!(
        bench.log().contains("ABANDONED_ORDER_DAYS"),
        "{}",
        bench.log()
    );
}

#[tokio::test]
async fn what_was_paid_or_looked_at_stays() {
    let (pay, bench) = shop(&[]).await;
    let mut kept = Vec::new();
    // Paid; paid too late; half paid; taken back; accepted late.
    let (id, there) = ordered(&bench).await;
    pay.pay_in_full(&there).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &there).await;
    kept.push(("paid", id));
    let (id, there) = abandoned(&bench, &pay).await;
    pay.pay_late(&there).expect("a payment");
    deliver(&bench, &pay, "InvoicePaidAfterExpiration", &there).await;
    kept.push(("paid too late", id));
    let (id, there) = ordered(&bench).await;
    pay.pay_partially(&there).expect("a payment");
    pay.expire(&there).expect("an end");
    deliver(&bench, &pay, "InvoiceExpired", &there).await;
    kept.push(("half paid", id));
    let (id, there) = ordered(&bench).await;
    pay.expire(&there).expect("an end");
    pay.mark(&there, MarkAs::Settled).expect("a mark");
    deliver(&bench, &pay, "InvoiceSettled", &there).await;
    pay.mark(&there, MarkAs::Invalid).expect("a mark");
    deliver(&bench, &pay, "InvoiceInvalid", &there).await;
    kept.push(("taken back", id));
    // An operator noted something about it.
    let (id, _) = abandoned(&bench, &pay).await;
    bench
        .sql(&format!(
            "INSERT INTO audit (id, at, actor, action, object_kind, object_id, request_id)
             VALUES ('looked-at', 1, 'operator', 'invoice.note', 'invoice', '{id}', '')"
        ))
        .await;
    kept.push(("looked at", id));
    // Nobody said yet how it ends.
    let (id, _) = ordered(&bench).await;
    kept.push(("pending", id));
    let (gone, _) = abandoned(&bench, &pay).await;
    bench.clock.advance(400 * DAY);
    for _ in 0..3 {
        tick(&bench).await;
    }
    for (what, id) in kept {
        assert!(is_there(&bench, &id).await, "{what}");
    }
    assert!(!is_there(&bench, &gone).await);
}

#[tokio::test]
async fn a_code_that_an_abandoned_order_had_counts_as_before() {
    let (pay, bench) = shop(&[]).await;
    bench.code("SAVE", json!({ "max_uses": 2 })).await;
    let bought = buy_with(&bench, "demo", "SAVE").await;
    let there = bought.text("btcpay_invoice_id");
    pay.expire(&there).expect("an end");
    deliver(&bench, &pay, "InvoiceExpired", &there).await;
    bench.clock.advance(31 * DAY);
    tick(&bench).await;
    assert_eq!(bench.number("SELECT count(*) FROM redemptions").await, 0);
    assert_eq!(
        bench.number("SELECT used_count FROM discount_codes").await,
        0
    );
    assert_uses_add_up(&bench, "purged").await;
}

/// A tick purges a bounded number, and what is left comes with the next ones.
#[tokio::test]
async fn purging_is_bounded_and_gets_through() {
    let (_pay, bench) = shop(&[]).await;
    let product = bench.sql("SELECT id FROM products").await[0]["id"].clone();
    let at = bench.clock.unix_seconds();
    bench
        .sql(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO invoices (id, product_id, provider, checkout_url, status, amount_sats,
                                   base_price_sats, duration_seconds, grace_seconds, max_machines,
                                   entitlements, is_trial, created_at, checks, buyer_email)
             SELECT 'old-' || i, '{}', 'btcpay', '', 'expired', 1, 1, 0, 0, 1, '[]', 0,
                    {at} - 40 * 86400 + i, 0, 'a@b' FROM n",
            product.as_str().expect("an id")
        ))
        .await;
    let left = "SELECT count(*) FROM invoices";
    let mut counts = Vec::new();
    for _ in 0..6 {
        bench.shop.database.count_anew();
        tick(&bench).await;
        assert!(bench.shop.database.statements() <= 50);
        counts.push(bench.number(left).await);
    }
    assert_eq!(counts, [800, 600, 400, 200, 0, 0]);
}

#[tokio::test]
async fn whatever_call_of_a_tick_breaks_an_order_is_purged_whole() {
    break_every_call(4, async |call, fault| {
        let (pay, bench) = shop(&[]).await;
        bench.code("SAVE", json!({ "max_uses": 2 })).await;
        let bought = buy_with(&bench, "demo", "SAVE").await;
        let there = bought.text("btcpay_invoice_id");
        pay.expire(&there).expect("an end");
        deliver(&bench, &pay, "InvoiceExpired", &there).await;
        bench.clock.advance(31 * DAY);
        bench.shop.database.break_call(call, fault);
        bench.tick().await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        let rows = "SELECT (SELECT count(*) FROM redemptions) - (SELECT count(*) FROM invoices)";
        assert_eq!(bench.number(rows).await, 0, "call {call}, {fault:?}");
        tick(&bench).await;
        tick(&bench).await;
        assert_eq!(bench.number("SELECT count(*) FROM invoices").await, 0);
        assert_uses_add_up(&bench, "purged").await;
        true
    })
    .await;
}

/// Nothing delivers events yet, and strangers cause them with free licenses.
#[tokio::test]
async fn events_are_kept_for_ninety_days() {
    let (_pay, bench) = shop(&[]).await;
    bench.product("free", 0).await;
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "free" }))
        .await;
    assert_eq!(bought.status, 200, "{bought:?}");
    let events = "SELECT count(*) FROM events";
    let recorded = bench.number(events).await;
    assert!(recorded >= 1, "the license, and the products");
    bench.clock.advance(90 * DAY);
    tick(&bench).await;
    assert_eq!(bench.number(events).await, recorded);
    bench.clock.advance(1);
    tick(&bench).await;
    assert_eq!(bench.number(events).await, 0);
    let license = poll(&bench, &bought.text("invoice_id")).await;
    bench.verified(license["license_key"].as_str().expect("a key"));
}
