//! Every kind of discount, its limits and its roundings.

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
        "must be a whole number of cents from 1 to 100000000000 for fixed_sats in USD"
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
        let recorded = serde_json::json!({ "kind": word, "amount": amount, "currency": currency });
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
