//! Getting a key for a store: the page on which its owner agrees, and what the
//! key turns out to be.

use super::permission::{
    CREATE_INVOICE, MODIFY_WEBHOOKS, VIEW_INVOICES, VIEW_SETTINGS, VIEW_WALLET,
};
use super::{Granted, ReadError, StoreError, read};
use crate::url::{self, is_api_key, percent_encoded};
use bytes::Bytes;
use http::{Request, Response, header};
use serde::Deserialize;

/// What the page calls us.
const APPLICATION: &str = "Keywright";

/// A `BTCPay` Server and a key to it, of which nobody knows yet what it opens.
#[derive(Clone)]
pub struct Server {
    base_url: String,
    api_key: String,
}

/// A store as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its name for people.
    #[serde(default)]
    pub name: String,
}

/// The page on which the owner of a store agrees to give us a key for it, and
/// from which their browser comes back to `redirect`. With `wallet` the key may
/// also see the wallet's addresses, which tell the network.
///
/// # Errors
/// [`StoreError::Url`].
pub fn authorize_url(base_url: &str, redirect: &str, wallet: bool) -> Result<String, StoreError> {
    let base_url = checked_url(base_url)?;
    let mut url = format!("{base_url}/api-keys/authorize?");
    let wanted = [
        CREATE_INVOICE,
        VIEW_INVOICES,
        MODIFY_WEBHOOKS,
        VIEW_SETTINGS,
    ];
    for permission in wanted.into_iter().chain(wallet.then_some(VIEW_WALLET)) {
        url.push_str("permissions=");
        url.push_str(permission);
        url.push('&');
    }
    url.push_str("applicationName=");
    url.push_str(APPLICATION);
    url.push_str("&strict=true&selectiveStores=true&redirect=");
    url.extend(percent_encoded(redirect));
    Ok(url)
}

/// A base URL without a slash at its end.
pub(super) fn checked_url(base_url: &str) -> Result<&str, StoreError> {
    url::base(base_url).ok_or(StoreError::Url)
}

impl Server {
    /// A server and a key that came from outside.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn new(base_url: &str, api_key: &str) -> Result<Self, StoreError> {
        if !is_api_key(api_key) || api_key.len() > 200 {
            return Err(StoreError::Credentials);
        }
        Ok(Self {
            base_url: checked_url(base_url)?.to_owned(),
            api_key: api_key.to_owned(),
        })
    }

    /// `GET /api/v1/api-keys/current`: what the key may do.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn current_key(&self) -> Result<Request<Bytes>, http::Error> {
        self.request("GET", "/api/v1/api-keys/current")
    }

    /// `DELETE /api/v1/api-keys/current`: the key gives itself up.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn revoke_key(&self) -> Result<Request<Bytes>, http::Error> {
        self.request("DELETE", "/api/v1/api-keys/current")
    }

    /// `GET /api/v1/stores`: those the key may see.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn stores(&self) -> Result<Request<Bytes>, http::Error> {
        self.request("GET", "/api/v1/stores")
    }

    fn request(&self, method: &str, path: &str) -> Result<Request<Bytes>, http::Error> {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header(header::AUTHORIZATION, format!("token {}", self.api_key))
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new())
    }
}

#[derive(Deserialize)]
struct KeyData {
    #[serde(default)]
    permissions: Vec<String>,
}

/// Reads what a key may do.
///
/// # Errors
/// [`ReadError`].
pub fn read_key(answer: &Response<impl AsRef<[u8]>>) -> Result<Granted, ReadError> {
    read::<KeyData>(answer).map(|key| Granted::new(key.permissions))
}

/// Reads the list of stores.
///
/// # Errors
/// [`ReadError`].
pub fn read_stores(answer: &Response<impl AsRef<[u8]>>) -> Result<Vec<Listed>, ReadError> {
    read(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_asked_for_what_is_needed() {
        let back = "https://shop.example/v1/btcpay/authorize/callback?state=a-b_c";
        let url = authorize_url("https://pay.example/", back, false).expect("a URL");
        assert_eq!(
            url,
            "https://pay.example/api-keys/authorize?\
             permissions=btcpay.store.cancreateinvoice&\
             permissions=btcpay.store.canviewinvoices&\
             permissions=btcpay.store.webhooks.canmodifywebhooks&\
             permissions=btcpay.store.canviewstoresettings&\
             applicationName=Keywright&strict=true&selectiveStores=true&\
             redirect=https%3A%2F%2Fshop.example%2Fv1%2Fbtcpay%2Fauthorize%2Fcallback%3Fstate%3Da-b_c"
        );
        let with_wallet = authorize_url("https://pay.example", back, true).expect("a URL");
        assert!(with_wallet.contains("permissions=btcpay.store.canviewwallet&"));
        assert_eq!(
            authorize_url("pay.example", back, true),
            Err(StoreError::Url)
        );
    }

    #[test]
    fn a_key_from_outside_fits_into_a_header() {
        for bad in ["", "a b", "a\r\nHost: evil", "é", &"x".repeat(201)] {
            assert_eq!(
                Server::new("https://pay.example", bad).err(),
                Some(StoreError::Credentials),
                "{bad:?}"
            );
        }
        let server = Server::new("https://pay.example/btc/", "key").expect("a server");
        let request = server.current_key().expect("a request");
        assert_eq!(
            request.uri(),
            "https://pay.example/btc/api/v1/api-keys/current"
        );
        assert_eq!(request.headers()["authorization"], "token key");
        let revoke = server.revoke_key().expect("a request");
        assert_eq!(
            (revoke.method().as_str(), revoke.uri()),
            ("DELETE", request.uri())
        );
    }

    #[test]
    fn keys_and_stores_are_read() {
        let answer = |body: &str| Response::new(body.as_bytes().to_vec());
        let key = r#"{"apiKey":"k","label":"x","permissions":["btcpay.store.canviewinvoices:S"]}"#;
        let granted = read_key(&answer(key)).expect("a key");
        assert!(granted.allows(VIEW_INVOICES, Some("S")));
        let stores = read_stores(&answer(r#"[{"id":"S","name":"Shop","website":null}]"#));
        let expected = Listed {
            id: "S".to_owned(),
            name: "Shop".to_owned(),
        };
        assert_eq!(stores, Ok(vec![expected]));
        assert_eq!(read_stores(&answer("{}")), Err(ReadError::Unreadable));
    }
}
