//! A shop that sells for USDC on a played chain.

use crate::bench::{Answer, Bench, NOW};
use axum::body::Body;
use http::Request;
use keywright_ports::name;
use keywright_providers::polygon::{Address, Hash};
use keywright_rpc_double::{Chain, Endpoint, Payment};
use keywright_tests::shop::CRON_TOKEN;
use serde_json::{Value, json};

/// The vendor's wallet.
pub(crate) const WALLET: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

/// A buyer, with zeros at the front.
pub(crate) const BUYER: Address = Address::from_bytes([
    0, 0, 0, 0xaa, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
]);

/// The public key that addresses of orders are derived from.
pub(crate) const XPUB: &str = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP";

/// Blocks that the chain has before anything happens.
pub(crate) const BEFORE: u64 = 1_000;

/// A shop, the chain it is paid on, and the endpoints that tell of it.
pub(crate) struct Market {
    pub(crate) bench: Bench,
    pub(crate) chain: Chain,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// An order, as its buyer sees it.
#[derive(Debug, Clone)]
pub(crate) struct Ordered {
    pub(crate) id: String,
    pub(crate) address: Address,
    pub(crate) units: u128,
}

/// The chain that a shop begins with: its newest block is of now.
pub(crate) fn chain() -> Chain {
    let genesis = i64::try_from(NOW - 2 * BEFORE).expect("a time");
    let chain = Chain::new(137, genesis);
    chain.mine(BEFORE);
    chain
}

/// The configuration of a shop over these endpoints.
pub(crate) fn configuration(endpoints: &[Endpoint]) -> Vec<(&'static str, String)> {
    let urls: Vec<String> = endpoints.iter().map(Endpoint::url).collect();
    vec![
        (name::POLYGON_RPC_URLS, urls.join(",")),
        (name::WALLET_ADDRESS, WALLET.to_owned()),
    ]
}

impl Market {
    /// A shop that sells `demo` for 19 dollars, with one endpoint, after its first
    /// tick.
    pub(crate) async fn open() -> Self {
        Self::over(1, &[]).await
    }

    /// The same with an address of its own for every order.
    pub(crate) async fn with_addresses() -> Self {
        Self::over(1, &[(name::WALLET_XPUB, XPUB)]).await
    }

    /// The same with so many endpoints and this on top.
    pub(crate) async fn over(endpoints: usize, more: &[(&'static str, &str)]) -> Self {
        let chain = chain();
        Self::on(&vec![chain; endpoints], more).await
    }

    /// The same with an endpoint for each of these chains; the last one is paid on.
    pub(crate) async fn on(chains: &[Chain], more: &[(&'static str, &str)]) -> Self {
        let chain = chains.last().expect("a chain").clone();
        let start = |chain| Endpoint::start(chain).expect("an endpoint");
        let endpoints: Vec<Endpoint> = chains.iter().map(start).collect();
        let configured = configuration(&endpoints);
        let mut config: Vec<(&'static str, &str)> = configured
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        config.extend(more);
        let bench = Bench::with(&config);
        priced(&bench, "demo", 1_900).await;
        let market = Self {
            bench,
            chain,
            endpoints,
        };
        market.tick().await;
        market
    }

    /// An order of `demo`.
    pub(crate) async fn order(&self) -> Ordered {
        order(&self.bench, "demo").await
    }

    /// Pays so much to an address, in the next block.
    pub(crate) fn pay(&self, to: Address, units: u128) -> Hash {
        self.chain.pay(Payment::usdc(BUYER, to, units))
    }

    /// Pays an order as it asks, in the next block.
    pub(crate) fn pay_order(&self, order: &Ordered) -> Hash {
        self.pay(order.address, order.units)
    }

    /// Time passes for the shop and on the chain.
    pub(crate) fn pass(&self, seconds: u64) {
        self.chain.mine(seconds / 2);
        self.bench.clock.advance(seconds);
    }

    /// A minute passes, and a tick runs.
    pub(crate) async fn minute(&self) -> Value {
        self.pass(60);
        self.tick().await
    }

    /// A tick that does its work.
    pub(crate) async fn tick(&self) -> Value {
        let ticked = try_tick(&self.bench).await;
        assert_eq!(ticked.status, 200, "{ticked:?}");
        ticked.json()
    }

    /// The state and the reason of each transfer, in the order of the chain.
    pub(crate) async fn transfers(&self) -> Vec<(String, Option<String>)> {
        let sql = "SELECT state, reason FROM chain_transfers ORDER BY block, log_index";
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let rows = self.bench.sql(sql).await;
        rows.iter()
            .map(|row| (text(&row["state"]).expect("a state"), text(&row["reason"])))
            .collect()
    }

    /// The kinds of what the operator is told of, in order.
    pub(crate) async fn told(&self) -> Vec<String> {
        let sql = "SELECT kind FROM attention WHERE resolved_at IS NULL ORDER BY kind";
        let rows = self.bench.sql(sql).await;
        rows.iter()
            .map(|row| row["kind"].as_str().expect("a kind").to_owned())
            .collect()
    }

    /// How often each transaction was paid for: receipts by their references.
    pub(crate) async fn receipts(&self) -> Vec<String> {
        let sql = "SELECT external_ref FROM receipts WHERE kind = 'polygon' ORDER BY external_ref";
        let rows = self.bench.sql(sql).await;
        rows.iter()
            .map(|row| row["external_ref"].as_str().expect("a text").to_owned())
            .collect()
    }

    /// What the buyer of an order is shown.
    pub(crate) async fn status(&self, order: &Ordered) -> String {
        let shown = crate::payments::poll(&self.bench, &order.id).await;
        let status = shown["usdc"]["status"].as_str().expect("a status");
        status.to_owned()
    }
}

/// A product priced in cents.
pub(crate) async fn priced(bench: &Bench, slug: &str, cents: i64) -> String {
    let body = json!({ "slug": slug, "name": slug, "price_currency": "USD", "price_value": cents });
    let made = bench.operate("POST", "/v1/admin/products", &body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.text("id")
}

/// An order to be paid in USDC.
pub(crate) async fn order(bench: &Bench, product: &str) -> Ordered {
    let body = json!({ "product": product, "rail": "usdc" });
    let answer = bench.post("/v1/purchase", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let usdc = answer.json()["usdc"].clone();
    let units = usdc["amount_units"].as_u64().expect("an amount");
    let address = usdc["address"].as_str().expect("an address");
    Ordered {
        id: answer.text("order_id"),
        address: address.parse().expect("an address"),
        units: u128::from(units),
    }
}

/// A tick, whatever becomes of it.
pub(crate) async fn try_tick(bench: &Bench) -> Answer {
    let tick = Request::post("/v1/cron/watch")
        .header("authorization", format!("Bearer {CRON_TOKEN}"))
        .body(Body::empty());
    bench.send(tick.expect("a request")).await
}
