//! Which header tells the address of a caller.
//!
//! One header holds the address: the one that the host sets itself, or the one
//! that `CLIENT_ADDRESS_HEADER` names where a proxy stands in front. No other is
//! ever read, so a client's own `X-Forwarded-For` changes nothing. Proxies and
//! hosts that do not replace the header append to it, so the last address of the
//! last value is the one that was added by the nearest; everything before it may
//! be the client's own text.

use crate::{Config, name};
use http::{HeaderMap, HeaderName, header};
use keywright_domain::caller_limits::is_public;
use std::net::{IpAddr, SocketAddr};

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

    /// As [`Self::configured`]; with a wrong setting, which the check of the settings
    /// reports, no caller has an address.
    #[must_use]
    pub fn open(config: &Config, of_host: Option<&'static str>) -> Self {
        Self::configured(config, of_host).unwrap_or(Self::Missing)
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

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
}
