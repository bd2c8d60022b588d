//! Receipts and their seals. Receipts from before there were seals, and those of a
//! key that is lost, have to be sealed by the operator, because only a person can
//! tell whether they are genuine: the database cannot be asked about itself. So this
//! is possible only for some days, which are named in the configuration, where
//! somebody who can write the database cannot prolong them.

pub(crate) mod list;
pub(crate) mod seal;

use keywright_domain::dates::parse_end_of_day;
use keywright_ports::settings::fault_of;
use keywright_ports::{Config, Setting, name};
use keywright_web::ApiError;

/// How many days ahead sealing may be left open.
const MOST_DAYS: i64 = 31;

const SECONDS_PER_DAY: i64 = 86_400;

/// `RECEIPT_SEALING_UNTIL`. Whether the day is over is seen when it is needed.
pub(crate) const SEALING_UNTIL: Setting = Setting {
    names: &[name::RECEIPT_SEALING_UNTIL],
    check: |config| match config.get(name::RECEIPT_SEALING_UNTIL) {
        Some(text) => fault_of(parse_end_of_day(text).map_err(|_| NOT_A_DAY)),
        None => Vec::new(),
    },
};

const NOT_A_DAY: &str = "RECEIPT_SEALING_UNTIL must be a day like 2026-01-31";

/// Until when receipts without a good seal may be sealed.
#[derive(Clone)]
pub(crate) struct SealingUntil(Option<String>);

impl SealingUntil {
    /// As configured.
    pub(crate) fn configured(config: &Config) -> Self {
        Self(config.get(name::RECEIPT_SEALING_UNTIL).map(str::to_owned))
    }

    /// Whether it is possible at this unix second.
    ///
    /// # Errors
    /// 409 `sealing_closed`, which says what to do.
    fn check(&self, now: i64) -> Result<(), ApiError> {
        let closed = |why: &str| {
            Err(ApiError::new(
                http::StatusCode::CONFLICT,
                "sealing_closed",
                format!(
                    "{why}; to seal receipts that have no good seal set RECEIPT_SEALING_UNTIL of \
                     the admin function to a day in the next {MOST_DAYS}, such as today"
                ),
            ))
        };
        let Some(text) = &self.0 else {
            return closed("RECEIPT_SEALING_UNTIL is not set");
        };
        let Ok(until) = parse_end_of_day(text) else {
            return closed(NOT_A_DAY);
        };
        if until < now {
            return closed("RECEIPT_SEALING_UNTIL is over");
        }
        if until > now + (MOST_DAYS + 1) * SECONDS_PER_DAY {
            return closed("RECEIPT_SEALING_UNTIL is too far ahead");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealing_is_open_through_the_configured_day_and_not_for_long() {
        // 2026-11-30T12:00:00Z
        let now = 1_796_040_000;
        let check = |text: &str| {
            let config = Config::new([(name::RECEIPT_SEALING_UNTIL, text.to_owned())]);
            let sealing = SealingUntil::configured(&config).check(now);
            sealing.map_err(|error| error.message().split(';').next().map(str::to_owned))
        };
        let closed = |why: &str| Err(Some(why.to_owned()));
        assert_eq!(check("2026-11-30"), Ok(()));
        assert_eq!(check("2026-12-31"), Ok(()));
        assert_eq!(check(""), closed("RECEIPT_SEALING_UNTIL is not set"));
        assert_eq!(check("2026-11-29"), closed("RECEIPT_SEALING_UNTIL is over"));
        for far in ["2027-01-02", "9999-12-31"] {
            assert_eq!(check(far), closed("RECEIPT_SEALING_UNTIL is too far ahead"));
        }
        for wrong in ["yes", "2026-11-31", "2026-11-30T00:00:00Z"] {
            assert_eq!(
                check(wrong),
                closed("RECEIPT_SEALING_UNTIL must be a day like 2026-01-31"),
                "{wrong}"
            );
        }
    }
}
