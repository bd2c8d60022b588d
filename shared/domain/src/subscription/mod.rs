//! Subscriptions: licenses that are paid by the period.
//!
//! The state machine is [`SubscriptionState::after`]; [`terms`] is what a subscription was
//! sold for, [`schedule`] what the tick does and when. How far a subscription is paid is the
//! expiry of its license and stands nowhere else.

pub mod pay_token;
pub mod schedule;
pub mod terms;

use serde::{Deserialize, Serialize};

/// Seconds of a day: periods, trials and grace are whole days of so many seconds, so leap
/// years and changes of the clock do not matter.
pub const DAY: i64 = 86_400;

/// Where a subscription stands. The words are those of the Keysat contract, and `trialing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// Nothing was paid yet; the license is good until the trial ends.
    Trialing,
    /// Paid.
    Active,
    /// The paid time is over and the grace is not.
    PastDue,
    /// Nothing is due any more. The license is good for as long as it was paid.
    Cancelled,
    /// Not paid in time. One payment brings it back.
    Lapsed,
}

/// What happens to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriptionChange {
    /// A cycle was paid that was open when it was cancelled, if it was: the payment buys the
    /// cycle and restarts nothing.
    CyclePaid,
    /// A cycle was paid that its buyer opened to come back.
    ComebackPaid,
    /// The paid time, or the trial, is over.
    PeriodEnded,
    /// The operator gave more time, so that the paid time is not over after all.
    PeriodMoved,
    /// The grace is over.
    GraceEnded,
    /// The buyer or the operator ends it.
    Cancelled,
    /// The buyer takes the end back, inside this time.
    Resumed(PaidTime),
    /// Its license was revoked, or the payment of its running cycle was withdrawn.
    Ended,
}

/// Which time a subscription is in, whatever its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaidTime {
    /// In the trial.
    Trial,
    /// In a paid cycle.
    Cycle,
    /// After the paid cycle, in its grace.
    Grace,
    /// After all of them.
    Over,
}

/// A change that its state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subscription that is {} cannot become anything by this", .0.as_str())]
pub struct IllegalChange(pub SubscriptionState);

impl SubscriptionState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Cancelled,
        Self::Lapsed,
    ];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Cancelled => "cancelled",
            Self::Lapsed => "lapsed",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// True while it costs money by itself: it has a next charge.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }

    /// The state after a change.
    ///
    /// # Errors
    /// [`IllegalChange`]; nothing is to be recorded then. A provider that reports twice, late
    /// or in another order ends here.
    #[expect(clippy::match_same_arms, reason = "a row for each change")]
    pub const fn after(self, change: SubscriptionChange) -> Result<Self, IllegalChange> {
        use SubscriptionChange as Change;
        Ok(match (self, change) {
            (Self::Cancelled, Change::CyclePaid) => Self::Cancelled,
            (_, Change::CyclePaid | Change::ComebackPaid) => Self::Active,
            (Self::Active, Change::PeriodEnded) => Self::PastDue,
            (Self::PastDue, Change::PeriodMoved) => Self::Active,
            // Grace belongs to cycles that were paid once: 14 days of trial are 14.
            (Self::Trialing, Change::PeriodEnded) | (Self::PastDue, Change::GraceEnded) => {
                Self::Lapsed
            }
            (Self::Trialing | Self::Active | Self::PastDue, Change::Cancelled)
            | (_, Change::Ended) => Self::Cancelled,
            (Self::Cancelled, Change::Resumed(PaidTime::Trial)) => Self::Trialing,
            (Self::Cancelled, Change::Resumed(PaidTime::Cycle)) => Self::Active,
            (Self::Cancelled, Change::Resumed(PaidTime::Grace)) => Self::PastDue,
            (state, _) => return Err(IllegalChange(state)),
        })
    }
}

/// The time that a subscription is in at `now`. `grace_until` is recorded once grace began.
#[must_use]
pub fn paid_time(
    now: i64,
    expires_at: Option<i64>,
    grace_until: Option<i64>,
    paid_cycles: i64,
) -> PaidTime {
    match expires_at {
        Some(at) if now >= at => match grace_until {
            Some(until) if now < until && paid_cycles > 0 => PaidTime::Grace,
            _ => PaidTime::Over,
        },
        _ if paid_cycles == 0 => PaidTime::Trial,
        _ => PaidTime::Cycle,
    }
}

/// What a paid cycle is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoughtTime {
    /// Unix seconds.
    pub starts_at: i64,
    /// Unix seconds: the new expiry of the license.
    pub ends_at: i64,
}

/// What a payment at `paid_at` buys: the period after the one that is paid, wherever the
/// payment lies in it, so that nothing is sold twice and paying early costs no days. If that
/// period would be over already, or the subscription had lapsed or was at its end, the
/// period begins with the payment: it always leaves the license good.
#[must_use]
pub fn bought_time(
    state: SubscriptionState,
    old_end: i64,
    period_seconds: i64,
    paid_at: i64,
) -> BoughtTime {
    let is_over = old_end <= paid_at
        && matches!(
            state,
            SubscriptionState::Lapsed | SubscriptionState::Cancelled | SubscriptionState::Trialing
        );
    let starts_at = if is_over || old_end.saturating_add(period_seconds) <= paid_at {
        paid_at
    } else {
        old_end
    };
    BoughtTime {
        starts_at,
        ends_at: starts_at.saturating_add(period_seconds),
    }
}

#[cfg(test)]
mod tests;
