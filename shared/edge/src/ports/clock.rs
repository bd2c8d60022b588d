//! Time and randomness, the two things pure rules take as parameters.

use keywright_domain::ids::uuid_v7;
use std::sync::Arc;

/// The wall clock of a host.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn unix_millis(&self) -> u64;

    /// Whole seconds since 1970-01-01T00:00:00Z.
    fn unix_seconds(&self) -> i64 {
        i64::try_from(self.unix_millis() / 1_000).unwrap_or(i64::MAX)
    }
}

/// The secure random generator of a host.
pub trait Random: Send + Sync {
    /// Fills `bytes`. A host without randomness stops the request instead of
    /// returning predictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The time and new ids, for a function that stamps what it records.
#[derive(Clone)]
pub struct Stamps {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Stamps {
    pub(crate) fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random }
    }

    /// Unix seconds now.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.unix_seconds()
    }

    /// Secret random bytes, for a token.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// Unix milliseconds now.
    #[must_use]
    pub fn now_millis(&self) -> u64 {
        self.clock.unix_millis()
    }

    /// A new `UUIDv7` as lower-case text.
    #[must_use]
    pub fn new_id(&self) -> String {
        uuid_v7(self.clock.unix_millis(), self.random()).to_string()
    }
}
