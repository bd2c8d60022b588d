//! Endpoints that refuse, hang, break off, contradict each other and lie: what is
//! paid is credited all the same, once, or not yet.

use crate::payments::issued;
use crate::usdc_shop::{BUYER, Market, WALLET, chain};
use keywright_ports::name;
use keywright_providers::polygon::Address;
use keywright_rpc_double::{Fault, Kept, Payment, RangeLimit};
use serde_json::{Value, json};

async fn paid(market: &Market) -> bool {
    let settled = "SELECT count(*) FROM invoices WHERE status = 'settled'";
    market.bench.number(settled).await > 0
}

/// The hosts and reasons of the endpoints that are set aside.
async fn set_aside(market: &Market) -> Vec<String> {
    let sql = "SELECT reason FROM rpc_endpoints ORDER BY reason";
    let rows = market.bench.sql(sql).await;
    let text = |row: &keywright_ports::Row| row["reason"].as_str().map(str::to_owned);
    rows.iter().filter_map(text).collect()
}

#[tokio::test]
async fn every_endpoints_limit_is_found_out() {
    for limit in RangeLimit::ALL {
        for most in [1, 5, 100] {
            let market = Market::open().await;
            market.endpoints[0].fault(Fault::RangeLimit(limit, most));
            market.pass(200);
            let bought = market.order().await;
            market.pay_order(&bought);
            market.chain.mine(1);
            let mut ticks = 0;
            while !paid(&market).await {
                market.tick().await;
                ticks += 1;
                assert!(ticks < 40, "{limit:?} {most}");
            }
            assert_eq!(issued(&market.bench).await, [1; 4], "{limit:?} {most}");
            assert_eq!(set_aside(&market).await, [""; 0], "{limit:?} {most}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_one_endpoint_the_next_one_makes_good() {
    let odd = json!({ "address": "0x" });
    let lies = "lies";
    let away = "unreachable";
    for (fault, reason) in [
        (Fault::Cut, away),
        (Fault::Truncate, away),
        (Fault::Status(503), away),
        (Fault::Refuse(-32_000, "no".to_owned()), away),
        (Fault::Only("eth_getLogs", Box::new(Fault::Cut)), away),
        (
            Fault::Only("eth_getLogs", Box::new(Fault::Status(500))),
            away,
        ),
        (Fault::OddLog(odd), away),
        (Fault::ChainId(1), "wrong_chain"),
        (Fault::OtherHashes(0), "disagrees"),
        (Fault::LogsOfOtherBlocks, lies),
        (Fault::LogsOfOthers, lies),
    ] {
        let market = Market::over(3, &[]).await;
        let case = format!("{fault:?}");
        market.endpoints[0].fault(fault);
        // What lies about others has others to lie about.
        let somebody = Address::from_bytes([0x77; 20]);
        market.chain.pay(Payment::usdc(BUYER, somebody, 5));
        let bought = market.order().await;
        market.pay_order(&bought);
        market.minute().await;
        assert_eq!(market.status(&bought).await, "paid", "{case}");
        assert_eq!(set_aside(&market).await, [reason], "{case}");
        let told: Vec<String> = match reason {
            "unreachable" => Vec::new(),
            reason => vec![format!("rpc_{reason}")],
        };
        assert_eq!(market.told().await, told, "{case}");
        assert_eq!(issued(&market.bench).await, [1; 4], "{case}");
        // The key in its URL is nowhere.
        let dump = format!("{:?} {}", market.bench.dump().await, market.bench.log());
        assert!(!dump.contains("secret-key"), "{case}");
    }
}

#[tokio::test]
async fn one_that_is_set_aside_is_not_asked_and_comes_back() {
    let market = Market::over(2, &[]).await;
    market.endpoints[0].fault(Fault::ChainId(1));
    market.minute().await;
    market.endpoints[0].clear();
    market.endpoints[0].forget_calls();
    market.minute().await;
    assert_eq!(market.endpoints[0].calls().len(), 0);
    market.pass(3_600);
    market.minute().await;
    assert_ne!(market.endpoints[0].calls().len(), 0);
}

#[tokio::test]
async fn without_any_endpoint_nothing_happens_and_the_next_ticks_catch_up() {
    let market = Market::over(2, &[]).await;
    let bought = market.order().await;
    market.pay_order(&bought);
    for endpoint in &market.endpoints {
        endpoint.fault(Fault::Status(502));
    }
    for _ in 0..5 {
        market.minute().await;
    }
    assert_eq!(market.status(&bought).await, "waiting");
    market.pass(24 * 3_600);
    market.minute().await;
    assert_eq!(market.told().await, ["usdc_behind"]);
    let details = "SELECT details FROM attention WHERE kind = 'usdc_behind'";
    let details = market.bench.sql(details).await;
    let details = details[0]["details"].as_str().expect("a text");
    let details: Value = serde_json::from_str(details).expect("JSON");
    assert!(
        details["behind_seconds"].as_i64() > Some(86_400),
        "{details}"
    );
    let said = json!(vec!["127.0.0.1: the endpoint answered with status 502"; 2]);
    assert_eq!(details["endpoints"], said);
    for endpoint in &market.endpoints {
        endpoint.clear();
    }
    for _ in 0..60 {
        market.tick().await;
    }
    assert_eq!(market.status(&bought).await, "paid");
    assert_eq!(market.told().await, [""; 0]);
}

/// Nothing that is not final counts, and where finality stands still it is waited
/// for.
#[tokio::test]
async fn a_stall_of_finality_is_waited_out() {
    let market = Market::open().await;
    market.chain.stall(true);
    let bought = market.order().await;
    market.pay_order(&bought);
    for _ in 0..4 {
        market.minute().await;
    }
    assert_eq!(market.status(&bought).await, "waiting");
    let none = market.endpoints[0].count("eth_getLogs");
    assert_eq!(none, 0, "nothing behind the final block is asked for");
    market.chain.stall(false);
    market.minute().await;
    assert_eq!(market.status(&bought).await, "paid");
}

#[tokio::test]
async fn without_a_final_block_it_is_waited_and_without_the_tag_counted_back() {
    let market = Market::open().await;
    let bought = market.order().await;
    market.pay_order(&bought);
    market.endpoints[0].fault(Fault::NoFinalized);
    for _ in 0..4 {
        market.minute().await;
    }
    assert_eq!(market.status(&bought).await, "waiting");

    let market = Market::over(1, &[(name::POLYGON_CONFIRMATIONS, "100")]).await;
    market.endpoints[0].fault(Fault::NoFinalizedTag);
    let bought = market.order().await;
    market.pay_order(&bought);
    market.pass(200);
    market.tick().await;
    assert_eq!(market.status(&bought).await, "waiting");
    market.pass(2);
    market.tick().await;
    assert_eq!(market.status(&bought).await, "paid");
}

/// One endpoint that stands still does not keep what the next one knows from being
/// read.
#[tokio::test]
async fn an_endpoint_that_stands_still_is_passed_by() {
    let (standing, moving) = (chain(), chain());
    let market = Market::on(&[standing, moving.clone(), moving], &[]).await;
    let bought = market.order().await;
    market.pay_order(&bought);
    market.minute().await;
    assert_eq!(market.status(&bought).await, "paid");
    assert_eq!(set_aside(&market).await, [""; 0]);
}

/// What a log says is believed only with its receipt.
#[tokio::test]
async fn nothing_is_credited_that_the_receipt_does_not_say() {
    for fault in [
        Fault::NoReceipts,
        Fault::FailedReceipts,
        Fault::EmptyReceipts,
        Fault::LogsOfOtherBranches,
    ] {
        let market = Market::open().await;
        let case = format!("{fault:?}");
        let bought = market.order().await;
        market.pay_order(&bought);
        market.endpoints[0].fault(fault);
        market.minute().await;
        assert_eq!(market.status(&bought).await, "confirming", "{case}");
        assert_eq!(issued(&market.bench).await, [0; 4], "{case}");
        assert_eq!(set_aside(&market).await, [""; 0], "{case}");
    }
}

#[tokio::test]
async fn a_transaction_that_failed_pays_nothing() {
    let market = Market::open().await;
    let bought = market.order().await;
    market
        .chain
        .pay_in_vain(Payment::usdc(BUYER, bought.address, bought.units));
    market.minute().await;
    assert_eq!(issued(&market.bench).await, [0; 4]);
}

#[tokio::test]
async fn the_order_of_logs_does_not_matter() {
    let market = Market::open().await;
    market.endpoints[0].fault(Fault::ShuffleLogs);
    let mut orders = Vec::new();
    for _ in 0..6 {
        let bought = market.order().await;
        market.pay_order(&bought);
        market.chain.mine(1);
        orders.push(bought);
    }
    for _ in 0..4 {
        market.minute().await;
    }
    for order in &orders {
        assert_eq!(market.status(order).await, "paid");
    }
    assert_eq!(issued(&market.bench).await, [6; 4]);
}

/// Blocks that counted as final are replaced, as on Polygon in September 2025.
#[tokio::test]
async fn blocks_that_are_replaced_are_read_again() {
    for kept in [Kept::All, Kept::Later, Kept::None] {
        let market = Market::open().await;
        for _ in 0..4 {
            market.minute().await;
        }
        let old = market.order().await;
        market.pay_order(&old);
        for _ in 0..4 {
            market.minute().await;
        }
        let bought = market.order().await;
        market.pay_order(&bought);
        market.pay(WALLET.parse().expect("an address"), 3_000_000);
        for _ in 0..3 {
            market.minute().await;
        }
        assert_eq!(issued(&market.bench).await, [2; 4]);
        assert_eq!(market.told().await, ["usdc_unknown"]);
        market.chain.reorganise(100, kept);
        market.tick().await;
        let gone = "SELECT count(*) FROM chain_transfers WHERE state = 'reorged'";
        assert_eq!(market.bench.number(gone).await, 2, "{kept:?}");
        assert_eq!(market.told().await, ["usdc_reorged", "usdc_unknown"]);
        for _ in 0..4 {
            market.minute().await;
        }
        // The license is the operator's to take back; nothing is issued twice.
        assert_eq!(issued(&market.bench).await, [2; 4], "{kept:?}");
        assert_eq!(market.status(&old).await, "paid", "{kept:?}");
        let (left, told): (i64, &[&str]) = match kept {
            Kept::None => (2, &["usdc_reorged", "usdc_unknown"]),
            Kept::All | Kept::Later => (0, &["usdc_unknown"]),
        };
        assert_eq!(market.bench.number(gone).await, left, "{kept:?}");
        assert_eq!(market.told().await, told, "{kept:?}");
        let rows = "SELECT count(*) FROM chain_transfers";
        assert_eq!(market.bench.number(rows).await, 3, "{kept:?}");
    }
}

/// With two endpoints one that disagrees is not believed, and with one away nobody
/// decides.
#[tokio::test]
async fn a_replacement_is_believed_when_all_say_so() {
    let market = Market::over(2, &[]).await;
    for _ in 0..4 {
        market.minute().await;
    }
    market.endpoints[1].fault(Fault::Status(500));
    market.chain.reorganise(50, Kept::None);
    let before: Value = json!(market.bench.sql("SELECT block FROM chain_cursors").await);
    market.minute().await;
    market.minute().await;
    let still = json!(market.bench.sql("SELECT block FROM chain_cursors").await);
    assert_eq!(still, before);
    market.endpoints[1].clear();
    let bought = market.order().await;
    market.pay_order(&bought);
    for _ in 0..4 {
        market.minute().await;
    }
    assert_eq!(market.status(&bought).await, "paid");
}

#[tokio::test]
async fn a_chain_without_any_known_block_is_for_the_operator() {
    let market = Market::open().await;
    market.minute().await;
    market.chain.reorganise(5_000, Kept::None);
    market.minute().await;
    assert_eq!(market.told().await, ["usdc_chain_replaced"]);
    let bought = market.order().await;
    market.pay_order(&bought);
    market.minute().await;
    assert_eq!(issued(&market.bench).await, [0; 4]);
}
