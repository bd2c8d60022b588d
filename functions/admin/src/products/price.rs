//! The price in a request: `price_sats`, or `price_currency` with
//! `price_value`; sats are the one currency taken so far.

use keywright_domain::money::Sats;
use keywright_edge::http::ApiError;

/// Reads a price; `None` when none is sent.
pub(super) fn read(
    sats: Option<i64>,
    currency: Option<&str>,
    value: Option<i64>,
) -> Result<Option<Sats>, ApiError> {
    let amount = match (sats, currency, value) {
        (None, None, None) => return Ok(None),
        (Some(sats), None, None) => sats,
        (None, Some("SAT"), Some(value)) => value,
        (None, Some(currency), _) if currency != "SAT" => {
            return Err(ApiError::bad_request(
                "price_currency: SAT is the one taken so far",
            ));
        }
        _ => return Err(missing()),
    };
    let price = Sats::try_from(amount);
    price
        .map(Some)
        .map_err(|error| ApiError::bad_request(format!("price: {error}")))
}

/// What to send for a price.
pub(super) fn missing() -> ApiError {
    ApiError::bad_request("send price_sats, or price_currency with price_value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_has_two_forms_and_one_currency() {
        let price = |sats, currency, value| read(sats, currency, value).map(|p| p.map(Sats::get));
        assert_eq!(price(None, None, None), Ok(None));
        assert_eq!(price(Some(5), None, None), Ok(Some(5)));
        assert_eq!(price(None, Some("SAT"), Some(0)), Ok(Some(0)));
        for (sats, currency, value, said) in [
            (None, Some("USD"), Some(1), "price_currency"),
            (None, Some("sat"), None, "price_currency"),
            (None, Some("SAT"), None, "send price_sats"),
            (None, None, Some(1), "send price_sats"),
            (Some(1), Some("SAT"), None, "send price_sats"),
            (Some(1), Some("SAT"), Some(1), "send price_sats"),
            (Some(1), None, Some(1), "send price_sats"),
            (Some(-1), None, None, "price: "),
            (None, Some("SAT"), Some(i64::MAX), "price: "),
        ] {
            let refused = read(sats, currency, value).expect_err(said);
            assert!(refused.message().starts_with(said), "{refused:?}");
        }
    }
}
