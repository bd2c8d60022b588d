//! Blocks that strangers fill, and endpoints that break over them or leave something
//! out: what is paid is credited all the same, and nothing behind it waits.

use crate::breaking::break_every_call;
use crate::payments::issued;
use crate::usdc_shop::{BEFORE, BUYER, Market, Ordered, WALLET, try_tick};
use keywright_providers::polygon::{Address, Hash};
use keywright_rpc_double::{Fault, Payment};
use serde_json::{Value, json};

const STRANGER: Address = Address::from_bytes([0x66; 20]);

fn wallet() -> Address {
    WALLET.parse().expect("an address")
}

/// So many transfers of nothing to an address, in one transaction.
fn spam(market: &Market, to: Address, transfers: usize) -> Hash {
    let nothing = Payment::usdc(STRANGER, to, 0);
    market.chain.pay_together(&vec![nothing; transfers])
}

/// Ticks until this is paid; a minute passes before each.
async fn ticks_until_paid(market: &Market, orders: &[&Ordered], most: usize) -> usize {
    for ticks in 1..=most {
        market.minute().await;
        let mut paid = true;
        for order in orders {
            paid &= market.status(order).await == "paid";
        }
        if paid {
            return ticks;
        }
    }
    panic!("not paid after {most} ticks: {:?}", market.bench.log());
}

async fn set_aside(market: &Market) -> i64 {
    let sql = "SELECT count(*) FROM rpc_endpoints";
    market.bench.number(sql).await
}

async fn job(market: &Market) -> Value {
    let none = json!({});
    let answer = market.bench.operate("GET", "/v1/admin/chain", &none).await;
    answer.json()["jobs"][0].clone()
}

/// Anybody can have the contract log thousands of transfers of nothing for cents.
#[tokio::test]
async fn spam_in_a_block_of_more_than_a_mebibyte_costs_nobody_anything() {
    let market = Market::open().await;
    let bought = [market.order().await, market.order().await];
    spam(&market, wallet(), 1_800);
    market.pay_order(&bought[0]);
    market.chain.mine(1);
    market.pay_order(&bought[1]);
    assert_eq!(
        ticks_until_paid(&market, &[&bought[0], &bought[1]], 2).await,
        1
    );
    assert_eq!(set_aside(&market).await, 0);
    assert_eq!(market.told().await, [""; 0]);
}

/// What no answer can hold is passed, so that nothing waits behind it, and read by the
/// receipts of its transactions. Only the one that is too large itself stays unread,
/// and the operator is told of its block.
#[tokio::test]
async fn a_block_that_no_answer_can_hold_is_read_by_its_receipts() {
    let market = Market::open().await;
    let bought = [market.order().await, market.order().await];
    market.pay_order(&bought[0]);
    let large = spam(&market, wallet(), 14_000);
    market.chain.mine(1);
    market.pay_order(&bought[1]);
    assert!(ticks_until_paid(&market, &[&bought[1]], 4).await <= 4);
    ticks_until_paid(&market, &[&bought[0]], 8).await;
    for _ in 0..3 {
        market.minute().await;
    }
    assert_eq!(issued(&market.bench).await, [2; 4]);
    assert_eq!(market.told().await, ["usdc_block_unread"]);
    let told = "SELECT object_id, details FROM attention";
    let told = market.bench.sql(told).await;
    assert_eq!(told[0]["object_id"], (BEFORE + 1).to_string());
    let details = told[0]["details"].as_str().expect("a text");
    assert!(details.contains(&large.to_string()), "{details}");
    assert_eq!(set_aside(&market).await, 0, "the block is at fault");
    let job = job(&market).await;
    assert_eq!(
        (&job["kind"], &job["state"]),
        (&json!("block"), &json!("failed"))
    );
}

/// Whatever an endpoint does when it is asked for a block that is full, that block is
/// passed, and what was paid in it is found.
#[tokio::test]
async fn whatever_a_full_block_does_to_an_endpoint_nothing_waits_for_it() {
    let refusal = |text: &str| Fault::Refuse(-32_000, text.to_owned());
    for (fault, is_blamed) in [
        (refusal("query returned more than 10000 results"), false),
        (refusal("block range is too wide"), false),
        (Fault::Truncate, false),
        (Fault::Status(413), false),
        (refusal("execution timeout"), true),
        (Fault::Status(504), true),
        (Fault::Cut, true),
    ] {
        let market = Market::open().await;
        let case = format!("{fault:?}");
        let bought = [market.order().await, market.order().await];
        spam(&market, wallet(), 5);
        market.pay_order(&bought[0]);
        market.chain.mine(1);
        market.pay_order(&bought[1]);
        let at = Fault::AtBlock(BEFORE + 1, Box::new(fault));
        market.endpoints[0].fault(at);
        ticks_until_paid(&market, &[&bought[1]], 6).await;
        ticks_until_paid(&market, &[&bought[0]], 6).await;
        assert_eq!(issued(&market.bench).await, [2; 4], "{case}");
        assert_eq!(market.told().await, [""; 0], "{case}");
        assert_eq!(set_aside(&market).await > 0, is_blamed, "{case}");
        // Blocks behind it are asked for as many at a time as before.
        let sizes = "SELECT range_ceiling FROM chain_cursors";
        if !is_blamed && !case.contains("wide") && !case.contains("413") {
            assert_eq!(market.bench.number(sizes).await, 10_000, "{case}");
        }
    }
}

/// Spam to one order's address does not hide a payment to another's.
#[tokio::test]
async fn a_block_is_split_by_recipients() {
    let market = Market::with_addresses().await;
    let bought = [
        market.order().await,
        market.order().await,
        market.order().await,
    ];
    spam(&market, bought[0].address, 20);
    market.pay_order(&bought[1]);
    market.pay_order(&bought[2]);
    market.endpoints[0].fault(Fault::MaxResults(10));
    let paid = ticks_until_paid(&market, &[&bought[1], &bought[2]], 4).await;
    assert!(paid <= 3, "{paid}");
}

/// Many full blocks in a row: each is passed in its turn, and the one honest payment
/// behind them waits for none of them.
#[tokio::test]
async fn full_blocks_in_a_row_are_passed_one_by_one() {
    let market = Market::open().await;
    for _ in 0..6 {
        spam(&market, wallet(), 20);
        market.chain.mine(1);
    }
    let bought = market.order().await;
    market.pay_order(&bought);
    market.endpoints[0].fault(Fault::MaxResults(10));
    ticks_until_paid(&market, &[&bought], 12).await;
    for _ in 0..10 {
        market.minute().await;
    }
    let open = "SELECT count(*) FROM chain_jobs WHERE state = 'open'";
    assert_eq!(market.bench.number(open).await, 0);
    assert_eq!(market.told().await, [""; 0]);
}

/// An endpoint that gives no logs of any block is not the fault of the blocks: none is
/// passed.
#[tokio::test]
async fn an_endpoint_that_never_answers_passes_no_block() {
    for fault in [
        Fault::Refuse(-32_601, "the method is not available".to_owned()),
        Fault::Refuse(-32_000, "block range is too wide".to_owned()),
        Fault::Cut,
        Fault::Truncate,
    ] {
        let market = Market::open().await;
        let case = format!("{fault:?}");
        let bought = market.order().await;
        market.pay_order(&bought);
        market.endpoints[0].fault(Fault::Only("eth_getLogs", Box::new(fault)));
        for _ in 0..8 {
            market.minute().await;
        }
        let cursor = "SELECT block FROM chain_cursors";
        assert_eq!(
            market.bench.number(cursor).await,
            BEFORE.cast_signed(),
            "{case}"
        );
        market.endpoints[0].clear();
        ticks_until_paid(&market, &[&bought], 12).await;
    }
}

/// An empty answer proves nothing: everything is read a second time a little later.
#[tokio::test]
async fn what_an_answer_left_out_is_found_with_the_second_look() {
    for market in [Market::open().await, Market::with_addresses().await] {
        let bought = market.order().await;
        market.pay_order(&bought);
        let none = Fault::Times(3, Box::new(Fault::NoLogs));
        market.endpoints[0].fault(Fault::Only("eth_getLogs", Box::new(none)));
        market.minute().await;
        assert_eq!(market.status(&bought).await, "waiting");
        let ticks = ticks_until_paid(&market, &[&bought], 8).await;
        assert!(ticks > 1, "it was left out");
        assert_eq!(issued(&market.bench).await, [1; 4]);
    }
}

#[tokio::test]
async fn what_one_endpoint_leaves_out_the_next_one_tells() {
    let market = Market::over(2, &[]).await;
    market.endpoints[0].fault(Fault::Only("eth_getLogs", Box::new(Fault::NoLogs)));
    let bought = market.order().await;
    market.pay_order(&bought);
    ticks_until_paid(&market, &[&bought], 8).await;
}

/// A payment that every answer left out, and everything was read twice.
async fn left_out(market: &Market) -> (Ordered, Hash) {
    let bought = market.order().await;
    let hash = market.pay_order(&bought);
    market.endpoints[0].fault(Fault::Only("eth_getLogs", Box::new(Fault::NoLogs)));
    for _ in 0..4 {
        market.minute().await;
    }
    market.endpoints[0].clear();
    assert_eq!(market.status(&bought).await, "waiting");
    assert_eq!(market.transfers().await, []);
    (bought, hash)
}

#[tokio::test]
async fn a_payment_that_was_left_out_is_recorded_when_its_transaction_is_looked_up() {
    for market in [Market::open().await, Market::with_addresses().await] {
        let (bought, hash) = left_out(&market).await;
        let path = format!("/v1/license/{hash}");
        let looked_up = || market.bench.get(&path);
        assert_eq!(looked_up().await.status, 202);
        // Looked up again, also in other letters, it is one payment and asks nobody.
        let calls = market.endpoints[0].calls().len();
        let shouted = format!("/v1/license/0x{}", hash.to_string()[2..].to_uppercase());
        for again in [looked_up().await, market.bench.get(&shouted).await] {
            assert_eq!(again.status, 202, "{again:?}");
        }
        assert_eq!(market.endpoints[0].calls().len(), calls);
        assert_eq!(market.transfers().await, [("seen".to_owned(), None)]);
        market.tick().await;
        assert_eq!(market.status(&bought).await, "paid");
        assert_eq!(looked_up().await.json()["claimable"], true);
        assert_eq!(issued(&market.bench).await, [1; 4]);
    }
}

/// A stranger may ask for any transaction: what pays nobody here leaves no row.
#[tokio::test]
async fn looking_up_the_transactions_of_others_records_nothing() {
    let market = Market::with_addresses().await;
    let bought = market.order().await;
    let payment = |to: Address, units| Payment::usdc(STRANGER, to, units);
    let foreign = Payment {
        token: STRANGER,
        ..payment(bought.address, bought.units)
    };
    let hashes = [
        market.chain.pay(payment(STRANGER, 19_000_000)),
        market.chain.pay(payment(bought.address, 0)),
        market.chain.pay(foreign),
    ];
    for _ in 0..3 {
        market.minute().await;
    }
    for (case, hash) in hashes.into_iter().enumerate() {
        let answer = market.bench.get(&format!("/v1/license/{hash}")).await;
        assert_eq!(answer.status, 404, "{case}: {answer:?}");
    }
    assert_eq!(market.transfers().await, []);
}

#[tokio::test]
async fn the_operator_has_one_transaction_looked_at() {
    let market = Market::with_addresses().await;
    let (bought, hash) = left_out(&market).await;
    let path = "/v1/admin/chain/transactions";
    let wanted = async |hash: &str| {
        let body = json!({ "tx_hash": hash, "note": "a buyer showed it" });
        market.bench.operate("POST", path, &body).await
    };
    let first = wanted(&format!(" 0x{}", hash.to_string()[2..].to_uppercase())).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.json()["kind"], "transaction");
    assert_eq!(first.json()["tx_hash"], hash.to_string());
    assert_eq!(wanted(&hash.to_string()).await.text("id"), first.text("id"));
    market.minute().await;
    let done = job(&market).await;
    assert_eq!(done["state"], "done", "{done}");
    let details = done["details"].as_str().expect("details");
    assert!(details.ends_with(": 1 payment is recorded"), "{details}");
    ticks_until_paid(&market, &[&bought], 2).await;
    // Looked at again, nothing is credited twice.
    assert_ne!(wanted(&hash.to_string()).await.text("id"), first.text("id"));
    let other = market.chain.pay(Payment::usdc(BUYER, STRANGER, 5));
    let in_vain = Payment::usdc(BUYER, bought.address, bought.units);
    let in_vain = market.chain.pay_in_vain(in_vain);
    for (hash, state, says) in [
        (hash, "done", "1 payment is recorded"),
        (other, "done", "pays no watched address"),
        (in_vain, "done", "failed: it moved nothing"),
        (
            Hash::from_bytes([9; 32]),
            "open",
            "does not have the transaction",
        ),
    ] {
        wanted(&hash.to_string()).await;
        for _ in 0..2 {
            market.minute().await;
        }
        let found = job(&market).await;
        assert_eq!(found["state"], state, "{found}");
        assert!(
            found["details"]
                .as_str()
                .is_some_and(|text| text.contains(says)),
            "{found}"
        );
    }
    assert_eq!(issued(&market.bench).await, [1; 4]);
    assert_eq!(market.told().await, [""; 0]);
    for wrong in ["", "0x12", "5c504ed4", &format!("0x{}", "g".repeat(64))] {
        assert_eq!(wanted(wrong).await.status, 400, "{wrong}");
    }
}

/// What was never found can be read again by hand, as often as wanted.
#[tokio::test]
async fn blocks_are_read_again_by_hand_and_credit_nothing_twice() {
    let market = Market::open().await;
    let [bought, other] = [market.order().await, market.order().await];
    market.pay_order(&bought);
    market.endpoints[0].fault(Fault::NoLogs);
    for _ in 0..8 {
        market.minute().await;
    }
    market.endpoints[0].clear();
    market.pay_order(&other);
    for _ in 0..4 {
        market.minute().await;
    }
    assert_eq!(market.status(&other).await, "paid");
    assert_eq!(market.status(&bought).await, "waiting");
    let blocks = json!({ "first_block": BEFORE, "last_block": BEFORE + 100_000, "note": "lost" });
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answer = market
            .bench
            .operate("POST", "/v1/admin/chain/rereads", &blocks);
        let answer = answer.await;
        assert_eq!(answer.status, 200, "{answer:?}");
        ids.push(answer.text("id"));
    }
    assert_eq!(ids[0], ids[1], "the same is wanted once");
    let audited = "SELECT count(*) FROM audit WHERE action = 'chain.read_again'";
    assert_eq!(market.bench.number(audited).await, 1);
    ticks_until_paid(&market, &[&bought], 8).await;
    for _ in 0..6 {
        market.minute().await;
    }
    assert_eq!(job(&market).await["state"], "done");
    let answer = market
        .bench
        .operate("POST", "/v1/admin/chain/rereads", &blocks);
    assert_ne!(answer.await.text("id"), ids[0]);
    for _ in 0..8 {
        market.minute().await;
    }
    assert_eq!(issued(&market.bench).await, [2; 4]);
    let twice = "SELECT count(*) FROM chain_transfers";
    assert_eq!(market.bench.number(twice).await, 2);
}

#[tokio::test]
async fn the_cursor_is_moved_by_hand_and_credits_nothing_twice() {
    let market = Market::open().await;
    let bought = market.order().await;
    market.pay_order(&bought);
    for _ in 0..4 {
        market.minute().await;
    }
    let to = |block: u64| {
        let body = json!({ "block": block });
        async {
            let body = body;
            let answer = market
                .bench
                .operate("POST", "/v1/admin/chain/cursor", &body);
            assert_eq!(answer.await.status, 200);
        }
    };
    let cursor = "SELECT block FROM chain_cursors";
    to(BEFORE - 100).await;
    market.tick().await;
    assert_eq!(
        market.bench.number(cursor).await,
        (BEFORE - 100).cast_signed()
    );
    for _ in 0..6 {
        market.minute().await;
    }
    assert_eq!(issued(&market.bench).await, [1; 4]);
    // One that is not final yet is waited for.
    let ahead = market.chain.head() + 40;
    to(ahead).await;
    market.minute().await;
    assert!(market.bench.number(cursor).await < ahead.cast_signed());
    for _ in 0..3 {
        market.minute().await;
    }
    assert_eq!(job(&market).await["state"], "done");
    let moved = "SELECT count(*) FROM audit WHERE action = 'chain.move_cursor'";
    assert_eq!(market.bench.number(moved).await, 2);
}

/// Where no block of before is known any more, reading goes on where the operator says.
#[tokio::test]
async fn a_chain_that_was_replaced_is_read_on_from_where_the_operator_says() {
    let market = Market::open().await;
    market.minute().await;
    market
        .chain
        .reorganise(5_000, keywright_rpc_double::Kept::None);
    market.minute().await;
    assert_eq!(market.told().await, ["usdc_chain_replaced"]);
    let body = json!({ "block": market.chain.head() });
    let answer = market
        .bench
        .operate("POST", "/v1/admin/chain/cursor", &body);
    assert_eq!(answer.await.status, 200);
    market.tick().await;
    assert_eq!(market.told().await, [""; 0]);
    let bought = market.order().await;
    market
        .chain
        .pay(Payment::usdc(BUYER, bought.address, bought.units));
    ticks_until_paid(&market, &[&bought], 2).await;
}

#[tokio::test]
async fn blocks_that_are_none_are_refused() {
    let market = Market::open().await;
    for (path, body) in [
        ("rereads", json!({ "first_block": -1, "last_block": 5 })),
        ("rereads", json!({ "first_block": 6, "last_block": 5 })),
        (
            "rereads",
            json!({ "first_block": 0, "last_block": 1_000_000 }),
        ),
        (
            "rereads",
            json!({ "first_block": 0, "last_block": 1_099_511_627_777_i64 }),
        ),
        ("cursor", json!({ "block": -1 })),
    ] {
        let path = format!("/v1/admin/chain/{path}");
        let answer = market.bench.operate("POST", &path, &body).await;
        assert_eq!(answer.status, 400, "{path} {body}: {answer:?}");
    }
    let jobs = "SELECT count(*) FROM chain_jobs";
    assert_eq!(market.bench.number(jobs).await, 0);
}

/// Whatever breaks while a full block is passed, split and read by its receipts, and
/// while groups are read: what was paid is credited once.
#[tokio::test]
async fn whatever_database_call_breaks_around_a_full_block_the_next_tick_goes_on() {
    break_every_call(20, async |call, fault| {
        let market = Market::open().await;
        let [bought, other] = [market.order().await, market.order().await];
        spam(&market, wallet(), 20);
        market.pay_order(&bought);
        market.chain.mine(1);
        market.pay_order(&other);
        market.endpoints[0].fault(Fault::MaxResults(10));
        market.bench.shop.database.break_call(call, fault);
        for _ in 0..5 {
            market.pass(60);
            try_tick(&market.bench).await;
        }
        if market.bench.shop.database.mend() <= call {
            return false;
        }
        ticks_until_paid(&market, &[&bought, &other], 12).await;
        for _ in 0..4 {
            market.minute().await;
        }
        let case = format!("call {call}, {fault:?}");
        assert_eq!(issued(&market.bench).await, [2; 4], "{case}");
        let rows = "SELECT count(*) FROM chain_transfers";
        assert_eq!(market.bench.number(rows).await, 2, "{case}");
        let open = "SELECT count(*) FROM chain_jobs WHERE state = 'open'";
        assert_eq!(market.bench.number(open).await, 0, "{case}");
        true
    })
    .await;
}

#[tokio::test]
async fn ticks_at_once_around_a_full_block_credit_a_payment_once() {
    for _ in 0..3 {
        let market = Market::open().await;
        let [bought, other] = [market.order().await, market.order().await];
        spam(&market, wallet(), 20);
        market.pay_order(&bought);
        market.chain.mine(1);
        market.pay_order(&other);
        market.endpoints[0].fault(Fault::MaxResults(10));
        for _ in 0..6 {
            market.pass(60);
            let ticks = (0..6).map(|_| try_tick(&market.bench));
            for ticked in futures_util::future::join_all(ticks).await {
                assert_eq!(ticked.status, 200, "{ticked:?}");
            }
        }
        assert_eq!(issued(&market.bench).await, [2; 4]);
        let rows = "SELECT count(*) FROM chain_transfers";
        assert_eq!(market.bench.number(rows).await, 2);
    }
}

/// When blocks are replaced that were read a second time, they are read a second time
/// again.
#[tokio::test]
async fn groups_go_back_with_the_cursor() {
    let market = Market::with_addresses().await;
    for _ in 0..6 {
        market.minute().await;
    }
    let second = "SELECT max(block) FROM chain_groups";
    let before = market.bench.number(second).await;
    market
        .chain
        .reorganise(170, keywright_rpc_double::Kept::None);
    market.tick().await;
    assert!(market.bench.number(second).await < before);
    let bought = market.order().await;
    market.pay_order(&bought);
    ticks_until_paid(&market, &[&bought], 8).await;
}
