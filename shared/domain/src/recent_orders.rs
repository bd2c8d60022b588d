//! Caps on orders that cost their caller nothing, unpaid ones and free ones: for one caller,
//! one network and all callers together; and how long an unpaid order keeps a use of a
//! discount code.
//!
//! An unpaid order costs its caller nothing and the vendor an invoice, rows and a place
//! in the reconciler's queue. So unpaid orders are counted for an hour, whether they have
//! ended or not: only paying makes room. Free licenses are counted for an hour, trials for a
//! day; the licenses stay.
//!
//! Callers are counted at three widths, because an IPv6 customer owns 65,536 networks of /64
//! and some own a /32. The cap of the widest one shrinks as the shop fills up, so the
//! network with the most orders is refused first, and a network without orders gets in until
//! the shop is full.

use data_encoding::HEXLOWER;
use std::net::IpAddr;

/// Orders of one kind of one caller: an IPv4 address or an IPv6 /64.
pub const PER_CALLER: i64 = 10;
/// The same of one network: an IPv4 /24 or an IPv6 /48.
pub const PER_NETWORK: i64 = 30;
/// The same of one IPv6 /32.
pub const PER_PROVIDER: i64 = 300;
/// The same of all callers together whose address is unknown: they cannot be told apart, so
/// they are counted as one.
pub const PER_UNKNOWN: i64 = 1_000;
/// From so many orders of all kinds of everybody in an hour on, the widest cap shrinks.
pub const CROWDED: i64 = 1_000;
/// Most orders of all kinds of everybody in an hour.
pub const MOST: i64 = 10_000;

/// Trials of one product for one e-mail address in [`TRIAL_SECONDS`], wherever they are
/// ordered from.
pub const TRIALS_PER_EMAIL: i64 = 3;
/// For how long trials of an e-mail address count, in seconds: 30 days.
pub const TRIAL_SECONDS: i64 = 30 * 86_400;

/// How long an unpaid order is guaranteed its use of a limited code, in seconds. Afterwards
/// the next order that needs the use may take it; the order keeps its price.
pub const CODE_KEPT_SECONDS: i64 = 300;
/// How long an unpaid order with a limited code counts for the caps below, in
/// seconds. Three times [`CODE_KEPT_SECONDS`], so a caller at their cap keeps
/// uses a third of the time.
pub const CODE_COUNTED_SECONDS: i64 = 900;
/// Unpaid orders with a limited code of one caller.
pub const CODES_PER_CALLER: i64 = 3;
/// The same of one network.
pub const CODES_PER_NETWORK: i64 = 6;
/// The same of one IPv6 /32.
pub const CODES_PER_PROVIDER: i64 = 20;

/// An order that cost its caller nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKind {
    /// It is not paid yet.
    Unpaid,
    /// Its price was 0.
    Free,
    /// Its price was 0, and the license is a trial.
    Trial,
}

impl OrderKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Unpaid, Self::Free, Self::Trial];

    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unpaid => "unpaid",
            Self::Free => "free",
            Self::Trial => "trial",
        }
    }

    /// How long it counts, in seconds.
    #[must_use]
    pub const fn counted_seconds(self) -> i64 {
        match self {
            Self::Unpaid | Self::Free => 3_600,
            Self::Trial => 86_400,
        }
    }
}

/// Where an order comes from, as three prefixes of one text, so that one index
/// counts all three widths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderOrigin {
    text: String,
    network: usize,
    provider: usize,
}

/// The caps of an [`OrderOrigin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderCaps {
    /// Of one caller.
    pub caller: i64,
    /// Of its network.
    pub network: i64,
    /// Of the widest network it is in.
    pub provider: i64,
}

impl OrderOrigin {
    /// The origin of a request from this address.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        let hex = |family: char, bytes: &[u8]| {
            let mut text = String::from(family);
            HEXLOWER.encode_append(bytes, &mut text);
            text
        };
        match address.map(|address| address.to_canonical()) {
            None => Self {
                text: "0".to_owned(),
                network: 1,
                provider: 1,
            },
            Some(IpAddr::V4(address)) => Self {
                text: hex('4', &address.octets()),
                network: 7,
                provider: 7,
            },
            Some(IpAddr::V6(address)) => Self {
                text: hex('6', &address.octets()[..8]),
                network: 13,
                provider: 9,
            },
        }
    }

    /// The caller: an IPv4 address, an IPv6 /64, or all unknown ones.
    #[must_use]
    pub fn caller(&self) -> &str {
        &self.text
    }

    /// What the callers of its IPv4 /24 or IPv6 /48 begin with.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.text[..self.network]
    }

    /// What the callers of its IPv4 /24 or IPv6 /32 begin with.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.text[..self.provider]
    }

    /// Whether no address is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.text == "0"
    }

    /// How many orders of one kind it may have.
    #[must_use]
    pub fn orders(&self) -> OrderCaps {
        if self.is_unknown() {
            return OrderCaps {
                caller: PER_UNKNOWN,
                network: PER_UNKNOWN,
                provider: PER_UNKNOWN,
            };
        }
        OrderCaps {
            caller: PER_CALLER,
            network: PER_NETWORK,
            provider: if self.network == self.provider {
                PER_NETWORK
            } else {
                PER_PROVIDER
            },
        }
    }

    /// How many of them may have a limited code. Unknown callers only share
    /// [`Self::orders`]: a cap for all of them together would keep more buyers
    /// from a code than one who orders and does not pay.
    #[must_use]
    pub fn codes(&self) -> OrderCaps {
        if self.is_unknown() {
            return self.orders();
        }
        OrderCaps {
            caller: CODES_PER_CALLER,
            network: CODES_PER_NETWORK,
            provider: if self.network == self.provider {
                CODES_PER_NETWORK
            } else {
                CODES_PER_PROVIDER
            },
        }
    }
}

/// The cap of the widest network, of `cap` at most, when everybody together has
/// `open` orders. Never less than 1 before the shop is full, so that a
/// network without any order gets in.
#[must_use]
pub fn shrunk(cap: i64, open: i64) -> i64 {
    if open < CROWDED {
        cap
    } else if open >= MOST {
        0
    } else {
        (cap * (MOST - open) / (MOST - CROWDED)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(address: &str) -> OrderOrigin {
        OrderOrigin::of(Some(address.parse().expect("an address")))
    }

    #[test]
    fn widths_are_prefixes() {
        let v4 = origin("203.0.113.9");
        assert_eq!(
            (v4.caller(), v4.network(), v4.provider()),
            ("4cb007109", "4cb0071", "4cb0071")
        );
        let v6 = origin("2001:db8:1:2:3:4:5:6");
        assert_eq!(
            (v6.caller(), v6.network(), v6.provider()),
            ("620010db800010002", "620010db80001", "620010db8")
        );
        assert_eq!(origin("::ffff:203.0.113.9"), v4);
        let unknown = OrderOrigin::of(None);
        assert_eq!((unknown.caller(), unknown.is_unknown()), ("0", true));
    }

    #[test]
    fn addresses_of_one_customer_are_one_caller() {
        let one = origin("2001:db8:1:2::1");
        assert_eq!(one, origin("2001:db8:1:2:ffff::9"));
        let other = origin("2001:db8:1:3::1");
        assert_ne!(one.caller(), other.caller());
        assert_eq!(one.network(), other.network());
        let far = origin("2001:db8:2:2::1");
        assert_ne!(one.network(), far.network());
        assert_eq!(one.provider(), far.provider());
    }

    #[test]
    fn a_crowd_shrinks_the_widest_cap_and_a_fresh_network_still_gets_in() {
        for (open, cap) in [
            (0, 300),
            (999, 300),
            (1_000, 300),
            (5_500, 150),
            (9_970, 1),
            (9_999, 1),
            (10_000, 0),
        ] {
            assert_eq!(shrunk(PER_PROVIDER, open), cap, "{open}");
        }
    }

    proptest! {
        /// The wider the network, the more it may have, and never more than
        /// everybody together.
        #[test]
        fn caps_widen(bytes in any::<[u8; 16]>(), four in any::<bool>()) {
            let address: IpAddr = if four {
                [bytes[0], bytes[1], bytes[2], bytes[3]].into()
            } else {
                bytes.into()
            };
            let origin = OrderOrigin::of(Some(address));
            prop_assert!(origin.caller().starts_with(origin.network()));
            prop_assert!(origin.network().starts_with(origin.provider()));
            for caps in [origin.orders(), origin.codes()] {
                prop_assert!(caps.caller <= caps.network && caps.network <= caps.provider);
                prop_assert!(caps.provider < CROWDED);
            }
        }
    }
}
