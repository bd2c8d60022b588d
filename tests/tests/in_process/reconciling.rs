//! The cron function: orders whose webhook never came, orders whose answer was
//! lost, a store that is away, and the bounds of a tick.

use crate::bench::{Bench, UNTIL_DUE, played_store};
use crate::payments::{deliver, issued, order, poll};
use keywright_btcpay_double::{ApiState, BtcPay, MarkAs, Payment};
use keywright_native_host::after;
use keywright_ports::Clock;
use serde_json::{Value, json};

/// What a tick reports of orders.
async fn tick(bench: &Bench) -> Value {
    let answer = bench.tick().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut report = answer.json();
    for other in ["sealed", "renewals"] {
        report.as_object_mut().expect("an object").remove(other);
    }
    report
}

fn report(checked: u64, settled: u64, closed: u64, failed: u64) -> Value {
    json!({ "ok": true, "checked": checked, "settled": settled, "closed": closed, "failed": failed,
            "stores_failed": 0, "released": 0, "download_ids": 0 })
}

/// What a tick reports when the one store does not answer.
fn no_answer() -> Value {
    let mut report = report(0, 0, 0, 0);
    report["stores_failed"] = json!(1);
    report
}

/// Seconds from now until the one pending order is asked for.
async fn next_check(bench: &Bench) -> i64 {
    let at = bench
        .number("SELECT next_check_at FROM invoices WHERE status = 'pending'")
        .await;
    at - bench.clock.unix_seconds()
}

async fn shop() -> (BtcPay, Bench) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    (pay, bench)
}

/// The answers to making an invoice, and to looking for it, are lost.
fn lose_answers(pay: &BtcPay) {
    pay.lose_create_answers(1);
    pay.fail_after(1, 1, 503);
}

/// The invoice of an order that has none at the store, as far as we know.
async fn lost_order(bench: &Bench) -> String {
    let answer = bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()));
    let newest = "SELECT id FROM invoices ORDER BY rowid DESC LIMIT 1";
    let id = bench.sql(newest).await[0]["id"].clone();
    id.as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_payment_nobody_told_of_is_found() {
    let (pay, bench) = shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    assert_eq!(tick(&bench).await, report(0, 0, 0, 0), "nothing is paid");
    pay.pay_in_full(&btcpay_id).expect("a payment");
    // What was paid is listed by every tick, whenever the order's own turn comes.
    bench.clock.advance(60);
    assert_eq!(tick(&bench).await, report(1, 1, 0, 0));
    assert_eq!(tick(&bench).await, report(0, 0, 0, 0), "done");
    let progress = poll(&bench, &invoice_id).await;
    bench.verified(progress["license_key"].as_str().expect("a key"));
    // The delivery that comes after all changes nothing.
    let before = bench.dump().await;
    assert_eq!(
        deliver(&bench, &pay, "InvoiceSettled", &btcpay_id)
            .await
            .status,
        200
    );
    assert_eq!(bench.dump().await, before);
    assert!(pay.violations().is_empty(), "{:?}", pay.violations());
}

#[tokio::test]
async fn the_platforms_trigger_does_the_same() {
    let (pay, bench) = shop().await;
    let (_, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    bench.clock.advance(UNTIL_DUE);
    let run = keywright_renew::FUNCTION.tick.expect("a tick");
    run(bench.shop.function("RENEW").0.clone(), after())
        .await
        .expect("a run");
    assert_eq!(issued(&bench).await, [1; 4]);
}

#[tokio::test]
async fn waits_double_up_to_an_hour() {
    let (pay, bench) = shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    assert_eq!(next_check(&bench).await, 120);
    bench.clock.advance(120);
    for wait in [60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600] {
        assert_eq!(
            tick(&bench).await,
            report(1, 0, 0, 0),
            "before a wait of {wait}"
        );
        assert_eq!(next_check(&bench).await, wait);
        bench
            .clock
            .advance(u64::try_from(wait - 1).expect("seconds"));
        assert_eq!(tick(&bench).await, report(0, 0, 0, 0), "a second too early");
        bench.clock.advance(1);
    }
    // Unconfirmed and half a payment are waited for as well.
    pay.pay_partially(&btcpay_id).expect("a payment");
    assert_eq!(tick(&bench).await, report(1, 0, 0, 0));
    bench.clock.advance(3_600);
    pay.pay(&btcpay_id, &Payment::rest().on_chain())
        .expect("a payment");
    assert_eq!(tick(&bench).await, report(1, 0, 0, 0));
    bench.clock.advance(3_600);
    pay.confirm(&btcpay_id).expect("a confirmation");
    assert_eq!(tick(&bench).await, report(1, 1, 0, 0));
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
}

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_found_by_its_id_and_settled() {
    let (pay, bench) = shop().await;
    lose_answers(&pay);
    let invoice_id = lost_order(&bench).await;
    let btcpay_id = pay.invoice_by_order(&invoice_id).expect("an invoice").id;
    bench.clock.advance(UNTIL_DUE);
    assert_eq!(tick(&bench).await, report(1, 0, 0, 0));
    let row = &bench
        .sql("SELECT provider_invoice_id, checkout_url FROM invoices")
        .await[0];
    assert_eq!(row["provider_invoice_id"], btcpay_id);
    assert!(
        row["checkout_url"]
            .as_str()
            .is_some_and(|url| url.contains(&btcpay_id)),
        "{row:?}"
    );
    pay.pay_in_full(&btcpay_id).expect("a payment");
    bench.clock.advance(60);
    assert_eq!(tick(&bench).await, report(1, 1, 0, 0));
    assert_eq!(issued(&bench).await, [1; 4]);
}

#[tokio::test]
async fn an_order_without_an_invoice_ends_after_a_quarter_of_an_hour() {
    let (pay, bench) = shop().await;
    pay.api(ApiState::Refused);
    let invoice_id = lost_order(&bench).await;
    pay.api(ApiState::Up);
    assert!(pay.invoices().is_empty());
    // Asked for after 120, 180, 300 and 540 seconds; it may still turn up.
    for wait in [120, 60, 120, 240] {
        bench.clock.advance(wait);
        assert_eq!(tick(&bench).await, report(1, 0, 0, 0));
        assert_eq!(poll(&bench, &invoice_id).await["status"], "pending");
    }
    // After 1020 it is older than 900.
    bench.clock.advance(480);
    assert_eq!(tick(&bench).await, report(1, 0, 1, 0));
    assert_eq!(poll(&bench, &invoice_id).await["status"], "invalid");
    let entries = bench
        .sql("SELECT * FROM audit WHERE action = 'invoice.close'")
        .await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&entries[0]["actor"], &entries[0]["object_id"]),
        (&json!("renew"), &json!(invoice_id))
    );
    let after = entries[0]["after"].as_str().expect("a text");
    assert!(
        after.contains("\"invalid\"") && after.contains("no invoice"),
        "{after}"
    );
    assert_eq!(entries[0]["before"], "{\"status\":\"pending\"}");
    assert_eq!(tick(&bench).await, report(0, 0, 0, 0));
}

#[tokio::test]
async fn an_order_that_the_store_refused_ends_at_once() {
    let (pay, bench) = shop().await;
    pay.fail_next(1, 403);
    let invoice_id = lost_order(&bench).await;
    assert_eq!(poll(&bench, &invoice_id).await["status"], "invalid");
    bench.clock.advance(86_400);
    assert_eq!(tick(&bench).await, report(0, 0, 0, 0));
}

#[tokio::test]
async fn a_store_that_is_away_for_an_hour_loses_nothing() {
    let (pay, bench) = shop().await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(order(&bench, "demo").await);
    }
    for (_, btcpay_id) in &orders[..2] {
        pay.pay_in_full(btcpay_id).expect("a payment");
    }
    pay.expire(&orders[2].1).expect("an expiry");
    pay.api(ApiState::Refused);
    let mut failed = 0;
    for _ in 0..60 {
        bench.clock.advance(60);
        let report = tick(&bench).await;
        assert_eq!(report["checked"], 0, "{report}");
        failed += report["stores_failed"].as_u64().expect("a number");
    }
    // After 1, 2, 3, 5 and 9 minutes, then every five, not every minute.
    assert_eq!(failed, 15);
    assert_eq!(
        bench
            .number("SELECT count(*) FROM invoices WHERE status = 'pending'")
            .await,
        3
    );
    assert!(bench.log().contains("cannot reach"), "{}", bench.log());
    pay.api(ApiState::Up);
    let mut settled = 0;
    let mut closed = 0;
    for _ in 0..60 {
        bench.clock.advance(60);
        let report = tick(&bench).await;
        assert_eq!(report["failed"], 0, "{report}");
        settled += report["settled"].as_u64().expect("a number");
        closed += report["closed"].as_u64().expect("a number");
    }
    assert_eq!((settled, closed), (2, 1));
    assert_eq!(issued(&bench).await, [2; 4]);
    assert_eq!(poll(&bench, &orders[2].0).await["status"], "expired");
}

#[tokio::test]
async fn every_kind_of_no_answer_is_waited_out() {
    let (pay, bench) = shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    for status in [500, 503, 429, 408, 401, 403] {
        pay.fail_next(1, status);
        bench.clock.advance(3_600);
        assert_eq!(
            tick(&bench).await,
            no_answer(),
            "the store answers {status}"
        );
        assert_eq!(
            poll(&bench, &invoice_id).await["status"],
            "pending",
            "{status}"
        );
    }
    bench.clock.advance(3_600);
    assert_eq!(tick(&bench).await, report(1, 1, 0, 0));
}

#[tokio::test]
async fn what_the_store_ended_is_ended() {
    for (ending, status) in [
        ("expired", "expired"),
        ("invalid", "invalid"),
        ("marked", "settled"),
    ] {
        let (pay, bench) = shop().await;
        let (invoice_id, btcpay_id) = order(&bench, "demo").await;
        match ending {
            "expired" => pay.expire(&btcpay_id).expect("an expiry"),
            "invalid" => {
                pay.pay_on_chain(&btcpay_id).expect("a payment");
                pay.end_monitoring(&btcpay_id).expect("an end");
            }
            _ => {
                pay.expire(&btcpay_id).expect("an expiry");
                pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
            }
        }
        bench.clock.advance(UNTIL_DUE);
        let settled = u64::from(status == "settled");
        assert_eq!(
            tick(&bench).await,
            report(1, settled, 1 - settled, 0),
            "{ending}"
        );
        assert_eq!(poll(&bench, &invoice_id).await["status"], status);
        assert_eq!(
            issued(&bench).await[0],
            i64::try_from(settled).expect("a number")
        );
    }
}

#[tokio::test]
async fn a_tick_asks_for_all_at_once_and_records_what_it_has_room_for() {
    let (pay, bench) = shop().await;
    let mut orders = Vec::new();
    for _ in 0..10 {
        orders.push(order(&bench, "demo").await.1);
        bench.clock.advance(1);
    }
    for btcpay_id in &orders {
        pay.pay_in_full(btcpay_id).expect("a payment");
    }
    bench.clock.advance(UNTIL_DUE);
    pay.clear_logs();
    let mut left = 10;
    while left > 0 {
        let found = tick(&bench).await;
        let settled = found["settled"].as_u64().expect("a number");
        assert_eq!(found, report(left, settled, 0, 0));
        assert!(settled >= left.min(3), "{found}");
        left -= settled;
        // The most overdue come first.
        let mut states = Vec::new();
        for btcpay_id in &orders {
            let sql =
                format!("SELECT status FROM invoices WHERE provider_invoice_id = '{btcpay_id}'");
            states.push(bench.sql(&sql).await[0]["status"].clone());
        }
        let settled = states
            .iter()
            .take_while(|state| **state == "settled")
            .count();
        assert_eq!(settled as u64, 10 - left, "{states:?}");
    }
    assert_eq!(tick(&bench).await, report(0, 0, 0, 0));
    let asked = pay.requests();
    assert!(
        asked.len() <= 5,
        "a list, and one request a tick: {asked:?}"
    );
    assert!(
        asked
            .iter()
            .all(|request| request.path.ends_with("/invoices"))
    );
}

/// Nothing new costs one statement for all of them.
#[tokio::test]
async fn a_tick_that_finds_nothing_new_is_cheap() {
    let (_pay, bench) = shop().await;
    for _ in 0..40 {
        order(&bench, "demo").await;
    }
    tick(&bench).await;
    bench.clock.advance(UNTIL_DUE);
    bench.shop.database.count_anew();
    assert_eq!(tick(&bench).await, report(30, 0, 0, 0));
    let statements = bench.shop.database.statements();
    assert!(statements <= 28, "{statements} statements");
    assert_eq!(tick(&bench).await, report(10, 0, 0, 0), "the others");
    assert_eq!(tick(&bench).await, report(0, 0, 0, 0));
}

/// D1's free plan allows a Worker 50 queries a request.
#[tokio::test]
async fn the_dearest_tick_stays_below_fifty_statements() {
    let (pay, bench) = shop().await;
    for _ in 0..7 {
        lose_answers(&pay);
        let invoice_id = lost_order(&bench).await;
        let btcpay_id = pay.invoice_by_order(&invoice_id).expect("an invoice").id;
        pay.pay_in_full(&btcpay_id).expect("a payment");
    }
    bench.clock.advance(UNTIL_DUE);
    bench.shop.database.count_anew();
    let found = tick(&bench).await;
    assert!(found["settled"].as_u64() >= Some(3), "{found}");
    let statements = bench.shop.database.statements();
    assert!((30..=50).contains(&statements), "{statements} statements");
}
