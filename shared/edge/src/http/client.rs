//! Who calls, as far as the connection tells: an address for rate limits, a
//! prefix of it and the user agent for logs.
//!
//! One header holds the address: the one that the host sets itself, or the one
//! that `CLIENT_ADDRESS_HEADER` names where a proxy stands in front. No other is
//! ever read, so a client's own `X-Forwarded-For` changes nothing. Proxies and
//! hosts that do not replace the header append to it, so the last address of the
//! last value is the one that was added by the nearest; everything before it may
//! be the client's own text.

use crate::ports::{Config, Level, Log, name};
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use keywright_domain::caller_limits::{CallerNetworks, UNKNOWN_CALLERS, is_public};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

/// Longest user agent that is kept, in bytes.
const MAX_USER_AGENT_BYTES: usize = 255;

/// The header that tells a caller's address; a request extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressHeader {
    /// Set by the host from the connection.
    Connection(HeaderName),
    /// Set by the operator's proxy, as configured.
    Proxy(HeaderName),
    /// There is none: no caller has an address.
    Missing,
}

impl AddressHeader {
    /// The header that `CLIENT_ADDRESS_HEADER` names, else the one in which the
    /// host itself tells the connection's address.
    ///
    /// # Errors
    /// A line for the log when the setting is not the name of a header that holds
    /// addresses; then no caller has an address, and all share one bucket.
    pub fn configured(config: &Config, of_host: Option<&'static str>) -> Result<Self, String> {
        let Some(text) = config.get(name::CLIENT_ADDRESS_HEADER) else {
            return Ok(of_host.map_or(Self::Missing, |name| {
                Self::Connection(HeaderName::from_static(name))
            }));
        };
        match HeaderName::try_from(text) {
            Ok(header) if header == header::FORWARDED => Err(format!(
                "{} must name a header that holds addresses only, such as X-Forwarded-For; Forwarded (RFC 7239) is not read",
                name::CLIENT_ADDRESS_HEADER
            )),
            Ok(header) => Ok(Self::Proxy(header)),
            Err(_) => Err(format!(
                "{} must be the name of one header, such as X-Forwarded-For",
                name::CLIENT_ADDRESS_HEADER
            )),
        }
    }

    /// As [`Self::configured`]; what is wrong with the setting goes to the log.
    #[must_use]
    pub fn open(config: &Config, of_host: Option<&'static str>, log: &Log) -> Self {
        Self::configured(config, of_host).unwrap_or_else(|error| {
            log.write(Level::Error, "", &error);
            Self::Missing
        })
    }

    /// The caller's address, where the header tells one that can tell callers
    /// apart. A connection from this machine or a local network is a proxy's; a
    /// proxy that was configured may tell of local callers, but not of itself.
    #[must_use]
    pub fn address(&self, headers: &HeaderMap) -> Option<IpAddr> {
        match self {
            Self::Connection(name) => last_address(headers, name).filter(|at| is_public(*at)),
            Self::Proxy(name) => last_address(headers, name)
                .filter(|address| !address.is_loopback() && !address.is_unspecified()),
            Self::Missing => None,
        }
    }
}

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

/// The last address of the header's last value, which the nearest proxy added.
/// Text that is no address, such as `unknown`, hides what stands before it.
fn last_address(headers: &HeaderMap, name: &HeaderName) -> Option<IpAddr> {
    let last = headers.get_all(name).iter().next_back()?;
    let last = last.to_str().ok()?.rsplit(',').next()?.trim();
    let address = last
        .parse::<IpAddr>()
        .or_else(|_| last.parse::<SocketAddr>().map(|socket| socket.ip()))
        .or_else(|_| last.trim_matches(['[', ']']).parse::<IpAddr>())
        .ok()?;
    Some(address.to_canonical())
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

    fn headers(values: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        headers
    }

    fn source(setting: &str, of_host: Option<&'static str>) -> Result<AddressHeader, String> {
        let config = Config::new([(name::CLIENT_ADDRESS_HEADER, setting.to_owned())]);
        AddressHeader::configured(&config, of_host)
    }

    /// The address that a function behind this setting sees.
    fn address(setting: &str, values: &[(&'static str, &str)]) -> Option<String> {
        let source = source(setting, Some("spin-client-addr")).expect("a header's name");
        let address = source.address(&headers(values));
        address.map(|address| address.to_string())
    }

    #[test]
    fn only_the_connection_tells_the_address_unless_configured() {
        let connection = ("spin-client-addr", "198.51.100.7:50000");
        for forged in [
            &[][..],
            &[("x-forwarded-for", "203.0.113.9")],
            &[("cf-connecting-ip", "203.0.113.9")],
            &[
                ("x-real-ip", "203.0.113.9"),
                ("forwarded", "for=203.0.113.9"),
            ],
            // Spin appends its own value to what the client sent.
            &[("spin-client-addr", "203.0.113.9:1")],
        ] {
            let values = [forged, &[connection]].concat();
            assert_eq!(
                address("", &values).as_deref(),
                Some("198.51.100.7"),
                "{values:?}"
            );
        }
        for (hidden, why) in [
            ("127.0.0.1:50000", "a proxy on this machine"),
            ("[::1]:50000", "a proxy on this machine"),
            ("192.168.1.2:50000", "a proxy of the local network"),
            ("[fd00::2]:50000", "a proxy of the local network"),
            ("unknown", "no address"),
        ] {
            let values = [
                ("x-forwarded-for", "203.0.113.9"),
                ("spin-client-addr", hidden),
            ];
            assert_eq!(address("", &values), None, "{why}");
        }
        let forged = [
            ("spin-client-addr", "203.0.113.9:1"),
            ("spin-client-addr", ""),
        ];
        assert_eq!(address("", &forged), None);
    }

    #[test]
    fn of_a_configured_header_the_last_address_counts() {
        for (values, expected) in [
            (&["203.0.113.9"][..], Some("203.0.113.9")),
            (&["198.51.100.1, 203.0.113.9"], Some("203.0.113.9")),
            (&["198.51.100.1,203.0.113.9"], Some("203.0.113.9")),
            (&["198.51.100.1", "203.0.113.9"], Some("203.0.113.9")),
            (
                &["198.51.100.1", "198.51.100.2, 203.0.113.9"],
                Some("203.0.113.9"),
            ),
            (&[" 2001:db8::1 "], Some("2001:db8::1")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["203.0.113.9:4711"], Some("203.0.113.9")),
            (&["::ffff:192.0.2.7"], Some("192.0.2.7")),
            (&["192.168.1.2"], Some("192.168.1.2")),
            // What cannot be read hides what stands before it.
            (&["203.0.113.9, unknown"], None),
            (&["203.0.113.9,"], None),
            (&["203.0.113.9", ""], None),
            (&["203.0.113.9, 127.0.0.1"], None),
            (&["203.0.113.9, ::1"], None),
            (&["203.0.113.9, 0.0.0.0"], None),
            (&[], None),
        ] {
            let values: Vec<_> = values
                .iter()
                .map(|value| ("x-forwarded-for", *value))
                .collect();
            // The connection's own address, the proxy's, does not stand in.
            let values = [&values[..], &[("spin-client-addr", "198.51.100.7:1")]].concat();
            let found = address("X-Forwarded-For", &values);
            assert_eq!(found.as_deref(), expected, "{values:?}");
        }
        let values = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-real-ip", "192.0.2.7"),
        ];
        assert_eq!(address("x-real-ip", &values).as_deref(), Some("192.0.2.7"));
    }

    #[test]
    fn a_setting_that_names_no_header_is_said_and_trusts_nothing() {
        for setting in [
            "X-Forwarded-For, X-Real-IP",
            "no header",
            "x:y",
            "Forwarded",
        ] {
            let error = source(setting, Some("spin-client-addr")).expect_err(setting);
            assert!(error.starts_with("CLIENT_ADDRESS_HEADER must "), "{error}");
        }
        assert_eq!(source("", None), Ok(AddressHeader::Missing));
    }

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
        let kept = user_agent(&headers(&[("user-agent", "app/1")]));
        assert_eq!(kept.as_deref(), Some("app/1"));
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(long.as_bytes()).expect("a value");
        headers.insert(header::USER_AGENT, value);
        assert_eq!(user_agent(&headers), Some("x".repeat(254)));
    }
}
