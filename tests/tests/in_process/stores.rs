//! Connecting a played store as an operator does: the request, the page to
//! agree on, and what the browser brings back.

use crate::bench::{Answer, Bench, NOW, raw_request};
use axum::body::Body;
use http::{Method, Request};
use keywright_btcpay_double::{BtcPay, Callback, Consent, Event, EventIds, Network, sign};
use keywright_tests::shop::WEBHOOK_SECRET;
use serde_json::{Value, json};

/// Stores that businesses can connect, besides that of the configuration.
pub(crate) const SHOP: &str = "SHOP";
pub(crate) const OTHER: &str = "OTHER";

/// A played server with several stores; its clock stands where the shop's
/// starts.
pub(crate) fn played_server() -> BtcPay {
    played_server_on(Network::Regtest)
}

pub(crate) fn played_server_on(network: Network) -> BtcPay {
    BtcPay::builder()
        .store("STORE")
        .webhook_later(WEBHOOK_SECRET)
        .store(SHOP)
        .store(OTHER)
        .api_key("KEY")
        .network(network)
        .frozen_clock(i64::try_from(NOW).expect("a time"))
        .strict()
        .start()
        .expect("a played BTCPay")
}

/// A new business; answers its id.
pub(crate) async fn business(bench: &Bench, name: &str) -> String {
    let answer = bench
        .operate(
            "POST",
            "/v1/admin/merchant-profiles",
            &json!({ "name": name }),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("id")
}

/// A product that a business sells; answers its id.
pub(crate) async fn product_of(bench: &Bench, business: &str, slug: &str) -> String {
    let body = json!({ "slug": slug, "name": slug, "price_sats": 50_000,
                       "merchant_profile_id": business });
    let answer = bench.operate("POST", "/v1/admin/products", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("id")
}

/// Begins to connect a store; answers the address of the page to agree on.
pub(crate) async fn begin(bench: &Bench, business: &str) -> String {
    let body = json!({ "merchant_profile_id": business });
    let answer = bench
        .operate("POST", "/v1/admin/btcpay/connect", &body)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("authorize_url")
}

/// What the browser posts.
pub(crate) fn posted(callback: &Callback) -> Request<Body> {
    let path = callback
        .redirect
        .strip_prefix("http://shop.test")
        .expect("our own address");
    let form = "application/x-www-form-urlencoded";
    raw_request(Method::POST, path, form, callback.form.clone())
}

/// Agrees, and answers the page that the browser ends at.
pub(crate) async fn agree(bench: &Bench, pay: &BtcPay, url: &str, consent: &Consent) -> Answer {
    let callback = pay.authorize(url, consent).expect("a page to agree on");
    bench.send(posted(&callback)).await
}

/// Connects a store; answers the provider's id.
pub(crate) async fn connect(bench: &Bench, pay: &BtcPay, business: &str, store: &str) -> String {
    let url = begin(bench, business).await;
    let page = agree(bench, pay, &url, &Consent::store(store)).await;
    assert_eq!(page.status, 200, "{page:?}");
    provider_of(bench, business).await.expect("it is connected")
}

/// The id of the connected provider of a business.
pub(crate) async fn provider_of(bench: &Bench, business: &str) -> Option<String> {
    let path = format!("/v1/admin/btcpay/status?merchant_profile_id={business}");
    let status = bench.operate("GET", &path, &json!({})).await.json();
    status["payment_provider_id"].as_str().map(str::to_owned)
}

/// The webhooks of the server that deliver to a connected provider: id and
/// secret.
pub(crate) fn webhooks_to(pay: &BtcPay, provider_id: &str) -> Vec<(String, String)> {
    let address = format!("http://shop.test/v1/btcpay/webhook/{provider_id}");
    let ids = pay.webhooks().into_iter();
    ids.filter_map(|id| {
        let (url, secret) = pay.webhook_settings(&id)?;
        (url == address).then_some((id, secret))
    })
    .collect()
}

/// A delivery about an invoice to a connected provider, signed with a secret.
pub(crate) fn delivery_to(
    pay: &BtcPay,
    provider_id: &str,
    secret: &str,
    invoice_id: &str,
) -> Request<Body> {
    let invoice = pay.invoice(invoice_id).expect("an invoice");
    let event = Event::new("InvoiceSettled")
        .invoice(invoice_id)
        .metadata(Value::Object(invoice.metadata))
        .store(&invoice.store_id)
        .with("manuallyMarked", json!(false))
        .with("overPaid", json!(false));
    let body = event.body(&EventIds {
        delivery_id: "d".to_owned(),
        webhook_id: "w".to_owned(),
        original_delivery_id: "d".to_owned(),
        is_redelivery: false,
        timestamp: pay.now(),
        store_id: invoice.store_id,
    });
    Request::post(format!("/v1/btcpay/webhook/{provider_id}"))
        .header("content-type", "application/json")
        .header("BTCPay-Sig", sign(secret, &body))
        .body(Body::from(body))
        .expect("a request")
}

/// What a page says, without its markup.
pub(crate) fn said(page: &Answer) -> String {
    let html = String::from_utf8(page.body.to_vec()).expect("text");
    assert!(html.starts_with("<!doctype html>"), "{html}");
    html
}
