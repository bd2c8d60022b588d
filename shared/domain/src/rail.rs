//! Ways of paying (rails), the providers that take them, and the choice of the provider that
//! an order is paid through.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A way of paying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rail {
    /// Bitcoin over Lightning.
    Lightning,
    /// Bitcoin on chain.
    Onchain,
    /// A card.
    Card,
}

/// A kind of payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// A `BTCPay` Server of the vendor's choice.
    Btcpay,
    /// A Zaprite account.
    Zaprite,
}

/// Text that is not the name of a rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be lightning, onchain or card")]
pub struct UnknownRail;

impl Rail {
    /// Every rail, in the order in which buyers are offered them.
    pub const ALL: [Self; 3] = [Self::Lightning, Self::Onchain, Self::Card];

    /// The name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lightning => "lightning",
            Self::Onchain => "onchain",
            Self::Card => "card",
        }
    }
}

impl fmt::Display for Rail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Rail {
    type Err = UnknownRail;

    fn from_str(name: &str) -> Result<Self, UnknownRail> {
        Self::ALL
            .into_iter()
            .find(|rail| rail.as_str() == name)
            .ok_or(UnknownRail)
    }
}

impl ProviderKind {
    /// The name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Btcpay => "btcpay",
            Self::Zaprite => "zaprite",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Btcpay => "BTCPay",
            Self::Zaprite => "Zaprite",
        }
    }

    /// The rails that a provider of this kind takes (Keysat contract, merchant profiles).
    #[must_use]
    pub const fn rails(self) -> &'static [Rail] {
        match self {
            Self::Btcpay => &[Rail::Lightning, Rail::Onchain],
            Self::Zaprite => &[Rail::Card, Rail::Lightning, Rail::Onchain],
        }
    }
}

/// A connected provider, as the choice needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its kind.
    pub kind: ProviderKind,
    /// When it was connected, in unix seconds.
    pub connected_at: i64,
}

/// The provider that an order is paid through: the one that the business prefers for its
/// rail, else the only one that takes it, else the one that was connected first. For an
/// order that names no rail, the last two decide. `None` if no provider takes it.
#[must_use]
pub fn choose<'a>(
    candidates: &[Candidate<'a>],
    preferred: impl Fn(Rail) -> Option<&'a str>,
    rail: Option<Rail>,
) -> Option<Candidate<'a>> {
    let takes = |one: &&Candidate<'a>| rail.is_none_or(|rail| one.kind.rails().contains(&rail));
    let wanted = rail.and_then(preferred);
    let able = || candidates.iter().filter(takes);
    able()
        .find(|one| Some(one.id) == wanted)
        .or_else(|| able().min_by_key(|one| (one.connected_at, one.id)))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn one(id: &str, kind: ProviderKind, connected_at: i64) -> Candidate<'_> {
        Candidate {
            id,
            kind,
            connected_at,
        }
    }

    #[test]
    fn names_go_both_ways() {
        for rail in [Rail::Lightning, Rail::Onchain, Rail::Card] {
            assert_eq!(rail.as_str().parse(), Ok(rail));
            assert_eq!(serde_json::to_value(rail).expect("JSON"), rail.as_str());
        }
        for wrong in ["", "Card", "usdc", "lightning "] {
            assert_eq!(wrong.parse::<Rail>(), Err(UnknownRail));
        }
    }

    #[test]
    fn preference_then_the_only_one_then_the_earliest() {
        use ProviderKind::{Btcpay, Zaprite};
        let both = [one("z", Zaprite, 5), one("b", Btcpay, 9)];
        let none = |_: Rail| None;
        let prefers_b = |_: Rail| Some("b");
        let id = |found: Option<Candidate<'_>>| found.map(|one| one.id.to_owned());
        for (candidates, preferred, rail, expected) in [
            (
                &both[..],
                &none as &dyn Fn(Rail) -> Option<&'static str>,
                None,
                Some("z"),
            ),
            (&both[..], &none, Some(Rail::Lightning), Some("z")),
            (&both[..], &prefers_b, Some(Rail::Lightning), Some("b")),
            // It cannot take what it is preferred for.
            (&both[..], &prefers_b, Some(Rail::Card), Some("z")),
            (&both[1..], &none, Some(Rail::Onchain), Some("b")),
            (&both[1..], &none, Some(Rail::Card), None),
            (&both[..1], &prefers_b, Some(Rail::Onchain), Some("z")),
            (&[], &prefers_b, None, None),
        ] {
            let found = choose(candidates, preferred, rail);
            assert_eq!(id(found), expected.map(str::to_owned), "{rail:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_chosen_takes_the_rail_and_order_does_not_matter(
            times in proptest::collection::vec((0_i64..5, any::<bool>()), 0..6),
            rail in proptest::option::of(0_usize..3),
        ) {
            let ids: Vec<String> = (0..times.len()).map(|n| format!("p{n}")).collect();
            let mut candidates: Vec<Candidate<'_>> = times
                .iter()
                .zip(&ids)
                .map(|((at, zaprite), id)| {
                    let kind = if *zaprite { ProviderKind::Zaprite } else { ProviderKind::Btcpay };
                    one(id, kind, *at)
                })
                .collect();
            let rail = rail.map(|n| [Rail::Lightning, Rail::Onchain, Rail::Card][n]);
            let found = choose(&candidates, |_| None, rail);
            candidates.reverse();
            prop_assert_eq!(found, choose(&candidates, |_| None, rail));
            match found {
                Some(found) => prop_assert!(rail.is_none_or(|rail| found.kind.rails().contains(&rail))),
                None => prop_assert!(
                    candidates.iter().all(|one| rail.is_some_and(|rail| !one.kind.rails().contains(&rail)))
                ),
            }
        }
    }
}
