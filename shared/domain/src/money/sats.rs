//! Amounts of bitcoin, as a payment provider makes them of a price.

use super::{MAX_SATS, NotMoney, Price, decimal};
use serde::{Deserialize, Serialize};

/// An amount in sats, between 0 and [`MAX_SATS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Sats(i64);

/// A number that cannot be an amount of bitcoin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount of bitcoin is a whole number of sats from 0 to {MAX_SATS}")]
pub struct NotSats;

impl Sats {
    /// None.
    pub const ZERO: Self = Self(0);

    /// The number of sats.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// Reads decimal bitcoin: `0.0005` is 50000. A broken sat counts as a whole
    /// one: Lightning amounts have eleven places.
    ///
    /// # Errors
    /// [`NotMoney`] for signs, exponents, empty parts and amounts above
    /// [`MAX_SATS`].
    pub fn from_bitcoin(text: &str) -> Result<Self, NotMoney> {
        let (sats, is_broken) = decimal(text, 8)?;
        Self::try_from(sats.saturating_add(i64::from(is_broken))).map_err(|_| NotMoney)
    }

    /// What `base` is in sats where `price` of the same currency is this many,
    /// rounded down; what nobody could have counts as all there is. 0 where
    /// the price is 0 or of another currency: nothing is known then.
    #[must_use]
    pub fn at_the_rate_of(self, price: Price, base: Price) -> Self {
        if price.is_zero() || price.currency() != base.currency() {
            return Self::ZERO;
        }
        // Below 2^51 times 2^51.
        let sats = i128::from(self.0) * i128::from(base.amount()) / i128::from(price.amount());
        Self(i64::try_from(sats).map_or(MAX_SATS, |sats| sats.min(MAX_SATS)))
    }
}

impl TryFrom<i64> for Sats {
    type Error = NotSats;

    fn try_from(amount: i64) -> Result<Self, NotSats> {
        if (0..=MAX_SATS).contains(&amount) {
            Ok(Self(amount))
        } else {
            Err(NotSats)
        }
    }
}

impl From<Sats> for i64 {
    fn from(sats: Sats) -> Self {
        sats.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Currency;
    use super::*;

    #[test]
    fn amounts_outside_the_range_are_refused() {
        for amount in [-1, i64::MIN, MAX_SATS + 1, i64::MAX] {
            assert_eq!(Sats::try_from(amount), Err(NotSats), "{amount}");
        }
        assert_eq!(Sats::try_from(0), Ok(Sats::ZERO));
        assert_eq!(Sats::try_from(MAX_SATS).map(Sats::get), Ok(MAX_SATS));
    }

    #[test]
    fn a_broken_sat_counts_as_a_whole_one() {
        for (text, sats) in [
            ("0.00050000", 50_000),
            ("0.0005", 50_000),
            ("0.000500000000", 50_000),
            ("0.00050000001", 50_001),
            ("0.00000000001", 1),
            ("0", 0),
            ("21000000", MAX_SATS),
        ] {
            assert_eq!(Sats::from_bitcoin(text), Ok(Sats(sats)), "{text}");
        }
        for text in ["-0.1", "1e-8", "", "21000000.000000001", "21000001"] {
            assert_eq!(Sats::from_bitcoin(text), Err(NotMoney), "{text}");
        }
    }

    #[test]
    fn a_base_price_follows_the_rate_of_the_price() {
        let usd = |cents| Price::new(Currency::Usd, cents).expect("a price");
        for (sats, price, base, expected) in [
            (50_000, 2_500, 5_000, 100_000),
            (50_000, 2_500, 2_500, 50_000),
            // 3 cents where 7 are 100 sats: 42.86.
            (100, 7, 3, 42),
            (MAX_SATS, 1, 100, MAX_SATS),
            (50_000, 0, 5_000, 0),
        ] {
            let found = Sats(sats).at_the_rate_of(usd(price), usd(base));
            assert_eq!(found, Sats(expected), "{sats} {price} {base}");
        }
        let eur = Price::new(Currency::Eur, 5_000).expect("a price");
        assert_eq!(Sats(50_000).at_the_rate_of(usd(2_500), eur), Sats::ZERO);
    }
}
