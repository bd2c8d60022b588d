//! The vendor's organization at Zaprite: what to send to it.

use super::names;
use crate::invoice::NewInvoice;
use crate::url::{self, is_api_key, percent_encoded};
use bytes::Bytes;
use http::{Request, header};
use keywright_domain::money::Currency;
use serde_json::{Value, json};

/// Where the API is.
pub const DEFAULT_URL: &str = "https://api.zaprite.com";

/// Longest API key, in bytes.
const MAX_KEY_BYTES: usize = 500;

/// An organization and the key to it. A key belongs to one organization.
#[derive(Clone)]
pub struct Account {
    base_url: String,
    organization: Option<String>,
    api_key: String,
}

/// Something that is no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The base URL is not an http or https URL.
    #[error("ZAPRITE_URL must be an http or https URL, such as https://api.zaprite.com")]
    Url,
    /// The API key has characters a header cannot carry.
    #[error("api_key must be the key as Zaprite shows it, without spaces")]
    Key,
}

impl Account {
    /// An account from its base URL and API key, and its organization, if that is known.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn new(
        base_url: &str,
        organization: Option<&str>,
        api_key: &str,
    ) -> Result<Self, AccountError> {
        if !is_api_key(api_key) || api_key.len() > MAX_KEY_BYTES {
            return Err(AccountError::Key);
        }
        Ok(Self {
            base_url: url::base(base_url).ok_or(AccountError::Url)?.to_owned(),
            organization: organization.map(str::to_owned),
            api_key: api_key.to_owned(),
        })
    }

    /// The organization that the key belongs to, if it is known.
    #[must_use]
    pub fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    /// `POST /v1/orders`. Our order id is no idempotency key there: when the answer is lost,
    /// ask [`Self::get_order`] before a second one.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn create_order(&self, new: NewInvoice<'_>) -> Result<Request<Bytes>, http::Error> {
        let mut body = json!({
            "amount": new.price.amount(),
            "currency": currency_code(new.price.currency()),
            "externalUniqId": new.order_id,
            "label": new.description,
            "redirectUrl": new.redirect_url,
            "metadata": { "orderId": new.order_id },
        });
        if let Some(email) = new.buyer_email {
            body["customerData"] = json!({ "email": email });
        }
        if let Some(contact_id) = new.saves_card_of {
            body["contactId"] = contact_id.into();
            body["allowSavePaymentProfile"] = true.into();
        }
        self.post(names::ORDERS, &body)
    }

    /// `GET /v1/orders/{id}`, by Zaprite's id or by ours.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn get_order(&self, id: &str) -> Result<Request<Bytes>, http::Error> {
        self.get(&format!("{}/{}", names::ORDERS, percent_encoded(id)))
    }

    /// `GET /v1/orders?page=…&limit=…`: a page of orders, the newest first. Pending ones are
    /// hidden there, so that these are the ones that somebody paid or that ended.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn list_orders(&self, page: i64, limit: i64) -> Result<Request<Bytes>, http::Error> {
        self.get(&format!(
            "{}?page={page}&limit={limit}&sortBy=createdAt&sortOrder=desc",
            names::ORDERS
        ))
    }

    /// `GET /v1/orders?limit=1&includePending=true`: one order of any kind, which tells the
    /// organization and that the key works.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn any_order(&self) -> Result<Request<Bytes>, http::Error> {
        self.get(&format!(
            "{}?page=1&limit=1&includePending=true",
            names::ORDERS
        ))
    }

    /// `POST /v1/contacts`: a person whose card can be saved. What a second contact of one
    /// address does is not documented.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn create_contact(&self, email: &str) -> Result<Request<Bytes>, http::Error> {
        let body = json!({ "email": email, "legalName": email });
        self.post(names::CONTACTS, &body)
    }

    /// `GET /v1/contacts/{id}`, with its payment profiles.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn get_contact(&self, id: &str) -> Result<Request<Bytes>, http::Error> {
        self.get(&format!("{}/{}", names::CONTACTS, percent_encoded(id)))
    }

    /// `POST /v1/orders/charge`: pays an order with a saved card, both by Zaprite's ids. A
    /// success is not a payment: read the order back.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn charge(&self, order_id: &str, profile_id: &str) -> Result<Request<Bytes>, http::Error> {
        let body = json!({ "orderId": order_id, "paymentProfileId": profile_id });
        self.post(names::CHARGE, &body)
    }

    fn get(&self, path: &str) -> Result<Request<Bytes>, http::Error> {
        self.request("GET", path).body(Bytes::new())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Request<Bytes>, http::Error> {
        self.request("POST", path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.api_key))
            .header(header::ACCEPT, "application/json")
    }
}

/// What Zaprite calls a currency. Amounts are in its smallest unit: sats of `BTC`.
pub(super) const fn currency_code(currency: Currency) -> &'static str {
    match currency {
        Currency::Sat => "BTC",
        Currency::Usd => "USD",
        Currency::Eur => "EUR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_domain::money::Price;

    fn account() -> Account {
        Account::new("https://api.zaprite.com/", Some("org"), "key").expect("an account")
    }

    fn order(currency: Currency, amount: i64, saves_card_of: Option<&str>) -> Value {
        let new = NewInvoice {
            order_id: "o",
            price: Price::new(currency, amount).expect("a price"),
            description: "Demo",
            buyer_email: Some("ana@example.com"),
            redirect_url: "https://shop.example/thank-you",
            saves_card_of,
        };
        let request = account().create_order(new).expect("a request");
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://api.zaprite.com/v1/orders");
        assert_eq!(request.headers()["authorization"], "Bearer key");
        serde_json::from_slice(request.body()).expect("JSON")
    }

    #[test]
    fn an_order_has_minor_units_and_saves_no_card_unasked() {
        for (currency, amount, code) in [
            (Currency::Usd, 2_500, "USD"),
            (Currency::Eur, 5, "EUR"),
            (Currency::Sat, 50_000, "BTC"),
        ] {
            let body = order(currency, amount, None);
            assert_eq!(
                body,
                json!({
                    "amount": amount, "currency": code, "externalUniqId": "o", "label": "Demo",
                    "redirectUrl": "https://shop.example/thank-you",
                    "metadata": { "orderId": "o" }, "customerData": { "email": "ana@example.com" },
                })
            );
        }
        let body = order(Currency::Usd, 2_500, Some("c"));
        assert_eq!(body["allowSavePaymentProfile"], true);
        assert_eq!(body["contactId"], "c");
    }

    #[test]
    fn an_id_from_outside_stays_one_segment() {
        let uri = |request: Result<Request<Bytes>, http::Error>| {
            request.expect("a request").uri().to_string()
        };
        let base = "https://api.zaprite.com/v1";
        assert_eq!(
            uri(account().get_order("../x?y")),
            format!("{base}/orders/..%2Fx%3Fy")
        );
        assert_eq!(
            uri(account().get_contact("c/d")),
            format!("{base}/contacts/c%2Fd")
        );
        let charge = account().charge("z", "p").expect("a request");
        assert_eq!(charge.uri().to_string(), format!("{base}/orders/charge"));
        assert_eq!(
            serde_json::from_slice::<Value>(charge.body()).expect("JSON"),
            json!({ "orderId": "z", "paymentProfileId": "p" })
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (url, key, error) in [
            ("api.zaprite.com", "key", AccountError::Url),
            ("ftp://api.zaprite.com", "key", AccountError::Url),
            (DEFAULT_URL, "", AccountError::Key),
            (DEFAULT_URL, "a b", AccountError::Key),
            (DEFAULT_URL, "key\n", AccountError::Key),
        ] {
            assert_eq!(
                Account::new(url, None, key).err(),
                Some(error),
                "{url} {key}"
            );
        }
        assert_eq!(
            Account::new(DEFAULT_URL, None, &"k".repeat(501)).err(),
            Some(AccountError::Key)
        );
    }
}
