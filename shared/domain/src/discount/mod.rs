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

/// The kinds of discount that a code gives, named as in the Keysat contract.
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
    #[error("must be from 0 to {WHOLE_BASIS_POINTS} basis points; 2500 is 25 %")]
    Percent,
    /// Not above 0, or above every price.
    #[error("must be a whole number of {} from 1 to {} for {} in {}", .1.unit(), .1.max(), .0.as_str(), .1)]
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
mod tests;
