//! The product's reading of the chain against a real node: what the double
//! plays is what a node does.

// compatibility: Browsers, chains and wallets | anvil, an Ethereum node | npm:@foundry-rs/anvil-linux-amd64 | `make test` | USDC payments are read from it

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::Response;
use keywright_providers::polygon::claim::{Signature, accepted, digest, question};
use keywright_providers::polygon::rpc::{
    BlockSpan, BlockTag, Call, Endpoint, LogFilter, RpcError, block, chain_id, code, contract_call,
    logs, receipt, transaction,
};
use keywright_providers::polygon::transfer::{TRANSFER, Transfer, decode};
use keywright_providers::polygon::{Address, Hash};
use keywright_tests::polygon::{Anvil, Wallet};

const GENESIS: i64 = 1_700_000_000;
const SHOP: Address = Address::from_bytes([0x50; 20]);
/// With zeros at its front.
const BUYER: Address = Address::from_bytes([
    0, 0, 0, 0xaa, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
]);

async fn node() -> Anvil {
    Anvil::start(GENESIS).await.expect("a node")
}

async fn ask<T>(node: &Anvil, call: &Call<T>) -> Result<T, RpcError> {
    let place = Endpoint::new(node.url()).expect("an endpoint");
    let (parts, body) = call.request(&place).expect("a request").into_parts();
    let client = reqwest::Client::new().post(parts.uri.to_string());
    let sent = client.headers(parts.headers).body(body).send().await;
    let sent = sent.expect("an answer");
    let status = sent.status();
    let mut response = Response::new(Bytes::from(sent.bytes().await.expect("a body").to_vec()));
    *response.status_mut() = status;
    call.read(&place, &response)
}

async fn transfers(node: &Anvil, token: Address, to: u64) -> Vec<Transfer> {
    let filter = LogFilter {
        blocks: BlockSpan { from: 0, to },
        block_hash: None,
        contracts: vec![token],
        topics: vec![Some(vec![TRANSFER]), None, Some(vec![SHOP.to_word()])],
    };
    let found = ask(node, &logs(&filter)).await.expect("logs");
    assert!(found.iter().all(|log| filter.matches(log)));
    let decoded = found.iter().map(|log| decode(log).expect("a transfer"));
    decoded.collect()
}

#[tokio::test]
async fn a_payment_is_read_from_the_pool_to_finality() {
    let node = node().await;
    assert_eq!(ask(&node, &chain_id()).await, Ok(137));
    let tokens = node.tokens().await;
    let paid = node.pay(tokens.usdc, BUYER, SHOP, 19_000_001).await;
    let seen = ask(&node, &transaction(paid)).await.expect("an answer");
    assert_eq!(seen.map(|seen| seen.block_number), Some(None));
    assert_eq!(ask(&node, &receipt(paid)).await, Ok(None));
    node.mine(1).await;
    let head = node.head().await;
    let receipt = ask(&node, &receipt(paid)).await.expect("an answer");
    let receipt = receipt.expect("a receipt");
    assert_eq!((receipt.succeeded, receipt.block_number), (true, head));
    let found = transfers(&node, tokens.usdc, head).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].payer, found[0].recipient), (BUYER, SHOP));
    assert_eq!(found[0].amount.display(), "19.000001");
    assert_eq!(found[0].block_hash, receipt.block_hash);
    assert_eq!(decode(&receipt.logs[0]), Ok(found[0]));
    let finalized = block(BlockTag::Finalized);
    let number =
        |block: Option<keywright_providers::polygon::rpc::Block>| block.expect("a block").number;
    assert!(number(ask(&node, &finalized).await.expect("a block")) < head);
    node.mine(2).await;
    assert_eq!(number(ask(&node, &finalized).await.expect("a block")), head);
    let unknown = Hash::from_bytes([0xab; 32]);
    assert_eq!(ask(&node, &transaction(unknown)).await, Ok(None));
    assert_eq!(ask(&node, &block(BlockTag::Number(9_999))).await, Ok(None));
}

#[tokio::test]
async fn several_in_one_transaction_and_among_a_rush_of_others_are_told_apart() {
    let node = node().await;
    let tokens = node.tokens().await;
    let payer = node.deploy("BatchPayer", None).await;
    node.mint(tokens.usdc, payer, 100).await;
    node.rush(tokens.usdc, 200, 1).await;
    let paid = node
        .batch_pays(payer, tokens.usdc, &[SHOP, BUYER, SHOP], &[7, 8, 9])
        .await;
    node.rush(tokens.usdc, 200, 2).await;
    // Another contract with the same interface is another token.
    node.pay(tokens.other, BUYER, SHOP, 10).await;
    node.mine(1).await;
    let head = node.head().await;
    let found = transfers(&node, tokens.usdc, head).await;
    let amounts: Vec<_> = found.iter().map(|one| one.amount.get()).collect();
    assert_eq!(amounts, [7, 9]);
    assert!(
        found
            .iter()
            .all(|one| one.transaction == paid && one.payer == payer)
    );
    assert_ne!(found[0].log_index, found[1].log_index);
    assert_eq!(transfers(&node, tokens.other, head).await.len(), 1);
}

#[tokio::test]
async fn what_is_taken_back_is_gone_and_the_hashes_differ() {
    let node = node().await;
    let tokens = node.tokens().await;
    let before = node.snapshot().await;
    let paid = node.pay(tokens.usdc, BUYER, SHOP, 5).await;
    node.mine(3).await;
    let head = node.head().await;
    let hash =
        |block: Option<keywright_providers::polygon::rpc::Block>| block.expect("a block").hash;
    let newest = block(BlockTag::Number(head));
    let first = hash(ask(&node, &newest).await.expect("a block"));
    node.roll_back(3).await;
    assert_eq!(node.head().await, head - 3);
    assert_eq!(ask(&node, &receipt(paid)).await, Ok(None));
    node.next_block_at(GENESIS + 9_000).await;
    node.mine(3).await;
    assert_ne!(hash(ask(&node, &newest).await.expect("a block")), first);
    assert!(transfers(&node, tokens.usdc, head).await.is_empty());
    node.revert(&before).await;
    assert_eq!(node.head().await, head - 3);
}

#[tokio::test]
async fn an_accounts_signature_gives_the_account() {
    let node = node().await;
    let account = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
        .parse()
        .expect("an address");
    for message in ["hello", "", "ein Pfund für zwölf\n\n0x1234"] {
        let signature: Signature = node.sign(account, message).await.parse().expect("one");
        assert_eq!(signature.signer(message), Ok(account), "{message:?}");
    }
}

#[tokio::test]
async fn a_contract_wallet_says_whether_it_signed() {
    let node = node().await;
    let owner = Wallet::named("owner");
    let wallet = node.deploy("ContractWallet", Some(owner.address())).await;
    let reverting = node.deploy("RevertingWallet", None).await;
    let sloppy = node.deploy("SloppyWallet", None).await;
    let asked = |wallet: Address, message: &'static str, signature: String| {
        let node = &node;
        async move {
            let signature: Signature = signature.parse().expect("a signature");
            let data = question(&digest(message), &signature);
            let call = contract_call(wallet, &data, BlockTag::Latest);
            ask(node, &call).await.map(|answer| accepted(&answer))
        }
    };
    let good = owner.sign("hello");
    assert_eq!(asked(wallet, "hello", good.clone()).await, Ok(true));
    assert_eq!(asked(wallet, "hallo", good.clone()).await, Ok(false));
    let stranger = Wallet::named("stranger").sign("hello");
    assert_eq!(asked(wallet, "hello", stranger).await, Ok(false));
    assert_eq!(asked(wallet, "hello", "0x00".to_owned()).await, Ok(false));
    assert_eq!(asked(sloppy, "hello", good.clone()).await, Ok(false));
    assert_eq!(asked(SHOP, "hello", good.clone()).await, Ok(false));
    let refused = asked(reverting, "hello", good).await;
    assert_eq!(refused, Err(RpcError::Reverted));
    let program = ask(&node, &code(wallet, BlockTag::Latest)).await;
    assert!(program.is_ok_and(|program| !program.is_empty()));
    assert_eq!(
        ask(&node, &code(SHOP, BlockTag::Latest)).await,
        Ok(Vec::new())
    );
    // The wallet pays too, and the payer is the contract.
    let token = node.tokens().await.usdc;
    node.mint(token, wallet, 11).await;
    node.wallet_pays((wallet, owner.address()), token, SHOP, 11)
        .await;
    node.mine(1).await;
    let found = transfers(&node, token, node.head().await).await;
    assert_eq!((found[0].payer, found[0].amount.get()), (wallet, 11));
}
