//! Many requests at once, on four threads: each thing happens once.

use crate::bench::{Bench, UNTIL_DUE, json_request, played_store, signed_in};
use crate::payments::{body_of, deliver, delivery_of, issued, order, poll};
use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Runs all of them at once, released together, each in a task of its own.
pub(crate) async fn at_once<T, F>(tasks: impl ExactSizeIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(tasks.len()));
    let mut running = JoinSet::new();
    for task in tasks {
        let start = start.clone();
        running.spawn(async move {
            start.wait().await;
            task.await
        });
    }
    running.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deliveries_ticks_and_polls_of_one_payment_make_one_license() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    let body = body_of(&pay, "InvoiceSettled", &btcpay_id);
    bench.clock.advance(UNTIL_DUE);
    let requests = (0..240).map(|number| {
        let (bench, body, invoice_id) = (bench.clone(), body.clone(), invoice_id.clone());
        async move {
            match number % 3 {
                0 => bench.send(delivery_of(body)).await.status,
                1 => {
                    // Due again for each tick, so that many of them claim it.
                    bench.clock.advance(61);
                    bench.tick().await.status
                }
                _ => {
                    bench
                        .get(&format!("/v1/purchase/{}", bench.opener(&invoice_id)))
                        .await
                        .status
                }
            }
        }
    });
    let statuses = at_once(requests).await;
    assert_eq!(statuses, [200; 240]);
    assert_eq!(issued(&bench).await, [1; 4]);
    let progress = poll(&bench, &invoice_id).await;
    bench.verified(progress["license_key"].as_str().expect("a key"));
    assert!(pay.violations().is_empty(), "{:?}", pay.violations());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deliveries_that_disagree_end_as_settled() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    let bodies = [
        "InvoiceExpired",
        "InvoiceInvalid",
        "InvoiceSettled",
        "InvoicePaymentSettled",
    ]
    .map(|kind| body_of(&pay, kind, &btcpay_id));
    let requests = (0..200).map(|number| {
        let (bench, body) = (bench.clone(), bodies[number % 4].clone());
        async move { bench.send(delivery_of(body)).await.status }
    });
    assert_eq!(at_once(requests).await, [200; 200]);
    assert_eq!(issued(&bench).await, [1; 4]);
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn overlapping_ticks_share_the_work() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    for _ in 0..40 {
        let (_, btcpay_id) = order(&bench, "demo").await;
        pay.pay_in_full(&btcpay_id).expect("a payment");
    }
    bench.clock.advance(UNTIL_DUE);
    let mut reports = Vec::new();
    // What one tick has no room for is there for the next at once; while a tick has a
    // store's turn, no other has it.
    for _ in 0..20 {
        let ticks = (0..20).map(|_| {
            let bench = bench.clone();
            async move { bench.tick().await.json() }
        });
        reports.extend(at_once(ticks).await);
    }
    let sum = |member: &str| {
        reports
            .iter()
            .filter_map(|report| report[member].as_u64())
            .sum::<u64>()
    };
    assert_eq!((sum("settled"), sum("failed")), (40, 0), "{reports:?}");
    assert_eq!(issued(&bench).await, [40; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn as_many_free_purchases_as_licenses() {
    let bench = Arc::new(Bench::new());
    bench.product("free", 0).await;
    let purchases = (0..200).map(|_| {
        let bench = bench.clone();
        async move {
            bench
                .post("/v1/purchase", &json!({ "product": "free" }))
                .await
                .json()
        }
    });
    let answers = at_once(purchases).await;
    let members = |member: &str| -> BTreeSet<String> {
        answers
            .iter()
            .map(|answer| answer[member].as_str().expect("a text").to_owned())
            .collect()
    };
    assert_eq!(members("license_key").len(), 200);
    assert_eq!(members("license_id").len(), 200);
    assert_eq!(members("invoice_id").len(), 200);
    for key in members("license_key") {
        bench.verified(&key);
    }
    assert_eq!(issued(&bench).await, [200; 4]);
}

/// Runs one request of the operator 50 times at once; answers the statuses and
/// the last answer that was 200.
async fn operate_at_once(bench: &Arc<Bench>, path: &str, body: &Value) -> (Vec<u16>, Value) {
    let requests = (0..50).map(|_| {
        let bench = bench.clone();
        let request: Request<Body> = signed_in(json_request(Method::POST, path, body));
        async move { bench.send(request).await }
    });
    let answers = at_once(requests).await;
    let accepted = answers
        .iter()
        .rfind(|answer| answer.status == 200)
        .expect("one accepted");
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.refusal(), (409, "conflict".to_owned()));
    }
    let accepted = accepted.json();
    (
        answers.iter().map(|answer| answer.status).collect(),
        accepted,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slug_is_given_once() {
    let bench = Arc::new(Bench::new());
    let product = json!({ "slug": "demo", "name": "Demo", "price_sats": 1 });
    let (statuses, made) = operate_at_once(&bench, "/v1/admin/products", &product).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(
        bench.get("/v1/products/demo").await.json()["id"],
        made["id"]
    );
    let policy = json!({ "product_slug": "demo", "slug": "pro", "name": "Pro" });
    let (statuses, _) = operate_at_once(&bench, "/v1/admin/policies", &policy).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(bench.number("SELECT count(*) FROM products").await, 1);
    assert_eq!(bench.number("SELECT count(*) FROM policies").await, 1);
    assert_eq!(bench.number("SELECT count(*) FROM audit").await, 2);
    assert_eq!(bench.number("SELECT count(*) FROM events").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_license_is_revoked_once() {
    let bench = Arc::new(Bench::new());
    bench.product("demo", 1).await;
    let license_id = bench.issue("demo", json!({})).await.text("license_id");
    let path = format!("/v1/admin/licenses/{license_id}/revoke");
    let (statuses, _) = operate_at_once(&bench, &path, &json!({ "reason": "raced" })).await;
    assert_eq!(statuses, [200; 50]);
    let count = |what: &str| format!("SELECT count(*) FROM {what}");
    assert_eq!(
        bench
            .number(&count("audit WHERE action = 'license.revoke'"))
            .await,
        1
    );
    assert_eq!(
        bench
            .number(&count("events WHERE event_type = 'license.revoked'"))
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_delivery_may_overtake_the_answer_of_the_purchase() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    // The buyer's answer is slow; the payment and its delivery are not.
    pay.slow(std::time::Duration::from_millis(300));
    let buying = {
        let bench = bench.clone();
        tokio::spawn(async move { order(&bench, "demo").await })
    };
    let mut waited = 0;
    while pay.invoices().is_empty() {
        waited += 1;
        assert!(waited < 1_000, "no invoice was made");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let btcpay_id = pay.invoices()[0].id.clone();
    pay.slow(std::time::Duration::ZERO);
    pay.pay_in_full(&btcpay_id).expect("a payment");
    let answer = deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(answer.status, 200);
    let (invoice_id, bought) = buying.await.expect("a purchase");
    assert_eq!(bought, btcpay_id);
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
    assert_eq!(issued(&bench).await, [1; 4]);
}
