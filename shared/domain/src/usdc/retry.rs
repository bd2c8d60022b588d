//! When a transfer is looked at again that could not be judged.

/// The first interval, in seconds: less than a minute, so that the next tick takes it.
const FIRST: i64 = 45;

/// The longest interval, in seconds.
const LONGEST: i64 = 3_600;

/// The operator is told when this many looks came to nothing: after 25 minutes or so.
pub const REPORT_AFTER: i64 = 6;

/// After this many looks, a day or so, the transfer is the operator's.
pub const GIVE_UP_AFTER: i64 = 30;

/// What follows a look that came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// It is looked at again in so many seconds.
    Again(i64),
    /// The same, and the operator is told.
    AgainAndTell(i64),
    /// It is left to the operator.
    GiveUp,
}

/// What follows when `tries` looks, the last one included, came to nothing.
#[must_use]
pub fn after(tries: i64) -> RetryDecision {
    if tries >= GIVE_UP_AFTER {
        return RetryDecision::GiveUp;
    }
    let doublings = u32::try_from(tries.clamp(1, 16) - 1).unwrap_or_default();
    let seconds = (FIRST << doublings).min(LONGEST);
    if tries >= REPORT_AFTER {
        RetryDecision::AgainAndTell(seconds)
    } else {
        RetryDecision::Again(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_grow_rarer_the_operator_is_told_and_there_is_an_end() {
        assert_eq!(after(1), RetryDecision::Again(45));
        assert_eq!(after(2), RetryDecision::Again(90));
        assert_eq!(after(5), RetryDecision::Again(720));
        assert_eq!(after(6), RetryDecision::AgainAndTell(1_440));
        assert_eq!(after(8), RetryDecision::AgainAndTell(3_600));
        assert_eq!(after(29), RetryDecision::AgainAndTell(3_600));
        assert_eq!(after(30), RetryDecision::GiveUp);
        assert_eq!(after(i64::MAX), RetryDecision::GiveUp);
        // What no database has.
        assert_eq!(after(0), RetryDecision::Again(45));
        assert_eq!(after(i64::MIN), RetryDecision::Again(45));
        let (mut waited, mut told_at) = (0, None);
        for tries in 1.. {
            match after(tries) {
                RetryDecision::Again(seconds) => waited += seconds,
                RetryDecision::AgainAndTell(seconds) => {
                    told_at = told_at.or(Some(waited));
                    waited += seconds;
                }
                RetryDecision::GiveUp => break,
            }
        }
        assert_eq!(told_at, Some(1_395));
        assert!((72_000..=100_000).contains(&waited), "{waited}");
    }
}
