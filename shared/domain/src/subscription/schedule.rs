//! What the tick does about a subscription, and when.

use super::{DAY, SubscriptionChange, SubscriptionState};

/// Days before the end of the paid time from which the next cycle can be paid and its buyer
/// is told.
pub const USUAL_NOTICE_DAYS: i64 = 3;
/// Longest notice, in days.
pub const MAX_NOTICE_DAYS: i64 = 60;
/// How long the tick may be away before that counts as a pause, in seconds.
pub const PAUSE_FROM: i64 = 3_600;

/// What the tick needs to know of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledSubscription {
    /// Where it stands.
    pub state: SubscriptionState,
    /// Whether its license is in force: nothing is due for one that is not.
    pub is_in_force: bool,
    /// The expiry of its license; `None` never.
    pub expires_at: Option<i64>,
    /// The end of the grace, once it began.
    pub grace_until: Option<i64>,
    /// Since when the next cycle can be paid; `None` while it is not open.
    pub opened_at: Option<i64>,
    /// Seconds of one period.
    pub period_seconds: i64,
    /// Seconds of grace.
    pub grace_seconds: i64,
}

/// What the tick does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledStep {
    /// Whether the next cycle is opened, and its buyer told.
    pub opens_cycle: bool,
    /// What happens to the subscription, if anything does.
    pub change: Option<SubscriptionChange>,
    /// The state after it.
    pub state: SubscriptionState,
    /// The end of the grace from now on.
    pub grace_until: Option<i64>,
    /// When to look again, in unix seconds; `None` never by itself.
    pub next_step_at: Option<i64>,
}

impl ScheduledSubscription {
    /// When the next cycle can be paid first: some days before the end, at most half a
    /// period.
    #[must_use]
    pub fn opens_at(&self, notice_days: i64) -> Option<i64> {
        let notice = (notice_days.max(0) * DAY).min(self.period_seconds / 2);
        self.expires_at.map(|at| at - notice)
    }

    /// The step at `now`. `running_since`: since when ticks have come without a pause, because
    /// grace counts from the moment at which the buyer could pay.
    #[must_use]
    pub fn step(&self, now: i64, notice_days: i64, running_since: i64) -> ScheduledStep {
        let unchanged = |next_step_at| ScheduledStep {
            opens_cycle: false,
            change: None,
            state: self.state,
            grace_until: self.grace_until,
            next_step_at,
        };
        let (Some(expires_at), Some(opens_at)) = (self.expires_at, self.opens_at(notice_days))
        else {
            return unchanged(None);
        };
        if !self.is_in_force || !self.state.is_live() {
            return unchanged(None);
        }
        if self.state == SubscriptionState::PastDue && now < expires_at {
            return ScheduledStep {
                change: Some(SubscriptionChange::PeriodMoved),
                state: SubscriptionState::Active,
                grace_until: None,
                ..unchanged(Some(opens_at.max(now)))
            };
        }
        if self.state == SubscriptionState::PastDue {
            let until = self.grace_until.unwrap_or(expires_at);
            return if now < until {
                unchanged(Some(until))
            } else {
                Self::lapse(SubscriptionChange::GraceEnded, false)
            };
        }
        if now < opens_at {
            return unchanged(Some(opens_at));
        }
        let opens_cycle = self.opened_at.is_none();
        if now < expires_at {
            return ScheduledStep {
                opens_cycle,
                ..unchanged(Some(expires_at))
            };
        }
        let ended = SubscriptionChange::PeriodEnded;
        if self.state == SubscriptionState::Trialing {
            return Self::lapse(ended, opens_cycle);
        }
        let could_pay = self.opened_at.unwrap_or(now).max(running_since.min(now));
        let until = expires_at.max(could_pay) + self.grace_seconds;
        if now >= until {
            return Self::lapse(ended, opens_cycle);
        }
        ScheduledStep {
            opens_cycle,
            change: Some(ended),
            state: SubscriptionState::PastDue,
            grace_until: Some(until),
            next_step_at: Some(until),
        }
    }

    fn lapse(change: SubscriptionChange, opens_cycle: bool) -> ScheduledStep {
        ScheduledStep {
            opens_cycle,
            change: Some(change),
            state: SubscriptionState::Lapsed,
            grace_until: None,
            next_step_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SubscriptionState::{Active, Cancelled, Lapsed, PastDue, Trialing};

    const END: i64 = 100 * DAY;

    const ACTIVE: ScheduledSubscription = ScheduledSubscription {
        state: Active,
        is_in_force: true,
        expires_at: Some(END),
        grace_until: None,
        opened_at: None,
        period_seconds: 30 * DAY,
        grace_seconds: 7 * DAY,
    };

    fn open(subscription: ScheduledSubscription) -> ScheduledSubscription {
        ScheduledSubscription {
            opened_at: Some(END - 3 * DAY),
            ..subscription
        }
    }

    #[test]
    fn a_cycle_is_opened_and_then_missed() {
        let at = |subscription: ScheduledSubscription, now| subscription.step(now, 3, 0);
        let early = at(ACTIVE, END - 3 * DAY - 1);
        assert!(!early.opens_cycle && early.change.is_none());
        assert_eq!(early.next_step_at, Some(END - 3 * DAY));
        let opened = at(ACTIVE, END - 3 * DAY);
        assert!(opened.opens_cycle && opened.change.is_none());
        assert_eq!((opened.state, opened.next_step_at), (Active, Some(END)));
        let again = at(open(ACTIVE), END - 1);
        assert!(!again.opens_cycle && again.change.is_none());
        let missed = at(open(ACTIVE), END);
        assert_eq!(
            (missed.state, missed.grace_until),
            (PastDue, Some(END + 7 * DAY))
        );
        assert_eq!(missed.next_step_at, missed.grace_until);
        let late = ScheduledSubscription {
            state: PastDue,
            grace_until: missed.grace_until,
            ..open(ACTIVE)
        };
        assert_eq!(at(late, END + 7 * DAY - 1).change, None);
        let lapsed = at(late, END + 7 * DAY);
        assert_eq!((lapsed.state, lapsed.next_step_at), (Lapsed, None));
    }

    #[test]
    fn an_unpaid_trial_has_no_grace() {
        let trial = open(ScheduledSubscription {
            state: Trialing,
            ..ACTIVE
        });
        assert_eq!(trial.step(END - 1, 3, 0).state, Trialing);
        assert_eq!(trial.step(END, 3, 0).state, Lapsed);
    }

    /// The instance was off from ten days before the end until 30 days after it.
    #[test]
    fn our_pause_is_not_the_buyers() {
        let back = END + 30 * DAY;
        let first = ACTIVE.step(back, 3, back);
        assert!(first.opens_cycle);
        assert_eq!(
            (first.state, first.grace_until),
            (PastDue, Some(back + 7 * DAY))
        );
        // It was off from two days before the end only: the cycle was open before.
        let second = open(ACTIVE).step(back, 3, back);
        assert!(!second.opens_cycle);
        assert_eq!(second.grace_until, Some(back + 7 * DAY));
        // It was on all the time, and only this tick is late.
        assert_eq!(open(ACTIVE).step(back, 3, 0).state, Lapsed);
    }

    #[test]
    fn more_time_ends_the_grace() {
        let late = ScheduledSubscription {
            state: PastDue,
            grace_until: Some(END + 7 * DAY),
            ..open(ACTIVE)
        };
        let moved = late.step(END - 5 * DAY, 3, 0);
        assert_eq!((moved.state, moved.grace_until), (Active, None));
        assert_eq!(moved.next_step_at, Some(END - 3 * DAY));
    }

    #[test]
    fn nothing_is_due_without_a_good_license_or_after_the_end() {
        for subscription in [
            ScheduledSubscription {
                is_in_force: false,
                ..ACTIVE
            },
            ScheduledSubscription {
                expires_at: None,
                ..ACTIVE
            },
            ScheduledSubscription {
                state: Cancelled,
                ..ACTIVE
            },
            ScheduledSubscription {
                state: Lapsed,
                ..ACTIVE
            },
        ] {
            let step = subscription.step(END + 90 * DAY, 3, 0);
            assert!(
                !step.opens_cycle && step.change.is_none(),
                "{subscription:?}"
            );
            assert_eq!(step.next_step_at, None);
        }
    }

    #[test]
    fn a_short_period_is_told_of_halfway() {
        let weekly = ScheduledSubscription {
            period_seconds: 2 * DAY,
            ..ACTIVE
        };
        assert_eq!(weekly.opens_at(3), Some(END - DAY));
        assert_eq!(weekly.opens_at(0), Some(END));
    }

    /// Whatever the tick does is a change that the state machine allows.
    #[test]
    fn every_step_is_legal() {
        for state in SubscriptionState::ALL {
            for opened_at in [None, Some(END - DAY)] {
                for now in [END - 10 * DAY, END - DAY, END, END + DAY, END + 8 * DAY] {
                    let one = ScheduledSubscription {
                        state,
                        opened_at,
                        grace_until: (state == PastDue).then_some(END + 7 * DAY),
                        ..ACTIVE
                    };
                    let step = one.step(now, 3, 0);
                    if let Some(change) = step.change
                        && now < END + 7 * DAY
                    {
                        assert_eq!(state.after(change), Ok(step.state), "{one:?} {now}");
                    }
                }
            }
        }
    }
}
