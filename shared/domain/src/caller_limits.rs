//! How much one caller may take: a bucket for its address, one for the network
//! around it, one for the provider around that, and one for everybody where what
//! is taken is scarce. Every guarded route has its row here.
//!
//! An IPv4 address is counted by itself and by its /24; an IPv6 address by the
//! /64 that a network hands to one customer, by the /48 and by the /32. A /48 is
//! 65,536 such customers and costs an attacker one line at home, so the wider
//! buckets hold a few times what one caller may take, not 65,536 times as much.

use crate::rate_limit::Limit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bucket of the callers whose address is not known. They share it: no address
/// is no exemption.
pub const UNKNOWN_CALLERS: &str = "unknown";
/// Bucket of all callers together.
pub const EVERYBODY: &str = "everybody";

/// Size of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Tokens in a full bucket, at least 1.
    pub burst: u32,
    /// Milliseconds in which one token comes back.
    pub token_millis: u64,
}

/// The buckets that one use of a route takes a token from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerLimit {
    /// Name of the limit, in the answer's fields and before the bucket's key.
    pub name: &'static str,
    /// For one IPv4 address or IPv6 /64.
    pub address: Rate,
    /// For an IPv4 /24 or IPv6 /48, and for all callers without an address.
    pub network: Rate,
    /// For an IPv6 /32.
    pub provider: Rate,
    /// For everybody together, where what is taken is scarce.
    pub everybody: Option<Rate>,
}

const fn rate(burst: u32, token_millis: u64) -> Rate {
    Rate {
        burst,
        token_millis,
    }
}

/// Orders of any kind: each is a row, and with a provider an invoice there.
pub const ORDERS: CallerLimit = CallerLimit {
    name: "orders",
    address: rate(30, 30_000),
    network: rate(150, 3_000),
    provider: rate(600, 500),
    everybody: None,
};

/// Orders in USDC: each holds an amount or an address that no other order gets.
pub const USDC_ORDERS: CallerLimit = CallerLimit {
    name: "usdc_orders",
    address: rate(10, 60_000),
    network: rate(40, 15_000),
    provider: rate(120, 5_000),
    everybody: Some(rate(600, 1_000)),
};

/// Discount codes that are typed: nobody finds one by trying.
pub const CODES: CallerLimit = CallerLimit {
    name: "codes",
    address: rate(30, 2_000),
    network: rate(120, 500),
    provider: rate(600, 125),
    everybody: None,
};

/// Keys of earlier purchases, by order and e-mail address.
pub const RECOVERIES: CallerLimit = CallerLimit {
    name: "recover",
    address: rate(10, 6_000),
    network: rate(60, 1_000),
    provider: rate(200, 250),
    everybody: None,
};

/// Current keys for old ones: as often as the keys may be validated.
pub const CURRENT_KEYS: CallerLimit = CallerLimit {
    name: "current_key",
    ..VALIDATIONS
};

/// Recovery mails that are asked for: each is a row for two hours, and perhaps a mail.
pub const RECOVERY_MAILS: CallerLimit = CallerLimit {
    name: "recover_mail",
    address: rate(5, 60_000),
    network: rate(30, 10_000),
    provider: rate(100, 3_000),
    everybody: Some(rate(800, 500)),
};

/// Looks at a subscription, cancellations and resumptions.
pub const SUBSCRIPTIONS: CallerLimit = CallerLimit {
    name: "subscriptions",
    address: rate(60, 1_000),
    network: rate(480, 125),
    provider: rate(2_400, 25),
    everybody: None,
};

/// Download links: each is a signature.
pub const LINKS: CallerLimit = CallerLimit {
    name: "links",
    address: rate(30, 2_000),
    network: rate(240, 250),
    provider: rate(1_200, 50),
    everybody: None,
};

/// Proofs that a wallet is one's own.
pub const PROOFS: CallerLimit = CallerLimit {
    name: "claims",
    address: rate(10, 6_000),
    network: rate(40, 1_500),
    provider: rate(120, 500),
    everybody: None,
};

/// Questions to the chain: the plan at the RPC endpoints is the vendor's. One
/// network has at most a third of what everybody has, so that it alone stops
/// nobody.
pub const CHAIN_QUESTIONS: CallerLimit = CallerLimit {
    name: "chain",
    address: rate(10, 6_000),
    network: rate(20, 3_000),
    provider: rate(30, 2_000),
    everybody: Some(rate(60, 1_000)),
};

/// Questions to wallets that are contracts, apart from [`CHAIN_QUESTIONS`]: whoever looks
/// up made-up hashes keeps no contract wallet from claiming.
pub const CONTRACT_QUESTIONS: CallerLimit = CallerLimit {
    name: "contracts",
    address: rate(5, 30_000),
    network: rate(15, 10_000),
    provider: rate(25, 5_000),
    everybody: Some(rate(60, 1_000)),
};

/// Operator credentials that were refused. A credential that is right is never
/// counted and never refused by this.
pub const REFUSED_CREDENTIALS: CallerLimit = CallerLimit {
    name: "credentials",
    address: rate(10, 30_000),
    network: rate(50, 6_000),
    provider: rate(200, 1_500),
    everybody: None,
};

/// Validations: the contract's limit, and what the networks around an address have.
/// The contract wants it inside a 200 answer.
pub const VALIDATIONS: CallerLimit = CallerLimit {
    name: "validate",
    address: rate(60, 1_000),
    network: rate(480, 125),
    provider: rate(3_840, 30),
    everybody: None,
};

/// Validations of text that is no license key of this instance, as far as they are
/// logged.
pub const LOGGED_GARBAGE: CallerLimit = CallerLimit {
    name: "garbage",
    address: rate(10, 360_000),
    network: rate(40, 90_000),
    provider: rate(120, 30_000),
    everybody: Some(rate(200, 18_000)),
};

/// Every limit by caller, for the manual's table.
pub const ALL: [CallerLimit; 13] = [
    ORDERS,
    USDC_ORDERS,
    CODES,
    RECOVERIES,
    CURRENT_KEYS,
    RECOVERY_MAILS,
    LINKS,
    PROOFS,
    CHAIN_QUESTIONS,
    CONTRACT_QUESTIONS,
    REFUSED_CREDENTIALS,
    VALIDATIONS,
    LOGGED_GARBAGE,
];

/// Whom a caller counts as, from the narrowest network to the widest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerNetworks {
    /// `203.0.113.9`, or `2001:db8:1:2::/64`.
    pub address: String,
    /// `203.0.113.0/24`, or `2001:db8:1::/48`.
    pub network: String,
    /// `2001:db8::/32`; none for IPv4.
    pub provider: Option<String>,
}

impl CallerNetworks {
    /// The networks of an address. An IPv4 address inside an IPv6 one counts as
    /// IPv4.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self {
                    address: address.to_string(),
                    network: format!("{}/24", Ipv4Addr::new(a, b, c, 0)),
                    provider: None,
                }
            }
            IpAddr::V6(address) => Self {
                address: prefix(address, 64),
                network: prefix(address, 48),
                provider: Some(prefix(address, 32)),
            },
        }
    }
}

fn prefix(address: Ipv6Addr, bits: u32) -> String {
    let kept = u128::from(address) & (u128::MAX << (128 - bits));
    format!("{}/{bits}", Ipv6Addr::from(kept))
}

/// Whether the address of a connection tells callers apart: not that of this
/// machine or of a local network, which is what a proxy in front has.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            // 100.64.0.0/10 is between a provider and its customers (RFC 6598).
            let is_shared = a == 100 && b & 0xc0 == 64;
            !(a == 0
                || is_shared
                || address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast())
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast())
        }
    }
}

impl CallerLimit {
    /// The buckets of a caller, each with its size: the key is the limit's name
    /// and the network's, so that no two buckets share one.
    #[must_use]
    pub fn buckets(&self, address: Option<IpAddr>) -> Vec<(String, Limit)> {
        let mut buckets = Vec::with_capacity(4);
        let mut add = |who: &str, rate: Rate| {
            let limit = Limit {
                name: self.name,
                burst: rate.burst,
                token_millis: rate.token_millis,
            };
            buckets.push((format!("{}:{who}", self.name), limit));
        };
        match address.map(CallerNetworks::of) {
            Some(networks) => {
                add(&networks.address, self.address);
                add(&networks.network, self.network);
                if let Some(provider) = &networks.provider {
                    add(provider, self.provider);
                }
            }
            None => add(UNKNOWN_CALLERS, self.network),
        }
        if let Some(rate) = self.everybody {
            add(EVERYBODY, rate);
        }
        buckets
    }
}

#[cfg(test)]
#[path = "caller_limits_tests.rs"]
mod tests;
