//! What came of creating something that an instance's caps bound.

use serde::Deserialize;

/// What came of creating something that may be capped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It is recorded.
    Created,
    /// Nothing was written: the instance has as many of them as its cap allows.
    AtCap {
        /// How many are in use.
        usage: i64,
    },
    /// Nothing was written, because what it belongs to changed meanwhile or is not there.
    Refused,
}

/// How many of the same are in use after an insert, in its batch.
#[derive(Deserialize)]
pub(crate) struct Usage {
    pub(crate) count: i64,
}

impl Usage {
    /// What came of an insert under a cap.
    pub(crate) fn creation(&self, is_created: bool, cap: Option<i64>) -> Creation {
        match cap {
            _ if is_created => Creation::Created,
            Some(cap) if self.count >= cap => Creation::AtCap { usage: self.count },
            _ => Creation::Refused,
        }
    }
}
