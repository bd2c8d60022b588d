//! Deliveries of the payment provider: made by hand, and looked at afterwards.

use super::floor::{buy, eventually, order_id, product, text};
use crate::hosts::{Answer, Instance};
use crate::shop::WEBHOOK_SECRET;
use http::Method;
use keywright_btcpay_double::{Event, EventIds, Outcome, sign};
use serde_json::json;

/// Where the provider delivers.
pub(super) const PATH: &str = "/v1/btcpay/webhook";

/// A body as BTCPay would write it about an invoice of this instance's store.
/// A delivery about an order that is known by its secret.
pub(super) async fn delivery_of(
    instance: &Instance,
    kind: &str,
    remote: &str,
    secret: &str,
) -> Vec<u8> {
    delivery(instance, kind, remote, &order_id(instance, secret).await)
}

pub(super) fn delivery(instance: &Instance, kind: &str, remote: &str, order: &str) -> Vec<u8> {
    body_of(
        instance,
        &Event::new(kind)
            .invoice(remote)
            .metadata(json!({ "orderId": order })),
    )
}

pub(super) fn body_of(instance: &Instance, event: &Event) -> Vec<u8> {
    event.body(&EventIds {
        delivery_id: "HandMadeDelivery".to_owned(),
        webhook_id: instance.btcpay.webhook_id(),
        original_delivery_id: "HandMadeDelivery".to_owned(),
        is_redelivery: false,
        timestamp: instance.btcpay.now(),
        store_id: instance.btcpay.store_id().to_owned(),
    })
}

pub(super) async fn deliver(instance: &Instance, body: &[u8], signature: Option<&str>) -> Answer {
    let request = instance.api.request(Method::POST, PATH);
    let request = request.header("content-type", "application/json; charset=utf-8");
    let request = match signature {
        Some(signature) => request.header("BTCPay-Sig", signature),
        None => request,
    };
    instance.api.send(request.body(body.to_vec())).await
}

pub(super) async fn deliver_signed(instance: &Instance, body: &[u8]) -> Answer {
    deliver(instance, body, Some(&sign(WEBHOOK_SECRET, body))).await
}

/// The deliveries about an invoice that were answered so far, and how, once
/// they are enough.
pub(super) async fn answered(
    instance: &Instance,
    remote: &str,
    enough: impl Fn(&[(String, u16)]) -> bool,
) -> Vec<(String, u16)> {
    let look = || async {
        let attempts = instance.btcpay.attempts().into_iter();
        let mine = attempts.filter(|attempt| attempt.invoice_id.as_deref() == Some(remote));
        mine.filter_map(|attempt| match attempt.outcome {
            Outcome::Answered { status, .. } => Some((attempt.event, status)),
            _ => None,
        })
        .collect()
    };
    let are_enough = |answers: &Vec<(String, u16)>| enough(answers);
    eventually(look, are_enough, "enough deliveries are answered").await
}

pub(super) fn is_settled(event: &str) -> bool {
    event == "InvoiceSettled"
}

/// An order, not paid: its secret and the provider's id.
pub(super) async fn ordered(instance: &Instance, slug: &str) -> (String, String) {
    product(instance, slug, 1_000).await;
    let bought = buy(instance, slug).await;
    (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    )
}
