//! Purchases with a discount code of which one step breaks. In the end a code
//! counts what was sold with it, and holds nothing for what was not.

use crate::bench::{Bench, account_of, played_store};
use crate::breaking::{BreakingFetch, break_every_call, break_every_request};
use crate::codes::{assert_uses_add_up, buy_with, uses};
use crate::payments::{issued, poll, tick_until_quiet};
use crate::settle_faults::{Told, assert_whole, sale};
use keywright_btcpay_double::{ApiState, BtcPay, Status};
use serde_json::json;
use std::sync::Arc;

/// After all is decided: as many uses as payments, and none held.
async fn assert_counted(bench: &Bench, pay: &BtcPay, case: &str) {
    assert_whole(bench, pay, case).await;
    assert_uses_add_up(bench, case).await;
    let invoices = pay.invoices();
    let paid = invoices.iter().filter(|one| one.status == Status::Settled);
    let paid = i64::try_from(paid.count()).expect("a number");
    let [count, reserved, used, _] = uses(bench, "ONE").await;
    assert_eq!([count, reserved, used], [paid, 0, paid], "{case}");
    let left = buy_with(bench, "demo", "ONE").await.status;
    assert_eq!(left, if paid == 0 { 200 } else { 400 }, "{case}");
}

async fn one_use(bench: &Bench) {
    bench.product("demo", 50_000).await;
    bench.code("ONE", json!({ "max_uses": 1 })).await;
}

#[tokio::test]
async fn whatever_database_call_of_a_sale_breaks_the_code_counts_it() {
    let order = json!({ "product": "demo", "code": "ONE" });
    for told in [Told::Once, Told::Never] {
        let mut paid_sales = 0;
        break_every_call(8, async |call, fault| {
            let pay = played_store();
            let bench = Bench::paid_through(&pay);
            one_use(&bench).await;
            bench.shop.database.break_call(call, fault);
            sale(&bench, &pay, told, &order).await;
            if bench.shop.database.mend() <= call {
                return false;
            }
            let case = format!("call {call}, {fault:?}");
            assert_uses_add_up(&bench, &case).await;
            tick_until_quiet(&bench).await;
            paid_sales += usize::from(!pay.invoices().is_empty());
            assert_counted(&bench, &pay, &case).await;
            true
        })
        .await;
        assert!(paid_sales >= 3, "only {paid_sales} broken sales were paid");
    }
}

#[tokio::test]
async fn whatever_request_to_btcpay_breaks_the_code_counts_the_sale() {
    let order = json!({ "product": "demo", "code": "ONE" });
    for told in [Told::Once, Told::Never] {
        break_every_request(2, async |request, fault| {
            let pay = Arc::new(played_store());
            let breaking = Arc::new(BreakingFetch::new(&pay, request, fault));
            let bench = Bench::with_outbound(&account_of(&pay), breaking.clone());
            one_use(&bench).await;
            sale(&bench, &pay, told, &order).await;
            if breaking.sent() <= request {
                return false;
            }
            tick_until_quiet(&bench).await;
            let case = format!("request {request}, {fault:?}");
            assert_counted(&bench, &pay, &case).await;
            true
        })
        .await;
    }
}

/// An order that is not paid, and one of whose calls breaks on the way.
#[tokio::test]
async fn whatever_call_of_an_unpaid_order_breaks_the_use_comes_back() {
    break_every_call(7, async |call, fault| {
        let pay = played_store();
        let bench = Bench::paid_through(&pay);
        one_use(&bench).await;
        bench.shop.database.break_call(call, fault);
        buy_with(&bench, "demo", "ONE").await;
        for invoice in pay.invoices() {
            pay.expire(&invoice.id).expect("an end");
        }
        bench.clock.advance(1_000);
        bench.tick().await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        tick_until_quiet(&bench).await;
        let case = format!("call {call}, {fault:?}");
        assert_counted_unpaid(&bench, &case).await;
        true
    })
    .await;
}

async fn assert_counted_unpaid(bench: &Bench, case: &str) {
    assert_uses_add_up(bench, case).await;
    let [count, reserved, used, released] = uses(bench, "ONE").await;
    assert_eq!([count, reserved, used], [0; 3], "{case}");
    assert!(released <= 1, "{case}");
    assert_eq!(issued(bench).await, [0; 4], "{case}");
}

#[tokio::test]
async fn whatever_call_of_a_free_sale_breaks_no_use_is_half_taken() {
    for path in ["/v1/purchase", "/v1/redeem"] {
        break_every_call(5, async |call, fault| {
            let bench = Bench::new();
            bench.product("demo", 50_000).await;
            let free = json!({ "kind": "free_license", "max_uses": 1 });
            bench.code("ONE", free).await;
            bench.shop.database.break_call(call, fault);
            let order = json!({ "product": "demo", "code": "ONE" });
            let bought = bench.post(path, &order).await;
            if bench.shop.database.mend() <= call {
                return false;
            }
            let case = format!("{path}, call {call}, {fault:?}");
            assert_uses_add_up(&bench, &case).await;
            let [count, ..] = uses(&bench, "ONE").await;
            assert_eq!(issued(&bench).await, [count; 4], "{case}");
            let invoices = bench.sql("SELECT id FROM invoices").await;
            assert_eq!(i64::try_from(invoices.len()), Ok(count), "{case}");
            for invoice in invoices {
                let id = invoice["id"].as_str().expect("an id");
                let progress = poll(&bench, id).await;
                bench.verified(progress["license_key"].as_str().expect("a key"));
            }
            assert!(
                matches!(bought.status, 200 | 500 | 503),
                "{case}: {bought:?}"
            );
            assert!(count == 1 || bought.status == 500, "{case}");
            true
        })
        .await;
    }
}

#[tokio::test]
async fn whatever_call_of_a_tick_breaks_each_forgotten_use_is_released_once() {
    break_every_call(3, async |call, fault| {
        let pay = played_store();
        let bench = Bench::paid_through(&pay);
        bench.product("demo", 50_000).await;
        bench.code("MANY", json!({})).await;
        pay.api(ApiState::Refused);
        for _ in 0..3 {
            assert_eq!(buy_with(&bench, "demo", "MANY").await.status, 502);
        }
        bench.clock.advance(1_801);
        bench.shop.database.break_call(call, fault);
        bench.tick().await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        let case = format!("call {call}, {fault:?}");
        assert_uses_add_up(&bench, &case).await;
        bench.tick().await;
        assert_eq!(uses(&bench, "MANY").await, [0, 0, 0, 3], "{case}");
        let entries = "SELECT count(*) FROM audit WHERE action = 'redemption.release'";
        assert_eq!(bench.number(entries).await, 3, "{case}");
        assert_uses_add_up(&bench, &case).await;
        true
    })
    .await;
}
