//! Discounts: what a code takes off a price, in whole sats. Which orders a
//! code applies to is in [`applies`]; how a code is written is in [`code`].
//!
//! A discount never makes a price negative and never raises one. What a price
//! of 0 means does not depend on how it came about: it is a free license. A
//! code for the whole price, a fixed amount as high as the price and
//! [`Discount::FreeLicense`] all sell for nothing; there is no invoice over one
//! sat that nobody wants to be paid.

pub mod applies;
pub mod code;

use crate::money::Sats;
use serde::{Deserialize, Serialize};

/// 100 % in basis points, the unit of [`DiscountKind::Percent`].
pub const WHOLE_BASIS_POINTS: u16 = 10_000;

/// The kinds of discount, in the words of the Keysat contract, discount codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscountKind {
    /// A part of the price, in basis points.
    Percent,
    /// A number of sats off the price.
    FixedSats,
    /// A price in sats instead of the usual one.
    SetPrice,
    /// Nothing to pay.
    FreeLicense,
}

impl DiscountKind {
    /// The word in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::FixedSats => "fixed_sats",
            Self::SetPrice => "set_price",
            Self::FreeLicense => "free_license",
        }
    }
}

/// A checked discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "KindAndAmount", into = "KindAndAmount")]
pub enum Discount {
    /// This part of the price, in basis points up to [`WHOLE_BASIS_POINTS`].
    Percent(u16),
    /// This much off the price, at most the price.
    FixedSats(Sats),
    /// This price, where the usual one is higher.
    SetPrice(Sats),
    /// Nothing to pay.
    FreeLicense,
}

/// A discount as it is recorded and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindAndAmount {
    /// What the amount means.
    pub kind: DiscountKind,
    /// Basis points or sats, by the kind.
    pub amount: i64,
}

/// An amount that its kind does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotADiscount {
    /// Outside 0 to [`WHOLE_BASIS_POINTS`].
    #[error("a percent is a number of basis points from 0 to {WHOLE_BASIS_POINTS}: 2500 is 25 %")]
    Percent,
    /// Not above 0, or more sats than there are.
    #[error("{0} is a number of sats above 0")]
    Sats(&'static str),
}

impl Discount {
    /// Checks an amount against its kind. That of a free license does not
    /// matter and counts as 0.
    ///
    /// # Errors
    /// [`NotADiscount`].
    pub fn new(kind: DiscountKind, amount: i64) -> Result<Self, NotADiscount> {
        let sats = || {
            let sats = Sats::try_from(amount).ok();
            sats.filter(|sats| *sats > Sats::ZERO)
                .ok_or(NotADiscount::Sats(kind.as_str()))
        };
        match kind {
            DiscountKind::Percent => u16::try_from(amount)
                .ok()
                .filter(|points| *points <= WHOLE_BASIS_POINTS)
                .map(Self::Percent)
                .ok_or(NotADiscount::Percent),
            DiscountKind::FixedSats => sats().map(Self::FixedSats),
            DiscountKind::SetPrice => sats().map(Self::SetPrice),
            DiscountKind::FreeLicense => Ok(Self::FreeLicense),
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(self) -> DiscountKind {
        match self {
            Self::Percent(_) => DiscountKind::Percent,
            Self::FixedSats(_) => DiscountKind::FixedSats,
            Self::SetPrice(_) => DiscountKind::SetPrice,
            Self::FreeLicense => DiscountKind::FreeLicense,
        }
    }

    /// Basis points or sats, by the kind; 0 for a free license.
    #[must_use]
    pub fn amount(self) -> i64 {
        match self {
            Self::Percent(points) => i64::from(points),
            Self::FixedSats(sats) | Self::SetPrice(sats) => sats.get(),
            Self::FreeLicense => 0,
        }
    }

    /// The price after this discount.
    ///
    /// The part that a percent takes off is rounded down to whole sats, so the
    /// buyer pays the broken sat, and only 100 % makes a price 0. A fixed
    /// amount takes off the price at most. A set price above the usual one
    /// leaves the usual one.
    #[must_use]
    pub fn price(self, base: Sats) -> Sats {
        match self {
            Self::Percent(points) => base.less(base.share(points)),
            Self::FixedSats(off) => base.less(off),
            Self::SetPrice(price) => price.min(base),
            Self::FreeLicense => Sats::ZERO,
        }
    }
}

impl From<Discount> for KindAndAmount {
    fn from(discount: Discount) -> Self {
        Self {
            kind: discount.kind(),
            amount: discount.amount(),
        }
    }
}

impl TryFrom<KindAndAmount> for Discount {
    type Error = NotADiscount;

    fn try_from(recorded: KindAndAmount) -> Result<Self, NotADiscount> {
        Self::new(recorded.kind, recorded.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::DiscountKind::{FixedSats, FreeLicense, Percent, SetPrice};
    use super::*;
    use crate::money::MAX_SATS;
    use proptest::prelude::*;

    fn sats(amount: i64) -> Sats {
        Sats::try_from(amount).expect("a price")
    }

    #[test]
    fn prices_after_a_discount() {
        for (kind, amount, base, price) in [
            (Percent, 0, 1_000, 1_000),
            (Percent, 2_500, 1_000, 750),
            (Percent, 10_000, 1_000, 0),
            // The broken sat is the buyer's: 33.33 % of 100 is 33 off.
            (Percent, 3_333, 100, 67),
            (Percent, 1, 9_999, 9_999),
            (Percent, 1, 10_000, 9_999),
            (Percent, 9_999, 1, 1),
            (Percent, 5_000, 1, 1),
            (Percent, 10_000, 1, 0),
            (Percent, 5_000, 0, 0),
            (Percent, 9_999, MAX_SATS, 210_000_000_000),
            (FixedSats, 1, 1_000, 999),
            (FixedSats, 999, 1_000, 1),
            (FixedSats, 1_000, 1_000, 0),
            (FixedSats, 1_001, 1_000, 0),
            (FixedSats, MAX_SATS, 1, 0),
            (FixedSats, 1, 0, 0),
            (SetPrice, 1, 1_000, 1),
            (SetPrice, 1_000, 1_000, 1_000),
            (SetPrice, 1_001, 1_000, 1_000),
            (SetPrice, 5, 0, 0),
            (FreeLicense, 0, 1_000, 0),
            (FreeLicense, 77, 1_000, 0),
            (FreeLicense, 0, 0, 0),
        ] {
            let discount = Discount::new(kind, amount).expect("a discount");
            assert_eq!(
                discount.price(sats(base)),
                sats(price),
                "{discount:?} of {base}"
            );
        }
    }

    #[test]
    fn amounts_are_checked_by_their_kind() {
        for (kind, amount) in [
            (Percent, -1),
            (Percent, 10_001),
            (Percent, 65_536),
            (Percent, i64::MIN),
        ] {
            assert_eq!(
                Discount::new(kind, amount),
                Err(NotADiscount::Percent),
                "{amount}"
            );
        }
        for kind in [FixedSats, SetPrice] {
            for amount in [0, -1, MAX_SATS + 1, i64::MIN, i64::MAX] {
                let refused = Err(NotADiscount::Sats(kind.as_str()));
                assert_eq!(Discount::new(kind, amount), refused, "{amount}");
            }
            assert_eq!(
                Discount::new(kind, MAX_SATS).map(Discount::amount),
                Ok(MAX_SATS)
            );
        }
        for amount in [i64::MIN, -1, 0, 1, i64::MAX] {
            let free = Discount::new(FreeLicense, amount);
            assert_eq!(free, Ok(Discount::FreeLicense), "{amount}");
            assert_eq!(free.map(Discount::amount), Ok(0));
        }
    }

    #[test]
    fn a_recorded_discount_reads_back() {
        for (text, kind, amount) in [
            (r#"{"kind":"percent","amount":2500}"#, Percent, 2_500),
            (r#"{"kind":"fixed_sats","amount":7}"#, FixedSats, 7),
            (r#"{"kind":"set_price","amount":9}"#, SetPrice, 9),
            (r#"{"kind":"free_license","amount":0}"#, FreeLicense, 0),
        ] {
            let discount = Discount::new(kind, amount).expect("a discount");
            let written = serde_json::to_value(discount).expect("JSON");
            let recorded: serde_json::Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(written, recorded);
            assert_eq!(written["kind"], kind.as_str());
            let read: Discount = serde_json::from_value(recorded).expect("a discount");
            assert_eq!(read, discount);
        }
        let impossible = r#"{"kind":"percent","amount":10001}"#;
        assert!(serde_json::from_str::<Discount>(impossible).is_err());
    }

    fn any_discount() -> impl Strategy<Value = Discount> {
        let amounts = || prop_oneof![1..=5_i64, 1..=20_000_i64, 1..=MAX_SATS];
        prop_oneof![
            (0..=WHOLE_BASIS_POINTS).prop_map(Discount::Percent),
            amounts().prop_map(|amount| Discount::FixedSats(sats(amount))),
            amounts().prop_map(|amount| Discount::SetPrice(sats(amount))),
            Just(Discount::FreeLicense),
        ]
    }

    fn any_price() -> impl Strategy<Value = Sats> {
        prop_oneof![0..=5_i64, 0..=20_000_i64, 0..=MAX_SATS].prop_map(sats)
    }

    proptest! {
        #[test]
        fn no_price_is_negative_or_raised(discount in any_discount(), base in any_price()) {
            let price = discount.price(base);
            prop_assert!(price >= Sats::ZERO);
            prop_assert!(price <= base);
        }

        /// A dearer product stays at least as dear with the same code.
        #[test]
        fn the_order_of_prices_stays(discount in any_discount(), a in any_price(), b in any_price()) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(discount.price(low) <= discount.price(high));
        }

        /// The percent is exact to less than one sat, in the vendor's favour.
        #[test]
        fn a_percent_is_rounded_down(points in 0..=WHOLE_BASIS_POINTS, base in any_price()) {
            let off = base.get() - Discount::Percent(points).price(base).get();
            let exact = i128::from(base.get()) * i128::from(points);
            let off = i128::from(off) * 10_000;
            prop_assert!(off <= exact && exact < off + 10_000);
        }

        /// Only the whole percent makes a price 0 that was not.
        #[test]
        fn a_part_is_never_the_whole(points in 0..WHOLE_BASIS_POINTS, base in any_price()) {
            let price = Discount::Percent(points).price(base);
            prop_assert_eq!(price == Sats::ZERO, base == Sats::ZERO);
        }

        #[test]
        fn a_set_price_is_the_lower_one(price in any_price(), base in any_price()) {
            prop_assert_eq!(Discount::SetPrice(price).price(base), price.min(base));
        }
    }
}
