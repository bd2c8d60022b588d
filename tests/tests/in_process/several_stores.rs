//! Selling through several stores of one server: which store an order is made
//! at, whose deliveries count, and how the reconciler asks.

use crate::bench::{Bench, UNTIL_DUE, account_of, json_request};
use crate::payments::{deliver, issued, order, poll};
use crate::stores::{
    OTHER, SHOP, business, connect, delivery_to, played_server, product_of, webhooks_to,
};
use http::Method;
use keywright_btcpay_double::{BtcPay, MarkAs};
use serde_json::{Value, json};

/// A business with a connected store and a product.
struct Shop {
    business: String,
    provider: String,
    secret: String,
}

async fn connected(bench: &Bench, pay: &BtcPay, slug: &str, store: &str) -> Shop {
    let business = business(bench, slug).await;
    let provider = connect(bench, pay, &business, store).await;
    product_of(bench, &business, slug).await;
    let [(_, secret)] = webhooks_to(pay, &provider).try_into().expect("one webhook");
    Shop {
        business,
        provider,
        secret,
    }
}

async fn shops() -> (BtcPay, Bench, Shop, Shop) {
    let pay = played_server();
    let bench = Bench::with(&account_of(&pay));
    bench.product("ours", 50_000).await;
    let first = connected(&bench, &pay, "first", SHOP).await;
    let second = connected(&bench, &pay, "second", OTHER).await;
    (pay, bench, first, second)
}

fn store_of(pay: &BtcPay, remote: &str) -> String {
    pay.invoice(remote).expect("an invoice").store_id
}

async fn tick(bench: &Bench) -> Value {
    let answer = bench.tick().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn each_business_is_paid_at_its_own_store() {
    let (pay, bench, first, _) = shops().await;
    for (slug, store) in [("ours", "STORE"), ("first", SHOP), ("second", OTHER)] {
        let (_, remote) = order(&bench, slug).await;
        assert_eq!(store_of(&pay, &remote), store, "{slug}");
        let shown = format!("/v1/storefront?product={slug}");
        let shown = bench.get(&shown).await.json();
        assert_eq!(shown["rails"], json!(["lightning", "onchain"]), "{slug}");
    }
    // Moved to another business, later orders go there; earlier ones stay.
    let row = bench
        .sql("SELECT id FROM products WHERE slug = 'ours'")
        .await;
    let path = format!(
        "/v1/admin/products/{}",
        row[0]["id"].as_str().expect("an id")
    );
    let moved = json!({ "merchant_profile_id": first.business });
    bench.operate("PATCH", &path, &moved).await;
    let (_, remote) = order(&bench, "ours").await;
    assert_eq!(store_of(&pay, &remote), SHOP);
    let counts = bench
        .sql("SELECT payment_provider_id IS NULL AS ours, count(*) AS n FROM invoices GROUP BY 1")
        .await;
    assert_eq!((&counts[0]["n"], &counts[1]["n"]), (&json!(3), &json!(1)));
    // A connected store comes before that of the configuration.
    let default = "00000000-0000-7000-8000-000000000001";
    connect(&bench, &pay, default, OTHER).await;
    bench.product("more", 1_000).await;
    let (_, remote) = order(&bench, "more").await;
    assert_eq!(store_of(&pay, &remote), OTHER);
    assert!(pay.violations().is_empty(), "{:?}", pay.violations());
}

#[tokio::test]
async fn only_the_deliveries_of_its_own_store_count() {
    let (pay, bench, first, second) = shops().await;
    let (id, remote) = order(&bench, "first").await;
    pay.pay_in_full(&remote).expect("a payment");
    // With another store's secret, under another store's address, and as an
    // event of the configured store.
    let forged = delivery_to(&pay, &first.provider, &second.secret, &remote);
    assert_eq!(
        bench.untouched_by(forged).await.refusal(),
        (401, "unauthorized".to_owned())
    );
    let wrong_place = delivery_to(&pay, &second.provider, &second.secret, &remote);
    assert_eq!(
        bench.untouched_by(wrong_place).await.status,
        200,
        "of no concern"
    );
    assert!(bench.log().contains("another store"), "{}", bench.log());
    deliver(&bench, &pay, "InvoiceSettled", &remote).await;
    assert_eq!(issued(&bench).await, [0; 4]);
    for nobody in ["none", "00000000-0000-7000-8000-000000000009", "..%2f"] {
        let delivery = delivery_to(&pay, nobody, &first.secret, &remote);
        assert_eq!(
            bench.untouched_by(delivery).await.refusal().0,
            401,
            "{nobody}"
        );
    }
    // Its own, ten times over.
    let rush =
        (0..10).map(|_| bench.send(delivery_to(&pay, &first.provider, &first.secret, &remote)));
    for answer in futures_util::future::join_all(rush).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(issued(&bench).await, [1; 4]);
    assert_eq!(poll(&bench, &id).await["status"], "settled");
}

/// Two businesses at one store: each order belongs to one of them.
#[tokio::test]
async fn a_store_that_two_share_tells_each_of_its_own_orders() {
    let (pay, bench, first, _) = shops().await;
    let third = connected(&bench, &pay, "third", SHOP).await;
    assert_ne!(first.secret, third.secret);
    let (_, remote) = order(&bench, "third").await;
    assert_eq!(store_of(&pay, &remote), SHOP);
    pay.pay_in_full(&remote).expect("a payment");
    let other = delivery_to(&pay, &first.provider, &first.secret, &remote);
    assert_eq!(bench.untouched_by(other).await.status, 200);
    assert!(
        bench.log().contains("no order of this account"),
        "{}",
        bench.log()
    );
    let own = delivery_to(&pay, &third.provider, &third.secret, &remote);
    assert_eq!(bench.send(own).await.status, 200);
    assert_eq!(issued(&bench).await, [1; 4]);
}

#[tokio::test]
async fn a_tick_asks_each_store_once_for_all_of_its_orders() {
    let (pay, bench, ..) = shops().await;
    for _ in 0..2 {
        for slug in ["ours", "first", "second"] {
            let (_, remote) = order(&bench, slug).await;
            pay.mark(&remote, MarkAs::Settled).expect("a mark");
        }
    }
    bench.clock.advance(UNTIL_DUE);
    pay.clear_logs();
    bench.shop.database.count_anew();
    let found = tick(&bench).await;
    assert_eq!(
        (&found["checked"], &found["failed"]),
        (&json!(6), &json!(0))
    );
    assert!(bench.shop.database.statements() <= 50);
    let mut asked: Vec<String> = pay.requests().into_iter().map(|one| one.path).collect();
    asked.sort();
    let path = |store: &str| format!("/api/v1/stores/{store}/invoices");
    // What was paid, and these orders.
    let twice = [OTHER, SHOP, "STORE"].map(|store| [path(store), path(store)]);
    assert_eq!(asked, twice.concat());
    while tick(&bench).await["settled"] != json!(0) {}
    assert_eq!(issued(&bench).await, [6; 4]);
    let keys: std::collections::BTreeSet<_> = pay
        .requests()
        .into_iter()
        .map(|one| (one.path, one.key))
        .collect();
    assert_eq!(keys.len(), 3, "each store with its own key");
}

/// One store that cannot be asked keeps nobody else's orders waiting.
#[tokio::test]
async fn a_store_that_cannot_be_asked_holds_up_nobody() {
    let (pay, bench, first, _) = shops().await;
    let mut ids = Vec::new();
    for slug in ["first", "second"] {
        let (id, remote) = order(&bench, slug).await;
        pay.pay_in_full(&remote).expect("a payment");
        ids.push(id);
    }
    // Its credentials were changed by somebody: they open no more.
    let changed = "UPDATE payment_providers
                   SET credentials = replace(credentials, 'api_key\":\"', 'api_key\":\"AAAA')
                   WHERE id = ";
    bench.sql(&format!("{changed}'{}'", first.provider)).await;
    bench.clock.advance(UNTIL_DUE);
    let found = tick(&bench).await;
    assert_eq!(
        (
            &found["checked"],
            &found["settled"],
            &found["stores_failed"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );
    assert!(bench.log().contains("cannot be opened"), "{}", bench.log());
    assert_eq!(poll(&bench, &ids[0]).await["status"], "pending");
    assert_eq!(poll(&bench, &ids[1]).await["status"], "settled");
}

/// A tick is bounded; the stores that it has no room for come first in the next.
#[tokio::test]
async fn many_stores_are_asked_over_several_ticks() {
    let pay = {
        let mut builder = BtcPay::builder();
        for number in 0..10 {
            builder = builder.store(&format!("S{number}"));
        }
        builder
            .frozen_clock(1_800_000_000)
            .strict()
            .start()
            .expect("a played BTCPay")
    };
    let bench = Bench::with(&[(keywright_ports::name::BTCPAY_URL, pay.base_url())]);
    for number in 0..10 {
        let slug = format!("p{number}");
        connected(&bench, &pay, &slug, &format!("S{number}")).await;
        let (_, remote) = order(&bench, &slug).await;
        pay.pay_in_full(&remote).expect("a payment");
    }
    bench.clock.advance(UNTIL_DUE);
    let mut ticks = 0;
    let mut settled = 0;
    while settled < 10 {
        pay.clear_logs();
        bench.shop.database.count_anew();
        let found = tick(&bench).await;
        let asked = pay.requests().len();
        assert!((1..=8).contains(&asked), "{asked} requests to four stores");
        assert!(bench.shop.database.statements() <= 50);
        assert_eq!(found["failed"], 0, "{found}");
        settled += found["settled"].as_u64().expect("a number");
        ticks += 1;
        assert!(ticks <= 6, "{settled} after {ticks} ticks");
    }
    assert_eq!(issued(&bench).await, [10; 4]);
}

#[tokio::test]
async fn an_instance_with_connected_stores_needs_no_other() {
    let pay = played_server();
    let bench = Bench::with(&[(keywright_ports::name::BTCPAY_URL, pay.base_url())]);
    bench.product("ours", 50_000).await;
    connected(&bench, &pay, "first", SHOP).await;
    let (_, remote) = order(&bench, "first").await;
    pay.pay_in_full(&remote).expect("a payment");
    bench.clock.advance(UNTIL_DUE);
    assert_eq!(tick(&bench).await["settled"], 1);
    let buy = json_request(Method::POST, "/v1/purchase", &json!({ "product": "ours" }));
    let refused = bench.untouched_by(buy).await.refusal();
    assert_eq!(refused, (503, "btcpay_not_configured".to_owned()));
    let path = "/v1/admin/btcpay/status";
    let status = bench.operate("GET", path, &json!({})).await.json();
    assert_eq!(
        (&status["connected"], &status["source"]),
        (&json!(false), &Value::Null)
    );
    assert!(
        status["problem"]
            .as_str()
            .is_some_and(|text| text.contains("BTCPAY_STORE_ID"))
    );
    let path = "/v1/admin/btcpay/payment-methods";
    let methods = bench.operate("GET", path, &json!({})).await;
    assert_eq!(methods.refusal(), (404, "not_found".to_owned()));
}

/// USDC goes to the wallet of the configuration, which is the default
/// business's.
#[tokio::test]
async fn no_other_business_is_paid_into_the_operators_wallet() {
    use keywright_ports::name::WALLET_ADDRESS;
    let pay = played_server();
    let wallet = (WALLET_ADDRESS, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
    let bench = Bench::with(&[&account_of(&pay)[..], &[wallet]].concat());
    let theirs = business(&bench, "Theirs").await;
    for (slug, owner) in [("ours", Value::Null), ("theirs", json!(theirs))] {
        let new = json!({ "slug": slug, "name": slug, "price_currency": "USD",
                          "price_value": 1_900, "merchant_profile_id": owner });
        let made = bench.operate("POST", "/v1/admin/products", &new).await;
        assert_eq!(made.status, 200, "{made:?}");
    }
    let buy = |slug: &str| json!({ "product": slug, "rail": "usdc" });
    let bought = bench.post("/v1/purchase", &buy("ours")).await;
    assert_eq!(bought.status, 200, "{bought:?}");
    let refused = json_request(Method::POST, "/v1/purchase", &buy("theirs"));
    let refused = bench.untouched_by(refused).await;
    assert_eq!(refused.refusal(), (400, "bad_request".to_owned()));
    let rails = bench.get("/v1/storefront?product=theirs").await.json()["rails"].clone();
    assert_eq!(rails, json!([]));
}
