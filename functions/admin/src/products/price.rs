//! The price in a request: `price_sats`, or `price_currency` with
//! `price_value`. Both halves of the second form go together, so that a number
//! never means another currency than its sender thought.

use keywright_domain::money::{Currency, Price};
use keywright_web::ApiError;

/// Reads a price; `None` when none is sent.
///
/// # Errors
/// 400 for half a price, both forms, another currency, and a number that is no
/// price in its currency.
pub(crate) fn read(
    sats: Option<i64>,
    currency: Option<&str>,
    value: Option<i64>,
) -> Result<Option<Price>, ApiError> {
    let (currency, amount) = match (sats, currency, value) {
        (None, None, None) => return Ok(None),
        (Some(sats), None, None) => (Currency::Sat, sats),
        (None, Some(currency), Some(value)) => (known(currency)?, value),
        (Some(_), _, _) => {
            return Err(ApiError::bad_request(
                "send price_sats, or price_currency with price_value, not both",
            ));
        }
        (None, _, _) => return Err(missing()),
    };
    let member = if sats.is_some() {
        "price_sats"
    } else {
        "price_value"
    };
    let price = Price::new(currency, amount);
    price
        .map(Some)
        .map_err(|error| ApiError::bad_request(format!("{member} {error}")))
}

/// The currency of a word.
fn known(word: &str) -> Result<Currency, ApiError> {
    Currency::parse(word)
        .ok_or_else(|| ApiError::bad_request("price_currency must be SAT, USD or EUR"))
}

/// What to send for a price.
pub(super) fn missing() -> ApiError {
    ApiError::bad_request("send price_sats, or price_currency with price_value")
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_domain::money::{MAX_CENTS, MAX_SATS};

    #[test]
    fn a_price_has_two_forms() {
        let price = |currency, amount| Price::new(currency, amount).ok();
        for (sats, currency, value, expected) in [
            (None, None, None, None),
            (Some(5), None, None, price(Currency::Sat, 5)),
            (None, Some("SAT"), Some(0), price(Currency::Sat, 0)),
            (None, Some("USD"), Some(2_500), price(Currency::Usd, 2_500)),
            (
                None,
                Some("EUR"),
                Some(MAX_CENTS),
                price(Currency::Eur, MAX_CENTS),
            ),
            (Some(MAX_SATS), None, None, price(Currency::Sat, MAX_SATS)),
        ] {
            assert_eq!(read(sats, currency, value), Ok(expected));
        }
        for (sats, currency, value, said) in [
            (
                None,
                Some("GBP"),
                Some(1),
                "price_currency must be SAT, USD or EUR",
            ),
            (
                None,
                Some("usd"),
                Some(1),
                "price_currency must be SAT, USD or EUR",
            ),
            (
                None,
                Some(""),
                Some(1),
                "price_currency must be SAT, USD or EUR",
            ),
            (None, Some("USD"), None, "send price_sats"),
            (None, None, Some(1), "send price_sats"),
            (Some(1), Some("SAT"), None, "send price_sats"),
            (Some(1), Some("SAT"), Some(1), "send price_sats"),
            (Some(1), None, Some(1), "send price_sats"),
            (Some(-1), None, None, "price_sats must be "),
            (None, Some("SAT"), Some(i64::MAX), "price_value must be "),
            (None, Some("USD"), Some(-1), "price_value must be "),
            (
                None,
                Some("USD"),
                Some(MAX_CENTS + 1),
                "price_value must be ",
            ),
        ] {
            let refused = read(sats, currency, value).expect_err(said);
            assert!(refused.message().starts_with(said), "{refused:?}");
        }
    }
}
