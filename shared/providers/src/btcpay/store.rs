//! The vendor's store: what to send to it.

use super::authorize::checked_url;
use crate::invoice::NewInvoice;
use crate::url::{is_api_key, percent_encoded};
use bytes::Bytes;
use http::{Request, header};
use keywright_domain::money::Currency;
use keywright_domain::rail::Rail;
use serde_json::json;

/// Where the vendor's store is and the key to it.
#[derive(Clone)]
pub struct Store {
    base_url: String,
    store_id: String,
    api_key: String,
}

/// A configuration that names no store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Not every part is configured.
    #[error("BTCPAY_URL, BTCPAY_STORE_ID or BTCPAY_API_KEY is not configured")]
    NotConfigured,
    /// The base URL is not an http or https URL.
    #[error("BTCPAY_URL must be an http or https URL, such as https://pay.example.com")]
    Url,
    /// The store id or API key has characters a URL or header cannot carry.
    #[error("BTCPAY_STORE_ID and BTCPAY_API_KEY must be plain text as BTCPay shows them")]
    Credentials,
}

impl Store {
    /// The store of a configuration, of which any part may be missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn configured(
        base_url: Option<&str>,
        store_id: Option<&str>,
        api_key: Option<&str>,
    ) -> Result<Self, StoreError> {
        let (Some(base_url), Some(store_id), Some(api_key)) = (base_url, store_id, api_key) else {
            return Err(StoreError::NotConfigured);
        };
        Self::new(base_url, store_id, api_key)
    }

    /// A store from its base URL, store id and Greenfield API key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn new(base_url: &str, store_id: &str, api_key: &str) -> Result<Self, StoreError> {
        let base_url = checked_url(base_url)?;
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain(store_id) || !is_api_key(api_key) {
            return Err(StoreError::Credentials);
        }
        Ok(Self {
            base_url: base_url.to_owned(),
            store_id: store_id.to_owned(),
            api_key: api_key.to_owned(),
        })
    }

    /// The store's id, to compare with a webhook's.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.store_id
    }

    /// `POST /api/v1/stores/{store}/invoices`. The API has no idempotency key:
    /// when the answer is lost, ask [`Self::find_by_orders`] before a second one. The
    /// checkout shows the rail's payment method first.
    ///
    /// # Errors
    /// [`http::Error`] when a configured value does not fit into a request.
    pub fn create_invoice(
        &self,
        invoice: NewInvoice<'_>,
        rail: Option<Rail>,
    ) -> Result<Request<Bytes>, http::Error> {
        let mut metadata = json!({
            "orderId": invoice.order_id,
            "itemDesc": invoice.description,
        });
        if let Some(email) = invoice.buyer_email {
            metadata["buyerEmail"] = email.into();
        }
        // Back by itself, whatever the store's setting: the page they come back
        // to is where the key is, and nobody sends it to them otherwise.
        let mut checkout = json!({
            "redirectURL": invoice.redirect_url,
            "redirectAutomatically": true,
        });
        if let Some(method) = rail.and_then(default_method) {
            checkout["defaultPaymentMethod"] = method.into();
        }
        let body = json!({
            "amount": invoice.price.to_decimal(),
            "currency": currency_code(invoice.price.currency()),
            "metadata": metadata,
            "checkout": checkout,
        });
        self.request("POST", "/invoices")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
    }

    /// `GET /api/v1/stores/{store}/invoices/{invoice}`. `with_methods` asks for
    /// what the price is in bitcoin too, which servers before 2.4.1 do not say
    /// here.
    ///
    /// # Errors
    /// [`http::Error`] when a configured value does not fit into a request.
    pub fn get_invoice(
        &self,
        invoice_id: &str,
        with_methods: bool,
    ) -> Result<Request<Bytes>, http::Error> {
        let query = if with_methods {
            "?includePaymentMethods=true"
        } else {
            ""
        };
        let path = format!("/invoices/{}{query}", percent_encoded(invoice_id));
        self.request("GET", &path).body(Bytes::new())
    }

    /// `GET /api/v1/stores/{store}/invoices/{invoice}/payment-methods`: what the
    /// price is in bitcoin.
    ///
    /// # Errors
    /// [`http::Error`] when a configured value does not fit into a request.
    pub fn payment_methods(&self, invoice_id: &str) -> Result<Request<Bytes>, http::Error> {
        let path = format!("/invoices/{}/payment-methods", percent_encoded(invoice_id));
        self.request("GET", &path).body(Bytes::new())
    }

    /// `GET /api/v1/stores/{store}/invoices?orderId=…&orderId=…`: the invoices
    /// of several orders, archived ones too. Another program of the vendor's may
    /// have made one for an order id of ours, so there is room for two of each.
    /// `with_methods` asks for what their prices are in bitcoin too.
    ///
    /// # Errors
    /// [`http::Error`] when a configured value does not fit into a request.
    pub fn find_by_orders<'a>(
        &self,
        order_ids: impl IntoIterator<Item = &'a str>,
        with_methods: bool,
    ) -> Result<Request<Bytes>, http::Error> {
        let mut query = String::new();
        let mut orders = 0;
        for order_id in order_ids {
            query.push_str("orderId=");
            query.extend(percent_encoded(order_id));
            query.push('&');
            orders += 1;
        }
        if with_methods {
            query.push_str("includePaymentMethods=true&");
        }
        let take = (2 * orders).max(10);
        self.request(
            "GET",
            &format!("/invoices?{query}take={take}&includeArchived=true"),
        )
        .body(Bytes::new())
    }

    /// `GET /api/v1/stores/{store}/invoices?status=Processing&status=Settled&…`: the
    /// invoices made since `since`, in unix seconds, that somebody paid, the newest
    /// first; `take` of them behind the first `skip`.
    ///
    /// # Errors
    /// [`http::Error`] when a configured value does not fit into a request.
    pub fn list_paid(
        &self,
        since: i64,
        skip: i64,
        take: i64,
    ) -> Result<Request<Bytes>, http::Error> {
        let path = format!(
            "/invoices?status=Processing&status=Settled&startDate={since}&skip={skip}&take={take}&includeArchived=true"
        );
        self.request("GET", &path).body(Bytes::new())
    }

    pub(super) fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!(
                "{}/api/v1/stores/{}{path}",
                self.base_url, self.store_id
            ))
            .header(header::AUTHORIZATION, format!("token {}", self.api_key))
            .header(header::ACCEPT, "application/json")
    }
}

/// What `BTCPay` calls a currency. A price in sats is asked for in bitcoin.
pub(super) const fn currency_code(currency: Currency) -> &'static str {
    match currency {
        Currency::Sat => "BTC",
        Currency::Usd => "USD",
        Currency::Eur => "EUR",
    }
}

/// The payment method that the checkout shows first for a rail.
const fn default_method(rail: Rail) -> Option<&'static str> {
    match rail {
        Rail::Lightning => Some("BTC-LN"),
        Rail::Onchain => Some("BTC-CHAIN"),
        // Which plugin takes cards, and under which id, is the store's own affair.
        Rail::Card => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_domain::money::Price;

    fn store() -> Store {
        Store::new("https://pay.example/btc/", "S1", "key").expect("a store")
    }

    #[test]
    fn an_invoice_carries_order_and_amount() {
        let request = order_over(Price::new(Currency::Sat, 50_000).expect("a price"));
        assert_eq!(request.method(), "POST");
        assert_eq!(
            request.uri(),
            "https://pay.example/btc/api/v1/stores/S1/invoices"
        );
        assert_eq!(request.headers()["authorization"], "token key");
        let body: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
        assert_eq!(body["amount"], "0.00050000");
        assert_eq!(body["currency"], "BTC");
        assert_eq!(body["metadata"]["orderId"], "order-1");
        let checkout = serde_json::json!({
            "redirectURL": "https://shop.example/thank-you", "redirectAutomatically": true,
        });
        assert_eq!(body["checkout"], checkout);
    }

    fn order_over(price: Price) -> Request<Bytes> {
        let invoice = NewInvoice {
            order_id: "order-1",
            price,
            description: "Demo",
            buyer_email: None,
            redirect_url: "https://shop.example/thank-you",
            saves_card_of: None,
        };
        store().create_invoice(invoice, None).expect("a request")
    }

    #[test]
    fn a_price_is_asked_for_in_its_own_currency() {
        for (currency, amount, text) in [
            (Currency::Usd, 2_500, "25.00"),
            (Currency::Eur, 5, "0.05"),
            (Currency::Usd, 100_000_000_000, "1000000000.00"),
        ] {
            let request = order_over(Price::new(currency, amount).expect("a price"));
            let body: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
            assert_eq!(body["amount"], text);
            assert_eq!(body["currency"], currency.as_str());
        }
    }

    #[test]
    fn methods_are_asked_for_where_they_are_wanted() {
        let path = |request: Result<Request<Bytes>, http::Error>| {
            let request = request.expect("a request");
            request
                .uri()
                .to_string()
                .replace("https://pay.example/btc", "")
        };
        let invoices = "/api/v1/stores/S1/invoices";
        assert_eq!(
            path(store().get_invoice("I", false)),
            format!("{invoices}/I")
        );
        let with = "includePaymentMethods=true";
        assert_eq!(
            path(store().get_invoice("I", true)),
            format!("{invoices}/I?{with}")
        );
        let methods = path(store().payment_methods("I/.."));
        assert_eq!(methods, format!("{invoices}/I%2F../payment-methods"));
        let list = path(store().find_by_orders(["a", "b"], true));
        let rest = "take=10&includeArchived=true";
        assert_eq!(
            list,
            format!("{invoices}?orderId=a&orderId=b&{with}&{rest}")
        );
        assert!(!path(store().find_by_orders(["a"], false)).contains(with));
        let paid = path(store().list_paid(1_800_000_000, 100, 50));
        let rest = "startDate=1800000000&skip=100&take=50&includeArchived=true";
        assert_eq!(
            paid,
            format!("{invoices}?status=Processing&status=Settled&{rest}")
        );
    }

    #[test]
    fn an_id_from_outside_stays_one_segment() {
        let request = store()
            .get_invoice("../../x?y#z", false)
            .expect("a request");
        assert_eq!(
            request
                .uri()
                .path_and_query()
                .map(http::uri::PathAndQuery::as_str),
            Some("/btc/api/v1/stores/S1/invoices/..%2F..%2Fx%3Fy%23z")
        );
    }

    #[test]
    fn configuration_mistakes_are_named() {
        assert_eq!(
            Store::configured(Some("https://a"), None, Some("k")).err(),
            Some(StoreError::NotConfigured)
        );
        assert_eq!(
            Store::new("pay.example", "S", "k").err(),
            Some(StoreError::Url)
        );
        assert_eq!(
            Store::new("ftp://pay.example", "S", "k").err(),
            Some(StoreError::Url)
        );
        assert_eq!(
            Store::new("https://a", "S/x", "k").err(),
            Some(StoreError::Credentials)
        );
        assert_eq!(
            Store::new("https://a", "S", "k\n").err(),
            Some(StoreError::Credentials)
        );
    }
}
