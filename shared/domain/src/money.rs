//! Money: whole minor units of a currency, never floating point.

mod sats;

pub use sats::{NotSats, Sats};

use serde::{Deserialize, Serialize};
use std::fmt;

/// All the bitcoin there will ever be, in sats: 21 million times 10^8. No price
/// can be higher, and it stays below 2^53, which JSON numbers carry exactly.
pub const MAX_SATS: i64 = 2_100_000_000_000_000;

/// The highest price in cents: a billion of the currency. Above any license,
/// and in the micro-units of a stablecoin (10^4 to a cent) still below 2^53.
pub const MAX_CENTS: i64 = 100_000_000_000;

/// What prices are in. The words are those of the Keysat contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Bitcoin, in sats.
    Sat,
    /// US dollars, in cents.
    Usd,
    /// Euros, in cents.
    Eur,
}

impl Currency {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sat, Self::Usd, Self::Eur];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sat => "SAT",
            Self::Usd => "USD",
            Self::Eur => "EUR",
        }
    }

    /// The currency of a word: capital letters only.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|currency| currency.as_str() == word)
    }

    /// Its smallest unit, in words.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Sat => "sats",
            Self::Usd | Self::Eur => "cents",
        }
    }

    /// Decimal places of the whole unit: bitcoin for sats, the unit itself for
    /// cents.
    const fn places(self) -> u8 {
        match self {
            Self::Sat => 8,
            Self::Usd | Self::Eur => 2,
        }
    }

    /// The highest price, in the smallest unit.
    #[must_use]
    pub const fn max(self) -> i64 {
        match self {
            Self::Sat => MAX_SATS,
            Self::Usd | Self::Eur => MAX_CENTS,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A price or payment: a number of the smallest unit of its currency, from 0 to
/// [`Currency::max`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Recorded", into = "Recorded")]
pub struct Price {
    currency: Currency,
    amount: i64,
}

/// A price as it is recorded.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Recorded {
    price_currency: Currency,
    price_amount: i64,
}

/// A number that cannot be a price of this currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a whole number of {unit} from 0 to {max} in {0}",
    unit = .0.unit(),
    max = .0.max()
)]
pub struct NotAPrice(pub Currency);

/// Text that is not an amount of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal amount of this currency")]
pub struct NotMoney;

impl Price {
    /// A price.
    ///
    /// # Errors
    /// [`NotAPrice`] for less than nothing and for more than the currency's
    /// [`Currency::max`].
    pub fn new(currency: Currency, amount: i64) -> Result<Self, NotAPrice> {
        if (0..=currency.max()).contains(&amount) {
            Ok(Self { currency, amount })
        } else {
            Err(NotAPrice(currency))
        }
    }

    /// Nothing to pay.
    #[must_use]
    pub const fn free(currency: Currency) -> Self {
        Self {
            currency,
            amount: 0,
        }
    }

    /// What it is in.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The number of the currency's smallest unit.
    #[must_use]
    pub const fn amount(self) -> i64 {
        self.amount
    }

    /// Whether there is nothing to pay.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.amount == 0
    }

    /// It in sats, where that is its currency.
    #[must_use]
    pub fn sats(self) -> Option<Sats> {
        Sats::try_from(self.amount)
            .ok()
            .filter(|_| self.currency == Currency::Sat)
    }

    /// It in US cents, where that is its currency: what a way of paying in a
    /// dollar stablecoin asks for.
    #[must_use]
    pub fn us_cents(self) -> Option<i64> {
        (self.currency == Currency::Usd).then_some(self.amount)
    }

    /// What is left after so many of the smallest unit were taken off; never
    /// less than nothing.
    #[must_use]
    pub fn less(self, off: i64) -> Self {
        Self {
            amount: self.amount.saturating_sub(off).clamp(0, self.amount),
            ..self
        }
    }

    /// It or so many of the smallest unit, whichever is less.
    #[must_use]
    pub fn at_most(self, amount: i64) -> Self {
        Self {
            amount: amount.clamp(0, self.amount),
            ..self
        }
    }

    /// This many ten-thousandths of it in its smallest unit, rounded down; more
    /// than the whole counts as the whole.
    #[must_use]
    pub fn share(self, basis_points: u16) -> i64 {
        let points = i64::from(basis_points.min(10_000));
        // In two parts, because the product of all of it does not fit.
        self.amount / 10_000 * points + self.amount % 10_000 * points / 10_000
    }

    /// It as decimal text in the whole unit: 2500 US cents are `25.00`, 50000
    /// sats `0.00050000` bitcoin.
    #[must_use]
    pub fn to_decimal(self) -> String {
        let places = usize::from(self.currency.places());
        let digits = format!("{:0>width$}", self.amount, width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        format!("{whole}.{fraction}")
    }

    /// Reads decimal text in the whole unit exactly: `25` is 2500 US cents.
    /// Digits finer than the smallest unit are accepted only if they are zero.
    ///
    /// # Errors
    /// [`NotMoney`] for signs, exponents, empty parts, finer fractions and what
    /// is above the currency's [`Currency::max`].
    pub fn from_decimal(currency: Currency, text: &str) -> Result<Self, NotMoney> {
        match decimal(text, currency.places())? {
            (amount, false) => Self::new(currency, amount).map_err(|_| NotMoney),
            (_, true) => Err(NotMoney),
        }
    }
}

impl TryFrom<Recorded> for Price {
    type Error = NotAPrice;

    fn try_from(recorded: Recorded) -> Result<Self, NotAPrice> {
        Self::new(recorded.price_currency, recorded.price_amount)
    }
}

impl From<Price> for Recorded {
    fn from(price: Price) -> Self {
        Self {
            price_currency: price.currency,
            price_amount: price.amount,
        }
    }
}

/// Decimal text as a number of units of so many places, rounded down, and
/// whether there is more.
fn decimal(text: &str, places: u8) -> Result<(i64, bool), NotMoney> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(NotMoney);
    }
    let places = usize::from(places);
    let (kept, rest) = fraction.split_at(fraction.len().min(places));
    let units = format!("{whole}{kept:0<places$}").parse();
    let units = units.map_err(|_| NotMoney)?;
    Ok((units, rest.bytes().any(|b| b != b'0')))
}

#[cfg(test)]
#[path = "money_tests.rs"]
mod tests;
