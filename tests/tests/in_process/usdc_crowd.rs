//! Shops with tens of thousands of addresses to watch: honest payments are credited
//! within a bounded number of ticks, late ones are found, and addresses that were never
//! paid are used again.

use crate::bench::NOW;
use crate::payments::issued;
use crate::usdc_shop::{BUYER, Market};
use keywright_providers::polygon::Address;
use keywright_rpc_double::{Fault, Payment, RangeLimit};
use serde_json::json;

/// What a tick allows itself; Workers' free plan allows 50.
const CALLS: u64 = 46;
/// The same; D1's free plan allows 50.
const STATEMENTS: u64 = 50;

/// As if so many orders had been made, in addition, that end so many seconds from now.
async fn crowd(market: &Market, orders: u32, ends_in: i64) {
    let now = i64::try_from(NOW).expect("a time");
    let end = now + ends_in;
    let is_open = i64::from(ends_in > 0);
    let status = if is_open == 1 { "pending" } else { "expired" };
    for sql in [
        format!(
            "INSERT INTO invoices (id, product_id, provider, provider_invoice_id, checkout_url,
                                   status, amount_sats, base_price_sats, duration_seconds,
                                   grace_seconds, max_machines, entitlements, is_trial,
                                   created_at, checks, price_currency, price_amount)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {orders})
             SELECT 'crowd-' || n, (SELECT id FROM products LIMIT 1), 'polygon', 'crowd-' || n, '',
                    '{status}', 0, 0, 0, 0, 1, '[]', 0, {}, 0, 'USD', 1900
             FROM n",
            end - 3_600
        ),
        format!(
            "INSERT INTO usdc_orders (invoice_id, chain_id, token, address, amount_units,
                                      derivation_index, expires_at, is_open, reserved,
                                      reserved_until)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {orders})
             SELECT 'crowd-' || n, c.chain_id, c.token, printf('0x%040x', 1048576 + n), 19000000,
                    n, {end}, {is_open}, 1, {end} + 2592000
             FROM n, chain_cursors c"
        ),
        format!(
            "INSERT INTO derivations (derivation_index, given_at)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {orders})
             SELECT n, {now} FROM n"
        ),
        format!(
            "INSERT OR IGNORE INTO chain_groups (chain_id, token, group_number, block, block_time,
                                                 orders_until, is_watched, step_id)
             WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n
                                      WHERE n < {orders} / 1000)
             SELECT c.chain_id, c.token, n, c.block, c.block_time, {end}, 1, 'crowd-' || n
             FROM n, chain_cursors c"
        ),
    ] {
        market.bench.sql(&sql).await;
    }
}

fn of_crowd(number: u32) -> Address {
    let text = format!("{:#042x}", 1_048_576 + number);
    text.parse().expect("an address")
}

async fn tick(market: &Market) {
    market.bench.shop.database.count_anew();
    let report = market.minute().await;
    let statements = market.bench.shop.database.statements();
    assert!(
        statements <= STATEMENTS,
        "{statements} statements: {report}"
    );
    assert!(report["calls"].as_u64() <= Some(CALLS), "{report}");
}

async fn ticks_until(market: &Market, sql: &str, count: i64, most: usize) -> usize {
    for ticks in 1..=most {
        tick(market).await;
        if market.bench.number(sql).await >= count {
            return ticks;
        }
    }
    panic!("not within {most} ticks: {:?}", market.transfers().await);
}

const SETTLED: &str = "SELECT count(*) FROM invoices WHERE status = 'settled'";
const LATE: &str = "SELECT count(*) FROM chain_transfers WHERE reason = 'late'";

/// Orders are free to make, and their addresses are watched for a month.
#[tokio::test]
async fn an_honest_order_is_paid_among_any_number_of_unpaid_ones() {
    for (unpaid, most) in [(12_002, 3), (50_000, 3)] {
        let market = Market::with_addresses().await;
        crowd(&market, unpaid, -7_200).await;
        let bought = market.order().await;
        market.pay_order(&bought);
        let ticks = ticks_until(&market, SETTLED, 1, most).await;
        println!("{unpaid} that ended: paid after {ticks} ticks");
        assert_eq!(issued(&market.bench).await, [1; 4]);
    }
}

/// More open orders than can be followed with the cursor: those beyond are read in
/// their groups.
#[tokio::test]
async fn an_honest_order_is_paid_among_any_number_of_open_ones() {
    for (open, most) in [(12_002, 16), (50_000, 40)] {
        let market = Market::with_addresses().await;
        // They end before the honest one, so that they come first.
        crowd(&market, open, 3_000).await;
        let bought = market.order().await;
        market.pay_order(&bought);
        let ticks = ticks_until(&market, SETTLED, 1, most).await;
        println!("{open} that are open: paid after {ticks} ticks");
        assert_eq!(issued(&market.bench).await, [1; 4]);
        // None of them counts as unpaid before its group was read.
        market
            .chain
            .pay(Payment::usdc(BUYER, of_crowd(open), 19_000_000));
        ticks_until(&market, SETTLED, 2, most).await;
    }
}

/// A payment to an order that ended is found however many there are, and goes to the
/// operator.
#[tokio::test]
async fn a_late_payment_is_found_among_any_number_of_addresses() {
    for (unpaid, most) in [(12_002, 60), (50_000, 120)] {
        let market = Market::with_addresses().await;
        crowd(&market, unpaid, -7_200).await;
        for number in [1, unpaid / 2, unpaid] {
            market
                .chain
                .pay(Payment::usdc(BUYER, of_crowd(number), 19_000_000));
        }
        let ticks = ticks_until(&market, LATE, 3, most).await;
        println!("{unpaid} that ended: late payments found after {ticks} ticks");
        assert_eq!(market.told().await, ["usdc_late"; 3]);
        assert_eq!(issued(&market.bench).await, [0; 4]);
    }
}

/// The work's smallest step fits into every tick, also where an endpoint takes one
/// block a call.
#[tokio::test]
async fn with_one_block_a_call_reading_goes_on() {
    let market = Market::with_addresses().await;
    crowd(&market, 12_002, 3_000).await;
    market.endpoints[0].fault(Fault::RangeLimit(RangeLimit::QuickNode, 1));
    let cursor = "SELECT block FROM chain_cursors";
    let mut before = market.bench.number(cursor).await;
    for round in 0..10 {
        tick(&market).await;
        let now = market.bench.number(cursor).await;
        assert!(now > before, "{round}: {now}");
        before = now;
    }
}

/// A month after its order an address that was never paid is given to another one; one
/// that was paid never is.
#[tokio::test]
async fn an_address_that_was_never_paid_is_used_again_after_its_window() {
    let market = Market::with_addresses().await;
    let (unpaid, dusted) = (market.order().await, market.order().await);
    market.pay(dusted.address, 1);
    for _ in 0..5 {
        market.minute().await;
    }
    let held = "SELECT count(*) FROM usdc_orders WHERE reserved = 1";
    for day in 1..36 {
        market.pass(86_400);
        for _ in 0..8 {
            market.tick().await;
        }
        if day < 30 {
            assert_eq!(market.bench.number(held).await, 2, "day {day}");
        }
    }
    assert_eq!(market.bench.number(held).await, 0);
    // Too late to be found: nobody watches it now.
    let again = market.order().await;
    assert_eq!(again.address, unpaid.address);
    let fresh = market.order().await;
    assert!(fresh.address != dusted.address && fresh.address != unpaid.address);
    market.pay_order(&again);
    let mut ticks = 0;
    while market.status(&again).await != "paid" {
        market.minute().await;
        ticks += 1;
        assert!(ticks < 20, "{:?}", market.transfers().await);
    }
    assert_eq!(market.status(&unpaid).await, "expired");
    let indexes = "SELECT derivation_index % 4294967296 AS i, derivation_index / 4294967296 AS n
                   FROM usdc_orders ORDER BY n, i";
    let indexes = json!(market.bench.sql(indexes).await);
    let expected = json!([
        { "i": 1, "n": 0 }, { "i": 2, "n": 0 }, { "i": 3, "n": 0 }, { "i": 1, "n": 1 },
    ]);
    assert_eq!(indexes, expected);
}

/// Orders at once get addresses of their own, also of those that are used again.
#[tokio::test]
async fn orders_at_once_never_share_an_address_that_is_used_again() {
    let market = Market::with_addresses().await;
    let first = "INSERT INTO derivations (derivation_index, given_at, is_used)
                 VALUES (1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 1)";
    market.bench.sql(first).await;
    let orders = (0..8).map(|_| market.order());
    let orders = futures_util::future::join_all(orders).await;
    let mut addresses: Vec<_> = orders.iter().map(|order| order.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 8);
    let used = "SELECT max(derivation_index) FROM derivations";
    assert_eq!(market.bench.number(used).await, 9);
    let unused = "SELECT count(*) FROM derivations WHERE is_used = 0";
    assert_eq!(market.bench.number(unused).await, 0);
}
