//! Selling for USDC on a real Ethereum node, with contracts of its own.

use crate::bench::{Bench, NOW};
use crate::payments::issued;
use crate::usdc_shop::{BUYER, Ordered, WALLET, XPUB, order, priced, try_tick};
use keywright_ports::name;
use keywright_providers::polygon::Address;
use keywright_providers::polygon::token::BRIDGED_USDC_POLYGON;
use keywright_tests::polygon::{Anvil, Tokens, Wallet};
use serde_json::{Value, json};

/// A block is final when so many are on it.
const FINALITY: u64 = 2;

struct Market {
    bench: Bench,
    node: Anvil,
    tokens: Tokens,
}

impl Market {
    /// A shop on a node, after its first tick.
    async fn open(more: &[(&'static str, &str)]) -> Self {
        let genesis = i64::try_from(NOW).expect("a time") - 400;
        let node = Anvil::start(genesis).await.expect("a node");
        let tokens = node.tokens().await;
        node.mine(100).await;
        let usdc = tokens.usdc.lower();
        let mut config = vec![
            (name::POLYGON_RPC_URLS, node.url()),
            (name::USDC_ADDRESS, usdc.as_str()),
            (name::WALLET_ADDRESS, WALLET),
        ];
        config.extend(more);
        let bench = Bench::with(&config);
        priced(&bench, "demo", 1_900).await;
        let market = Self {
            bench,
            node,
            tokens,
        };
        market.tick().await;
        market
    }

    async fn tick(&self) -> Value {
        let ticked = try_tick(&self.bench).await;
        assert_eq!(ticked.status, 200, "{ticked:?}");
        ticked.json()
    }

    /// Makes what waits final, and ticks until it is read and judged.
    async fn settle(&self) {
        self.node.mine(1 + FINALITY).await;
        let head = self.node.head().await - FINALITY;
        let unjudged = "SELECT count(*) FROM chain_transfers WHERE state = 'seen'";
        for _ in 0..60 {
            self.tick().await;
            let cursor = self.bench.sql("SELECT block FROM chain_cursors").await;
            let is_read = cursor[0]["block"].as_u64() >= Some(head);
            if is_read && self.bench.number(unjudged).await == 0 {
                return;
            }
        }
        panic!("not read: {}", self.bench.log());
    }

    async fn order(&self) -> Ordered {
        order(&self.bench, "demo").await
    }

    async fn pay(&self, order: &Ordered) {
        let usdc = self.tokens.usdc;
        self.node.pay(usdc, BUYER, order.address, order.units).await;
    }

    async fn status(&self, order: &Ordered) -> String {
        let shown = crate::payments::poll(&self.bench, &order.id).await;
        shown["usdc"]["status"]
            .as_str()
            .expect("a status")
            .to_owned()
    }

    /// State, reason and payer of each transfer, in the order of the chain.
    async fn transfers(&self) -> Vec<Value> {
        let sql = "SELECT state, reason, payer FROM chain_transfers ORDER BY block, log_index";
        let rows = self.bench.sql(sql).await;
        rows.iter()
            .map(|row| json!([row["state"], row["reason"], row["payer"]]))
            .collect()
    }
}

#[tokio::test]
async fn exact_and_wrong_payments() {
    for more in [&[][..], &[(name::WALLET_XPUB, XPUB)]] {
        let market = Market::open(more).await;
        let (right, wrong) = (market.order().await, market.order().await);
        market.pay(&right).await;
        let usdc = market.tokens.usdc;
        let little = 18_500_000;
        market.node.pay(usdc, BUYER, wrong.address, little).await;
        market.settle().await;
        assert_eq!(market.status(&right).await, "paid");
        assert_eq!(market.status(&wrong).await, "waiting");
        let payer = BUYER.lower();
        let expected = [
            json!(["credited", null, payer]),
            json!(["unmatched", "underpaid", payer]),
        ];
        assert_eq!(market.transfers().await, expected);
        assert_eq!(issued(&market.bench).await, [1; 4]);
    }
}

/// The older watcher looked for transactions that were sent to the token itself,
/// and took the first log of each.
#[tokio::test]
async fn several_in_one_transaction_and_contract_wallets_pay_too() {
    let market = Market::open(&[]).await;
    let orders = [
        market.order().await,
        market.order().await,
        market.order().await,
    ];
    let (node, usdc) = (&market.node, market.tokens.usdc);
    let batch = node.deploy("BatchPayer", None).await;
    let owner = Wallet::named("owner");
    let wallet = node.deploy("ContractWallet", Some(owner.address())).await;
    node.mint(usdc, batch, 100_000_000).await;
    node.mint(usdc, wallet, 100_000_000).await;
    let to: Vec<Address> = orders[..2].iter().map(|order| order.address).collect();
    let units: Vec<u128> = orders[..2].iter().map(|order| order.units).collect();
    node.batch_pays(batch, usdc, &to, &units).await;
    let last = &orders[2];
    node.wallet_pays((wallet, owner.address()), usdc, last.address, last.units)
        .await;
    market.settle().await;
    for order in &orders {
        assert_eq!(market.status(order).await, "paid");
    }
    assert_eq!(issued(&market.bench).await, [3; 4]);
    let (batch, wallet) = (batch.lower(), wallet.lower());
    let expected = [&batch, &batch, &wallet].map(|payer| json!(["credited", null, payer]));
    assert_eq!(market.transfers().await, expected);
}

/// The older watcher never looked which contract a log is of.
#[tokio::test]
async fn another_token_pays_nothing_and_bridged_usdc_is_told() {
    let market = Market::open(&[]).await;
    let bought = market.order().await;
    let (node, other) = (&market.node, market.tokens.other);
    node.pay(other, BUYER, bought.address, bought.units).await;
    let program = node
        .ask("eth_getCode", json!([other.lower(), "latest"]))
        .await;
    let bridged = BRIDGED_USDC_POLYGON;
    node.ask("anvil_setCode", json!([bridged.lower(), program]))
        .await;
    node.pay(bridged, BUYER, bought.address, bought.units).await;
    market.settle().await;
    assert_eq!(market.status(&bought).await, "waiting");
    let expected = [json!(["unmatched", "wrong_token", BUYER.lower()])];
    assert_eq!(market.transfers().await, expected);
    assert_eq!(issued(&market.bench).await, [0; 4]);
}

#[tokio::test]
async fn one_payment_among_ten_thousand_others() {
    let market = Market::open(&[]).await;
    let bought = market.order().await;
    for seed in 0..50 {
        if seed == 25 {
            market.pay(&bought).await;
        }
        market.node.rush(market.tokens.usdc, 200, seed).await;
        market.node.mine(1).await;
    }
    market.settle().await;
    assert_eq!(market.status(&bought).await, "paid");
    assert_eq!(market.transfers().await.len(), 1);
    assert_eq!(issued(&market.bench).await, [1; 4]);
}

#[tokio::test]
async fn nothing_counts_before_it_is_final() {
    let market = Market::open(&[]).await;
    let bought = market.order().await;
    market.pay(&bought).await;
    market.node.mine(FINALITY).await;
    for _ in 0..3 {
        market.tick().await;
    }
    assert_eq!(market.status(&bought).await, "waiting");
    market.node.mine(1).await;
    market.tick().await;
    assert_eq!(market.status(&bought).await, "paid");
}

/// Blocks that were final are rolled back; what they credited is told, and what
/// comes instead is read.
#[tokio::test]
async fn a_rolled_back_payment_is_for_the_operator() {
    let market = Market::open(&[]).await;
    market.node.mine(100).await;
    market.settle().await;
    let (gone, kept) = (market.order().await, market.order().await);
    market.node.mine(100).await;
    market.pay(&gone).await;
    market.settle().await;
    assert_eq!(market.status(&gone).await, "paid");
    market.node.roll_back(1 + FINALITY).await;
    market.pay(&kept).await;
    let later = i64::try_from(NOW).expect("a time") + 600;
    market.node.next_block_at(later).await;
    market.settle().await;
    market.settle().await;
    assert_eq!(market.status(&kept).await, "paid");
    let told = "SELECT kind, object_kind FROM attention WHERE resolved_at IS NULL";
    let told = market.bench.sql(told).await;
    let expected = json!([{ "kind": "usdc_reorged", "object_kind": "transfer" }]);
    assert_eq!(json!(told), expected);
    // Whether its license is taken back is for the operator to say.
    assert_eq!(issued(&market.bench).await, [2; 4]);
}
