//! Watching while things break and while ticks run at once: in the end every
//! payment has one license, and each license one payment.

use crate::bench::Bench;
use crate::breaking::break_every_call;
use crate::payments::issued;
use crate::usdc_shop::{Market, Ordered, XPUB, order, priced, try_tick};
use keywright_ports::name;
use keywright_rpc_double as rpc;
use serde_json::json;
use std::collections::BTreeSet;

async fn settle(market: &Market) {
    for _ in 0..6 {
        market.minute().await;
    }
}

/// Two paid, one of another amount, one never.
async fn trade(market: &Market) -> [Ordered; 4] {
    let orders = [
        market.order().await,
        market.order().await,
        market.order().await,
        market.order().await,
    ];
    market.pay_order(&orders[0]);
    market.pay_order(&orders[1]);
    market.pay(orders[2].address, 5_000_000);
    market.chain.mine(1);
    orders
}

async fn assert_whole(market: &Market, orders: &[Ordered; 4], case: &str) {
    assert_eq!(issued(&market.bench).await, [2; 4], "{case}");
    assert_eq!(market.status(&orders[0]).await, "paid", "{case}");
    assert_eq!(market.status(&orders[1]).await, "paid", "{case}");
    let rows = "SELECT count(*) FROM chain_transfers";
    assert_eq!(market.bench.number(rows).await, 3, "{case}");
    let unjudged = "SELECT count(*) FROM chain_transfers WHERE state = 'seen'";
    assert_eq!(market.bench.number(unjudged).await, 0, "{case}");
    let cursor = market.bench.sql("SELECT block FROM chain_cursors").await;
    assert_eq!(cursor[0]["block"], market.chain.head(), "{case}");
}

#[tokio::test]
async fn whatever_database_call_of_a_tick_breaks_the_next_one_goes_on() {
    break_every_call(8, async |call, fault| {
        let market = Market::open().await;
        let orders = trade(&market).await;
        market.pass(60);
        market.bench.shop.database.break_call(call, fault);
        try_tick(&market.bench).await;
        if market.bench.shop.database.mend() <= call {
            return false;
        }
        settle(&market).await;
        assert_whole(&market, &orders, &format!("call {call}, {fault:?}")).await;
        true
    })
    .await;
}

#[tokio::test]
async fn whatever_call_to_an_endpoint_breaks_the_next_tick_goes_on() {
    for kind in [
        rpc::Fault::Cut,
        rpc::Fault::Truncate,
        rpc::Fault::Status(429),
    ] {
        let mut call = 0;
        loop {
            let market = Market::open().await;
            let orders = trade(&market).await;
            market.pass(60);
            market.endpoints[0].forget_calls();
            let once = rpc::Fault::Times(1, Box::new(kind.clone()));
            market.endpoints[0].fault(rpc::Fault::After(call, Box::new(once)));
            try_tick(&market.bench).await;
            if market.endpoints[0].calls().len() <= call as usize {
                break;
            }
            settle(&market).await;
            assert_whole(&market, &orders, &format!("call {call}, {kind:?}")).await;
            call += 1;
        }
        assert!(call >= 8, "only {call} calls were broken");
    }
}

#[tokio::test]
async fn whatever_call_of_going_back_breaks_the_next_tick_goes_on() {
    break_every_call(2, async |call, fault| {
        let market = Market::open().await;
        for _ in 0..4 {
            market.minute().await;
        }
        let orders = trade(&market).await;
        settle(&market).await;
        market.chain.reorganise(190, rpc::Kept::All);
        market.bench.shop.database.break_call(call, fault);
        try_tick(&market.bench).await;
        if market.bench.shop.database.mend() <= call {
            return false;
        }
        settle(&market).await;
        settle(&market).await;
        assert_whole(&market, &orders, &format!("call {call}, {fault:?}")).await;
        let told = market.told().await;
        assert!(!told.contains(&"usdc_reorged".to_owned()), "{told:?}");
        true
    })
    .await;
}

#[tokio::test]
async fn ticks_at_once_credit_a_payment_once() {
    for _ in 0..5 {
        let market = Market::open().await;
        let orders = trade(&market).await;
        market.pass(60);
        let ticks = (0..8).map(|_| try_tick(&market.bench));
        for ticked in futures_util::future::join_all(ticks).await {
            assert_eq!(ticked.status, 200, "{ticked:?}");
        }
        settle(&market).await;
        assert_whole(&market, &orders, "ticks at once").await;
    }
}

/// However much there is to do, a tick does no more than it may, and the next ones
/// do the rest.
#[tokio::test]
async fn a_tick_stays_within_its_bounds() {
    let market = Market::over(3, &[]).await;
    let mut orders = Vec::new();
    for _ in 0..40 {
        let bought = market.order().await;
        market.pay_order(&bought);
        market.pay(bought.address, 3_000_000 + bought.units);
        market.chain.mine(7);
        orders.push(bought);
    }
    let tired = rpc::Fault::After(5, Box::new(rpc::Fault::Status(429)));
    market.endpoints[0].fault(tired);
    let mut ticks = 0;
    while issued(&market.bench).await != [40; 4] {
        market.bench.shop.database.count_anew();
        let report = market.tick().await;
        let statements = market.bench.shop.database.statements();
        assert!(statements <= 50, "{statements} statements: {report}");
        assert!(report["calls"].as_u64() <= Some(46), "{report}");
        market.pass(60);
        ticks += 1;
        assert!(ticks < 100, "{report}");
    }
    assert!(ticks > 10, "it was too little to do");
}

/// Fifty buyers at once: no two are asked for the same amount, also where there are
/// fewer amounts within the spread than buyers: the rest get wider ones.
#[tokio::test]
async fn orders_at_once_get_amounts_of_their_own() {
    for (spread, sold) in [("9999", 50), ("20", 50)] {
        let market = Market::over(1, &[(name::USDC_AMOUNT_SPREAD, spread)]).await;
        let body = json!({ "product": "demo", "rail": "usdc" });
        let orders = (0..50).map(|_| market.bench.post("/v1/purchase", &body));
        let answers = futures_util::future::join_all(orders).await;
        let got = answers.iter().filter(|answer| answer.status == 200);
        let amounts: BTreeSet<u64> = got
            .filter_map(|answer| answer.json()["usdc"]["amount_units"].as_u64())
            .collect();
        assert_eq!(amounts.len(), sold);
        let most: u64 = if spread == "20" { 99_999 } else { 9_999 };
        let range = 19_000_001..=19_000_000 + most;
        assert!(amounts.iter().all(|amount| range.contains(amount)));
        let recorded = "SELECT count(*) FROM invoices";
        let recorded = market.bench.number(recorded).await;
        assert_eq!(usize::try_from(recorded), Ok(sold));
    }
}

#[tokio::test]
async fn orders_at_once_get_addresses_of_their_own() {
    let bench = Bench::with(&[(name::WALLET_XPUB, XPUB)]);
    priced(&bench, "demo", 1_900).await;
    let orders = (0..30).map(|_| order(&bench, "demo"));
    let orders = futures_util::future::join_all(orders).await;
    let addresses: BTreeSet<_> = orders.iter().map(|order| order.address).collect();
    assert_eq!(addresses.len(), 30);
    let own = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse();
    assert!(
        !addresses.contains(&own.expect("an address")),
        "number 0 is the vendor's own"
    );
    let sql = "SELECT min(derivation_index) AS first, max(derivation_index) AS last,
                      count(DISTINCT derivation_index) AS all_of_them FROM usdc_orders";
    let found = bench.sql(sql).await;
    assert_eq!(
        json!(found[0]),
        json!({ "first": 1, "last": 30, "all_of_them": 30 })
    );
}

/// A code's last use goes to one order, in USDC too, and comes back when the order
/// ends unpaid.
#[tokio::test]
async fn a_codes_use_is_held_by_its_order_and_given_back() {
    let market = Market::open().await;
    let members = json!({ "kind": "percent", "amount": 5_000, "max_uses": 1 });
    market.bench.code("HALF", members).await;
    let body = json!({ "product": "demo", "rail": "usdc", "code": "HALF" });
    let bought = market.bench.post("/v1/purchase", &body).await;
    let units = bought.json()["usdc"]["amount_units"].as_u64();
    assert!(units.is_some_and(|units| (9_500_001..9_510_000).contains(&units)));
    let second = market.bench.post("/v1/purchase", &body).await;
    assert_eq!(second.refusal(), (400, "bad_request".to_owned()));
    market.pass(3_700);
    for _ in 0..20 {
        market.tick().await;
    }
    let used = "SELECT used_count FROM discount_codes";
    assert_eq!(market.bench.number(used).await, 0);
    let third = market.bench.post("/v1/purchase", &body).await;
    assert_eq!(third.status, 200, "{third:?}");
}
