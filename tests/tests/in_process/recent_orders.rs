//! Unpaid orders are capped by caller, by network and in all; paying makes room, and
//! a network that holds nothing gets in until the shop is full.

use crate::bench::{Answer, Bench, json_request, played_store};
use crate::payments::deliver;
use crate::races::at_once;
use axum::body::Body;
use http::{Method, Request, header};
use keywright_btcpay_double::BtcPay;
use keywright_domain::recent_orders::{
    CROWDED, MOST, PER_CALLER, PER_NETWORK, PER_PROVIDER, shrunk,
};
use keywright_ports::{Clock, DatabasePort, Statement, name};
use keywright_store::sales::recent_orders::forget;
use serde_json::{Value, json};
use std::sync::Arc;

/// The request as it comes from this address.
pub(crate) fn from_address(mut request: Request<Body>, address: &str) -> Request<Body> {
    let address = address.parse().expect("a header");
    request.headers_mut().insert("x-forwarded-for", address);
    request
}

/// Buys from this address.
pub(crate) async fn buy_from(bench: &Bench, address: &str, order: &Value) -> Answer {
    let request = json_request(Method::POST, "/v1/purchase", order);
    bench.send(from_address(request, address)).await
}

/// Seconds that a refused caller is told to wait.
pub(crate) fn wait_of(refused: &Answer) -> i64 {
    assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
    let seconds = refused.headers[header::RETRY_AFTER].to_str().expect("text");
    seconds.parse().expect("seconds")
}

fn is_about_unpaid_orders(refused: &Answer) -> bool {
    refused.text("message").contains("waiting for payment")
}

async fn shop() -> (BtcPay, Bench) {
    let pay = played_store();
    let wallet = (
        name::WALLET_ADDRESS,
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    );
    let bench = Bench::with(&[&crate::bench::account_of(&pay)[..], &[wallet]].concat());
    bench.product("demo", 50_000).await;
    let usd =
        json!({ "slug": "usd", "name": "usd", "price_currency": "USD", "price_value": 1_900 });
    let made = bench.operate("POST", "/v1/admin/products", &usd).await;
    assert_eq!(made.status, 200, "{made:?}");
    (pay, bench)
}

fn demo() -> Value {
    json!({ "product": "demo" })
}

/// Unpaid orders that somebody made before, from these callers.
async fn held(bench: &Bench, count: i64, caller: &str) {
    let product = bench.sql("SELECT id FROM products LIMIT 1").await[0]["id"].clone();
    let product = product.as_str().expect("an id");
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    );
    let at = bench.clock.unix_seconds();
    bench
        .sql(&format!(
            "{numbers}
             INSERT INTO invoices (id, product_id, provider, checkout_url, status, amount_sats,
                                   base_price_sats, duration_seconds, grace_seconds, max_machines,
                                   entitlements, is_trial, created_at, checks)
             SELECT 'junk-' || printf({caller}, i) || i, '{product}', 'btcpay', '', 'pending', 1, 1,
                    0, 0, 1, '[]', 0, {at}, 0 FROM n"
        ))
        .await;
    bench
        .sql(&format!(
            "{numbers}
             INSERT INTO recent_orders (invoice_id, kind, caller, with_code, ordered_at)
             SELECT 'junk-' || printf({caller}, i) || i, 'unpaid', printf({caller}, i), 0, {at} FROM n"
        ))
        .await;
}

#[tokio::test]
async fn a_caller_has_ten_unpaid_orders_of_all_rails_and_paying_makes_room() {
    let (pay, bench) = shop().await;
    let caller = "203.0.113.9";
    let mut bought = Vec::new();
    for number in 0..PER_CALLER {
        let order = if number % 3 == 0 {
            json!({ "product": "usd", "rail": "usdc" })
        } else {
            demo()
        };
        let answer = buy_from(&bench, caller, &order).await;
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
        bought.push(answer.text("btcpay_invoice_id"));
        bench.clock.advance(10);
    }
    let asked = pay.invoices().len();
    for order in [demo(), json!({ "product": "usd", "rail": "usdc" })] {
        let before = bench
            .number("SELECT (SELECT count(*) FROM invoices) + (SELECT count(*) FROM usdc_orders)")
            .await;
        let refused = buy_from(&bench, caller, &order).await;
        assert!(is_about_unpaid_orders(&refused), "{refused:?}");
        // The first of them was made 100 seconds ago.
        assert_eq!(wait_of(&refused), 3_500);
        let after = bench
            .number("SELECT (SELECT count(*) FROM invoices) + (SELECT count(*) FROM usdc_orders)")
            .await;
        assert_eq!(before, after, "nothing is recorded");
    }
    assert_eq!(pay.invoices().len(), asked, "the provider is not asked");
    // Others are not kept waiting, also next door.
    for other in ["203.0.113.10", "198.51.100.1", "2001:db8::1"] {
        assert_eq!(
            buy_from(&bench, other, &demo()).await.status,
            200,
            "{other}"
        );
    }
    // An order that ended unpaid still counts: it cost the same.
    pay.expire(&bought[1]).expect("an end");
    deliver(&bench, &pay, "InvoiceExpired", &bought[1]).await;
    assert_eq!(buy_from(&bench, caller, &demo()).await.status, 429);
    // Paying makes room for one more at once.
    pay.pay_in_full(&bought[2]).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &bought[2]).await;
    assert_eq!(buy_from(&bench, caller, &demo()).await.status, 200);
    assert_eq!(buy_from(&bench, caller, &demo()).await.status, 429);
    // So does the hour after the first one.
    bench.clock.advance(3_500);
    assert_eq!(buy_from(&bench, caller, &demo()).await.status, 200);
}

#[tokio::test]
async fn a_payment_on_its_way_makes_room() {
    let (pay, bench) = shop().await;
    let mut bought = Vec::new();
    for _ in 0..PER_CALLER {
        let answer = buy_from(&bench, "203.0.113.9", &demo()).await;
        bought.push(answer.text("btcpay_invoice_id"));
    }
    assert_eq!(buy_from(&bench, "203.0.113.9", &demo()).await.status, 429);
    pay.pay_on_chain(&bought[0]).expect("a payment");
    deliver(&bench, &pay, "InvoiceProcessing", &bought[0]).await;
    assert_eq!(buy_from(&bench, "203.0.113.9", &demo()).await.status, 200);
}

/// What a network is called, its callers by number, one more of them, and one outside.
type Network = (&'static str, fn(i64) -> String, &'static str, &'static str);

#[tokio::test]
async fn all_the_callers_of_a_network_have_thirty() {
    let (_pay, bench) = shop().await;
    let networks: [Network; 2] = [
        (
            "IPv4",
            |number| format!("203.0.113.{number}"),
            "203.0.113.250",
            "203.0.114.1",
        ),
        (
            "IPv6",
            |number| format!("2001:db8:1:{number:x}::1"),
            "2001:db8:1:ffff::1",
            "2001:db8:2::1",
        ),
    ];
    for (what, caller, inside, outside) in networks {
        for number in 1..=PER_NETWORK {
            let answer = buy_from(&bench, &caller(number), &demo()).await;
            assert_eq!(answer.status, 200, "{what} {number}: {answer:?}");
        }
        let refused = buy_from(&bench, inside, &demo()).await;
        assert!(is_about_unpaid_orders(&refused), "{what}: {refused:?}");
        assert_eq!(wait_of(&refused), 3_600);
        let fresh = buy_from(&bench, outside, &demo()).await;
        assert_eq!(fresh.status, 200, "{what}: {fresh:?}");
    }
}

#[tokio::test]
async fn all_the_networks_of_a_provider_have_three_hundred() {
    let (_pay, bench) = shop().await;
    // One order of each of 300 /48.
    held(&bench, PER_PROVIDER, "'620010db8%04x0000'").await;
    let refused = buy_from(&bench, "2001:db8:ffff::1", &demo()).await;
    assert!(is_about_unpaid_orders(&refused), "{refused:?}");
    assert_eq!(buy_from(&bench, "2001:db9::1", &demo()).await.status, 200);
    assert_eq!(buy_from(&bench, "203.0.113.9", &demo()).await.status, 200);
}

/// Whoever fills the shop is refused first: the fuller it is, the less a network may
/// have, and one that has nothing gets in until the last place.
#[tokio::test]
async fn a_crowd_tightens_the_widest_networks_and_leaves_the_door_open() {
    for open in [CROWDED - 50, CROWDED + 2_000, MOST - 60, MOST - 2] {
        let (_pay, bench) = shop().await;
        let cap = shrunk(PER_PROVIDER, open);
        // Half of what one provider may have, and the others from everywhere.
        held(&bench, cap / 2, "'620010db8%04x0000'").await;
        held(&bench, open - cap / 2, "'63%07x00000000'").await;
        let fresh = buy_from(&bench, "198.51.100.1", &demo()).await;
        assert_eq!(fresh.status, 200, "{open}: {fresh:?}");
        if cap == PER_PROVIDER {
            continue;
        }
        // The provider that has as much as it may.
        held(&bench, cap - cap / 2, "'620010db8%04x0001'").await;
        let refused = buy_from(&bench, "2001:db8:fffe::1", &demo()).await;
        assert!(is_about_unpaid_orders(&refused), "{open}: {refused:?}");
    }
    let (_pay, bench) = shop().await;
    held(&bench, MOST, "'63%07x00000000'").await;
    let refused = buy_from(&bench, "198.51.100.1", &demo()).await;
    assert!(is_about_unpaid_orders(&refused), "{refused:?}");
    assert_eq!(wait_of(&refused), 3_600);
    bench.clock.advance(3_600);
    assert_eq!(buy_from(&bench, "198.51.100.1", &demo()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_at_once_are_as_many_as_there_may_be() {
    let (pay, bench) = shop().await;
    let bench = Arc::new(bench);
    let orders = (0..30).map(|number| {
        let bench = bench.clone();
        let order = if number % 2 == 0 {
            json!({ "product": "usd", "rail": "usdc" })
        } else {
            demo()
        };
        async move { buy_from(&bench, "203.0.113.9", &order).await.status }
    });
    let statuses = at_once(orders).await;
    let taken = statuses.iter().filter(|status| **status == 200).count();
    assert!(
        statuses.iter().all(|status| [200, 429].contains(status)),
        "{statuses:?}"
    );
    // At least a few: the rate limits of orders in USDC may refuse some before.
    assert_eq!(i64::try_from(taken).expect("a number"), PER_CALLER);
    assert_eq!(
        bench.number("SELECT count(*) FROM invoices").await,
        PER_CALLER
    );
    assert_eq!(
        bench.number("SELECT count(*) FROM recent_orders").await,
        PER_CALLER
    );
    let usdc = bench.number("SELECT count(*) FROM usdc_orders").await;
    let made = i64::try_from(pay.invoices().len()).expect("a number");
    assert_eq!(made + usdc, PER_CALLER);
}

/// Where it came from is kept with an order for an hour, or until it is paid.
#[tokio::test]
async fn what_counts_no_more_is_forgotten() {
    let (pay, bench) = shop().await;
    let first = buy_from(&bench, "203.0.113.9", &demo()).await;
    buy_from(&bench, "203.0.113.9", &demo()).await;
    let btcpay_id = first.text("btcpay_invoice_id");
    pay.pay_in_full(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(bench.tick().await.status, 200);
    assert_eq!(bench.number("SELECT count(*) FROM recent_orders").await, 1);
    bench.clock.advance(3_599);
    assert_eq!(bench.tick().await.status, 200);
    assert_eq!(bench.number("SELECT count(*) FROM recent_orders").await, 1);
    bench.clock.advance(1);
    assert_eq!(bench.tick().await.status, 200);
    assert_eq!(bench.number("SELECT count(*) FROM recent_orders").await, 0);
}

/// Removing is bounded, and finds what it removes by index.
#[tokio::test]
async fn a_tick_forgets_a_bounded_number() {
    let (_pay, bench) = shop().await;
    held(&bench, 20, "'63%07x00000000'").await;
    let forget: Statement = forget(bench.clock.unix_seconds() + 3_600, 7);
    let port = &bench.shop.database;
    port.batch(vec![forget]).await.expect("a batch");
    assert_eq!(bench.number("SELECT count(*) FROM recent_orders").await, 13);
}

async fn free_product(bench: &Bench) {
    bench.product("free", 0).await;
    let trial = json!({ "is_trial": true, "duration_seconds": 86_400 });
    bench.product("try", 0).await;
    bench.policy("try", "trial", trial).await;
    let gift = json!({ "kind": "free_license", "max_uses": 1_000 });
    bench.code("GIFT", gift).await;
}

/// Free licenses stay for good, whichever way they are ordered.
#[tokio::test]
async fn a_caller_gets_ten_free_licenses_an_hour() {
    let (_pay, bench) = shop().await;
    free_product(&bench).await;
    let caller = "203.0.113.9";
    let redeem = json!({ "product": "demo", "code": "GIFT" });
    for number in 0..PER_CALLER {
        let (path, order) = match number % 3 {
            0 => ("/v1/redeem", redeem.clone()),
            1 => ("/v1/purchase", redeem.clone()),
            _ => ("/v1/purchase", json!({ "product": "free" })),
        };
        let request = json_request(Method::POST, path, &order);
        let answer = bench.send(from_address(request, caller)).await;
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
    }
    for (path, order) in [
        ("/v1/redeem", redeem.clone()),
        ("/v1/purchase", redeem.clone()),
        ("/v1/purchase", json!({ "product": "free" })),
    ] {
        let rows = "SELECT (SELECT count(*) FROM invoices) + (SELECT count(*) FROM licenses)
                         + (SELECT count(*) FROM events) + (SELECT used_count FROM discount_codes)";
        let before = bench.number(rows).await;
        let request = json_request(Method::POST, path, &order);
        let refused = bench.send(from_address(request, caller)).await;
        assert_eq!(wait_of(&refused), 3_600, "{path}: {refused:?}");
        assert!(
            refused.text("message").contains("free licenses"),
            "{refused:?}"
        );
        assert_eq!(bench.number(rows).await, before, "nothing is recorded");
    }
    // What is paid is counted by itself, and so is everybody else.
    assert_eq!(buy_from(&bench, caller, &demo()).await.status, 200);
    let other = buy_from(&bench, "198.51.100.1", &json!({ "product": "free" })).await;
    assert_eq!(other.status, 200, "{other:?}");
    bench.tick().await;
    assert_eq!(
        buy_from(&bench, caller, &json!({ "product": "free" }))
            .await
            .status,
        429,
        "a tick forgets none that counts"
    );
    bench.clock.advance(3_600);
    let again = buy_from(&bench, caller, &json!({ "product": "free" })).await;
    assert_eq!(again.status, 200, "{again:?}");
}

#[tokio::test]
async fn a_caller_gets_ten_trials_a_day() {
    let (_pay, bench) = shop().await;
    free_product(&bench).await;
    let trial = json!({ "product": "try", "policy_slug": "trial" });
    for number in 0..100 {
        let answer = buy_from(&bench, "203.0.113.9", &trial).await;
        if number < PER_CALLER {
            assert_eq!(answer.status, 200, "{number}: {answer:?}");
            continue;
        }
        // Trying often is refused by itself, later on.
        assert_eq!(answer.status, 429, "{number}: {answer:?}");
    }
    assert_eq!(
        bench.number("SELECT count(*) FROM licenses").await,
        PER_CALLER
    );
    for _ in 0..3 {
        bench.clock.advance(28_799);
        bench.tick().await;
        let refused = buy_from(&bench, "203.0.113.9", &trial).await;
        assert!(wait_of(&refused) > 0, "{refused:?}");
        assert!(refused.text("message").contains("trials"), "{refused:?}");
    }
    bench.clock.advance(3);
    assert_eq!(buy_from(&bench, "203.0.113.9", &trial).await.status, 200);
}

/// Wherever they are ordered from, and however the address is written.
#[tokio::test]
async fn an_e_mail_address_gets_three_trials_of_a_product() {
    let (_pay, bench) = shop().await;
    free_product(&bench).await;
    let order =
        |email: &str| json!({ "product": "try", "policy_slug": "trial", "buyer_email": email });
    for number in 0..3 {
        let email = [
            "satoshi@example.com",
            " Satoshi@Example.com",
            "SATOSHI@example.COM",
        ][number];
        let caller = format!("198.51.{number}.1");
        let answer = buy_from(&bench, &caller, &order(email)).await;
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
    }
    let refused = buy_from(&bench, "203.0.113.9", &order("satoshi@example.com")).await;
    assert_eq!(wait_of(&refused), 86_400);
    assert!(refused.text("message").contains("recover"), "{refused:?}");
    assert_eq!(bench.number("SELECT count(*) FROM licenses").await, 3);
    let other = buy_from(&bench, "203.0.113.9", &order("hal@example.com")).await;
    assert_eq!(other.status, 200, "{other:?}");
    bench.clock.advance(30 * 86_400);
    let later = buy_from(&bench, "203.0.113.9", &order("satoshi@example.com")).await;
    assert_eq!(later.status, 200, "{later:?}");
}
