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
