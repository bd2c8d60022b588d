//! Selling for USDC: what an order asks for, and which order a transfer pays.
//! Amounts are micro-units, six decimal places.

pub mod amounts;
pub mod claiming;
pub mod evidence;
pub mod matching;
pub mod retry;
pub mod sharing;
pub mod watching;

/// Micro-units of one US cent, at one dollar for one USDC.
pub const UNITS_PER_CENT: i64 = 10_000;

/// How much is added to a price, so that the amount tells the order: less than a
/// cent. When the amounts within it are taken, up to [`MAX_SPREAD`] is added.
pub const SPREAD: i64 = UNITS_PER_CENT - 1;

/// The most that is ever added: less than ten cents.
pub const MAX_SPREAD: i64 = 10 * UNITS_PER_CENT - 1;

/// How long an order can be paid, in minutes, unless configured.
pub const ORDER_MINUTES: i64 = 60;

/// The longest that can be configured: a week.
pub const MAX_ORDER_MINUTES: i64 = 7 * 24 * 60;

/// How long after its end an unpaid order is still looked for when its exact amount is
/// paid to the one wallet, in seconds. So long another order gets that amount only
/// when there is no other left.
pub const AMOUNT_KNOWN: i64 = 3 * 86_400;

/// How long after its end an order's own address is watched, in seconds.
pub const ADDRESS_WATCHED: i64 = 30 * 86_400;

/// For how many minutes orders can be paid, from the configuration.
///
/// # Errors
/// What the value has to be.
pub fn order_minutes(configured: Option<&str>) -> Result<i64, String> {
    let Some(text) = configured else {
        return Ok(ORDER_MINUTES);
    };
    match text.parse() {
        Ok(minutes) if (5..=MAX_ORDER_MINUTES).contains(&minutes) => Ok(minutes),
        _ => Err(format!(
            "USDC_ORDER_MINUTES must be a whole number from 5 to {MAX_ORDER_MINUTES}"
        )),
    }
}

/// How many micro-units are added to a price, as long as there are some left, from the
/// configuration.
///
/// # Errors
/// What the value has to be.
pub fn spread(configured: Option<&str>) -> Result<i64, String> {
    let Some(text) = configured else {
        return Ok(SPREAD);
    };
    match text.parse() {
        Ok(units) if (1..=MAX_SPREAD).contains(&units) => Ok(units),
        _ => Err(format!(
            "USDC_AMOUNT_SPREAD must be a whole number of micro-units from 1 to {MAX_SPREAD}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_within_bounds() {
        assert_eq!(spread(None), Ok(9_999));
        assert_eq!(spread(Some("1")), Ok(1));
        assert_eq!(spread(Some("99999")), Ok(99_999));
        for wrong in ["0", "100000", "-1", "0.5", ""] {
            assert!(spread(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_time_to_pay_is_within_bounds() {
        assert_eq!(order_minutes(None), Ok(60));
        assert_eq!(order_minutes(Some("5")), Ok(5));
        assert_eq!(order_minutes(Some("10080")), Ok(10_080));
        for wrong in [
            "4",
            "10081",
            "-60",
            "1.5",
            "an hour",
            "99999999999999999999",
        ] {
            assert!(order_minutes(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
