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
mod tests {
    use super::Currency::{Eur, Sat, Usd};
    use super::*;
    use proptest::prelude::*;

    fn price(currency: Currency, amount: i64) -> Price {
        Price::new(currency, amount).expect("a price")
    }

    #[test]
    fn prices_outside_the_range_are_refused() {
        for currency in Currency::ALL {
            for amount in [-1, i64::MIN, currency.max() + 1, i64::MAX] {
                let refused = Err(NotAPrice(currency));
                assert_eq!(Price::new(currency, amount), refused, "{amount}");
            }
            assert_eq!(Price::new(currency, 0), Ok(Price::free(currency)));
            assert_eq!(price(currency, currency.max()).amount(), currency.max());
            assert!(currency.max() < 1 << 53, "JSON numbers carry it exactly");
        }
        let said = NotAPrice(Usd).to_string();
        assert!(said.contains("USD") && said.contains("cents"), "{said}");
        assert!(NotAPrice(Sat).to_string().contains("sats"));
    }

    #[test]
    fn currencies_have_one_word_each() {
        for currency in Currency::ALL {
            let word = currency.as_str();
            assert_eq!(Currency::parse(word), Some(currency));
            assert_eq!(serde_json::to_value(currency).expect("JSON"), word);
        }
        for word in ["", "sat", "usd", "BTC", "GBP", " USD"] {
            assert_eq!(Currency::parse(word), None, "{word:?}");
        }
    }

    #[test]
    fn a_price_is_recorded_in_two_columns() {
        let recorded = serde_json::json!({ "price_currency": "EUR", "price_amount": 990 });
        assert_eq!(
            serde_json::to_value(price(Eur, 990)).expect("JSON"),
            recorded
        );
        let read: Price = serde_json::from_value(recorded).expect("a price");
        assert_eq!(read, price(Eur, 990));
        for impossible in [
            serde_json::json!({ "price_currency": "EUR", "price_amount": -1 }),
            serde_json::json!({ "price_currency": "GBP", "price_amount": 1 }),
        ] {
            assert!(serde_json::from_value::<Price>(impossible).is_err());
        }
    }

    #[test]
    fn decimal_text_is_exact() {
        for (currency, amount, text) in [
            (Sat, 50_000, "0.00050000"),
            (Sat, MAX_SATS, "21000000.00000000"),
            (Usd, 0, "0.00"),
            (Usd, 5, "0.05"),
            (Eur, 2_500, "25.00"),
            (Usd, MAX_CENTS, "1000000000.00"),
        ] {
            assert_eq!(price(currency, amount).to_decimal(), text);
        }
        for (currency, text, amount) in [
            (Sat, "0.0005", 50_000),
            (Sat, "1", 100_000_000),
            (Sat, "0.000500000000", 50_000),
            (Usd, "25", 2_500),
            (Usd, "25.5", 2_550),
            (Usd, "0025.5000", 2_550),
            (Eur, "0.29", 29),
        ] {
            let read = Price::from_decimal(currency, text);
            assert_eq!(read, Ok(price(currency, amount)), "{text}");
        }
        for (currency, text) in [
            (Sat, "0.000000001"),
            (Sat, "21000001"),
            (Usd, "25.001"),
            (Usd, "1000000000.01"),
            (Eur, "99999999999999999999"),
        ] {
            assert_eq!(Price::from_decimal(currency, text), Err(NotMoney), "{text}");
        }
        for text in ["", ".", "1.", ".1", "-1", "+1", "1e3", "1,5", " 1", "٣"] {
            assert_eq!(Price::from_decimal(Usd, text), Err(NotMoney), "{text:?}");
        }
    }

    #[test]
    fn shares_and_differences_stay_in_the_range() {
        assert_eq!(price(Usd, 10).less(3), price(Usd, 7));
        for off in [11, i64::MAX] {
            assert_eq!(price(Usd, 10).less(off), Price::free(Usd), "{off}");
        }
        assert_eq!(
            price(Usd, 10).less(i64::MIN),
            price(Usd, 10),
            "never raised"
        );
        for (most, left) in [(3, 3), (10, 10), (11, 10), (-1, 0)] {
            assert_eq!(price(Eur, 10).at_most(most), price(Eur, left), "{most}");
        }
        for (amount, points, share) in [
            (19_999, 1, 1),
            (19_999, 5_000, 9_999),
            (MAX_SATS, 10_000, MAX_SATS),
            (MAX_SATS, u16::MAX, MAX_SATS),
            (MAX_SATS, 0, 0),
        ] {
            let found = price(Sat, amount).share(points);
            assert_eq!(found, share, "{points} of {amount}");
        }
    }

    #[test]
    fn a_price_is_itself_in_its_own_unit_only() {
        assert_eq!(price(Usd, 2_500).us_cents(), Some(2_500));
        assert_eq!(price(Eur, 2_500).us_cents(), None);
        assert_eq!(price(Sat, 2_500).us_cents(), None);
        assert_eq!(price(Sat, 2_500).sats().map(Sats::get), Some(2_500));
        assert_eq!(price(Usd, 2_500).sats(), None);
    }

    fn any_price() -> impl Strategy<Value = Price> {
        prop::sample::select(Currency::ALL.to_vec()).prop_flat_map(|currency| {
            prop_oneof![0..=20_000_i64, 0..=currency.max()]
                .prop_map(move |amount| price(currency, amount))
        })
    }

    proptest! {
        #[test]
        fn a_share_is_exact_but_for_its_fraction(price in any_price(), points in 0..=10_000_u16) {
            let exact = i128::from(price.amount()) * i128::from(points) / 10_000;
            prop_assert_eq!(i128::from(price.share(points)), exact);
        }

        #[test]
        fn decimal_text_reads_back(price in any_price()) {
            let text = price.to_decimal();
            prop_assert_eq!(Price::from_decimal(price.currency(), &text), Ok(price));
        }

        #[test]
        fn text_that_is_no_decimal_is_no_money(text in "\\PC{0,12}") {
            let read = Price::from_decimal(Currency::Usd, &text);
            prop_assert!(read.is_err() || text.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        }
    }
}
