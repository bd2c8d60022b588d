//! For how long logs, abandoned orders and events are kept.

use keywright_ports::name;

/// For how many days entries are kept where nobody configured it.
const DEFAULT_DAYS: i64 = 90;
/// The same for orders that ended unpaid: long enough to help a buyer who asks, and
/// for a payment that comes late.
const DEFAULT_ORDER_DAYS: i64 = 30;
/// The longest that can be configured: a hundred years.
const MOST_DAYS: i64 = 36_500;

/// What is kept for a time that is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// [`crate::seats::validation_log`].
    Validations,
    /// [`crate::releases::download_log`].
    Downloads,
    /// Orders that ended unpaid, with their buyers' addresses and notes:
    /// [`crate::sales::abandoned_orders`].
    AbandonedOrders,
    /// Outgoing events.
    Events,
}

/// Deletes up to `?2` of the oldest entries of a log that are from before `?1`, in unix
/// seconds. Ids grow with time, so that no index by time has to be kept up to date with
/// every entry. Reads what it deletes and one entry more.
macro_rules! delete_oldest {
    ($log:literal) => {
        concat!(
            "WITH RECURSIVE oldest (id, at) AS (
               SELECT * FROM (SELECT id, at FROM ",
            $log,
            " ORDER BY id LIMIT 1)
               UNION ALL
               SELECT n.id, n.at FROM oldest o
               JOIN ",
            $log,
            " n ON n.id = (SELECT min(id) FROM ",
            $log,
            " WHERE id > o.id)
               WHERE o.at < ?1
               LIMIT ?2)
             DELETE FROM ",
            $log,
            " WHERE id IN (SELECT id FROM oldest WHERE at < ?1)"
        )
    };
}
pub(crate) use delete_oldest;

impl Log {
    /// The name of its configuration.
    #[must_use]
    pub const fn config(self) -> &'static str {
        match self {
            Self::Validations => name::VALIDATION_LOG_DAYS,
            Self::Downloads => name::DOWNLOAD_LOG_DAYS,
            Self::AbandonedOrders => name::ABANDONED_ORDER_DAYS,
            Self::Events => name::EVENT_DAYS,
        }
    }

    /// For how many days it is kept where nobody configured it.
    #[must_use]
    pub const fn default_days(self) -> i64 {
        match self {
            Self::AbandonedOrders => DEFAULT_ORDER_DAYS,
            Self::Validations | Self::Downloads | Self::Events => DEFAULT_DAYS,
        }
    }
}

/// A configured retention that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} must be a whole number of days from 0 (keep nothing) to {MOST_DAYS}")]
pub struct NotDays(pub &'static str);

/// For how many days entries are kept, as configured; 0 keeps none.
///
/// # Errors
/// [`NotDays`].
pub fn days(log: Log, configured: Option<&str>) -> Result<i64, NotDays> {
    let Some(text) = configured else {
        return Ok(log.default_days());
    };
    let days = text.parse().ok();
    days.filter(|days| (0..=MOST_DAYS).contains(days))
        .ok_or(NotDays(log.config()))
}

/// A configured retention of the audit log that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be a whole number of days from 1 to {MOST_DAYS}; leave it out to keep audit entries forever", name = name::AUDIT_DAYS)]
pub struct NotAuditDays;

/// For how many days sealed audit entries are kept, as configured; `None` forever.
///
/// # Errors
/// [`NotAuditDays`].
pub fn audit_days(configured: Option<&str>) -> Result<Option<i64>, NotAuditDays> {
    let Some(text) = configured else {
        return Ok(None);
    };
    let days = text.parse().ok();
    let days = days.filter(|days| (1..=MOST_DAYS).contains(days));
    days.map(Some).ok_or(NotAuditDays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_a_whole_number() {
        for log in [
            Log::Validations,
            Log::Downloads,
            Log::AbandonedOrders,
            Log::Events,
        ] {
            let not_days = Err(NotDays(log.config()));
            for (configured, kept) in [
                (None, Ok(log.default_days())),
                (Some("0"), Ok(0)),
                (Some("365"), Ok(365)),
                (Some("36500"), Ok(36_500)),
                (Some("36501"), not_days),
                (Some("-1"), not_days),
                (Some("90d"), not_days),
                (Some("1.5"), not_days),
                (Some(""), not_days),
            ] {
                assert_eq!(days(log, configured), kept, "{configured:?}");
            }
        }
    }

    #[test]
    fn audit_entries_are_kept_forever_unless_days_say_otherwise() {
        assert_eq!(audit_days(None), Ok(None));
        assert_eq!(audit_days(Some("1")), Ok(Some(1)));
        assert_eq!(audit_days(Some("36500")), Ok(Some(36_500)));
        for wrong in ["0", "-1", "36501", "1.5", "a year", ""] {
            assert_eq!(audit_days(Some(wrong)), Err(NotAuditDays), "{wrong}");
        }
    }
}
