//! Who calls, as far as the connection tells: an address for rate limits, a
//! prefix of it and the user agent for logs. [`AddressHeader`] says which header
//! tells the address.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use keywright_domain::caller_limits::{CallerNetworks, UNKNOWN_CALLERS};
use keywright_ports::AddressHeader;
use std::convert::Infallible;
use std::net::IpAddr;

/// Longest user agent that is kept, in bytes.
const MAX_USER_AGENT_BYTES: usize = 255;

/// The caller of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Its address, where the host or a proxy tells one that is not this
    /// machine's own.
    pub address: Option<IpAddr>,
    /// Its user agent, cut to 255 bytes.
    pub user_agent: Option<String>,
}

impl Client {
    /// The network the address is in, for logs: `203.0.113.0/24`,
    /// `2001:db8:1::/48`. No more than that of an address is ever stored.
    #[must_use]
    pub fn address_prefix(&self) -> Option<String> {
        self.address
            .map(|address| CallerNetworks::of(address).network)
    }

    /// The network, or `unknown` where no address is known: whom something is
    /// counted against.
    #[must_use]
    pub fn network(&self) -> String {
        self.address_prefix()
            .unwrap_or_else(|| UNKNOWN_CALLERS.to_owned())
    }

    /// What a rate limit counts as one caller: an IPv4 address, or the /64 that
    /// a network hands to one customer.
    #[must_use]
    pub fn rate_limit_key(&self) -> Option<String> {
        self.address
            .map(|address| CallerNetworks::of(address).address)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let source = parts.extensions.get::<AddressHeader>();
        Ok(Self {
            address: source.and_then(|source| source.address(&parts.headers)),
            user_agent: user_agent(&parts.headers),
        })
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let bytes = headers.get(header::USER_AGENT)?.as_bytes();
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    text.truncate(text.floor_char_boundary(MAX_USER_AGENT_BYTES));
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue, Request};

    #[tokio::test]
    async fn only_a_prefix_is_for_keeping() {
        for (address, kept, key) in [
            ("203.0.113.9", "203.0.113.0/24", "203.0.113.9"),
            (
                "2001:db8:1:2:3:4:5:6",
                "2001:db8:1::/48",
                "2001:db8:1:2::/64",
            ),
        ] {
            let request = Request::get("/").header("x-client", address);
            let (mut parts, ()) = request.body(()).expect("a request").into_parts();
            let source = AddressHeader::Proxy(HeaderName::from_static("x-client"));
            parts.extensions.insert(source);
            let Ok(client) = Client::from_request_parts(&mut parts, &()).await;
            assert_eq!(client.address_prefix().as_deref(), Some(kept));
            assert_eq!(client.rate_limit_key().as_deref(), Some(key));
        }
    }

    #[test]
    fn a_long_user_agent_is_cut_between_characters() {
        let long = format!("{}\u{e9}", "x".repeat(254));
        let short = HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static("app/1"))]);
        let kept = user_agent(&short);
        assert_eq!(kept.as_deref(), Some("app/1"));
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(long.as_bytes()).expect("a value");
        headers.insert(header::USER_AGENT, value);
        assert_eq!(user_agent(&headers), Some("x".repeat(254)));
    }
}
