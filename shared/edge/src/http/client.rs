//! Who calls, as far as the connection tells: an address for rate limits, a
//! prefix of it and the user agent for logs.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest user agent that is kept, in bytes.
const MAX_USER_AGENT_BYTES: usize = 255;

/// The headers in which a host tells the caller's address, the most trusted
/// first; a request extension that the host sets.
#[derive(Debug, Clone, Copy)]
pub struct AddressHeaders(pub &'static [&'static str]);

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
        Some(match self.address? {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                format!("{}/24", Ipv4Addr::new(a, b, c, 0))
            }
            IpAddr::V6(address) => format!("{}/48", first_groups(address, 3)),
        })
    }

    /// What a rate limit counts as one caller: an IPv4 address, or the /64 that
    /// a network hands to one customer.
    #[must_use]
    pub fn rate_limit_key(&self) -> Option<String> {
        Some(match self.address? {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{}/64", first_groups(address, 4)),
        })
    }
}

fn first_groups(address: Ipv6Addr, count: usize) -> Ipv6Addr {
    let mut groups = address.segments();
    groups[count..].fill(0);
    Ipv6Addr::from(groups)
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let told = parts.extensions.get::<AddressHeaders>();
        let names = told.map_or(&[][..], |AddressHeaders(names)| names);
        Ok(Self {
            address: names
                .iter()
                .find_map(|name| address_in(&parts.headers, name)),
            user_agent: user_agent(&parts.headers),
        })
    }
}

/// The first address of a header. This machine's own means a local caller or a
/// proxy that tells nothing: as good as none.
fn address_in(headers: &HeaderMap, name: &str) -> Option<IpAddr> {
    let text = headers.get(name)?.to_str().ok()?;
    let first = text.split(',').next()?.trim();
    let address = first
        .parse::<IpAddr>()
        .or_else(|_| first.parse::<SocketAddr>().map(|socket| socket.ip()))
        .or_else(|_| first.trim_matches(['[', ']']).parse::<IpAddr>())
        .ok()?
        .to_canonical();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
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
    use http::{HeaderValue, Request};

    async fn client(headers: &[(&'static str, &str)]) -> Client {
        let mut request = Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_str(value).expect("a value"));
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let trusted = AddressHeaders(&["cf-connecting-ip", "x-forwarded-for", "spin-client-addr"]);
        parts.extensions.insert(trusted);
        let Ok(client) = Client::from_request_parts(&mut parts, &()).await;
        client
    }

    #[tokio::test]
    async fn the_most_trusted_header_with_an_address_counts() {
        for (headers, address) in [
            (
                &[("x-forwarded-for", "203.0.113.9, 10.0.0.1")][..],
                "203.0.113.9",
            ),
            (&[("x-forwarded-for", " 2001:db8::1 ")], "2001:db8::1"),
            (&[("x-forwarded-for", "[2001:db8::1]:4711")], "2001:db8::1"),
            (&[("x-forwarded-for", "[2001:db8::1]")], "2001:db8::1"),
            (&[("x-forwarded-for", "::ffff:192.0.2.7")], "192.0.2.7"),
            (&[("spin-client-addr", "192.0.2.7:50000")], "192.0.2.7"),
            (
                &[
                    ("cf-connecting-ip", "192.0.2.7"),
                    ("x-forwarded-for", "192.0.2.8"),
                ],
                "192.0.2.7",
            ),
            (
                &[
                    ("cf-connecting-ip", "127.0.0.1"),
                    ("x-forwarded-for", "192.0.2.8"),
                ],
                "192.0.2.8",
            ),
        ] {
            let found = client(headers).await.address;
            assert_eq!(
                found,
                Some(address.parse().expect("an address")),
                "{headers:?}"
            );
        }
        for headers in [
            &[][..],
            &[("x-forwarded-for", "unknown")],
            &[("x-forwarded-for", "")],
            &[("spin-client-addr", "127.0.0.1:50000")],
            &[("spin-client-addr", "[::1]:50000")],
            &[("forwarded", "192.0.2.8")],
        ] {
            assert_eq!(client(headers).await.address, None, "{headers:?}");
        }
    }

    #[tokio::test]
    async fn only_a_prefix_is_for_keeping() {
        let v4 = client(&[("x-forwarded-for", "203.0.113.9")]).await;
        assert_eq!(v4.address_prefix().as_deref(), Some("203.0.113.0/24"));
        assert_eq!(v4.rate_limit_key().as_deref(), Some("203.0.113.9"));
        let v6 = client(&[("x-forwarded-for", "2001:db8:1:2:3:4:5:6")]).await;
        assert_eq!(v6.address_prefix().as_deref(), Some("2001:db8:1::/48"));
        assert_eq!(v6.rate_limit_key().as_deref(), Some("2001:db8:1:2::/64"));
    }

    #[tokio::test]
    async fn a_long_user_agent_is_cut_between_characters() {
        let long = format!("{}\u{e9}", "x".repeat(254));
        let kept = client(&[("user-agent", "app/1")]).await.user_agent;
        assert_eq!(kept.as_deref(), Some("app/1"));
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(long.as_bytes()).expect("a value");
        headers.insert(header::USER_AGENT, value);
        assert_eq!(user_agent(&headers), Some("x".repeat(254)));
    }
}
