//! Where deliveries may go. The URL is judged as numbers and exact names, never as a
//! browser would mend it: a form that some software reads as another host is refused.

use crate::web_url;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an endpoint's URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL with a plain host.
    #[error(
        "url must be an https URL such as https://hooks.example.com/keywright, of at most {} bytes, without spaces",
        web_url::MAX_URL_BYTES
    )]
    Malformed,
    /// A user name or password before the host.
    #[error(
        "url must not contain a user name or password; put a secret into the path or the query, or check the signature"
    )]
    Credentials,
    /// A part behind `#`, which is never sent.
    #[error("url must not contain a # part, which is never sent")]
    Fragment,
    /// `http` where only `https` is allowed.
    #[error("url must begin with https://")]
    NotHttps,
    /// An address or name that is not on the public internet.
    #[error("url must lead to a public host; this is not a public address")]
    NotPublic,
    /// The shop itself.
    #[error("url must not be an address of this shop")]
    OwnShop,
}

/// A URL that deliveries may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookTarget {
    url: String,
    host: String,
    port: u16,
    is_https: bool,
}

/// What the instance allows and is.
#[derive(Debug, Clone, Copy, Default)]
pub struct TargetRules<'a> {
    /// Allows `http`, and private and loopback hosts: for development, and for receivers
    /// in the same house.
    pub allows_private: bool,
    /// Where buyers reach the shop.
    pub public_url: Option<&'a str>,
}

impl WebhookTarget {
    /// Judges a URL.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn parse(url: &str, rules: TargetRules<'_>) -> Result<Self, TargetError> {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(TargetError::Credentials);
        }
        web_url::check(url).map_err(|_| TargetError::Malformed)?;
        if url.contains('#') {
            return Err(TargetError::Fragment);
        }
        // What is sent is what was judged: no byte that a host would encode or drop.
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TargetError::Malformed);
        }
        let is_https = url
            .get(..8)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        if !is_https && !rules.allows_private {
            return Err(TargetError::NotHttps);
        }
        let (host, port) = host_and_port(authority).ok_or(TargetError::Malformed)?;
        let port = match port {
            Some(port) => port,
            None if is_https => 443,
            None => 80,
        };
        let host = host.to_ascii_lowercase();
        let own = rules.public_url.and_then(web_url::authority);
        let own = own.and_then(host_and_port).map(|(host, _)| host);
        let bare = host.strip_suffix('.').unwrap_or(&host);
        if own.is_some_and(|own| own.trim_end_matches('.').eq_ignore_ascii_case(bare))
            && !rules.allows_private
        {
            return Err(TargetError::OwnShop);
        }
        match reach(&host) {
            Reach::Public => {}
            Reach::Private if rules.allows_private => {}
            Reach::Private | Reach::Ambiguous => return Err(TargetError::NotPublic),
        }
        Ok(Self {
            url: url.to_owned(),
            host,
            port,
            is_https,
        })
    }

    /// The URL, as it was given.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its host in lower case; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What may be shown to somebody who must not see the whole URL, which may hold a
    /// secret of its receiver: the host, and a few hex digits that change with the rest.
    #[must_use]
    pub fn label(&self) -> String {
        let digest = Sha256::digest(self.url.as_bytes());
        let short = HEXLOWER.encode(digest.get(..4).unwrap_or_default());
        format!("{} ({short})", self.host)
    }

    /// Its origin, such as `https://hooks.example:8443`, without the scheme's usual port.
    #[must_use]
    pub fn origin(&self) -> String {
        let (scheme, usual) = if self.is_https {
            ("https", 443)
        } else {
            ("http", 80)
        };
        let (host, port) = (&self.host, self.port);
        if port == usual {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    }
}

/// The host and the port of an authority; `None` for port 0 and an empty one.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    let (_, rest) = authority.split_at(end);
    match rest.rfind(':') {
        None => Some((authority, None)),
        Some(at) => {
            let port: u16 = rest[at + 1..].parse().ok()?;
            (port != 0).then_some((&authority[..end + at], Some(port)))
        }
    }
}

/// Where a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Public,
    Private,
    /// Software disagrees about what it means.
    Ambiguous,
}

fn reach(host: &str) -> Reach {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return match address.parse() {
            Ok(address) if is_public(IpAddr::V6(address)) => Reach::Public,
            Ok(_) => Reach::Private,
            Err(_) => Reach::Ambiguous,
        };
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    // The URL standard reads a host whose last label is a number as an IPv4 address, in
    // decimal, octal and hexadecimal, with one to four parts.
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.starts_with("0x") && last[2..].bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_number && !last.is_empty() {
        // Rust's parser takes four decimal parts without leading zeros only.
        return match host.parse::<Ipv4Addr>() {
            Ok(address) if is_public(IpAddr::V4(address)) => Reach::Public,
            Ok(_) => Reach::Private,
            Err(_) => Reach::Ambiguous,
        };
    }
    if !is_name(host) {
        return Reach::Ambiguous;
    }
    if is_private_name(host) {
        return Reach::Private;
    }
    Reach::Public
}

/// A DNS name of labels of letters, digits, hyphens and underscores, not ending in a dot.
fn is_name(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

/// Names that are resolved inside a house or a host only: RFC 6761, RFC 8375, RFC 9476,
/// ICANN's `internal`, and what routers and clusters use.
fn is_private_name(host: &str) -> bool {
    const PRIVATE: [&str; 13] = [
        "alt",
        "corp",
        "home",
        "home.arpa",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "onion",
        "private",
    ];
    !host.contains('.')
        || PRIVATE.iter().any(|name| {
            host.strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// True for an address on the public internet: not special-purpose (IANA's registries for
/// IPv4 and IPv6), and not one that carries an IPv4 address inside.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 31, 196, 0], 24),
        ([192, 52, 193, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([192, 175, 48, 0], 24),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 3),
    ];
    let address = u32::from(address);
    !special.iter().any(|(network, length)| {
        let shift = 32 - length;
        address >> shift == u32::from_be_bytes(*network) >> shift
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is handed out. In it: protocol assignments with Teredo and ORCHID
    // (2001::/23), documentation (2001:db8::/32, 3fff::/20) and 6to4 (2002::/16).
    (first & 0xe000) == 0x2000
        && !(first == 0x2001 && second < 0x200)
        && !(first == 0x2001 && second == 0xdb8)
        && !(first == 0x3fff && second < 0x1000)
        && first != 0x2002
        && !(first == 0x2620 && second == 0x4f && address.segments()[2] == 0x8000)
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
