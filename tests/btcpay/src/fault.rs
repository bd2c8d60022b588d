//! Faults: of the API, and of deliveries.

use std::time::Duration;

use serde::Deserialize;

/// Whether the API can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiState {
    /// As usual.
    Up,
    /// Nobody listens: connections are refused, open ones are cut.
    Refused,
    /// Requests are read, then the connection is cut without an answer.
    Closed,
}

/// Something that goes wrong with deliveries.
#[derive(Debug, Clone)]
pub struct Fault {
    pub(crate) effect: Effect,
    pub(crate) event: Option<String>,
    pub(crate) left: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Lose,
    Delay(Duration),
    Duplicate(u32),
    Hold,
    Reorder(usize),
    Compact,
    WrongSecret(String),
}

impl Fault {
    fn of(effect: Effect) -> Self {
        Self {
            effect,
            event: None,
            left: None,
        }
    }

    /// The delivery never happens, and `BTCPay` believes nothing of it.
    #[must_use]
    pub fn lose() -> Self {
        Self::of(Effect::Lose)
    }

    /// The delivery happens this much later, by the double's clock; those
    /// behind it in the queue wait as well.
    #[must_use]
    pub fn delay(by: Duration) -> Self {
        Self::of(Effect::Delay(by))
    }

    /// The very same bytes arrive `extra` more times, all at the same moment.
    #[must_use]
    pub fn duplicate(extra: u32) -> Self {
        Self::of(Effect::Duplicate(extra))
    }

    /// The delivery is set aside until released; those behind it go on.
    #[must_use]
    pub fn hold() -> Self {
        Self::of(Effect::Hold)
    }

    /// Deliveries are set aside until there are `group` of them, which then go
    /// out last first.
    #[must_use]
    pub fn reorder(group: usize) -> Self {
        Self::of(Effect::Reorder(group))
    }

    /// The body is sent re-serialised without indentation, under the signature
    /// of the indented one.
    #[must_use]
    pub fn compact() -> Self {
        Self::of(Effect::Compact)
    }

    /// The body is signed with this secret instead of the webhook's.
    #[must_use]
    pub fn wrong_secret(secret: &str) -> Self {
        Self::of(Effect::WrongSecret(secret.to_owned()))
    }

    /// Only for events of this type.
    #[must_use]
    pub fn event(mut self, kind: &str) -> Self {
        self.event = Some(kind.to_owned());
        self
    }

    /// Only so many times (for `reorder`: so many groups).
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    pub(crate) fn meets(&self, kind: &str) -> bool {
        self.left != Some(0) && self.event.as_deref().is_none_or(|event| event == kind)
    }

    pub(crate) fn use_once(&mut self) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
    }
}

/// In what order held deliveries go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// As they were held.
    InOrder,
    /// Last first.
    Reversed,
}

/// Faults of the API that are switched on.
#[derive(Debug, Default)]
pub(crate) struct ApiFaults {
    /// Requests are cut without an answer.
    pub(crate) closed: bool,
    /// So many requests are let through, so many after them are answered with
    /// this status.
    pub(crate) fail: Option<(u32, u32, u16)>,
    /// Answers wait this long.
    pub(crate) slow: Duration,
    /// So many invoices are made without an answer.
    pub(crate) lose_creates: u32,
}

impl ApiFaults {
    /// The status this request fails with, if it does; counts it.
    pub(crate) fn take_failure(&mut self) -> Option<u16> {
        let (skip, left, status) = self.fail?;
        if let Some(skip) = skip.checked_sub(1) {
            self.fail = Some((skip, left, status));
            return None;
        }
        self.fail = left.checked_sub(2).map(|rest| (0, rest + 1, status));
        Some(status)
    }

    /// Whether the answer to this create is lost; counts it.
    pub(crate) fn take_lost_create(&mut self) -> bool {
        let lost = self.lose_creates > 0;
        self.lose_creates = self.lose_creates.saturating_sub(1);
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiFaults, Fault};

    #[test]
    fn failures_are_counted_down() {
        let mut faults = ApiFaults {
            fail: Some((1, 2, 503)),
            ..ApiFaults::default()
        };
        assert_eq!(faults.take_failure(), None);
        assert_eq!(faults.take_failure(), Some(503));
        assert_eq!(faults.take_failure(), Some(503));
        assert_eq!(faults.take_failure(), None);
    }

    #[test]
    fn a_rule_meets_its_events_until_used_up() {
        let mut rule = Fault::lose().event("InvoiceSettled").times(1);
        assert!(!rule.meets("InvoiceCreated"));
        assert!(rule.meets("InvoiceSettled"));
        rule.use_once();
        assert!(!rule.meets("InvoiceSettled"));
        let mut always = Fault::hold();
        always.use_once();
        assert!(always.meets("Anything"));
    }
}
