//! Deliveries that claim what is not so: only a signed one counts, and even
//! that only says where to look.

use super::cases;
use super::deliveries::{
    answered, body_of, deliver, deliver_signed, delivery, delivery_of, is_settled, ordered,
};
use super::floor::{licenses_of, make_due, nothing_due, poll, product, text, tick, told_of, until};
use crate::hosts::{Instance, OTHER_STORE};
use crate::shop::WEBHOOK_SECRET;
use keywright_btcpay_double::{Event, Fault, NewInvoice, sign};
use serde_json::json;

cases![
    signatures,
    not_ours,
    early,
    another_store,
    foreign_order,
    half_made_order alone,
    replayed,
];

async fn signatures(instance: &Instance) {
    let (invoice, remote) = ordered(instance, "signatures").await;
    let body = delivery_of(instance, "InvoiceSettled", &remote, &invoice).await;
    let right = sign(WEBHOOK_SECRET, &body);
    let wrong = [
        None,
        Some(String::new()),
        Some("sha256=".to_owned()),
        Some(right.trim_start_matches("sha256=").to_owned()),
        Some(right.replace("sha256=", "sha1=")),
        Some(right[..right.len() - 2].to_owned()),
        Some(format!("{right}00")),
        Some(sign("another secret", &body)),
        Some(sign(WEBHOOK_SECRET, b"another body")),
        Some(sign("", &body)),
    ];
    for signature in wrong {
        let answer = deliver(instance, &body, signature.as_deref()).await;
        answer.is_error(401, "unauthorized");
    }
    assert_eq!(deliver(instance, &body, Some(&right)).await.status, 200);
}

async fn not_ours(instance: &Instance) {
    for id in ["NoSuchInvoice", "", "../../x", "a b"] {
        let body = delivery(instance, "InvoiceSettled", id, "no-such-order");
        let answer = deliver_signed(instance, &body).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, String::new()),
            "{id:?}"
        );
    }
}

/// A delivery that says "settled" of an invoice that is not: the provider is
/// asked, and nothing is issued.
async fn early(instance: &Instance) {
    let (invoice, remote) = ordered(instance, "early").await;
    for kind in [
        "InvoiceSettled",
        "InvoicePaymentSettled",
        "InvoiceProcessing",
    ] {
        let body = delivery_of(instance, kind, &remote, &invoice).await;
        assert_eq!(deliver_signed(instance, &body).await.status, 200);
    }
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    assert_eq!(licenses_of(instance, &invoice).await, 0);
}

async fn another_store(instance: &Instance) {
    let (invoice, remote) = ordered(instance, "another-store").await;
    instance.btcpay.pay_on_chain(&remote).expect("a payment");
    let event = Event::new("InvoiceSettled")
        .store(OTHER_STORE)
        .invoice(&remote);
    let event = event.metadata(json!({ "orderId": invoice }));
    let answer = deliver_signed(instance, &body_of(instance, &event)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
}

/// A settled invoice that somebody made by hand for one satoshi, with our
/// order's id in it: its amount is not our price.
async fn foreign_order(instance: &Instance) {
    let (invoice, _) = ordered(instance, "foreign").await;
    let order_id = super::floor::order_id(instance, &invoice).await;
    for new in [
        NewInvoice::of("0.00000001", "BTC").order(&order_id),
        NewInvoice::of("0.00001", "BTC")
            .order(&order_id)
            .store(OTHER_STORE),
    ] {
        let cheap = instance.btcpay.create_invoice(new).expect("an invoice");
        instance.btcpay.pay_in_full(&cheap).expect("a payment");
        let body = delivery_of(instance, "InvoiceSettled", &cheap, &invoice).await;
        assert_eq!(deliver_signed(instance, &body).await.status, 200);
    }
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    assert_eq!(licenses_of(instance, &invoice).await, 0);
}

/// The same while our own invoice's id never reached us, so that the order's id
/// is all there is to go by.
async fn half_made_order(instance: &Instance) {
    nothing_due(instance).await;
    product(instance, "half-forged", 1_000).await;
    instance.btcpay.lose_create_answers(1);
    instance.btcpay.fail_after(1, 1, 503);
    let order = json!({ "product": "half-forged" });
    let answer = instance.api.post("/v1/purchase", &order).await;
    answer.is_error(502, "upstream_error");
    let sql = "SELECT i.id FROM invoices i JOIN products p ON p.id = i.product_id
               WHERE p.slug = ?1";
    let rows = instance.database.rows(sql, &["half-forged"]).await;
    let invoice = rows[0]["id"].as_str().expect("an id").to_owned();
    // Nobody was told its secret: as an order from before there were any, it is
    // opened by its id.
    let older = "UPDATE invoices SET poll_hash = NULL WHERE id = ?1";
    instance.database.change(older, &[&invoice]).await;
    let ours = instance
        .btcpay
        .invoice_by_order(&invoice)
        .expect("our invoice")
        .id;
    let cheap = NewInvoice::of("0.00000001", "BTC").order(&invoice);
    let cheap = instance.btcpay.create_invoice(cheap).expect("an invoice");
    instance.btcpay.pay_in_full(&cheap).expect("a payment");
    let body = delivery(instance, "InvoiceSettled", &cheap, &invoice);
    assert_eq!(deliver_signed(instance, &body).await.status, 200);
    instance
        .btcpay
        .idle()
        .await
        .expect("all webhooks delivered");
    make_due(instance, &invoice).await;
    assert_eq!(tick(instance).await.ok()["settled"], 0);
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    assert_eq!(licenses_of(instance, &invoice).await, 0);
    // Nor does the other invoice keep ours from being found.
    instance.btcpay.on_delivery(Fault::lose());
    instance.btcpay.pay_in_full(&ours).expect("a payment");
    instance.btcpay.idle().await.expect("nothing in flight");
    make_due(instance, &invoice).await;
    assert_eq!(tick(instance).await.ok()["settled"], 1);
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

/// The very same bytes again, as somebody who recorded them would send them.
async fn replayed(instance: &Instance) {
    let (invoice, remote) = ordered(instance, "replayed").await;
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    let settled = until(instance, &invoice, "settled").await;
    let tried = |answers: &[(String, u16)]| answers.iter().any(|(event, _)| is_settled(event));
    answered(instance, &remote, tried).await;
    let sent = |attempt: &keywright_btcpay_double::Attempt| {
        attempt.invoice_id.as_deref() == Some(&remote) && is_settled(&attempt.event)
    };
    let attempt = instance
        .btcpay
        .attempts()
        .into_iter()
        .find(sent)
        .expect("a delivery");
    for _ in 0..3 {
        let answer = deliver(instance, &attempt.body, Some(&attempt.signature)).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(poll(instance, &invoice).await, settled);
    assert_eq!(licenses_of(instance, &invoice).await, 1);
    assert_eq!(
        told_of(instance, &text(&settled, "license_id")).await,
        (1, 1)
    );
}
