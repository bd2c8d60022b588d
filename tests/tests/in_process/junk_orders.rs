//! Ten thousand unpaid orders, and the one that was paid behind them: what a tick asks
//! for first, what it costs, and what holds nobody up.

use crate::bench::{Bench, account_of, played_store};
use crate::payments::{issued, order, poll};
use crate::stores::{OTHER, SHOP, business, connect, played_server, product_of};
use bytes::Bytes;
use http::{Request, Response};
use keywright_btcpay_double::{BtcPay, MarkAs, NewInvoice, Payment};
use keywright_native_host::HttpFetch;
use keywright_ports::BoxFuture;
use keywright_ports::{Clock, Fetch, FetchError, FetchLimits};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

const JUNK: usize = 10_000;

/// Orders that nobody pays, at the store and here, in this state, all overdue.
async fn junk(bench: &Bench, pay: &BtcPay, status: &str) {
    let mut made = Vec::new();
    for number in 0..JUNK {
        let id = format!("00000000-0000-7000-8000-{number:012}");
        let new = NewInvoice::of("0.0005", "BTC").order(&id);
        let remote = pay.create_invoice(new).expect("an invoice");
        if status == "expired" {
            pay.expire(&remote).expect("an end");
        }
        made.push(json!([id, remote]));
    }
    let product = bench.sql("SELECT id FROM products LIMIT 1").await[0]["id"].clone();
    let product = product.as_str().expect("an id");
    let at = bench.clock.unix_seconds();
    let made = Value::from(made);
    bench
        .sql(&format!(
            "INSERT INTO invoices (id, product_id, provider, provider_invoice_id, checkout_url,
                                   status, amount_sats, base_price_sats, duration_seconds,
                                   grace_seconds, max_machines, entitlements, is_trial,
                                   created_at, checks, next_check_at, price_amount,
                                   base_price_amount)
             SELECT value ->> 0, '{product}', 'btcpay', value ->> 1, 'x', '{status}', 50000, 50000,
                    0, 0, 1, '[]', 0, {at} - 600, 3, {at} - 500, 50000, 50000
             FROM json_each('{made}')"
        ))
        .await;
}

async fn tick(bench: &Bench) -> Value {
    let answer = bench.tick().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Ticks a minute apart until the order is settled; answers how many it took.
async fn ticks_until_settled(bench: &Bench, pay: &BtcPay, invoice_id: &str) -> usize {
    for number in 1..=20 {
        bench.clock.advance(60);
        pay.clear_logs();
        bench.shop.database.count_anew();
        tick(bench).await;
        let (requests, statements) = (pay.requests().len(), bench.shop.database.statements());
        assert!(requests <= 3, "{requests} requests");
        assert!(statements <= 50, "{statements} statements");
        if poll(bench, invoice_id).await["status"] == "settled" {
            return number;
        }
    }
    panic!("not settled after 20 ticks: {}", bench.log());
}

#[tokio::test]
async fn ten_thousand_unpaid_orders_delay_no_paid_one() {
    for status in ["pending", "expired"] {
        let pay = played_store();
        let bench = Bench::with(&account_of(&pay));
        bench.product("demo", 50_000).await;
        let (early, early_there) = order(&bench, "demo").await;
        junk(&bench, &pay, status).await;
        let (late, late_there) = order(&bench, "demo").await;
        // Both are paid, one over the chain, and nobody tells of it.
        pay.pay_in_full(&late_there).expect("a payment");
        pay.pay(&early_there, &Payment::rest().on_chain())
            .expect("a payment");
        assert!(
            ticks_until_settled(&bench, &pay, &late).await <= 2,
            "{status}"
        );
        // The junk still waits for its turn when the other one is confirmed.
        pay.confirm(&early_there).expect("a confirmation");
        assert!(
            ticks_until_settled(&bench, &pay, &early).await <= 2,
            "{status}"
        );
        assert_eq!(issued(&bench).await, [2; 4]);
        let overdue = "SELECT count(*) FROM invoices WHERE next_check_at < 1800000000";
        assert!(bench.number(overdue).await > 9_000, "{status}");
    }
}

/// An order that ended unpaid and was marked as paid afterwards.
#[tokio::test]
async fn what_the_merchant_accepts_late_does_not_wait_behind_junk() {
    let pay = played_store();
    let bench = Bench::with(&account_of(&pay));
    bench.product("demo", 50_000).await;
    let (id, there) = order(&bench, "demo").await;
    pay.expire(&there).expect("an end");
    bench.clock.advance(120);
    assert_eq!(tick(&bench).await["closed"], 1);
    junk(&bench, &pay, "expired").await;
    pay.mark(&there, MarkAs::Settled).expect("a mark");
    assert!(ticks_until_settled(&bench, &pay, &id).await <= 2);
}

/// A busy store: the paid order is older than the newest hundred paid ones.
#[tokio::test]
async fn older_paid_invoices_are_listed_page_by_page() {
    let pay = played_store();
    let bench = Bench::with(&account_of(&pay));
    bench.product("demo", 50_000).await;
    let (id, there) = order(&bench, "demo").await;
    junk(&bench, &pay, "pending").await;
    // Another program of the vendor's sells through the same store.
    for _ in 0..250 {
        let other = pay
            .create_invoice(NewInvoice::of("0.0001", "BTC").order("their own"))
            .expect("an invoice");
        pay.pay_in_full(&other).expect("a payment");
    }
    pay.pay_in_full(&there).expect("a payment");
    // The first hundred with each tick, and the second and the third in turn.
    assert_eq!(ticks_until_settled(&bench, &pay, &id).await, 3);
}

/// Answers of more than this many invoices are larger than may be read.
struct Narrow {
    inner: HttpFetch,
    most: usize,
    refused: AtomicUsize,
}

impl Fetch for Narrow {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(async move {
            let answer = self.inner.send(request, limits).await?;
            let list: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            if list.as_array().is_some_and(|list| list.len() > self.most) {
                self.refused.fetch_add(1, Ordering::SeqCst);
                return Err(FetchError::TooLarge(limits.bytes));
            }
            Ok(answer)
        })
    }
}

/// A list that is too large to be read is read in smaller parts.
#[tokio::test]
async fn an_answer_that_is_too_large_stops_nothing() {
    let pay = played_store();
    let narrow = Arc::new(Narrow {
        inner: HttpFetch::patient(),
        most: 12,
        refused: AtomicUsize::new(0),
    });
    let bench = Bench::with_outbound(&account_of(&pay), narrow.clone());
    bench.product("demo", 50_000).await;
    for _ in 0..30 {
        let (_, there) = order(&bench, "demo").await;
        pay.pay_in_full(&there).expect("a payment");
    }
    let mut settled = 0;
    for _ in 0..40 {
        bench.clock.advance(60);
        settled += tick(&bench).await["settled"].as_u64().expect("a number");
    }
    assert_eq!(settled, 30, "{}", bench.log());
    assert!(narrow.refused.load(Ordering::SeqCst) >= 3);
}

/// One store answers nothing until the other one has been asked for everything.
struct Hanging {
    inner: HttpFetch,
    hangs: &'static str,
    asked_others: AtomicUsize,
    until: Notify,
}

impl Fetch for Hanging {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(async move {
            if request.uri().path().contains(self.hangs) {
                self.until.notified().await;
                return Err(FetchError::TimedOut(limits.time));
            }
            let answer = self.inner.send(request, limits).await;
            if self.asked_others.fetch_add(1, Ordering::SeqCst) == 0 {
                self.until.notify_one();
            }
            answer
        })
    }
}

/// A store that hangs costs a tick its time limit once, whoever is asked before whom,
/// and is then asked less and less often.
#[tokio::test]
async fn a_store_that_hangs_holds_up_no_other() {
    for hangs in [SHOP, OTHER] {
        let pay = played_server();
        let before = Bench::with(&account_of(&pay));
        let mut orders = Vec::new();
        for store in [SHOP, OTHER] {
            let business = business(&before, store).await;
            connect(&before, &pay, &business, store).await;
            let slug = store.to_lowercase();
            product_of(&before, &business, &slug).await;
            let (id, there) = order(&before, &slug).await;
            pay.pay_in_full(&there).expect("a payment");
            orders.push((store, id));
        }
        let fetch = Arc::new(Hanging {
            inner: HttpFetch::patient(),
            hangs,
            asked_others: AtomicUsize::new(0),
            until: Notify::new(),
        });
        let bench = Bench::over_outbound(&before, &account_of(&pay), fetch.clone());
        bench.clock.advance(60);
        // Only a tick that waits for one store before it asks the other never ends.
        let found = tokio::time::timeout(Duration::from_mins(5), tick(&bench));
        let found = found.await.expect("the stores are asked at the same time");
        assert_eq!(
            (&found["settled"], &found["stores_failed"]),
            (&json!(1), &json!(1)),
            "{hangs}"
        );
        for (store, id) in orders {
            let status = if store == hangs { "pending" } else { "settled" };
            assert_eq!(poll(&bench, &id).await["status"], status, "{hangs}");
        }
    }
}

/// A store with ten thousand unpaid orders takes nothing from another one's turns.
#[tokio::test]
async fn a_store_full_of_junk_leaves_the_others_their_turns() {
    let pay = played_server();
    let bench = Bench::with(&account_of(&pay));
    bench.product("ours", 50_000).await;
    let theirs = business(&bench, "theirs").await;
    connect(&bench, &pay, &theirs, OTHER).await;
    product_of(&bench, &theirs, "theirs").await;
    junk(&bench, &pay, "pending").await;
    // One that ended, which only its own turn tells of.
    let (id, there) = order(&bench, "theirs").await;
    pay.pay_partially(&there).expect("a payment");
    pay.expire(&there).expect("an end");
    bench.clock.advance(120);
    tick(&bench).await;
    assert_eq!(poll(&bench, &id).await["status"], "expired");
}
