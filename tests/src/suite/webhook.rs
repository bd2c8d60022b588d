//! What payment providers call: deliveries in every order, number and state of
//! health.

use super::cases;
use super::deliveries::{PATH, answered, deliver_signed, delivery_of, is_settled, ordered};
use super::floor::{
    buy, eventually, licenses_of, nothing_due, policy, poll, product, text, tick, told_of, until,
};
use crate::hosts::Instance;
use http::Method;
use keywright_btcpay_double::{Fault, MarkAs, Release};
use serde_json::{Value, json};

cases![
    bodies,
    ten_at_once,
    redelivered,
    out_of_order alone,
    provider_down_meanwhile alone,
    re_serialised alone,
    wrong_secret alone,
    marked_invalid,
    other_methods,
];

async fn bodies(instance: &Instance) {
    for body in ["", "not json", "[]", "\"text\"", "{\"type\":1}"] {
        let answer = deliver_signed(instance, body.as_bytes()).await;
        answer.is_error(400, "bad_request");
    }
    let large = vec![b' '; 2 * 1024 * 1024 + 1];
    deliver_signed(instance, &large)
        .await
        .is_error(413, "payload_too_large");
    // Types that do not exist yet are acknowledged: BTCPay would send an error again.
    let (invoice, remote) = ordered(instance, "bodies").await;
    for kind in [
        "InvoiceSomethingNew",
        "PaymentRequestCompleted",
        "InvoiceCreated",
    ] {
        let answer = deliver_signed(
            instance,
            &delivery_of(instance, kind, &remote, &invoice).await,
        )
        .await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, String::new()),
            "{kind}"
        );
    }
}

async fn ten_at_once(instance: &Instance) {
    let (invoice, remote) = ordered(instance, "ten").await;
    // With the double's own deliveries these are more than ten.
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    let body = delivery_of(instance, "InvoiceSettled", &remote, &invoice).await;
    let answers = super::races::at_once(10, |_| deliver_signed(instance, &body)).await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let settled = until(instance, &invoice, "settled").await;
    assert_eq!(licenses_of(instance, &invoice).await, 1);
    assert_eq!(
        told_of(instance, &text(&settled, "license_id")).await,
        (1, 1)
    );
}

/// "Redeliver" in BTCPay's own interface.
async fn redelivered(instance: &Instance) {
    let (invoice, remote) = ordered(instance, "redelivered").await;
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    let settled = until(instance, &invoice, "settled").await;
    let attempts = instance.btcpay.attempts();
    let mine = attempts
        .iter()
        .filter(|attempt| attempt.invoice_id.as_deref() == Some(&remote));
    for attempt in mine {
        instance
            .btcpay
            .redeliver(&attempt.delivery_id)
            .expect("a delivery to send again");
    }
    instance
        .btcpay
        .idle()
        .await
        .expect("all webhooks delivered");
    assert_eq!(poll(instance, &invoice).await, settled);
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

/// Deliveries in the opposite order, the first of them last.
async fn out_of_order(instance: &Instance) {
    let (invoice, remote) = ordered(instance, "reversed").await;
    instance.btcpay.idle().await.expect("nothing in flight");
    instance.btcpay.on_delivery(Fault::hold());
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    let look = || async { instance.btcpay.held().len() };
    eventually(look, |held| *held >= 4, "all deliveries are held").await;
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    instance.btcpay.clear_faults();
    let released = instance.btcpay.release(Release::Reversed);
    assert!(released >= 4, "only {released} deliveries were held");
    until(instance, &invoice, "settled").await;
    instance
        .btcpay
        .idle()
        .await
        .expect("all webhooks delivered");
    assert_eq!(poll(instance, &invoice).await["status"], "settled");
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

/// While the provider cannot be asked, a delivery is answered 503, which has
/// the provider send it again.
async fn provider_down_meanwhile(instance: &Instance) {
    let (invoice, remote) = ordered(instance, "down").await;
    instance.btcpay.fail_next(1_000, 503);
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    let tried = |answers: &[(String, u16)]| answers.iter().any(|(event, _)| is_settled(event));
    answered(instance, &remote, tried).await;
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    instance.btcpay.clear_faults();
    until(instance, &invoice, "settled").await;
    instance
        .btcpay
        .idle()
        .await
        .expect("all webhooks delivered");
    let answers = answered(instance, &remote, tried).await;
    let settled = answers.iter().filter(|(event, _)| is_settled(event));
    let statuses: Vec<u16> = settled.map(|(_, status)| *status).collect();
    assert_eq!(statuses.first(), Some(&503), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&200), "{statuses:?}");
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

/// A proxy that re-formats JSON breaks the signature; the tick settles.
async fn re_serialised(instance: &Instance) {
    settled_by_tick(instance, "compact", &Fault::compact()).await;
}

async fn wrong_secret(instance: &Instance) {
    settled_by_tick(instance, "secret", &Fault::wrong_secret("not the one")).await;
}

async fn settled_by_tick(instance: &Instance, slug: &str, fault: &Fault) {
    let (invoice, remote) = ordered(instance, slug).await;
    nothing_due(instance).await;
    instance.btcpay.on_delivery(fault.clone());
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    let tried = |answers: &[(String, u16)]| answers.iter().any(|(event, _)| is_settled(event));
    let answers = answered(instance, &remote, tried).await;
    instance.btcpay.drop_pending();
    instance.btcpay.clear_faults();
    let mut after_payment = answers
        .iter()
        .filter(|(event, _)| event != "InvoiceCreated");
    assert!(
        after_payment.all(|(_, status)| *status == 401),
        "{answers:?}"
    );
    assert_eq!(poll(instance, &invoice).await["status"], "pending");
    super::floor::make_due(instance, &invoice).await;
    assert_eq!(tick(instance).await.ok()["settled"], 1);
    until(instance, &invoice, "settled").await;
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

/// The vendor marks a paid invoice invalid, then settled, as BTCPay allows.
async fn marked_invalid(instance: &Instance) {
    product(instance, "marked", 1_000).await;
    policy(instance, "marked", "default", json!({})).await;
    let bought = buy(instance, "marked").await;
    let (invoice, remote) = (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    );
    instance
        .btcpay
        .mark(&remote, MarkAs::Invalid)
        .expect("a mark");
    let ended = until(instance, &invoice, "invalid").await;
    assert_eq!(ended["license_key"], Value::Null);
    instance
        .btcpay
        .mark(&remote, MarkAs::Settled)
        .expect("a mark");
    until(instance, &invoice, "settled").await;
    assert_eq!(licenses_of(instance, &invoice).await, 1);
}

async fn other_methods(instance: &Instance) {
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = instance.api.send(instance.api.request(method, PATH)).await;
        answer.is_error(405, "method_not_allowed");
        assert!(answer.header("allow").contains("POST"), "{answer:?}");
    }
    instance
        .api
        .get("/v1/btcpay/other")
        .await
        .is_error(404, "not_found");
    instance
        .api
        .get("/v1/btcpay")
        .await
        .is_error(404, "not_found");
}
