//! Uses of a discount code that unpaid orders hold: strangers cannot empty a code, a
//! promised price holds, and nobody but who paid gets more than the limit.

use crate::bench::{Answer, Bench, UNTIL_DUE, account_of, json_request, played_store};
use crate::breaking::break_every_call;
use crate::code_races::posts;
use crate::codes::{assert_uses_add_up, is_exhausted, uses};
use crate::payments::{deliver, issued, poll};
use crate::recent_orders::{buy_from, from_address, wait_of};
use http::Method;
use keywright_btcpay_double::BtcPay;
use keywright_domain::recent_orders::{CODE_COUNTED_SECONDS, CODE_KEPT_SECONDS};
use serde_json::{Value, json};
use std::sync::Arc;

const KEPT: u64 = CODE_KEPT_SECONDS.unsigned_abs();

async fn shop(code: &str, members: Value) -> (BtcPay, Bench) {
    let pay = played_store();
    let bench = Bench::with(&account_of(&pay));
    bench.product("demo", 50_000).await;
    bench.policy("demo", "pro", json!({})).await;
    bench.code(code, members).await;
    (pay, bench)
}

fn featured() -> Value {
    json!({ "product": "demo", "policy_slug": "pro" })
}

fn typed() -> Value {
    json!({ "product": "demo", "policy_slug": "pro", "code": "LAUNCH" })
}

/// What a buyer from this address pays, in sats.
async fn price_from(bench: &Bench, address: &str, order: &Value) -> Value {
    let answer = buy_from(bench, address, order).await;
    assert_eq!(answer.status, 200, "{address}: {answer:?}");
    answer.json()["amount_sats"].clone()
}

/// What the page shows for the discount.
async fn shown(bench: &Bench) -> Value {
    let page = bench.get("/v1/products/demo/policies").await.json();
    page["policies"][0]["featured_discount"].clone()
}

async fn settle(bench: &Bench, pay: &BtcPay, bought: &Answer) {
    let btcpay_id = bought.text("btcpay_invoice_id");
    pay.pay_in_full(&btcpay_id).expect("a payment");
    let answer = deliver(bench, pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn unpaid_orders_of_one_address_leave_a_featured_code_to_others() {
    let limited = json!({ "max_uses": 10, "featured": true });
    let (_pay, bench) = shop("LAUNCH", limited).await;
    let mut prices = Vec::new();
    for _ in 0..10 {
        prices.push(price_from(&bench, "203.0.113.9", &featured()).await);
    }
    // Three at the price of the code; nobody is refused for a code they did not send.
    assert_eq!(prices[..3], [json!(45_000), json!(45_000), json!(45_000)]);
    assert_eq!(prices[3..], vec![json!(50_000); 7]);
    assert_eq!(shown(&bench).await["remaining_uses"], 7);
    for honest in ["198.51.100.1", "2001:db8::1"] {
        assert_eq!(
            price_from(&bench, honest, &featured()).await,
            45_000,
            "{honest}"
        );
    }
    assert_uses_add_up(&bench, "one address").await;
}

#[tokio::test]
async fn a_typed_code_says_how_long_to_wait() {
    let (_pay, bench) = shop("LAUNCH", json!({ "max_uses": 10 })).await;
    for _ in 0..3 {
        assert_eq!(price_from(&bench, "203.0.113.9", &typed()).await, 45_000);
    }
    bench.clock.advance(60);
    let refused = buy_from(&bench, "203.0.113.9", &typed()).await;
    assert_eq!(wait_of(&refused), CODE_COUNTED_SECONDS - 60);
    assert!(refused.text("message").contains("discount code"));
    assert_eq!(uses(&bench, "LAUNCH").await, [3, 3, 0, 0]);
    // Without the code, the order is taken.
    let plain = json!({ "product": "demo", "policy_slug": "pro" });
    assert_eq!(price_from(&bench, "203.0.113.9", &plain).await, 50_000);
    // A code without a limit is not scarce.
    bench.code("ANY", json!({})).await;
    let any = json!({ "product": "demo", "code": "ANY" });
    assert_eq!(price_from(&bench, "203.0.113.9", &any).await, 45_000);
}

/// However many addresses a network has, it holds six uses, and half of a code.
#[tokio::test]
async fn a_thousand_callers_of_one_network_leave_half_of_a_code() {
    for (max_uses, held) in [(100, 6), (10, 5), (4, 2), (1, 1)] {
        let limited = json!({ "max_uses": max_uses, "featured": true });
        let (_pay, bench) = shop("LAUNCH", limited).await;
        for number in 0..20 {
            let caller = format!("2001:db8:1:{number:x}::1");
            price_from(&bench, &caller, &featured()).await;
        }
        assert_eq!(
            uses(&bench, "LAUNCH").await,
            [held, held, 0, 0],
            "{max_uses}"
        );
        let honest = price_from(&bench, "198.51.100.1", &featured()).await;
        assert_eq!(honest, if max_uses == 1 { 50_000 } else { 45_000 });
    }
}

/// Ten strangers from ten networks: their orders hold the uses for five minutes, not
/// for as long as the orders can be paid.
#[tokio::test]
async fn an_unpaid_use_goes_to_the_next_buyer_after_five_minutes() {
    let limited = json!({ "max_uses": 10, "featured": true });
    let (pay, bench) = shop("LAUNCH", limited).await;
    for number in 0..10 {
        let caller = format!("198.51.{number}.1");
        assert_eq!(price_from(&bench, &caller, &featured()).await, 45_000);
        bench.clock.advance(1);
    }
    assert_eq!(shown(&bench).await, Value::Null);
    assert_eq!(price_from(&bench, "203.0.113.9", &featured()).await, 50_000);
    assert!(is_exhausted(
        &buy_from(&bench, "203.0.113.9", &typed()).await
    ));
    bench.clock.advance(KEPT - 11);
    assert!(is_exhausted(
        &buy_from(&bench, "203.0.113.9", &typed()).await
    ));
    bench.clock.advance(1);
    // One was reserved five minutes ago; the page says so, and the preview.
    assert_eq!(shown(&bench).await["remaining_uses"], 1);
    let preview = "/v1/discount-codes/preview?product=demo&policy_slug=pro&code=launch";
    assert_eq!(bench.get(preview).await.json()["valid"], true);
    let honest = buy_from(&bench, "203.0.113.9", &featured()).await;
    assert_eq!(honest.json()["amount_sats"], 45_000);
    assert_eq!(uses(&bench, "LAUNCH").await, [10, 10, 0, 1]);
    assert!(is_exhausted(
        &buy_from(&bench, "203.0.114.9", &typed()).await
    ));
    settle(&bench, &pay, &honest).await;
    assert_eq!(uses(&bench, "LAUNCH").await, [10, 9, 1, 1]);
    assert_uses_add_up(&bench, "taken over").await;
}

/// The price of an order is a promise: it holds although the use went to another, and
/// then one more is used than the limit says, because the money came.
#[tokio::test]
async fn a_promised_price_holds_and_only_money_that_came_exceeds_the_limit() {
    let (pay, bench) = shop("LAUNCH", json!({ "max_uses": 1 })).await;
    let slow = buy_from(&bench, "198.51.100.1", &typed()).await;
    bench.clock.advance(KEPT);
    let quick = buy_from(&bench, "203.0.113.9", &typed()).await;
    assert_eq!(quick.json()["amount_sats"], 45_000);
    assert_eq!(uses(&bench, "LAUNCH").await, [1, 1, 0, 1]);
    settle(&bench, &pay, &quick).await;
    assert_eq!(uses(&bench, "LAUNCH").await, [1, 0, 1, 1]);
    bench.clock.advance(KEPT);
    assert!(is_exhausted(
        &buy_from(&bench, "203.0.113.8", &typed()).await
    ));
    settle(&bench, &pay, &slow).await;
    assert_eq!(uses(&bench, "LAUNCH").await, [2, 0, 2, 0]);
    assert_eq!(issued(&bench).await, [2; 4]);
    bench.clock.advance(KEPT);
    assert!(is_exhausted(
        &buy_from(&bench, "203.0.113.8", &typed()).await
    ));
    assert_uses_add_up(&bench, "promised").await;
}

#[tokio::test]
async fn a_payment_on_its_way_keeps_the_use() {
    let (pay, bench) = shop("LAUNCH", json!({ "max_uses": 1 })).await;
    let paying = buy_from(&bench, "198.51.100.1", &typed()).await;
    let btcpay_id = paying.text("btcpay_invoice_id");
    pay.pay_on_chain(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceProcessing", &btcpay_id).await;
    bench.clock.advance(10 * KEPT);
    assert!(is_exhausted(
        &buy_from(&bench, "203.0.113.9", &typed()).await
    ));
    // It is replaced by another transaction: nothing is on its way any more.
    pay.vanish(&btcpay_id).expect("a replacement");
    bench.tick().await;
    let other = buy_from(&bench, "203.0.113.9", &typed()).await;
    assert_eq!(other.status, 200, "{other:?}");
    assert_uses_add_up(&bench, "on its way").await;
}

/// An order whose use went to another counts again as soon as its payment is seen.
#[tokio::test]
async fn a_use_that_was_lost_counts_again_when_its_payment_is_seen() {
    let (pay, bench) = shop("LAUNCH", json!({ "max_uses": 1 })).await;
    let slow = buy_from(&bench, "198.51.100.1", &typed()).await;
    bench.clock.advance(KEPT);
    let quick = buy_from(&bench, "203.0.113.9", &typed()).await;
    assert_eq!(quick.status, 200, "{quick:?}");
    let btcpay_id = slow.text("btcpay_invoice_id");
    pay.pay_on_chain(&btcpay_id).expect("a payment");
    for _ in 0..2 {
        deliver(&bench, &pay, "InvoiceProcessing", &btcpay_id).await;
        assert_eq!(uses(&bench, "LAUNCH").await, [2, 2, 0, 0]);
    }
    // The other one is not paid: one use, one payment, and nobody else gets it.
    bench.clock.advance(KEPT);
    assert!(is_exhausted(
        &buy_from(&bench, "203.0.114.9", &typed()).await
    ));
    let btcpay_id = quick.text("btcpay_invoice_id");
    pay.expire(&btcpay_id).expect("an end");
    deliver(&bench, &pay, "InvoiceExpired", &btcpay_id).await;
    assert_eq!(uses(&bench, "LAUNCH").await, [1, 1, 0, 1]);
    pay.confirm(&slow.text("btcpay_invoice_id"))
        .expect("a confirmation");
    bench.clock.advance(UNTIL_DUE);
    bench.tick().await;
    assert_eq!(uses(&bench, "LAUNCH").await, [1, 0, 1, 1]);
    assert_eq!(
        poll(&bench, &slow.text("invoice_id")).await["status"],
        "settled"
    );
    assert_uses_add_up(&bench, "seen").await;
}

/// After five minutes, many at once want the ten uses that strangers hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn buyers_at_once_take_over_each_use_once() {
    let (_pay, bench) = shop("TEN", json!({ "max_uses": 10 })).await;
    let bench = Arc::new(bench);
    let order = json!({ "product": "demo", "policy_slug": "pro", "code": "TEN" });
    for number in 0..10 {
        let caller = format!("198.51.{number}.1");
        assert_eq!(price_from(&bench, &caller, &order).await, 45_000);
    }
    bench.clock.advance(KEPT);
    let answers = posts(&bench, 60, "/v1/purchase", order).await;
    let sold = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(sold, 10);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert!(is_exhausted(refused), "{refused:?}");
    }
    assert_eq!(uses(&bench, "TEN").await, [10, 10, 0, 10]);
    assert_uses_add_up(&bench, "at once").await;
}

/// Free licenses take over what unpaid orders hold as well.
#[tokio::test]
async fn a_redeemed_code_takes_over_an_unpaid_use() {
    let (_pay, bench) = shop("LAUNCH", json!({ "max_uses": 1 })).await;
    assert_eq!(buy_from(&bench, "198.51.100.1", &typed()).await.status, 200);
    bench.product("tiny", 0).await;
    let free = json!({ "product": "tiny", "code": "LAUNCH" });
    assert!(is_exhausted(&buy_from(&bench, "203.0.113.9", &free).await));
    bench.clock.advance(KEPT);
    let sold = buy_from(&bench, "203.0.113.9", &free).await;
    assert_eq!(sold.status, 200, "{sold:?}");
    assert_eq!(uses(&bench, "LAUNCH").await, [1, 0, 1, 1]);
    assert_uses_add_up(&bench, "free").await;
}

/// Whichever call of an order breaks that takes a use over, none is lost or doubled.
#[tokio::test]
async fn whatever_call_of_taking_over_breaks_the_uses_add_up() {
    break_every_call(9, async |call, fault| {
        let (pay, bench) = shop("LAUNCH", json!({ "max_uses": 1 })).await;
        let slow = buy_from(&bench, "198.51.100.1", &typed()).await;
        bench.clock.advance(KEPT);
        bench.shop.database.break_call(call, fault);
        let request = json_request(Method::POST, "/v1/purchase", &typed());
        bench.send(from_address(request, "203.0.113.9")).await;
        let btcpay_id = slow.text("btcpay_invoice_id");
        pay.pay_on_chain(&btcpay_id).expect("a payment");
        deliver(&bench, &pay, "InvoiceProcessing", &btcpay_id).await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        let case = format!("call {call}, {fault:?}");
        assert_uses_add_up(&bench, &case).await;
        deliver(&bench, &pay, "InvoiceProcessing", &btcpay_id).await;
        assert_uses_add_up(&bench, &case).await;
        pay.confirm(&btcpay_id).expect("a confirmation");
        deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
        let [_, _, used, _] = uses(&bench, "LAUNCH").await;
        assert_eq!(used, 1, "{case}");
        assert_uses_add_up(&bench, &case).await;
        true
    })
    .await;
}
