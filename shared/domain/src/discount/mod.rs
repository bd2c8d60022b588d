//! Discounts: how much a code takes off a price, in whole smallest units of its currency.
//! [`applies`] has the orders that a code applies to, [`code`] how a code is written.
//!
//! A fixed amount and a set price have a currency, and apply only to prices in that
//! currency: a number never silently means another one. A percentage and a free license
//! apply to any currency.
//!
//! A discount never makes a price negative and never raises it. A price of 0 always means
//! a free license, however it came about: a code for 100 %, a fixed amount as high as the
//! price and [`Discount::FreeLicense`] all sell for nothing, and no invoice over a single
//! sat or cent is ever made.

pub mod applies;
pub mod code;

use crate::money::{Currency, Price};
use serde::{Deserialize, Serialize};

/// 100 % in basis points, the unit of [`DiscountKind::Percent`].
pub const WHOLE_BASIS_POINTS: u16 = 10_000;

/// The kinds of discount, in the words of the Keysat contract, discount codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscountKind {
    /// A part of the price, in basis points.
    Percent,
    /// An amount off the price, in the currency's smallest unit. The contract's word is from
    /// before there were other currencies.
    FixedSats,
    /// A price instead of the usual one.
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
#[serde(try_from = "RecordedDiscount", into = "RecordedDiscount")]
pub enum Discount {
    /// This part of the price, in basis points up to [`WHOLE_BASIS_POINTS`].
    Percent(u16),
    /// This much off the price, at most the price.
    Fixed(Price),
    /// This price, if the usual one is higher.
    SetPrice(Price),
    /// Nothing to pay.
    FreeLicense,
}

/// A discount as it is recorded and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedDiscount {
    /// The kind of the amount.
    pub kind: DiscountKind,
    /// Basis points or the currency's smallest unit, by the kind.
    pub amount: i64,
    /// The currency of the amount; ignored for a percentage and a free license, which have
    /// [`Currency::Sat`].
    pub currency: Currency,
}

/// An amount that its kind does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDiscount {
    /// Outside 0 to [`WHOLE_BASIS_POINTS`].
    #[error("a percent must be from 0 to {WHOLE_BASIS_POINTS} basis points: 2500 is 25 %")]
    Percent,
    /// Not above 0, or above every price.
    #[error("{} in {} must be a number of {} from 1 to {}", .0.as_str(), .1, .1.unit(), .1.max())]
    Amount(DiscountKind, Currency),
}

impl Discount {
    /// Checks an amount against its kind and currency. A percentage ignores the currency, a
    /// free license ignores both.
    pub fn new(
        kind: DiscountKind,
        amount: i64,
        currency: Currency,
    ) -> Result<Self, InvalidDiscount> {
        let money = || {
            let price = Price::new(currency, amount).ok();
            price
                .filter(|price| !price.is_zero())
                .ok_or(InvalidDiscount::Amount(kind, currency))
        };
        match kind {
            DiscountKind::Percent => u16::try_from(amount)
                .ok()
                .filter(|points| *points <= WHOLE_BASIS_POINTS)
                .map(Self::Percent)
                .ok_or(InvalidDiscount::Percent),
            DiscountKind::FixedSats => money().map(Self::Fixed),
            DiscountKind::SetPrice => money().map(Self::SetPrice),
            DiscountKind::FreeLicense => Ok(Self::FreeLicense),
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(self) -> DiscountKind {
        match self {
            Self::Percent(_) => DiscountKind::Percent,
            Self::Fixed(_) => DiscountKind::FixedSats,
            Self::SetPrice(_) => DiscountKind::SetPrice,
            Self::FreeLicense => DiscountKind::FreeLicense,
        }
    }

    /// Basis points or the currency's smallest unit, by the kind; 0 for a free
    /// license.
    #[must_use]
    pub fn amount(self) -> i64 {
        match self {
            Self::Percent(points) => i64::from(points),
            Self::Fixed(price) | Self::SetPrice(price) => price.amount(),
            Self::FreeLicense => 0,
        }
    }

    /// The currency whose prices it applies to; `None` for any.
    #[must_use]
    pub fn currency(self) -> Option<Currency> {
        match self {
            Self::Fixed(price) | Self::SetPrice(price) => Some(price.currency()),
            Self::Percent(_) | Self::FreeLicense => None,
        }
    }

    /// True if it applies to prices in this currency.
    #[must_use]
    pub fn is_for(self, currency: Currency) -> bool {
        self.currency().is_none_or(|own| own == currency)
    }

    /// The price after this discount; unchanged if the discount does not apply to its
    /// currency.
    ///
    /// A percentage is rounded down to the smallest unit, so the buyer pays the fraction,
    /// and only 100 % makes a price 0. A fixed amount takes off the price at most. A set
    /// price never raises a price.
    #[must_use]
    pub fn price(self, base: Price) -> Price {
        match self {
            Self::Percent(points) => base.less(base.share(points)),
            Self::FreeLicense => Price::free(base.currency()),
            _ if !self.is_for(base.currency()) => base,
            Self::Fixed(off) => base.less(off.amount()),
            Self::SetPrice(price) => base.at_most(price.amount()),
        }
    }
}

impl From<Discount> for RecordedDiscount {
    fn from(discount: Discount) -> Self {
        Self {
            kind: discount.kind(),
            amount: discount.amount(),
            currency: discount.currency().unwrap_or(Currency::Sat),
        }
    }
}

impl TryFrom<RecordedDiscount> for Discount {
    type Error = InvalidDiscount;

    fn try_from(recorded: RecordedDiscount) -> Result<Self, InvalidDiscount> {
        Self::new(recorded.kind, recorded.amount, recorded.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::DiscountKind::{FixedSats, FreeLicense, Percent, SetPrice};
    use super::*;
    use crate::money::Currency::{Eur, Sat, Usd};
    use crate::money::{MAX_CENTS, MAX_SATS};
    use proptest::prelude::*;

    fn price_in(currency: Currency, amount: i64) -> Price {
        Price::new(currency, amount).expect("a price")
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
            for currency in Currency::ALL {
                if amount.max(base) > currency.max() {
                    continue;
                }
                let discount = Discount::new(kind, amount, currency).expect("a discount");
                assert_eq!(
                    discount.price(price_in(currency, base)),
                    price_in(currency, price),
                    "{discount:?} of {base}"
                );
            }
        }
    }

    #[test]
    fn money_off_is_for_its_own_currency_only() {
        let off = |kind| Discount::new(kind, 500, Usd).expect("a discount");
        for kind in [FixedSats, SetPrice] {
            for currency in [Sat, Eur] {
                let base = price_in(currency, 1_000);
                assert_eq!(off(kind).price(base), base, "{kind:?} {currency}");
                assert!(!off(kind).is_for(currency));
            }
            assert_eq!(off(kind).currency(), Some(Usd));
            assert_eq!(off(kind).price(price_in(Usd, 1_000)), price_in(Usd, 500));
        }
        for kind in [Percent, FreeLicense] {
            assert_eq!(off(kind).currency(), None);
            assert!(
                Currency::ALL
                    .into_iter()
                    .all(|other| off(kind).is_for(other))
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
                Discount::new(kind, amount, Usd),
                Err(InvalidDiscount::Percent),
                "{amount}"
            );
        }
        for (kind, currency, most) in [
            (FixedSats, Sat, MAX_SATS),
            (SetPrice, Sat, MAX_SATS),
            (FixedSats, Usd, MAX_CENTS),
            (SetPrice, Eur, MAX_CENTS),
        ] {
            for amount in [0, -1, most + 1, i64::MIN, i64::MAX] {
                let refused = Err(InvalidDiscount::Amount(kind, currency));
                assert_eq!(Discount::new(kind, amount, currency), refused, "{amount}");
            }
            let highest = Discount::new(kind, most, currency);
            assert_eq!(highest.map(Discount::amount), Ok(most));
        }
        let said = InvalidDiscount::Amount(FixedSats, Usd).to_string();
        assert_eq!(
            said,
            "fixed_sats in USD is a number of cents from 1 to 100000000000"
        );
        for amount in [i64::MIN, -1, 0, 1, i64::MAX] {
            let free = Discount::new(FreeLicense, amount, Eur);
            assert_eq!(free, Ok(Discount::FreeLicense), "{amount}");
            assert_eq!(free.map(Discount::amount), Ok(0));
        }
    }

    #[test]
    fn a_recorded_discount_reads_back() {
        for (kind, amount, currency, recorded) in [
            (Percent, 2_500, Usd, ("percent", 2_500, "SAT")),
            (FixedSats, 7, Sat, ("fixed_sats", 7, "SAT")),
            (FixedSats, 7, Eur, ("fixed_sats", 7, "EUR")),
            (SetPrice, 9, Usd, ("set_price", 9, "USD")),
            (FreeLicense, 3, Usd, ("free_license", 0, "SAT")),
        ] {
            let discount = Discount::new(kind, amount, currency).expect("a discount");
            let written = serde_json::to_value(discount).expect("JSON");
            let (word, amount, currency) = recorded;
            let recorded =
                serde_json::json!({ "kind": word, "amount": amount, "currency": currency });
            assert_eq!(written, recorded);
            assert_eq!(kind.as_str(), word);
            let read: Discount = serde_json::from_value(recorded).expect("a discount");
            assert_eq!(read, discount);
        }
        let impossible = r#"{"kind":"percent","amount":10001,"currency":"SAT"}"#;
        assert!(serde_json::from_str::<Discount>(impossible).is_err());
    }

    fn any_price_in(currency: Currency) -> impl Strategy<Value = Price> {
        prop_oneof![0..=5_i64, 0..=20_000_i64, 0..=currency.max()]
            .prop_map(move |amount| price_in(currency, amount))
    }

    fn any_discount_in(currency: Currency) -> impl Strategy<Value = Discount> {
        let price = move || any_price_in(currency).prop_filter("above 0", |price| !price.is_zero());
        prop_oneof![
            (0..=WHOLE_BASIS_POINTS).prop_map(Discount::Percent),
            price().prop_map(Discount::Fixed),
            price().prop_map(Discount::SetPrice),
            Just(Discount::FreeLicense),
        ]
    }

    fn any_currency() -> impl Strategy<Value = Currency> {
        prop::sample::select(Currency::ALL.to_vec())
    }

    fn any_discount() -> impl Strategy<Value = Discount> {
        any_currency().prop_flat_map(any_discount_in)
    }

    fn any_price() -> impl Strategy<Value = Price> {
        any_currency().prop_flat_map(any_price_in)
    }

    /// A code and two prices it may meet.
    fn met() -> impl Strategy<Value = (Discount, Price, Price)> {
        any_currency().prop_flat_map(|currency| {
            let prices = (any_price_in(currency), any_price_in(currency));
            (any_discount(), prices).prop_map(|(discount, (a, b))| (discount, a, b))
        })
    }

    proptest! {
        #[test]
        fn no_price_is_negative_or_raised(discount in any_discount(), base in any_price()) {
            let price = discount.price(base);
            prop_assert_eq!(price.currency(), base.currency());
            prop_assert!((0..=base.amount()).contains(&price.amount()));
        }

        /// A dearer product stays at least as dear with the same code.
        #[test]
        fn the_order_of_prices_stays((discount, a, b) in met()) {
            let after = |price| discount.price(price).amount();
            prop_assert_eq!(a.amount() <= b.amount() && after(a) > after(b), false);
            prop_assert_eq!(b.amount() <= a.amount() && after(b) > after(a), false);
        }

        /// The percent is exact to less than one unit, in the vendor's favour.
        #[test]
        fn a_percent_is_rounded_down(points in 0..=WHOLE_BASIS_POINTS, base in any_price()) {
            let off = base.amount() - Discount::Percent(points).price(base).amount();
            let exact = i128::from(base.amount()) * i128::from(points);
            let off = i128::from(off) * 10_000;
            prop_assert!(off <= exact && exact < off + 10_000);
        }

        /// Only the whole percent makes a price 0 that was not.
        #[test]
        fn a_part_is_never_the_whole(points in 0..WHOLE_BASIS_POINTS, base in any_price()) {
            let price = Discount::Percent(points).price(base);
            prop_assert_eq!(price.is_zero(), base.is_zero());
        }

        #[test]
        fn money_is_taken_off_its_own_currency_only(price in any_price(), base in any_price()) {
            let own = price.currency() == base.currency();
            let set = Discount::SetPrice(price).price(base);
            let left = Discount::Fixed(price).price(base);
            prop_assert_eq!(set.amount(), if own { price.amount().min(base.amount()) } else { base.amount() });
            prop_assert_eq!(left.amount(), if own { (base.amount() - price.amount()).max(0) } else { base.amount() });
        }
    }
}
