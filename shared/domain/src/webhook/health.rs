//! Whether an endpoint is paused because it fails.

/// How long an endpoint may fail without one success before it is paused, in seconds.
pub const FAILING_FOR: i64 = 3 * 24 * 60 * 60;

/// Why nothing is sent to an endpoint, or that it is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    /// Deliveries are sent.
    Active,
    /// The operator paused it.
    Paused,
    /// It failed for [`FAILING_FOR`].
    Failing,
    /// It answered 410 Gone.
    Gone,
}

impl EndpointState {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// A status from 200 to 299.
    Delivered,
    /// Another status.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The host's name has no address.
    Dns,
    /// The connection was not secure.
    Tls,
    /// The connection was refused or broke off.
    Unreachable,
    /// The endpoint's address is not one that may be called.
    AddressRefused,
    /// The body could not be made or signed, which is a fault of ours.
    Unsent,
    /// Nobody knows: the tick that made it ended before it wrote this down.
    Interrupted,
}

impl AttemptOutcome {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::TimedOut => "timeout",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Unreachable => "unreachable",
            Self::AddressRefused => "address_refused",
            Self::Unsent => "unsent",
            Self::Interrupted => "interrupted",
        }
    }

    /// What it says about the endpoint: `Some(true)` that it works, `Some(false)` that it
    /// fails, `None` nothing, because the fault is ours.
    #[must_use]
    pub const fn shows(self) -> Option<bool> {
        match self {
            Self::Delivered => Some(true),
            Self::Refused | Self::TimedOut | Self::Dns | Self::Tls | Self::Unreachable => {
                Some(false)
            }
            Self::AddressRefused | Self::Unsent | Self::Interrupted => None,
        }
    }
}

/// The outcome that a status means.
#[must_use]
pub const fn of_status(status: u16) -> AttemptOutcome {
    match status {
        200..=299 => AttemptOutcome::Delivered,
        _ => AttemptOutcome::Refused,
    }
}

/// The state of an active endpoint after an attempt. Only 410 pauses at once: any other
/// status can be a restart, a proxy or a wrong password, which somebody mends.
/// `failing_since` is the first failure after the last success, in unix seconds.
#[must_use]
pub fn after_attempt(status: Option<u16>, failing_since: Option<i64>, now: i64) -> EndpointState {
    if status == Some(410) {
        return EndpointState::Gone;
    }
    match failing_since {
        Some(since) if now.saturating_sub(since) >= FAILING_FOR => EndpointState::Failing,
        _ => EndpointState::Active,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_410_pauses_at_once() {
        for status in [301, 401, 404, 429, 451, 500, 503] {
            assert_eq!(
                after_attempt(Some(status), Some(0), FAILING_FOR - 1),
                EndpointState::Active,
                "{status}"
            );
            assert_eq!(of_status(status), AttemptOutcome::Refused);
        }
        assert_eq!(after_attempt(Some(410), None, 0), EndpointState::Gone);
        for status in [200, 204, 299] {
            assert_eq!(of_status(status), AttemptOutcome::Delivered);
        }
    }

    #[test]
    fn three_days_without_a_success_pause() {
        let after = |since| after_attempt(Some(500), since, FAILING_FOR);
        assert_eq!(after(Some(0)), EndpointState::Failing);
        assert_eq!(after(Some(1)), EndpointState::Active);
        assert_eq!(after(None), EndpointState::Active);
    }

    #[test]
    fn a_fault_of_ours_says_nothing_about_the_endpoint() {
        for ours in [
            AttemptOutcome::Interrupted,
            AttemptOutcome::Unsent,
            AttemptOutcome::AddressRefused,
        ] {
            assert_eq!(ours.shows(), None, "{ours:?}");
        }
    }
}
