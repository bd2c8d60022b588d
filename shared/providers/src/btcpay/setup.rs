//! What belongs to a store besides its invoices: its webhooks, its payment
//! methods, and the network it is on.

use super::{Network, ReadError, Store, read};
use crate::url::percent_encoded;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

/// The events that can change a purchase, by their published names. A payment
/// after the deadline is told by `InvoiceReceivedPayment`.
const EVENTS: [&str; 6] = [
    "InvoiceReceivedPayment",
    "InvoicePaymentSettled",
    "InvoiceProcessing",
    "InvoiceExpired",
    "InvoiceSettled",
    "InvoiceInvalid",
];

/// A webhook as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// Where it delivers; one that others made may lack it.
    pub url: Option<String>,
}

/// A payment method of a store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentMethod {
    /// Such as `BTC-CHAIN`; servers before 2.0 call it `paymentMethod`.
    #[serde(alias = "paymentMethod")]
    pub payment_method_id: String,
    /// Whether payers are offered it.
    #[serde(default)]
    pub enabled: bool,
}

impl Store {
    /// `GET …/webhooks`.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn webhooks(&self) -> Result<Request<Bytes>, http::Error> {
        self.request("GET", "/webhooks").body(Bytes::new())
    }

    /// `POST …/webhooks`: the events about invoices to this address, signed
    /// with this secret, and sent again where they are not taken.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn create_webhook(&self, url: &str, secret: &str) -> Result<Request<Bytes>, http::Error> {
        self.request("POST", "/webhooks")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body(url, secret))
    }

    /// `PUT …/webhooks/{id}`: the same for one that exists.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn update_webhook(
        &self,
        id: &str,
        url: &str,
        secret: &str,
    ) -> Result<Request<Bytes>, http::Error> {
        self.request("PUT", &format!("/webhooks/{}", percent_encoded(id)))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body(url, secret))
    }

    /// `DELETE …/webhooks/{id}`.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn delete_webhook(&self, id: &str) -> Result<Request<Bytes>, http::Error> {
        self.request("DELETE", &format!("/webhooks/{}", percent_encoded(id)))
            .body(Bytes::new())
    }

    /// `GET …/payment-methods`.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn offered_methods(&self) -> Result<Request<Bytes>, http::Error> {
        self.request("GET", "/payment-methods").body(Bytes::new())
    }

    /// `GET …/payment-methods/BTC-CHAIN/wallet/preview`: the first address of
    /// the wallet. Reserves none.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn wallet_preview(&self) -> Result<Request<Bytes>, http::Error> {
        self.request(
            "GET",
            "/payment-methods/BTC-CHAIN/wallet/preview?offset=0&count=1",
        )
        .body(Bytes::new())
    }
}

fn body(url: &str, secret: &str) -> Bytes {
    let body = json!({
        "enabled": true,
        "automaticRedelivery": true,
        "url": url,
        "authorizedEvents": { "everything": false, "specificEvents": EVENTS },
        "secret": secret,
    });
    Bytes::from(body.to_string())
}

/// Reads a webhook that was made or changed.
///
/// # Errors
/// [`ReadError`].
pub fn read_webhook(answer: &Response<impl AsRef<[u8]>>) -> Result<Webhook, ReadError> {
    read(answer)
}

/// Reads the list of webhooks.
///
/// # Errors
/// [`ReadError`].
pub fn read_webhooks(answer: &Response<impl AsRef<[u8]>>) -> Result<Vec<Webhook>, ReadError> {
    read(answer)
}

/// Reads the list of payment methods.
///
/// # Errors
/// [`ReadError`].
pub fn read_payment_methods(
    answer: &Response<impl AsRef<[u8]>>,
) -> Result<Vec<PaymentMethod>, ReadError> {
    read(answer)
}

/// Reads whether something is gone: removed now, or not there before.
///
/// # Errors
/// [`ReadError`].
pub fn read_gone(answer: &Response<impl AsRef<[u8]>>) -> Result<(), ReadError> {
    match answer.status() {
        status if status.is_success() => Ok(()),
        // A key that is revoked already is unknown.
        StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => Ok(()),
        _ => read::<()>(answer),
    }
}

#[derive(Deserialize)]
struct Preview {
    #[serde(default)]
    addresses: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    address: String,
}

/// Reads the network off a wallet's first addresses; `None` when they do not
/// tell.
///
/// # Errors
/// [`ReadError`].
pub fn read_network(answer: &Response<impl AsRef<[u8]>>) -> Result<Option<Network>, ReadError> {
    let preview: Preview = read(answer)?;
    let mut networks = preview
        .addresses
        .iter()
        .map(|one| Network::of_address(&one.address));
    let first = networks.next().flatten();
    Ok(first.filter(|first| networks.all(|other| other == Some(*first))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response<Vec<u8>> {
        let answer = Response::builder().status(status);
        answer.body(body.into()).expect("an answer")
    }

    #[test]
    fn a_webhook_is_for_invoices_only() {
        let store = Store::new("https://pay.example", "S", "key").expect("a store");
        let made = store.create_webhook("https://a/x", "s").expect("a request");
        assert_eq!(made.uri(), "https://pay.example/api/v1/stores/S/webhooks");
        let body: serde_json::Value = serde_json::from_slice(made.body()).expect("JSON");
        assert_eq!(body["url"], "https://a/x");
        assert_eq!(body["secret"], "s");
        assert_eq!(body["authorizedEvents"]["everything"], false);
        let events = body["authorizedEvents"]["specificEvents"].as_array();
        assert_eq!(events.map(Vec::len), Some(EVENTS.len()));
        let removed = store.delete_webhook("../w").expect("a request");
        assert_eq!(
            removed.uri(),
            "https://pay.example/api/v1/stores/S/webhooks/..%2Fw"
        );
    }

    #[test]
    fn what_is_gone_is_gone() {
        for status in [200, 204, 404, 401] {
            assert_eq!(read_gone(&answer(status, "")), Ok(()), "{status}");
        }
        assert_eq!(
            read_gone(&answer(503, "")),
            Err(ReadError::Unwell { status: 503 })
        );
        assert!(matches!(
            read_gone(&answer(403, "{}")),
            Err(ReadError::Refused { status: 403, .. })
        ));
    }

    #[test]
    fn a_network_is_told_by_every_address() {
        let regtest = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
        let mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        for (addresses, network) in [
            (vec![regtest], Some(Network::Regtest)),
            (vec![mainnet], Some(Network::Mainnet)),
            (vec![regtest, mainnet], None),
            (vec![regtest, "?"], None),
            (vec![], None),
        ] {
            let list: Vec<_> = addresses
                .iter()
                .map(|one| json!({ "address": one }))
                .collect();
            let body = json!({ "addresses": list }).to_string();
            assert_eq!(read_network(&answer(200, &body)), Ok(network), "{body}");
        }
        assert_eq!(read_network(&answer(404, "")), Err(ReadError::NotFound));
    }

    #[test]
    fn methods_of_old_and_new_servers_are_read() {
        let new = r#"[{"paymentMethodId":"BTC-CHAIN","enabled":true,"config":null}]"#;
        let old = r#"[{"paymentMethod":"BTC","enabled":false,"cryptoCode":"BTC"}]"#;
        let read = |body: &str| read_payment_methods(&answer(200, body)).expect("a list");
        assert_eq!(read(new)[0].payment_method_id, "BTC-CHAIN");
        assert_eq!(
            (
                read(old)[0].payment_method_id.as_str(),
                read(old)[0].enabled
            ),
            ("BTC", false)
        );
    }
}
