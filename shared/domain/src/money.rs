//! Amounts: whole minor units, never floating point.

use serde::{Deserialize, Serialize};

/// All the bitcoin there will ever be, in sats: 21 million times 10^8. No price
/// can be higher, and it stays below 2^53, which JSON numbers carry exactly.
pub const MAX_SATS: i64 = 2_100_000_000_000_000;

/// A price or payment in sats, between 0 and [`MAX_SATS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Sats(i64);

/// A number that cannot be a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a price is a whole number of sats from 0 to {MAX_SATS}")]
pub struct NotAPrice;

/// Text that is not an amount of bitcoin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal amount of bitcoin with at most 8 places")]
pub struct NotBitcoin;

impl Sats {
    /// Nothing to pay.
    pub const ZERO: Self = Self(0);

    /// The number of sats.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// What is left after `off` was taken off; never less than nothing.
    #[must_use]
    pub fn less(self, off: Self) -> Self {
        Self((self.0 - off.0).max(0))
    }

    /// This many ten-thousandths of it, rounded down; more than the whole
    /// counts as the whole.
    #[must_use]
    pub fn share(self, basis_points: u16) -> Self {
        let points = i64::from(basis_points.min(10_000));
        // In two parts, because the product of all of it does not fit.
        Self(self.0 / 10_000 * points + self.0 % 10_000 * points / 10_000)
    }

    /// The amount as decimal bitcoin with eight places: 50000 is `0.00050000`.
    #[must_use]
    pub fn to_bitcoin(self) -> String {
        format!("{}.{:08}", self.0 / 100_000_000, self.0 % 100_000_000)
    }

    /// Reads decimal bitcoin exactly: `0.0005` is 50000. Digits after the
    /// eighth place are accepted only if they are zero.
    ///
    /// # Errors
    /// [`NotBitcoin`] for signs, exponents, empty parts, finer fractions and
    /// amounts above [`MAX_SATS`].
    pub fn from_bitcoin(text: &str) -> Result<Self, NotBitcoin> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > 8 {
            return Err(NotBitcoin);
        }
        let (kept, rest) = fraction.split_at(fraction.len().min(8));
        if rest.bytes().any(|b| b != b'0') {
            return Err(NotBitcoin);
        }
        let number: i64 = format!("{whole}{kept:0<8}")
            .parse()
            .map_err(|_| NotBitcoin)?;
        Self::try_from(number).map_err(|_| NotBitcoin)
    }
}

impl TryFrom<i64> for Sats {
    type Error = NotAPrice;

    fn try_from(amount: i64) -> Result<Self, NotAPrice> {
        if (0..=MAX_SATS).contains(&amount) {
            Ok(Self(amount))
        } else {
            Err(NotAPrice)
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
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prices_outside_the_range_are_refused() {
        for amount in [-1, i64::MIN, MAX_SATS + 1, i64::MAX] {
            assert_eq!(Sats::try_from(amount), Err(NotAPrice), "{amount}");
        }
        assert_eq!(Sats::try_from(0), Ok(Sats::ZERO));
        assert_eq!(Sats::try_from(MAX_SATS).map(Sats::get), Ok(MAX_SATS));
    }

    #[test]
    fn bitcoin_text_is_exact() {
        assert_eq!(Sats(50_000).to_bitcoin(), "0.00050000");
        assert_eq!(Sats(MAX_SATS).to_bitcoin(), "21000000.00000000");
        assert_eq!(Sats::from_bitcoin("0.0005"), Ok(Sats(50_000)));
        assert_eq!(Sats::from_bitcoin("1"), Ok(Sats(100_000_000)));
        assert_eq!(Sats::from_bitcoin("0.000500000000"), Ok(Sats(50_000)));
        for text in [
            "",
            ".",
            "1.",
            ".1",
            "-1",
            "+1",
            "1e-3",
            "0.000000001",
            "21000001",
            "1,5",
        ] {
            assert_eq!(Sats::from_bitcoin(text), Err(NotBitcoin), "{text}");
        }
    }

    #[test]
    fn shares_and_differences_stay_in_the_range() {
        assert_eq!(Sats(10).less(Sats(3)), Sats(7));
        assert_eq!(Sats(3).less(Sats(10)), Sats::ZERO);
        assert_eq!(Sats::ZERO.less(Sats(MAX_SATS)), Sats::ZERO);
        for (amount, points, share) in [
            (19_999, 1, 1),
            (19_999, 5_000, 9_999),
            (MAX_SATS, 10_000, MAX_SATS),
            (MAX_SATS, u16::MAX, MAX_SATS),
            (MAX_SATS, 0, 0),
        ] {
            assert_eq!(
                Sats(amount).share(points),
                Sats(share),
                "{points} of {amount}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_share_is_exact_but_for_its_fraction(amount in 0..=MAX_SATS, points in 0..=10_000_u16) {
            let exact = i128::from(amount) * i128::from(points) / 10_000;
            prop_assert_eq!(i128::from(Sats(amount).share(points).get()), exact);
        }

        #[test]
        fn bitcoin_text_reads_back(amount in 0..=MAX_SATS) {
            prop_assert_eq!(Sats::from_bitcoin(&Sats(amount).to_bitcoin()), Ok(Sats(amount)));
        }
    }
}
