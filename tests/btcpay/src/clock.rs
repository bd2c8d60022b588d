//! The double's time: the system's, moved forward on demand, or standing still.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug)]
enum Base {
    System,
    Frozen(Duration),
}

/// Time since the Unix epoch, as the double sees it.
#[derive(Debug)]
pub(crate) struct Clock {
    base: Base,
    moved: Duration,
}

impl Clock {
    pub(crate) fn system() -> Self {
        Self {
            base: Base::System,
            moved: Duration::ZERO,
        }
    }

    pub(crate) fn frozen_at(unix_seconds: i64) -> Self {
        let seconds = u64::try_from(unix_seconds).unwrap_or_default();
        Self {
            base: Base::Frozen(Duration::from_secs(seconds)),
            moved: Duration::ZERO,
        }
    }

    pub(crate) fn is_frozen(&self) -> bool {
        matches!(self.base, Base::Frozen(_))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the double is a server of its own and lives in real time"
    )]
    pub(crate) fn since_epoch(&self) -> Duration {
        let base = match self.base {
            Base::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            Base::Frozen(at) => at,
        };
        base + self.moved
    }

    /// Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        i64::try_from(self.since_epoch().as_secs()).unwrap_or(i64::MAX)
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.moved += by;
    }
}
