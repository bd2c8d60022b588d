//! A day of Polygon: 43,200 blocks, a tick a minute, an endpoint that takes ten
//! blocks a call, and payments at any time. Each is credited once, within what
//! Cloudflare's free plan allows a day.

use crate::payments::issued;
use crate::usdc_shop::{Market, Ordered};
use keywright_rpc_double::{Fault, RangeLimit};
use serde_json::Value;

const MINUTES: u64 = 1_440;
const ORDERS: u64 = 300;

/// What a tick allows itself; Workers' free plan allows 50.
const CALLS: u64 = 46;
/// The same; D1's free plan allows 50.
const STATEMENTS: u64 = 50;
/// What D1's free plan allows a day.
const ROWS_WRITTEN: i64 = 100_000;

/// Numbers that are spread well enough, and the same in each run.
struct Spread(u64);

impl Spread {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What a buyer does, and when.
struct Plan {
    /// The minute of the order.
    ordered: u64,
    /// The block after that in which it is paid, two seconds each.
    paid_after: u64,
    /// What is added to the amount.
    off: i128,
}

#[tokio::test]
async fn a_day_of_payments_is_credited_within_the_free_plan() {
    let market = Market::open().await;
    market.chain.finality(3);
    market.endpoints[0].fault(Fault::RangeLimit(RangeLimit::Alchemy, 10));
    let mut spread = Spread(20_261_122);
    let mut plans: Vec<Plan> = (0..ORDERS)
        .map(|number| Plan {
            ordered: spread.below(MINUTES - 130),
            // An hour is 1800 blocks: the last of these come too late.
            paid_after: 1 + spread.below(1_900),
            off: if number % 20 == 0 { 10_000 } else { 0 },
        })
        .collect();
    plans.sort_by_key(|plan| plan.ordered);

    let changes = "SELECT total_changes()";
    let before = market.bench.number(changes).await;
    market.endpoints[0].forget_calls();
    market.bench.shop.database.count_anew();
    let (mut most_calls, mut most_statements) = (0, 0);
    let (mut calls, mut statements) = (0, 0);
    let mut due: Vec<(u64, Ordered, i128)> = Vec::new();
    let mut in_time = 0;
    for minute in 0..MINUTES {
        for plan in plans.iter().filter(|plan| plan.ordered == minute) {
            let bought = market.order().await;
            in_time += i64::from(plan.off == 0 && plan.paid_after <= 1_800);
            due.push((minute * 30 + plan.paid_after, bought, plan.off));
        }
        for block in minute * 30 + 1..=minute * 30 + 30 {
            for (_, order, off) in due.extract_if(.., |(at, ..)| *at == block) {
                let units = order.units.cast_signed() + off;
                market.pay(order.address, units.cast_unsigned());
            }
            market.chain.mine(1);
        }
        market.bench.clock.advance(60);
        market.bench.shop.database.count_anew();
        let report: Value = market.tick().await;
        let made = report["calls"].as_u64().expect("a number");
        let run = market.bench.shop.database.statements();
        (most_calls, most_statements) = (most_calls.max(made), most_statements.max(run));
        (calls, statements) = (calls + made, statements + run);
    }
    market.chain.mine(3);
    for _ in 0..3 {
        market.minute().await;
    }
    let written = market.bench.number(changes).await - before;
    println!(
        "A day with {ORDERS} orders, {in_time} paid in time: {calls} RPC calls, at most \
         {most_calls} a tick; {statements} statements of the ticks, at most {most_statements} a \
         tick; {written} rows written with the orders."
    );
    assert_eq!(issued(&market.bench).await, [in_time; 4]);
    let twice = "SELECT count(*) FROM (SELECT tx_hash, log_index FROM chain_transfers
                 GROUP BY 1, 2 HAVING count(*) > 1)";
    assert_eq!(market.bench.number(twice).await, 0);
    let unjudged = "SELECT count(*) FROM chain_transfers WHERE state = 'seen'";
    assert_eq!(market.bench.number(unjudged).await, 0);
    let all = "SELECT count(*) FROM chain_transfers";
    assert_eq!(market.bench.number(all).await, ORDERS.cast_signed());
    assert!(most_calls <= CALLS && most_statements <= STATEMENTS);
    // Each index of a table is a row more.
    assert!(written * 4 < ROWS_WRITTEN, "{written}");
}
