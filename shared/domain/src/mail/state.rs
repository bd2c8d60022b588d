//! The states of a mail, and what becomes of it after an attempt.

/// Where a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// It is sent when it is due.
    Waiting,
    /// It was planned before a long silence, after which nobody knows whether it was sent:
    /// the operator releases or drops it.
    Held,
    /// The mail API took it.
    Sent,
    /// The mail API refuses it, mostly for its recipient.
    Rejected,
    /// Nobody knows whether the mail API took it, and it cannot be asked again safely.
    Unknown,
    /// It could not be handed over for so long that it is no longer tried.
    Failed,
    /// It is not sent: the operator dropped it, or it is no longer true.
    Dropped,
    /// It was not sent before its link would have ended.
    Expired,
}

impl MailState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Held,
        Self::Sent,
        Self::Rejected,
        Self::Unknown,
        Self::Failed,
        Self::Dropped,
        Self::Expired,
    ];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Expired => "expired",
        }
    }

    /// True once nothing more happens to it by itself or by a release.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Held)
    }
}

/// How an attempt to hand a mail over ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// The mail API took it.
    Taken,
    /// The mail API refuses this mail: another attempt would be refused, too.
    Refused,
    /// Certainly not taken, by no fault of the mail: no connection, wrong credentials, too
    /// many requests.
    NotTaken,
    /// No answer, or one that does not say.
    Doubtful,
    /// It is not sent, because it is no longer true.
    Outdated,
}

/// What is known of a mail when an attempt has ended.
#[derive(Debug, Clone, Copy)]
pub struct Attempted {
    /// Attempts, this one included.
    pub attempts: i64,
    /// When the first attempt began, in unix seconds.
    pub first_at: i64,
    /// When an attempt ended in doubt for the first time, in unix seconds.
    pub doubt_at: Option<i64>,
    /// True where the mail API takes the mail's id, and so takes the mail once.
    pub is_idempotent: bool,
    /// How many seconds the answer asks to wait.
    pub wait: Option<i64>,
}

/// How long to wait after the first, second, … failed attempt, in seconds; the last one
/// repeats.
const DELAYS: [i64; 6] = [60, 300, 900, 3_600, 4 * 3_600, 8 * 3_600];

/// For how long after a first doubt the same id is sent again, in seconds. Resend knows an
/// id for 24 hours.
const DOUBT_SECONDS: i64 = 23 * 3_600;

/// For how long a mail is tried that was certainly not taken, in seconds.
const TRIED_SECONDS: i64 = 3 * 86_400;

/// The longest wait that an answer may ask for, in seconds.
const MAX_WAIT: i64 = 6 * 3_600;

/// The state after an attempt, and when the next one is due, in unix seconds, for a mail
/// that waits.
#[must_use]
pub fn after_attempt(outcome: MailOutcome, of: Attempted, now: i64) -> (MailState, Option<i64>) {
    let end = match (outcome, of.doubt_at) {
        (MailOutcome::Taken, _) => return (MailState::Sent, None),
        (MailOutcome::Refused, _) => return (MailState::Rejected, None),
        (MailOutcome::Outdated, _) => return (MailState::Dropped, None),
        (MailOutcome::Doubtful, _) if !of.is_idempotent => return (MailState::Unknown, None),
        (MailOutcome::Doubtful, doubt_at) => doubt_at.unwrap_or(now) + DOUBT_SECONDS,
        (MailOutcome::NotTaken, Some(doubt_at)) => doubt_at + DOUBT_SECONDS,
        (MailOutcome::NotTaken, None) => of.first_at + TRIED_SECONDS,
    };
    let at = usize::try_from(of.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let delay = DELAYS.get(at).copied().unwrap_or(DELAYS[DELAYS.len() - 1]);
    let wait = of.wait.unwrap_or_default().min(MAX_WAIT);
    let next = now.saturating_add(delay.max(wait));
    if next <= end {
        return (MailState::Waiting, Some(next));
    }
    let is_doubtful = outcome == MailOutcome::Doubtful || of.doubt_at.is_some();
    if is_doubtful {
        (MailState::Unknown, None)
    } else {
        (MailState::Failed, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Attempted = Attempted {
        attempts: 1,
        first_at: 1_000,
        doubt_at: None,
        is_idempotent: false,
        wait: None,
    };

    /// How often and until when a mail is tried that always ends so.
    fn tries(outcome: MailOutcome, is_idempotent: bool) -> (i64, i64, MailState) {
        let mut now = 1_000;
        let mut of = Attempted {
            is_idempotent,
            ..FIRST
        };
        loop {
            let (state, next) = after_attempt(outcome, of, now);
            let Some(next) = next else {
                return (of.attempts, now - 1_000, state);
            };
            if outcome == MailOutcome::Doubtful {
                of.doubt_at = of.doubt_at.or(Some(now));
            }
            of.attempts += 1;
            now = next;
        }
    }

    #[test]
    fn doubt_is_tried_again_only_with_an_id() {
        let (attempts, _, state) = tries(MailOutcome::Doubtful, false);
        assert_eq!((attempts, state), (1, MailState::Unknown));
        let (attempts, seconds, state) = tries(MailOutcome::Doubtful, true);
        assert_eq!((attempts, state), (8, MailState::Unknown));
        assert!(seconds < 24 * 3_600, "{seconds}");
    }

    #[test]
    fn what_was_not_taken_is_tried_for_three_days() {
        let (attempts, seconds, state) = tries(MailOutcome::NotTaken, false);
        assert_eq!(state, MailState::Failed);
        assert!(seconds <= TRIED_SECONDS && attempts > 10, "{attempts}");
        let doubted = Attempted {
            doubt_at: Some(1_000),
            is_idempotent: true,
            ..FIRST
        };
        let late = 1_000 + DOUBT_SECONDS;
        let (state, _) = after_attempt(MailOutcome::NotTaken, doubted, late);
        assert_eq!(state, MailState::Unknown, "an attempt before was in doubt");
    }

    #[test]
    fn an_answer_can_ask_for_more_time_within_a_range() {
        let asked = |wait| {
            let of = Attempted { wait, ..FIRST };
            after_attempt(MailOutcome::NotTaken, of, 1_000).1
        };
        assert_eq!(asked(None), Some(1_060));
        assert_eq!(asked(Some(120)), Some(1_120));
        assert_eq!(asked(Some(i64::MAX)), Some(1_000 + MAX_WAIT));
    }

    #[test]
    fn a_refusal_ends_a_mail_at_once() {
        for (outcome, state) in [
            (MailOutcome::Taken, MailState::Sent),
            (MailOutcome::Refused, MailState::Rejected),
            (MailOutcome::Outdated, MailState::Dropped),
        ] {
            assert_eq!(after_attempt(outcome, FIRST, 1_000), (state, None));
            assert!(state.is_final());
        }
        assert!(!MailState::Held.is_final());
    }
}
