//! Buying, paying and claiming on a real node: with an account, whose signature
//! is the node's own, and with a wallet that is a contract.

// compatibility: Browsers, chains and wallets | contract wallets (EIP-1271), compiled by solc | npm:solc | `make test` | claim a license with a signature

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use axum::body::Body;
use http::{Method, Request};
use keywright_native_host::SetClock;
use keywright_ports::name;
use keywright_providers::polygon::{Address, Hash};
use keywright_tests::polygon::{Anvil, Tokens, Wallet};
use keywright_tests::shop::{ADMIN_KEY, CRON_TOKEN, Setup, Shop};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;

const NOW: u64 = 1_800_000_000;
const SHOP: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

/// One of the accounts that the node can sign for.
const ACCOUNT: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// A node, a shop that is paid on it, and its clock.
struct Market {
    node: Anvil,
    tokens: Tokens,
    shop: Shop,
    _releases: TempDir,
}

/// An order: its id, where to pay, and how much.
struct Ordered {
    id: String,
    address: Address,
    units: u128,
}

impl Market {
    async fn open() -> Self {
        let genesis = i64::try_from(NOW - 600).expect("a time");
        let node = Anvil::start(genesis).await.expect("a node");
        let tokens = node.tokens().await;
        node.mine(295).await;
        let releases = tempfile::tempdir().expect("a folder");
        let shop = Shop::open(Setup {
            config: vec![
                (name::POLYGON_RPC_URLS, node.url().to_owned()),
                (name::USDC_ADDRESS, tokens.usdc.to_string()),
                (name::WALLET_ADDRESS, SHOP.to_owned()),
            ],
            clock: Arc::new(SetClock::at(NOW)),
            releases: releases.path().to_owned(),
            without_database: &[],
        });
        let market = Self {
            node,
            tokens,
            shop,
            _releases: releases,
        };
        let product = json!({
            "slug": "demo", "name": "Demo", "price_currency": "USD", "price_value": 1_900,
        });
        let made = market
            .send(Method::POST, "/v1/admin/products", &product, ADMIN_KEY)
            .await;
        assert_eq!(made.0, 200, "{made:?}");
        market.tick().await;
        market
    }

    async fn send(&self, method: Method, path: &str, body: &Value, key: &str) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {key}"))
            .body(Body::from(body.to_string()));
        let answer = self.shop.call(request.expect("a request")).await;
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status().as_u16(), body)
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::POST, path, body, "").await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, &json!(null), "").await
    }

    async fn tick(&self) -> Value {
        let (path, body) = ("/v1/cron/watch", json!({}));
        let (status, report) = self.send(Method::POST, path, &body, CRON_TOKEN).await;
        assert_eq!(status, 200, "{report}");
        report
    }

    async fn order(&self) -> Ordered {
        let body = json!({ "product": "demo", "rail": "usdc" });
        let (status, ordered) = self.post("/v1/purchase", &body).await;
        assert_eq!(status, 200, "{ordered}");
        let usdc = &ordered["usdc"];
        let address = usdc["address"].as_str().expect("an address");
        Ordered {
            id: ordered["invoice_id"].as_str().expect("an id").to_owned(),
            address: address.parse().expect("an address"),
            units: usdc["amount_units"].as_u64().expect("an amount").into(),
        }
    }

    /// What the buyer's page shows of an order.
    async fn sold(&self, order: &Ordered) -> Value {
        self.get(&format!("/v1/purchase/{}", order.id)).await.1
    }

    async fn challenge(&self, hash: Hash) -> (String, String) {
        let path = format!("/v1/license/{hash}/challenge");
        let (status, opened) = self.post(&path, &json!({})).await;
        assert_eq!(status, 200, "{opened}");
        let text = |name: &str| opened[name].as_str().expect("text").to_owned();
        (text("nonce"), text("message"))
    }

    async fn claim(&self, hash: Hash, nonce: &str, signature: &str) -> (u16, Value) {
        let path = format!("/v1/license/{hash}/claim");
        let body = json!({ "nonce": nonce, "signature": signature });
        self.post(&path, &body).await
    }
}

#[tokio::test]
async fn an_account_claims_with_the_signature_that_its_node_makes() {
    let market = Market::open().await;
    let (node, usdc) = (&market.node, market.tokens.usdc);
    let account: Address = ACCOUNT.parse().expect("an address");
    let order = market.order().await;
    let hash = node.pay(usdc, account, order.address, order.units).await;
    let path = format!("/v1/license/{hash}");
    assert_eq!(market.get(&path).await.0, 202);
    node.mine(1).await;
    // In a block that is not final: the tick does not count it.
    assert_eq!(market.tick().await["credited"], 0);
    let (status, pending) = market.get(&path).await;
    assert_eq!((status, &pending["status"]), (202, &json!("pending")));
    node.mine(2).await;
    assert_eq!(market.tick().await["credited"], 1);
    let (status, confirmed) = market.get(&path).await;
    assert_eq!((status, &confirmed["claimable"]), (200, &json!(true)));
    assert_eq!(confirmed["payments"][0]["payer"], ACCOUNT);
    let (nonce, message) = market.challenge(hash).await;
    let signature = node.sign(account, &message).await;
    let (status, claimed) = market.claim(hash, &nonce, &signature).await;
    assert_eq!(status, 200, "{claimed}");
    let sold = market.sold(&order).await;
    for member in ["license_key", "token", "license_id", "download_id"] {
        assert_eq!(claimed["licenses"][0][member], sold[member], "{member}");
        assert_ne!(sold[member], Value::Null, "{member}");
    }
}

#[tokio::test]
async fn a_contract_wallet_pays_and_claims_with_its_owners_signature() {
    let market = Market::open().await;
    let (node, usdc) = (&market.node, market.tokens.usdc);
    let owner = Wallet::named("owner");
    let wallet = node.deploy("ContractWallet", Some(owner.address())).await;
    let order = market.order().await;
    node.mint(usdc, wallet, order.units).await;
    let by = (wallet, owner.address());
    let hash = node.wallet_pays(by, usdc, order.address, order.units).await;
    node.mine(3).await;
    assert_eq!(market.tick().await["credited"], 1);
    let (nonce, message) = market.challenge(hash).await;
    assert!(message.contains(&wallet.to_string()), "{message}");
    for wrong in [
        Wallet::named("thief").sign(&message),
        owner.sign(&format!("{message} ")),
        "0x00".to_owned(),
    ] {
        let (status, refused) = market.claim(hash, &nonce, &wrong).await;
        assert_eq!(
            (status, &refused["error"]),
            (403, &json!("wrong_signature"))
        );
    }
    let (status, claimed) = market.claim(hash, &nonce, &owner.sign(&message)).await;
    assert_eq!(status, 200, "{claimed}");
    let sold = market.sold(&order).await;
    assert_eq!(claimed["licenses"][0]["token"], sold["token"]);
}

#[tokio::test]
async fn wallets_that_refuse_loudly_or_answer_sloppily_prove_nothing() {
    let market = Market::open().await;
    let (node, usdc) = (&market.node, market.tokens.usdc);
    for contract in ["RevertingWallet", "SloppyWallet", "BatchPayer"] {
        let wallet = node.deploy(contract, None).await;
        let order = market.order().await;
        let hash = node.pay(usdc, wallet, order.address, order.units).await;
        node.mine(3).await;
        assert_eq!(market.tick().await["credited"], 1, "{contract}");
        let (nonce, message) = market.challenge(hash).await;
        let signature = Wallet::named("anybody").sign(&message);
        let (status, refused) = market.claim(hash, &nonce, &signature).await;
        assert_eq!(status, 403, "{contract}: {refused}");
    }
}
