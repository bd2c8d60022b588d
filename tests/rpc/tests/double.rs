//! The double, read by the product's own reader.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::Response;
use keywright_providers::polygon::rpc::{
    self, BlockSpan, BlockTag, Call, LogFilter, RpcError, block, chain_id, contract_call, logs,
    receipt, transaction,
};
use keywright_providers::polygon::token::{BRIDGED_USDC_POLYGON, USDC_POLYGON};
use keywright_providers::polygon::transfer::{TRANSFER, decode};
use keywright_providers::polygon::{Address, Hash};
use keywright_rpc_double::{Chain, Contract, Endpoint, Fault, Kept, Payment, RangeLimit};
use serde_json::json;

const GENESIS: i64 = 1_700_000_000;
const BUYER: Address = Address::from_bytes([0xb0; 20]);
const SHOP: Address = Address::from_bytes([0x50; 20]);
const OTHER: Address = Address::from_bytes([0x77; 20]);

fn chain() -> Chain {
    Chain::new(137, GENESIS)
}

/// Sends a call as a function would.
async fn ask<T>(endpoint: &Endpoint, call: &Call<T>) -> Result<T, RpcError> {
    let place = rpc::Endpoint::new(&endpoint.url()).expect("an endpoint");
    let (parts, body) = call.request(&place).expect("a request").into_parts();
    let sent = reqwest::Client::new()
        .post(parts.uri.to_string())
        .headers(parts.headers)
        .body(body)
        .timeout(std::time::Duration::from_millis(500))
        .send()
        .await
        .map_err(|_| RpcError::Unreachable)?;
    let status = sent.status();
    let body = sent.bytes().await.map_err(|_| RpcError::Unreachable)?;
    let mut response = Response::new(Bytes::from(body.to_vec()));
    *response.status_mut() = status;
    call.read(&place, &response)
}

fn to_shop(from: u64, to: u64) -> LogFilter {
    LogFilter {
        blocks: BlockSpan { from, to },
        block_hash: None,
        contracts: vec![USDC_POLYGON],
        topics: vec![Some(vec![TRANSFER]), None, Some(vec![SHOP.to_word()])],
    }
}

#[tokio::test]
async fn a_payment_is_seen_from_the_pool_to_its_receipt() {
    let chain = chain();
    let node = Endpoint::start(&chain).expect("a server");
    assert_eq!(ask(&node, &chain_id()).await, Ok(137));
    chain.mine(9);
    let paid = chain.pay_together(&[
        Payment::usdc(BUYER, SHOP, 19_000_001),
        Payment::usdc(BUYER, OTHER, 5),
        Payment::usdc(BUYER, SHOP, 7),
    ]);
    let seen = ask(&node, &transaction(paid)).await.expect("an answer");
    assert_eq!(seen.map(|seen| seen.block_number), Some(None));
    assert_eq!(ask(&node, &receipt(paid)).await, Ok(None));
    chain.mine(1);
    let seen = ask(&node, &transaction(paid)).await.expect("an answer");
    assert_eq!(seen.map(|seen| seen.block_number), Some(Some(10)));
    let receipt = ask(&node, &receipt(paid)).await.expect("an answer");
    let receipt = receipt.expect("a receipt");
    assert!(receipt.succeeded);
    assert_eq!(receipt.logs.len(), 3);
    let found = ask(&node, &logs(&to_shop(1, 10))).await.expect("logs");
    let transfers: Vec<_> = found.iter().map(|log| decode(log).expect("one")).collect();
    let amounts: Vec<_> = transfers.iter().map(|one| one.amount.get()).collect();
    assert_eq!(amounts, [19_000_001, 7]);
    assert_eq!(transfers[1].log_index, 2);
    let head = ask(&node, &block(BlockTag::Latest)).await.expect("a block");
    let head = head.expect("a block");
    assert_eq!((head.number, head.time), (10, GENESIS + 20));
    assert_eq!(head.hash, transfers[0].block_hash);
    assert_eq!(node.count("eth_getLogs"), 1);
    let unknown = ask(&node, &transaction(Hash::from_bytes([9; 32]))).await;
    assert_eq!(unknown, Ok(None));
}

#[tokio::test]
async fn only_what_a_filter_asks_for_is_told() {
    let chain = chain();
    let node = Endpoint::start(&chain).expect("a server");
    chain.pay(Payment {
        token: BRIDGED_USDC_POLYGON,
        ..Payment::usdc(BUYER, SHOP, 1)
    });
    chain.pay(Payment::usdc(BUYER, OTHER, 2));
    chain.pay(Payment::usdc(BUYER, SHOP, 3));
    chain.mine(100);
    chain.pay(Payment::usdc(BUYER, SHOP, 4));
    chain.mine(1);
    let units = |found: Vec<rpc::Log>| -> Vec<i64> {
        found
            .iter()
            .map(|log| decode(log).expect("one").amount.get())
            .collect()
    };
    assert_eq!(
        units(ask(&node, &logs(&to_shop(0, 50))).await.expect("logs")),
        [3]
    );
    let both = LogFilter {
        contracts: vec![USDC_POLYGON, BRIDGED_USDC_POLYGON],
        ..to_shop(0, 101)
    };
    assert_eq!(
        units(ask(&node, &logs(&both)).await.expect("logs")),
        [1, 3, 4]
    );
    node.fault(Fault::ShuffleLogs);
    assert_eq!(
        units(ask(&node, &logs(&both)).await.expect("logs")),
        [4, 3, 1]
    );
    node.clear();
    for fault in [Fault::LogsOfOthers, Fault::LogsOfOtherBlocks] {
        node.fault(fault);
    }
    let filter = to_shop(60, 61);
    let found = ask(&node, &logs(&filter)).await.expect("logs");
    assert!(!found.is_empty());
    assert!(found.iter().all(|log| !filter.matches(log)));
    node.clear();
    node.fault(Fault::OddLog(json!({ "address": "0x12" })));
    let odd = ask(&node, &logs(&filter)).await;
    assert!(matches!(odd, Err(RpcError::Malformed(_))), "{odd:?}");
}

#[tokio::test]
async fn every_limit_is_told_in_words_that_are_understood() {
    let chain = chain();
    chain.mine(3_000);
    let node = Endpoint::start(&chain).expect("a server");
    for limit in RangeLimit::ALL {
        for most in [1, 5, 10, 1_000] {
            node.clear();
            node.fault(Fault::RangeLimit(limit, most));
            let wide = ask(&node, &logs(&to_shop(10, 10 + most))).await;
            let (hint, max) = match wide {
                Err(RpcError::RangeTooWide { hint, max }) => (hint, max),
                Err(RpcError::TooManyResults { hint }) => (hint, None),
                wide => panic!("{limit:?} {most}: {wide:?}"),
            };
            let hinted = BlockSpan {
                from: 10,
                to: 10 + most - 1,
            };
            assert!(
                hint.is_none_or(|hint| hint == hinted),
                "{limit:?}: {hint:?}"
            );
            assert!(max.is_none_or(|max| max == most), "{limit:?}: {max:?}");
            let narrow = ask(&node, &logs(&to_shop(10, 10 + most - 1))).await;
            assert_eq!(narrow, Ok(Vec::new()), "{limit:?}");
        }
    }
}

#[tokio::test]
async fn faults_come_and_go() {
    let chain = chain();
    chain.mine(5);
    let node = Endpoint::start(&chain).expect("a server");
    let unreachable = Err(RpcError::Unreachable);
    for (fault, expected) in [
        (Fault::Hang, unreachable.clone()),
        (Fault::Cut, unreachable),
        (Fault::Status(429), Err(RpcError::RateLimited)),
        (Fault::Status(502), Err(RpcError::Status { status: 502 })),
        (Fault::ChainId(80_002), Ok(80_002)),
        (
            Fault::Refuse(-32_000, "no".to_owned()),
            Err(RpcError::Refused {
                code: -32_000,
                message: "no".to_owned(),
            }),
        ),
        (Fault::Only("eth_getLogs", Box::new(Fault::Hang)), Ok(137)),
    ] {
        node.fault(fault.clone());
        assert_eq!(ask(&node, &chain_id()).await, expected, "{fault:?}");
        node.clear();
        assert_eq!(ask(&node, &chain_id()).await, Ok(137));
    }
    node.fault(Fault::Truncate);
    let cut = ask(&node, &block(BlockTag::Latest)).await;
    assert_eq!(cut, Err(RpcError::CutOff));
    node.clear();
    node.fault(Fault::After(
        1,
        Box::new(Fault::Times(1, Box::new(Fault::Status(500)))),
    ));
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(ask(&node, &chain_id()).await.is_ok());
    }
    assert_eq!(answers, [true, false, true]);
}

#[tokio::test]
async fn finality_lags_stalls_and_is_missing() {
    let chain = chain();
    chain.mine(100);
    chain.finality(20);
    let node = Endpoint::start(&chain).expect("a server");
    let finalized = block(BlockTag::Finalized);
    let number = |answer: Result<Option<rpc::Block>, RpcError>| {
        answer.map(|block| block.expect("a block").number)
    };
    assert_eq!(number(ask(&node, &finalized).await), Ok(80));
    chain.stall(true);
    chain.mine(50);
    assert_eq!(number(ask(&node, &finalized).await), Ok(80));
    chain.stall(false);
    assert_eq!(number(ask(&node, &finalized).await), Ok(130));
    node.fault(Fault::NoFinalized);
    assert_eq!(ask(&node, &finalized).await, Err(RpcError::NoFinalized));
    node.clear();
    node.fault(Fault::NoFinalizedTag);
    assert_eq!(ask(&node, &finalized).await, Err(RpcError::TagUnsupported));
}

#[tokio::test]
async fn blocks_can_be_replaced() {
    let chain = chain();
    let node = Endpoint::start(&chain).expect("a server");
    chain.mine(10);
    let early = chain.pay(Payment::usdc(BUYER, SHOP, 1));
    chain.mine(5);
    let (kept, before) = (chain.hash(9), chain.hash(11));
    chain.reorganise(6, Kept::All);
    assert_eq!((chain.hash(9), chain.block_of(early)), (kept, Some(11)));
    assert_ne!(chain.hash(11), before);
    chain.reorganise(6, Kept::Later);
    assert_eq!(chain.block_of(early), None);
    assert_eq!(ask(&node, &receipt(early)).await, Ok(None));
    chain.mine(1);
    assert_eq!(chain.block_of(early), Some(16));
    chain.reorganise(1, Kept::None);
    chain.mine(3);
    assert_eq!(chain.block_of(early), None);
    // Another endpoint may be on another branch.
    let other = Endpoint::start(&chain).expect("a server");
    other.fault(Fault::OtherHashes(12));
    for (number, same) in [(11, true), (12, false)] {
        let call = block(BlockTag::Number(number));
        let one = ask(&node, &call).await.expect("a block").expect("a block");
        let two = ask(&other, &call).await.expect("a block").expect("a block");
        assert_eq!(one.hash == two.hash, same, "{number}");
    }
}

#[tokio::test]
async fn receipts_can_be_missing_failed_and_empty() {
    let chain = chain();
    let node = Endpoint::start(&chain).expect("a server");
    let paid = chain.pay(Payment::usdc(BUYER, SHOP, 1));
    let vain = chain.pay_in_vain(Payment::usdc(BUYER, SHOP, 2));
    chain.mine(1);
    let seen = |answer: Result<Option<rpc::Receipt>, RpcError>| {
        answer
            .expect("an answer")
            .map(|receipt| (receipt.succeeded, receipt.logs.len()))
    };
    assert_eq!(seen(ask(&node, &receipt(paid)).await), Some((true, 1)));
    assert_eq!(seen(ask(&node, &receipt(vain)).await), Some((false, 0)));
    let told = ask(&node, &logs(&to_shop(1, 1))).await.expect("logs");
    assert_eq!(told.len(), 2);
    for (fault, expected) in [
        (Fault::NoReceipts, None),
        (Fault::FailedReceipts, Some((false, 0))),
        (Fault::EmptyReceipts, Some((true, 0))),
    ] {
        node.fault(fault);
        assert_eq!(seen(ask(&node, &receipt(paid)).await), expected);
        node.clear();
    }
}

#[tokio::test]
async fn contracts_answer() {
    let chain = chain();
    let node = Endpoint::start(&chain).expect("a server");
    let call = |address| contract_call(address, &[1, 2, 3, 4], BlockTag::Latest);
    assert_eq!(ask(&node, &call(OTHER)).await, Ok(Vec::new()));
    chain.contract(OTHER, Contract::Reverts);
    assert_eq!(ask(&node, &call(OTHER)).await, Err(RpcError::Reverted));
    chain.contract(OTHER, Contract::Says(vec![7; 32]));
    assert_eq!(ask(&node, &call(OTHER)).await, Ok(vec![7; 32]));
    let code = ask(&node, &rpc::code(OTHER, BlockTag::Latest)).await;
    assert_ne!(code, Ok(Vec::new()));
}

#[tokio::test]
async fn time_can_be_skipped() {
    let chain = chain();
    chain.mine(3);
    chain.skip(3_600);
    chain.mine(2);
    assert_eq!(chain.time(3), GENESIS + 6);
    assert_eq!(chain.time(4), GENESIS + 8 + 3_600);
}
