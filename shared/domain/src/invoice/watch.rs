//! How long and how often an invoice is read back from its provider. Its webhook usually
//! comes first; reading back is for the deliveries that are lost.

use super::InvoiceStatus;

/// Seconds between the first two reads; doubled each time up to
/// [`LONGEST_WAIT`] or [`LONGEST_WAIT_AFTER_END`].
pub const FIRST_WAIT: i64 = 60;

/// Longest time between two reads of a pending invoice, in seconds.
pub const LONGEST_WAIT: i64 = 3_600;

/// Longest time between two reads of one that ended, in seconds. What is paid
/// late or marked as settled is in the provider's list of paid invoices, which
/// is read more often.
pub const LONGEST_WAIT_AFTER_END: i64 = 14_400;

/// Seconds after the end of the provider's watch at which the invoice is read for the
/// last time, so that what it does at the very end is seen.
pub const MARGIN: i64 = 300;

/// How long to watch an invoice whose provider does not say: a quarter of an
/// hour to pay and a day after it, as `BTCPay` does by default, and a day more.
pub const DEFAULT_WATCH: i64 = 2 * 86_400;

/// What decides when an invoice is read next, times in unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvoiceWatch {
    /// Where the order stands.
    pub status: InvoiceStatus,
    /// When it was ordered.
    pub created_at: i64,
    /// When the provider stops watching for payments, if it says.
    pub watch_until: Option<i64>,
    /// How often it was read.
    pub checks: i64,
}

impl InvoiceWatch {
    /// When to read it next; `None` never.
    ///
    /// A pending invoice is read until it is decided, however long that takes: an outage
    /// must not end an order. One that ended is read until the provider stops watching,
    /// because money may still arrive and the merchant may still mark it. A settled one
    /// is read once more at that time.
    #[must_use]
    pub fn next_check(self, now: i64) -> Option<i64> {
        let end = self.watch_until.unwrap_or(self.created_at + DEFAULT_WATCH) + MARGIN;
        match self.status {
            InvoiceStatus::Pending => Some(now + self.wait()),
            InvoiceStatus::Expired | InvoiceStatus::Invalid => {
                (now < end).then(|| (now + self.wait()).min(end))
            }
            InvoiceStatus::Settled => (now < end).then_some(end),
        }
    }

    /// Seconds until the next read, by how often it was read.
    #[must_use]
    pub fn wait(self) -> i64 {
        let doublings = u32::try_from(self.checks.clamp(1, 16) - 1).unwrap_or_default();
        let longest = match self.status {
            InvoiceStatus::Pending => LONGEST_WAIT,
            _ => LONGEST_WAIT_AFTER_END,
        };
        (FIRST_WAIT << doublings).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const END: i64 = 90_000;

    fn watched(status: InvoiceStatus, checks: i64) -> InvoiceWatch {
        InvoiceWatch {
            status,
            created_at: 0,
            watch_until: Some(END),
            checks,
        }
    }

    #[test]
    fn an_invoice_that_ended_is_read_less_often() {
        for (checks, wait) in [(7, 3_840), (8, 7_680), (9, 14_400), (99, 14_400)] {
            let ended = watched(InvoiceStatus::Expired, checks);
            assert_eq!(ended.wait(), wait, "{checks}");
        }
    }

    #[test]
    fn waits_double_up_to_an_hour() {
        for (checks, wait) in [
            (0, 60),
            (1, 60),
            (2, 120),
            (3, 240),
            (6, 1_920),
            (7, 3_600),
            (99, 3_600),
        ] {
            assert_eq!(
                watched(InvoiceStatus::Pending, checks).wait(),
                wait,
                "{checks}"
            );
        }
    }

    #[test]
    fn only_what_is_decided_is_let_go() {
        let next = |status, now| watched(status, 9).next_check(now);
        assert_eq!(next(InvoiceStatus::Pending, END * 9), Some(END * 9 + 3_600));
        for status in [InvoiceStatus::Expired, InvoiceStatus::Invalid] {
            assert_eq!(next(status, 1_000), Some(15_400));
            assert_eq!(next(status, END), Some(END + MARGIN));
            assert_eq!(next(status, END + MARGIN), None);
        }
        assert_eq!(next(InvoiceStatus::Settled, 1_000), Some(END + MARGIN));
        assert_eq!(next(InvoiceStatus::Settled, END + MARGIN), None);
        let unknown = InvoiceWatch {
            watch_until: None,
            ..watched(InvoiceStatus::Settled, 1)
        };
        assert_eq!(unknown.next_check(0), Some(DEFAULT_WATCH + MARGIN));
    }

    proptest! {
        #[test]
        fn the_next_read_is_later(checks in 0i64..200, now in 0i64..1_000_000, status in 0usize..4) {
            let status = [InvoiceStatus::Pending, InvoiceStatus::Settled, InvoiceStatus::Expired, InvoiceStatus::Invalid][status];
            if let Some(next) = watched(status, checks).next_check(now) {
                prop_assert!(next > now);
            }
        }
    }
}
