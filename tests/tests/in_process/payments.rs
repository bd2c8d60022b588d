//! Buying and paying at the played store, and what it delivers.

use crate::bench::{Answer, Bench};
use axum::body::Body;
use http::Request;
use keywright_btcpay_double::{BtcPay, Event, EventIds, sign};
use keywright_tests::shop::WEBHOOK_SECRET;
use serde_json::{Value, json};

/// Buys a product; answers the order's public id and the store's.
pub(crate) async fn order(bench: &Bench, product: &str) -> (String, String) {
    let answer = bench
        .post("/v1/purchase", &json!({ "product": product }))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (answer.text("order_id"), answer.text("btcpay_invoice_id"))
}

/// The poll of a purchase, by its secret or, for an order made here, by its id.
pub(crate) async fn poll(bench: &Bench, order: &str) -> Value {
    let opener = bench.opener(order);
    if opener == order && !order.starts_with("os_") {
        // Its answer was lost, and with it the secret: as an order from before there
        // were any, it is opened by its id.
        let older = format!("UPDATE invoices SET poll_hash = NULL WHERE id = '{order}'");
        bench.sql(&older).await;
    }
    let answer = bench.get(&format!("/v1/purchase/{opener}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The bytes of a first delivery about an invoice, as the store writes them.
pub(crate) fn body_of(pay: &BtcPay, kind: &str, invoice_id: &str) -> Vec<u8> {
    let invoice = pay.invoice(invoice_id).expect("an invoice");
    let event = Event::new(kind)
        .invoice(invoice_id)
        .metadata(Value::Object(invoice.metadata))
        .store(&invoice.store_id)
        .with("manuallyMarked", json!(false))
        .with("overPaid", json!(false));
    event.body(&EventIds {
        delivery_id: format!("delivery-of-{invoice_id}"),
        webhook_id: pay.webhook_id(),
        original_delivery_id: format!("delivery-of-{invoice_id}"),
        is_redelivery: false,
        timestamp: pay.now(),
        store_id: invoice.store_id,
    })
}

/// A signed delivery of these bytes.
pub(crate) fn delivery_of(body: Vec<u8>) -> Request<Body> {
    let signature = sign(WEBHOOK_SECRET, &body);
    delivery_signed(body, Some(&signature))
}

/// A delivery of these bytes under any signature.
pub(crate) fn delivery_signed(body: Vec<u8>, signature: Option<&str>) -> Request<Body> {
    let mut request =
        Request::post("/v1/btcpay/webhook").header("content-type", "application/json");
    if let Some(signature) = signature {
        request = request.header("BTCPay-Sig", signature);
    }
    request.body(Body::from(body)).expect("a request")
}

/// Delivers an event about an invoice of the store.
pub(crate) async fn deliver(bench: &Bench, pay: &BtcPay, kind: &str, invoice_id: &str) -> Answer {
    bench
        .send(delivery_of(body_of(pay, kind, invoice_id)))
        .await
}

/// How many of each thing there are: receipts, licenses with a download id, and the audit entries
/// and events that tell of a license.
pub(crate) async fn issued(bench: &Bench) -> [i64; 4] {
    [
        bench.number("SELECT count(*) FROM receipts").await,
        bench
            .number("SELECT count(*) FROM licenses JOIN download_ids ON license_id = id")
            .await,
        bench
            .number("SELECT count(*) FROM audit WHERE action = 'license.issue'")
            .await,
        bench
            .number("SELECT count(*) FROM events WHERE event_type = 'license.issued'")
            .await,
    ]
}

/// Ticks until every order is decided, an hour apart.
pub(crate) async fn tick_until_quiet(bench: &Bench) {
    for _ in 0..50 {
        if bench
            .number("SELECT count(*) FROM invoices WHERE status = 'pending'")
            .await
            == 0
        {
            return;
        }
        bench.clock.advance(3_600);
        let answer = bench.tick().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    panic!(
        "still pending after 50 ticks: {:?}",
        bench.sql("SELECT * FROM invoices").await
    );
}
