//! Watching a played chain: what is credited, what is left to the operator, and
//! that nothing is missed or taken twice.

use crate::payments::{issued, poll};
use crate::usdc_shop::{BEFORE, BUYER, Market, WALLET, order, priced};
use keywright_ports::name;
use keywright_providers::polygon::Address;
use keywright_providers::polygon::token::BRIDGED_USDC_POLYGON;
use keywright_rpc_double::Payment;
use serde_json::json;

fn wallet() -> Address {
    WALLET.parse().expect("an address")
}

fn left(reason: &str) -> (String, Option<String>) {
    ("unmatched".to_owned(), Some(reason.to_owned()))
}

fn credited() -> (String, Option<String>) {
    ("credited".to_owned(), None)
}

#[tokio::test]
async fn an_exact_payment_settles_its_order() {
    for market in [Market::open().await, Market::with_addresses().await] {
        let bought = market.order().await;
        assert_eq!(market.status(&bought).await, "waiting");
        let paid = market.pay_order(&bought);
        let report = market.minute().await;
        assert_eq!(
            (&report["found"], &report["credited"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(issued(&market.bench).await, [1; 4]);

        let shown = poll(&market.bench, &bought.id).await;
        assert_eq!(
            (&shown["status"], &shown["payment_state"]),
            (&json!("settled"), &json!("paid"))
        );
        let key = shown["license_key"].as_str().expect("a key");
        market.bench.verified(key);
        let usdc = &shown["usdc"];
        assert_eq!(usdc["status"], "paid");
        let confirmed = json!({ "tx_hash": paid.to_string(), "block_number": BEFORE + 1 });
        assert_eq!(usdc["confirmed"], confirmed);

        let receipts = market
            .bench
            .sql("SELECT kind, external_ref, amount, currency, received_at FROM receipts")
            .await;
        let expected = json!({
            "kind": "polygon", "external_ref": format!("polygon:137:{paid}:0"),
            "amount": i64::try_from(bought.units).expect("an amount"), "currency": "USDC",
            "received_at": market.chain.time(BEFORE + 1),
        });
        assert_eq!(json!(receipts[0]), expected);
        let payer = "SELECT payer FROM chain_transfers";
        assert_eq!(market.bench.sql(payer).await[0]["payer"], BUYER.lower());
        // Nothing is told twice.
        market.minute().await;
        assert_eq!(issued(&market.bench).await, [1; 4]);
        assert_eq!(market.told().await, [""; 0]);
    }
}

#[tokio::test]
async fn whatever_does_not_pay_an_order_is_kept_with_the_reason() {
    let market = Market::open().await;
    let bought = market.order().await;
    let other = market.order().await;
    market.pay(wallet(), bought.units.min(other.units) - 1);
    market.pay(wallet(), bought.units.max(other.units) + 1);
    market.pay(wallet(), 7_000_000);
    market.chain.pay(Payment {
        token: BRIDGED_USDC_POLYGON,
        ..Payment::usdc(BUYER, wallet(), bought.units)
    });
    market.pay_order(&bought);
    market.pay_order(&bought);
    market.minute().await;
    market.minute().await;
    let mut transfers = market.transfers().await;
    transfers.sort();
    let reasons = [
        "duplicate",
        "overpaid",
        "underpaid",
        "unknown",
        "wrong_token",
    ];
    let mut expected = vec![credited()];
    expected.extend(reasons.map(left));
    assert_eq!(transfers, expected);
    assert_eq!(issued(&market.bench).await, [1; 4]);
    let told = reasons.map(|reason| format!("usdc_{reason}"));
    assert_eq!(market.told().await, told);
    assert_eq!(market.status(&bought).await, "paid");
    assert_eq!(market.status(&other).await, "waiting");
}

#[tokio::test]
async fn an_address_of_its_own_tells_the_order_of_a_wrong_amount() {
    let market = Market::with_addresses().await;
    let orders = [
        market.order().await,
        market.order().await,
        market.order().await,
    ];
    market.pay(orders[0].address, 18_999_999);
    market.pay(orders[1].address, 19_000_001);
    market.pay_order(&orders[2]);
    market.pay(orders[2].address, 5);
    market.pay(orders[2].address, 20_000);
    market.minute().await;
    market.minute().await;
    let told = market.told().await;
    // A millionth of a dollar too much is nobody's business.
    assert_eq!(told, ["usdc_duplicate", "usdc_underpaid"]);
    let sql = "SELECT invoice_id, reason FROM chain_transfers WHERE state = 'unmatched'
               ORDER BY amount_units";
    let found: Vec<_> = market.bench.sql(sql).await;
    assert_eq!(found.len(), 3);
    let expected = [
        (&orders[2].id, "duplicate"),
        (&orders[2].id, "duplicate"),
        (&orders[0].id, "underpaid"),
    ];
    for (row, (id, reason)) in found.iter().zip(expected) {
        assert_eq!(
            (&row["invoice_id"], &row["reason"]),
            (&json!(id), &json!(reason))
        );
    }
    let shown = poll(&market.bench, &orders[0].id).await;
    assert_eq!(shown["payment_state"], "underpaid");
    assert_eq!(shown["status"], "pending");
}

/// An order ends by the chain's time, so a payment in its last second counts,
/// however late it is read.
#[tokio::test]
async fn the_last_second_counts_by_the_time_of_the_chain() {
    let market = Market::open().await;
    let in_time = market.order().await;
    let late = market.order().await;
    // Both can be paid for an hour. The next block is 2 s after the newest.
    market.chain.mine(1_799);
    market.pay_order(&in_time);
    market.chain.mine(1);
    market.pay_order(&late);
    market.chain.mine(1);
    market.bench.clock.advance(24 * 3_600);
    for _ in 0..8 {
        market.tick().await;
    }
    assert_eq!(market.status(&in_time).await, "paid");
    assert_eq!(market.status(&late).await, "late");
    let shown = poll(&market.bench, &late.id).await;
    assert_eq!(shown["status"], "expired");
    assert_eq!(shown["payment_state"], "paid_late");
    assert_eq!(market.transfers().await, [credited(), left("late")]);
    assert_eq!(issued(&market.bench).await, [1; 4]);
}

#[tokio::test]
async fn an_order_ends_when_the_chain_was_read_past_its_end() {
    let market = Market::open().await;
    let bought = market.order().await;
    // The clock alone ends nothing: the endpoint has not told of that time yet.
    market.bench.clock.advance(7_200);
    market.tick().await;
    assert_eq!(market.status(&bought).await, "waiting");
    market.chain.mine(1_801);
    for _ in 0..20 {
        market.tick().await;
    }
    assert_eq!(market.status(&bought).await, "expired");
    let closed = "SELECT count(*) FROM audit WHERE action = 'invoice.close' AND actor = 'watch'";
    assert_eq!(market.bench.number(closed).await, 1);
    let held = "SELECT count(*) FROM usdc_orders WHERE reserved = 1";
    assert_eq!(market.bench.number(held).await, 0);
}

#[tokio::test]
async fn several_in_one_transaction_are_several_receipts() {
    let market = Market::open().await;
    let orders = [market.order().await, market.order().await];
    let together: Vec<Payment> = orders
        .iter()
        .map(|order| Payment::usdc(BUYER, order.address, order.units))
        .collect();
    let paid = market.chain.pay_together(&together);
    market.minute().await;
    let expected = [
        format!("polygon:137:{paid}:0"),
        format!("polygon:137:{paid}:1"),
    ];
    assert_eq!(market.receipts().await, expected);
    for order in &orders {
        assert_eq!(market.status(order).await, "paid");
    }
}

/// The older watcher read to one block below the newest and then called the newest
/// one read: with every poll it skipped a block.
#[tokio::test]
async fn no_block_is_skipped_whenever_the_ticks_come() {
    let market = Market::open().await;
    let mut orders = Vec::new();
    for round in 0..8_u64 {
        let bought = market.order().await;
        market.pay_order(&bought);
        market.pass(2 + 2 * (round % 3));
        orders.push(bought);
        market.tick().await;
    }
    market.tick().await;
    assert_eq!(issued(&market.bench).await, [8; 4]);
    for order in &orders {
        assert_eq!(market.status(order).await, "paid");
    }
}

/// The older watcher began at the newest block each time it was started.
#[tokio::test]
async fn what_is_paid_while_nothing_runs_is_found_afterwards() {
    let market = Market::open().await;
    let bought = market.order().await;
    market.pay_order(&bought);
    market.pass(24 * 3_600);
    let configured = crate::usdc_shop::configuration(&market.endpoints);
    let config: Vec<_> = configured
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let market = Market {
        bench: market.bench.redeployed(&config),
        ..market
    };
    let mut ticks = 0;
    while market.status(&bought).await != "paid" {
        market.tick().await;
        ticks += 1;
        assert!(ticks < 60, "still not read");
    }
    assert_eq!(issued(&market.bench).await, [1; 4]);
}

/// The older watcher read one address only, and called payments to derived ones
/// unknown.
#[tokio::test]
async fn an_address_of_an_order_is_watched_from_the_moment_it_is_given() {
    let market = Market::with_addresses().await;
    let first = market.order().await;
    market.pay_order(&first);
    market.pass(2);
    // Ordered and paid between two ticks.
    let second = market.order().await;
    market.pay_order(&second);
    market.minute().await;
    assert_ne!(first.address, second.address);
    assert_eq!(market.status(&first).await, "paid");
    assert_eq!(market.status(&second).await, "paid");
}

/// The older watcher took the first product of a price for what was bought.
#[tokio::test]
async fn what_is_bought_is_the_order_and_not_a_guess_by_the_price() {
    let market = Market::open().await;
    priced(&market.bench, "other", 1_900).await;
    let other = order(&market.bench, "other").await;
    let demo = market.order().await;
    market.pay_order(&other);
    market.minute().await;
    let shown = poll(&market.bench, &other.id).await;
    assert_eq!(
        (&shown["product"], &shown["status"]),
        (&json!("other"), &json!("settled"))
    );
    assert_eq!(market.status(&demo).await, "waiting");
}

#[tokio::test]
async fn a_transfer_of_nothing_and_dust_disturb_nobody() {
    let market = Market::open().await;
    market.pay(wallet(), 0);
    market.pay(wallet(), 9_999);
    market.minute().await;
    assert_eq!(market.transfers().await, [left("unknown")]);
    assert_eq!(market.told().await, [""; 0]);
}

#[tokio::test]
async fn the_first_block_can_be_configured() {
    let market = Market::over(1, &[(name::POLYGON_START_BLOCK, "900")]).await;
    let sql = "SELECT block FROM chain_cursors";
    assert_eq!(market.bench.sql(sql).await[0]["block"], 899);
    market.tick().await;
    assert!(market.bench.sql(sql).await[0]["block"].as_u64() > Some(899));
}

#[tokio::test]
async fn what_is_sold_for_a_time_runs_from_the_payment() {
    let market = Market::open().await;
    let year = json!({ "product_slug": "demo", "slug": "year", "name": "Year",
        "duration_seconds": 31_536_000 });
    let made = market
        .bench
        .operate("POST", "/v1/admin/policies", &year)
        .await;
    assert_eq!(made.status, 200, "{made:?}");
    let body = json!({ "product": "demo", "policy_slug": "year", "rail": "usdc" });
    let bought = market.bench.post("/v1/purchase", &body).await.json();
    let units = bought["usdc"]["amount_units"].as_u64().expect("an amount");
    market.pay(wallet(), u128::from(units));
    market.pass(12 * 3_600);
    for _ in 0..40 {
        market.tick().await;
    }
    let sql = "SELECT expires_at, issued_at FROM licenses";
    let license = &market.bench.sql(sql).await[0];
    let paid_at = market.chain.time(BEFORE + 1);
    assert_eq!(license["expires_at"], paid_at + 31_536_000);
    assert!(license["issued_at"].as_i64() > Some(paid_at + 11 * 3_600));
}
