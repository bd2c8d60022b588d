//! Token buckets, as the one number that tells everything: when the bucket is
//! full again. Taking a token moves that time on by what one token takes to
//! come back, so two takers' updates add up in any order.

/// A bucket's size and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Name of the limit, in the answer's fields and before the bucket's key.
    pub name: &'static str,
    /// How many tokens a full bucket holds, at least 1.
    pub burst: u32,
    /// Milliseconds in which one token comes back.
    pub token_millis: u64,
}

/// What a bucket holds at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Whole tokens.
    pub tokens: u32,
    /// Milliseconds until it is full.
    pub full_in: u64,
    /// Milliseconds until a token is there; 0 when one is.
    pub next_in: u64,
}

impl Limit {
    /// Milliseconds in which an empty bucket fills.
    #[must_use]
    pub const fn window_millis(&self) -> u64 {
        self.burst as u64 * self.token_millis
    }

    /// What a bucket holds that is full at `full_at`; both in unix
    /// milliseconds.
    #[must_use]
    pub fn level(&self, full_at: u64, now: u64) -> Level {
        let full_in = full_at.saturating_sub(now);
        let missing = full_in.div_ceil(self.token_millis);
        let tokens = u64::from(self.burst).saturating_sub(missing);
        let next_in = (full_in + self.token_millis).saturating_sub(self.window_millis());
        Level {
            tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            full_in,
            next_in,
        }
    }

    /// Takes a token out of a bucket that is full at `full_at`. Answers when it
    /// is full then, or `None` when it has no token; both in unix milliseconds.
    #[must_use]
    pub fn take(&self, full_at: u64, now: u64) -> Option<u64> {
        (self.level(full_at, now).tokens > 0).then(|| full_at.max(now) + self.token_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The contract's limit of `POST /v1/validate`.
    const LIMIT: Limit = Limit {
        name: "validate",
        burst: 60,
        token_millis: 1_000,
    };

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_one_token_a_second() {
        let now = 1_000_000;
        let mut full_at = 0;
        for left in (0..60).rev() {
            full_at = LIMIT.take(full_at, now).expect("a token");
            assert_eq!(LIMIT.level(full_at, now).tokens, left);
        }
        assert_eq!(LIMIT.take(full_at, now), None);
        assert_eq!(LIMIT.level(full_at, now).next_in, 1_000);
        assert_eq!(LIMIT.take(full_at, now + 999), None);
        assert_eq!(LIMIT.level(full_at, now + 999).next_in, 1);
        let after = LIMIT.take(full_at, now + 1_000).expect("a token came back");
        assert_eq!(LIMIT.take(after, now + 1_000), None);
        assert_eq!(LIMIT.level(full_at, now + 60_000).tokens, 60);
    }

    proptest! {
        #[test]
        fn no_window_gives_more_than_burst_and_refill(
            steps in prop::collection::vec(0_u64..3_000, 1..300),
            burst in 1_u32..80,
            token_millis in 1_u64..2_000,
        ) {
            let limit = Limit { name: "x", burst, token_millis };
            let start = 5_000_000;
            let (mut now, mut full_at, mut given) = (start, 0, 0_u64);
            for step in steps {
                now += step;
                let level = limit.level(full_at, now);
                if let Some(later) = limit.take(full_at, now) {
                    prop_assert_eq!(level.next_in, 0);
                    prop_assert_eq!(limit.level(later, now).tokens, level.tokens - 1);
                    full_at = later;
                    given += 1;
                } else {
                    prop_assert!(level.next_in > 0);
                    prop_assert!(limit.take(full_at, now + level.next_in).is_some());
                }
                prop_assert!(given <= u64::from(burst) + (now - start) / token_millis);
            }
        }
    }
}
