//! A card sale of which one step breaks: every call to the database and every request to
//! Zaprite. In the end each payment has one license, and no order is made twice where the
//! first one can be found.

use crate::bench::{Bench, UNTIL_DUE};
use crate::breaking::{BreakingFetch, break_every_call, break_every_request};
use crate::card_shop::CardShop;
use crate::payments::{issued, poll, tick_until_quiet};
use keywright_ports::name;
use keywright_zaprite_double::Zaprite;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A sale. Each step is taken whatever became of the one before, as the outside world does.
async fn sale(shop: &CardShop, bench: &Bench, is_told: bool) {
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    for order in shop.zaprite.orders() {
        let there = order["id"].as_str().expect("an id");
        shop.zaprite.pay(there);
        if is_told {
            bench.send(shop.delivery(there)).await;
        }
    }
    if let Some(invoice_id) = bought.json()["invoice_id"].as_str() {
        bench.get(&format!("/v1/purchase/{invoice_id}")).await;
    }
    bench.clock.advance(UNTIL_DUE);
    bench.tick().await;
}

/// One license for each order that was paid and can be ours, none besides. `most` orders were
/// made.
async fn assert_whole(bench: &Bench, zaprite: &Zaprite, most: usize, case: &str) {
    tick_until_quiet(bench).await;
    let orders = zaprite.orders();
    assert!(orders.len() <= most, "{case}: {orders:?}");
    let ours: BTreeSet<String> = orders
        .iter()
        .map(|order| order["externalUniqId"].to_string())
        .collect();
    let paid = i64::try_from(ours.len()).expect("a number");
    assert_eq!(issued(bench).await, [paid; 4], "{case}");
    for invoice in bench.sql("SELECT id, status FROM invoices").await {
        let status = if paid == 1 { "settled" } else { "invalid" };
        assert_eq!(invoice["status"], status, "{case}: {invoice:?}");
        let progress = poll(bench, invoice["id"].as_str().expect("an id")).await;
        assert_eq!(progress["license_key"].is_string(), paid == 1, "{case}");
    }
}

#[tokio::test]
async fn whatever_database_call_of_a_card_sale_breaks_the_tick_repairs_it() {
    for is_told in [true, false] {
        break_every_call(6, async |call, fault| {
            let shop = CardShop::open().await;
            shop.bench.shop.database.break_call(call, fault);
            sale(&shop, &shop.bench, is_told).await;
            if shop.bench.shop.database.mend() <= call {
                return false;
            }
            let case = format!("call {call}, {fault:?}");
            assert_whole(&shop.bench, &shop.zaprite, 1, &case).await;
            true
        })
        .await;
    }
}

#[tokio::test]
async fn whatever_request_to_zaprite_breaks_the_tick_repairs_it() {
    for is_told in [true, false] {
        break_every_request(2, async |request, fault| {
            let shop = CardShop::open().await;
            let breaking = Arc::new(BreakingFetch::without_help(request, fault));
            let url = [(name::ZAPRITE_URL, shop.zaprite.base_url())];
            let bench = Bench::over_outbound(&shop.bench, &url, breaking.clone());
            sale(&shop, &bench, is_told).await;
            if breaking.sent() <= request {
                return false;
            }
            // What was made before its answer was lost is found, not made again.
            let case = format!("request {request}, {fault:?}");
            assert_whole(&bench, &shop.zaprite, 1, &case).await;
            true
        })
        .await;
    }
}

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_adopted_before_another_is_made() {
    let shop = CardShop::open().await;
    shop.zaprite.behave(|behavior| behavior.lose_created = 1);
    let (order_id, there) = shop.order().await;
    assert_eq!(shop.zaprite.orders().len(), 1);
    assert_eq!(shop.zaprite.calls(&format!("GET /v1/orders/{order_id}")), 1);
    shop.zaprite.pay(&there);
    shop.deliver(&there).await;
    assert_eq!(poll(&shop.bench, &order_id).await["status"], "settled");
}

#[tokio::test]
async fn a_lost_order_that_cannot_be_looked_up_is_adopted_by_a_tick() {
    let shop = CardShop::open().await;
    shop.zaprite.behave(|behavior| {
        behavior.lose_created = 1;
        behavior.fail = Some((1, 1, 503));
    });
    let order = json!({ "product": "demo" });
    let answer = shop.bench.post("/v1/purchase", &order).await;
    assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()));
    // Five ticks follow; no second order is made.
    for _ in 0..5 {
        shop.advance(UNTIL_DUE);
        shop.tick().await;
    }
    let [made] = shop.zaprite.orders().try_into().expect("one order");
    let row = &shop
        .bench
        .sql("SELECT id, provider_invoice_id, checkout_url, status FROM invoices")
        .await[0];
    assert_eq!(row["provider_invoice_id"], made["id"]);
    assert_eq!(row["checkout_url"], made["checkoutUrl"]);
    assert_eq!(row["status"], "pending");
    let there = made["id"].as_str().expect("an id");
    shop.zaprite.pay(there);
    shop.deliver(there).await;
    assert_eq!(issued(&shop.bench).await, [1; 4]);
    // One that was never made is closed after a while.
    shop.zaprite
        .behave(|behavior| behavior.fail = Some((0, 3, 503)));
    shop.bench.post("/v1/purchase", &order).await;
    shop.zaprite.behave(|behavior| behavior.fail = None);
    tick_until_quiet(&shop.bench).await;
    let closed = "SELECT count(*) FROM invoices WHERE status = 'invalid'";
    assert_eq!(shop.bench.number(closed).await, 1);
}

#[tokio::test]
async fn an_order_that_zaprite_refuses_is_closed_at_once() {
    let shop = CardShop::open().await;
    shop.zaprite
        .behave(|behavior| behavior.least_amount = 5_000);
    let order = json!({ "product": "demo", "rail": "card" });
    let answer = shop.bench.post("/v1/purchase", &order).await;
    assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()));
    assert!(answer.text("message").contains("not been charged"));
    let row = &shop
        .bench
        .sql("SELECT status, next_check_at FROM invoices")
        .await[0];
    assert_eq!(
        json!(row),
        json!({ "status": "invalid", "next_check_at": null })
    );
    assert!(shop.zaprite.orders().is_empty());
}

/// One order that cannot be read holds up no other.
#[tokio::test]
async fn an_unreadable_order_holds_up_no_other() {
    let shop = CardShop::open().await;
    let (broken, first) = shop.order().await;
    let (order_id, second) = shop.order().await;
    shop.zaprite.set(&first, &json!({ "status": null }));
    shop.zaprite.pay(&second);
    shop.advance(UNTIL_DUE);
    let report = shop.tick().await;
    assert_eq!(
        (&report["settled"], &report["failed"]),
        (&json!(1), &json!(1)),
        "{report}"
    );
    assert_eq!(poll(&shop.bench, &order_id).await["status"], "settled");
    assert_eq!(poll(&shop.bench, &broken).await["status"], "pending");
}

/// Connecting breaks at any call; repeating it connects, and there is one row.
#[tokio::test]
async fn a_connection_that_breaks_is_made_by_the_next_attempt() {
    break_every_call(3, async |call, fault| {
        let zaprite = crate::card_shop::played_zaprite();
        let bench = Bench::with(&[(name::ZAPRITE_URL, zaprite.base_url())]);
        let key = keywright_zaprite_double::API_KEY;
        bench.shop.database.break_call(call, fault);
        crate::card_shop::connect(&bench, None, key).await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        let again = crate::card_shop::connect(&bench, None, key).await;
        assert!(matches!(again.status, 200 | 409), "{again:?}");
        let rows = "SELECT count(*) FROM payment_providers";
        assert_eq!(bench.number(rows).await, 1, "call {call}, {fault:?}");
        let connected = "SELECT count(*) FROM payment_providers WHERE disconnected_at IS NULL";
        assert_eq!(bench.number(connected).await, 1, "call {call}, {fault:?}");
        true
    })
    .await;
}
