//! Amounts: decimal, never floating point, rounded as `BTCPay` rounds them.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;
use std::collections::HashMap;

/// The largest amount an invoice may have.
pub(crate) const MAX_AMOUNT: u64 = u64::MAX;

/// Digits after the point of a currency.
pub(crate) fn digits(currency: &str) -> u32 {
    match currency {
        "BTC" => 8,
        "SATS" | "JPY" | "KRW" | "CLP" | "VND" => 0,
        _ => 2,
    }
}

/// Rounds towards positive infinity at `digits`, so that what a payer is asked
/// for is never less than what is due.
pub(crate) fn round_up(value: Decimal, digits: u32) -> Decimal {
    value
        .round_dp_with_strategy(digits, RoundingStrategy::ToPositiveInfinity)
        .normalize()
}

/// Rounds to the currency's digits, but keeps more of them where rounding would
/// change the amount by one percent or more (0.001 USD stays 0.001).
pub(crate) fn round_to_significant(value: Decimal, digits: u32) -> Decimal {
    if value.is_zero() {
        return value;
    }
    let percent = Decimal::new(1, 2);
    (digits..=28)
        .map(|kept| value.round_dp_with_strategy(kept, RoundingStrategy::MidpointAwayFromZero))
        .find(|rounded| {
            (*rounded - value)
                .abs()
                .checked_div(value.abs())
                .is_some_and(|off| off < percent)
        })
        .unwrap_or(value)
}

/// Sets the price of one BTC in a currency; a text that is no positive number
/// removes the currency.
pub(crate) fn set_rate(rates: &mut HashMap<String, Decimal>, currency: &str, one_btc: &str) {
    let currency = currency.to_uppercase();
    match parse(one_btc).filter(|rate| *rate > Decimal::ZERO) {
        Some(rate) => rates.insert(currency, rate),
        None => rates.remove(&currency),
    };
}

/// An amount in a request: a string or a number, `null` or blank for none.
///
/// `Err` when it is neither, or no decimal number.
pub(crate) fn parse_amount(value: &Value) -> Result<Option<Decimal>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => parse(text).map(Some).ok_or(()),
        // A JSON number has gone through a double: 5.0 is 5.
        Value::Number(number) => parse(&number.to_string())
            .map(|amount| Some(amount.normalize()))
            .ok_or(()),
        _ => Err(()),
    }
}

/// A decimal number, also with an exponent.
pub(crate) fn parse(text: &str) -> Option<Decimal> {
    let text = text.trim();
    Decimal::from_str_exact(text)
        .ok()
        .or_else(|| Decimal::from_scientific(text).ok())
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use serde_json::json;

    use super::{digits, parse, parse_amount, round_to_significant, round_up};

    fn amount(text: &str) -> Decimal {
        parse(text).unwrap()
    }

    #[test]
    fn rounding_up_never_asks_for_less() {
        assert_eq!(round_up(amount("0.000199801"), 8), amount("0.00019981"));
        assert_eq!(round_up(amount("0.0002"), 8), amount("0.0002"));
        // What is left of an overpayment smaller than a unit is nothing.
        assert_eq!(round_up(amount("-0.000000000001"), 8), Decimal::ZERO);
    }

    #[test]
    fn significant_digits_survive() {
        assert_eq!(
            round_to_significant(amount("10.005"), digits("USD")).to_string(),
            "10.01"
        );
        assert_eq!(
            round_to_significant(amount("0.001"), digits("USD")).to_string(),
            "0.001"
        );
        assert_eq!(
            round_to_significant(amount("5.00"), digits("USD")).to_string(),
            "5.00"
        );
        assert_eq!(
            round_to_significant(amount("2500.4"), digits("SATS")).to_string(),
            "2500"
        );
    }

    #[test]
    fn amounts_are_strings_or_numbers() {
        assert_eq!(
            parse_amount(&json!("5.00")).unwrap().unwrap().to_string(),
            "5.00"
        );
        assert_eq!(
            parse_amount(&json!(5.5)).unwrap().unwrap().to_string(),
            "5.5"
        );
        assert_eq!(
            parse_amount(&json!("1e3")).unwrap().unwrap().to_string(),
            "1000"
        );
        assert_eq!(parse_amount(&json!(null)).unwrap(), None);
        assert_eq!(parse_amount(&json!("")).unwrap(), None);
        assert!(parse_amount(&json!("five")).is_err());
        assert!(parse_amount(&json!([5])).is_err());
    }
}
