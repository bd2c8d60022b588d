//! A sale of which one step breaks: every call to the database, before and
//! after its write, and every request to `BTCPay`. In the end each payment has
//! one license and each license one payment.

use crate::bench::{Bench, UNTIL_DUE, account_of, played_store};
use crate::breaking::{BreakingFetch, BrokenRequest, break_every_call, break_every_request};
use crate::payments::{deliver, issued, poll, tick_until_quiet};
use keywright_btcpay_double::{BtcPay, Status};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How the world tells us of a payment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// By one delivery, never repeated: the store restarted and lost the rest.
    Once,
    /// Not at all.
    Never,
}

/// One sale. Each step is taken whatever became of the one before, as the
/// outside world does: an invoice that the store made is paid even when the
/// shop's answer was an error.
pub(crate) async fn sale(bench: &Bench, pay: &BtcPay, told: Told, order: &Value) {
    let bought = bench.post("/v1/purchase", order).await;
    for invoice in pay.invoices() {
        pay.pay_in_full(&invoice.id).expect("a payment");
        if told == Told::Once {
            deliver(bench, pay, "InvoiceSettled", &invoice.id).await;
        }
    }
    if let Some(invoice_id) = bought.json()["invoice_id"].as_str() {
        bench.get(&format!("/v1/purchase/{invoice_id}")).await;
    }
    bench.clock.advance(UNTIL_DUE);
    bench.tick().await;
}

/// One receipt, license, entry and event for each payment made, none besides;
/// and the buyer who polls gets a key that verifies.
pub(crate) async fn assert_whole(bench: &Bench, pay: &BtcPay, case: &str) {
    let payments = pay
        .invoices()
        .into_iter()
        .filter(|invoice| invoice.status == Status::Settled);
    let paid: BTreeSet<String> = payments.map(|invoice| invoice.id).collect();
    let count = i64::try_from(paid.len()).expect("a number");
    assert_eq!(issued(bench).await, [count; 4], "{case}");
    let receipts = bench.sql("SELECT external_ref FROM receipts").await;
    let receipted: BTreeSet<String> = receipts
        .iter()
        .map(|row| {
            row["external_ref"]
                .as_str()
                .expect("a reference")
                .to_owned()
        })
        .collect();
    assert_eq!(receipted, paid, "{case}");
    for invoice in bench
        .sql("SELECT id, provider_invoice_id FROM invoices")
        .await
    {
        let progress = poll(bench, invoice["id"].as_str().expect("an id")).await;
        let is_paid = invoice["provider_invoice_id"]
            .as_str()
            .is_some_and(|id| paid.contains(id));
        if is_paid {
            assert_eq!(progress["status"], "settled", "{case}: {progress}");
            let key = progress["license_key"].as_str().expect("a key");
            let license_id = bench.verified(key).payload().license_id().to_string();
            assert_eq!(progress["license_id"], license_id, "{case}");
        } else {
            assert_eq!(progress["status"], "invalid", "{case}: {progress}");
            assert!(progress["license_key"].is_null(), "{case}: {progress}");
        }
    }
}

#[tokio::test]
async fn whatever_database_call_of_a_sale_breaks_the_tick_repairs_it() {
    for told in [Told::Once, Told::Never] {
        let mut paid_sales = 0;
        break_every_call(6, async |call, fault| {
            let pay = played_store();
            let bench = Bench::paid_through(&pay);
            bench.product("demo", 50_000).await;
            bench.shop.database.break_call(call, fault);
            sale(&bench, &pay, told, &json!({ "product": "demo" })).await;
            if bench.shop.database.mend() <= call {
                return false;
            }
            tick_until_quiet(&bench).await;
            assert_whole(&bench, &pay, &format!("call {call}, {fault:?}")).await;
            paid_sales += usize::from(!pay.invoices().is_empty());
            true
        })
        .await;
        assert!(paid_sales >= 3, "only {paid_sales} broken sales were paid");
    }
}

#[tokio::test]
async fn whatever_database_call_of_a_tick_breaks_the_next_one_repairs_it() {
    break_every_call(6, async |call, fault| {
        let pay = played_store();
        let bench = Bench::paid_through(&pay);
        bench.product("demo", 50_000).await;
        // Told of, with its answer lost, never made, and not paid.
        let order = json!({ "product": "demo" });
        bench.post("/v1/purchase", &order).await;
        pay.lose_create_answers(1);
        pay.fail_after(1, 1, 503);
        bench.post("/v1/purchase", &order).await;
        for invoice in pay.invoices() {
            pay.pay_in_full(&invoice.id).expect("a payment");
        }
        pay.fail_next(2, 503);
        bench.post("/v1/purchase", &order).await;
        bench.post("/v1/purchase", &order).await;
        pay.expire(&pay.invoices()[2].id).expect("an expiry");
        bench.clock.advance(1_000);
        bench.shop.database.break_call(call, fault);
        bench.tick().await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        tick_until_quiet(&bench).await;
        assert_eq!(issued(&bench).await, [2; 4], "call {call}, {fault:?}");
        let count = "SELECT count(*) FROM invoices WHERE status = ";
        assert_eq!(bench.number(&format!("{count}'settled'")).await, 2);
        assert_eq!(bench.number(&format!("{count}'expired'")).await, 1);
        assert_eq!(bench.number(&format!("{count}'invalid'")).await, 1);
        let closed = "SELECT count(*) FROM audit WHERE action = 'invoice.close'";
        assert_eq!(bench.number(closed).await, 2, "call {call}, {fault:?}");
        true
    })
    .await;
}

#[tokio::test]
async fn whatever_call_of_a_free_sale_breaks_nothing_is_half_sold() {
    break_every_call(4, async |call, fault| {
        let bench = Bench::new();
        bench.product("free", 0).await;
        bench.shop.database.break_call(call, fault);
        let bought = bench
            .post("/v1/purchase", &json!({ "product": "free" }))
            .await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        let [receipts, licenses, entries, events] = issued(&bench).await;
        assert_eq!(
            [receipts; 3],
            [licenses, entries, events],
            "call {call}, {fault:?}"
        );
        assert_eq!(
            bench.number("SELECT count(*) FROM invoices").await,
            licenses
        );
        if bought.status == 200 {
            let progress = poll(&bench, &bought.text("invoice_id")).await;
            bench.verified(progress["license_key"].as_str().expect("a key"));
        } else {
            assert_eq!(bought.refusal(), (500, "internal_error".to_owned()));
        }
        true
    })
    .await;
}

#[tokio::test]
async fn whatever_request_to_btcpay_breaks_the_tick_repairs_it() {
    // The price in sats, and how many requests a sale has at least: one more in
    // dollars, for what the price is in sats.
    for (price, requests) in [
        (json!({ "price_sats": 50_000 }), 2),
        (json!({ "price_currency": "USD", "price_value": 2_500 }), 3),
    ] {
        for told in [Told::Once, Told::Never] {
            break_every_request(requests, async |request, fault| {
                broken_sale(&price, told, request, fault).await
            })
            .await;
        }
    }
}

/// A sale of which this request breaks, whole in the end; nothing, when it has
/// not that many.
async fn broken_sale(price: &Value, told: Told, request: u64, fault: BrokenRequest) -> bool {
    let pay = Arc::new(played_store());
    let breaking = Arc::new(BreakingFetch::new(&pay, request, fault));
    let bench = Bench::with_outbound(&account_of(&pay), breaking.clone());
    let mut product = json!({ "slug": "demo", "name": "demo" });
    for (member, value) in price.as_object().expect("members") {
        product[member] = value.clone();
    }
    let made = bench.operate("POST", "/v1/admin/products", &product).await;
    assert_eq!(made.status, 200, "{made:?}");
    sale(&bench, &pay, told, &json!({ "product": "demo" })).await;
    if breaking.sent() <= request {
        return false;
    }
    tick_until_quiet(&bench).await;
    let case = format!("{price}: request {request}, {fault:?}");
    assert_whole(&bench, &pay, &case).await;
    let learnt = "SELECT count(*) FROM invoices WHERE status = 'settled' AND amount_sats <> 50000";
    assert_eq!(bench.number(learnt).await, 0, "{case}");
    true
}
