//! Time and randomness, the two things pure rules take as parameters.

use keywright_domain::ids::uuid_v7;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Bits of an id that count within a millisecond.
const COUNTER_BITS: u32 = 12;

/// Millisecond and counter of the newest id of this instance.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// The time and new ids, for a function that stamps what it records.
#[derive(Clone)]
pub struct Stamps {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Stamps {
    /// Of a clock and a source of randomness.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
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

    /// The first 24 characters of a new id. A statement that makes rows whose number is not
    /// known before adds the last twelve of each.
    #[must_use]
    pub fn new_id_prefix(&self) -> String {
        let mut id = self.new_id();
        id.truncate(24);
        id
    }

    /// A new `UUIDv7` as lower-case text. Those of one instance grow: the bits
    /// after the millisecond count on from a random start (RFC 9562, section
    /// 6.2, method 1), so that of two rows the earlier one has the lower id.
    #[must_use]
    pub fn new_id(&self) -> String {
        let mut bytes: [u8; 10] = self.random();
        // Half of the counter's 12 bits are left for counting.
        let start = u64::from(bytes[0]) << 3 | u64::from(bytes[1] >> 5);
        let now = self.clock.unix_millis() << COUNTER_BITS | start;
        let next = |last: u64| Some(now.max(last + 1));
        let last = LAST_ID.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let stamp = last.map_or(now, |last| now.max(last + 1));
        let [.., high, low] = stamp.to_be_bytes();
        (bytes[0], bytes[1]) = (high & 0x0f, low);
        uuid_v7(stamp >> COUNTER_BITS, bytes).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Standing;

    impl Clock for Standing {
        fn unix_millis(&self) -> u64 {
            1_700_000_000_000
        }
    }

    /// Of all bits set, and so with the latest possible start.
    struct Ones;

    impl Random for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xff);
        }
    }

    #[test]
    fn ids_of_one_millisecond_grow_and_stay_uuids() {
        let stamps = Stamps::new(Arc::new(Standing), Arc::new(Ones));
        let ids: Vec<String> = (0..10_000).map(|_| stamps.new_id()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
        assert_eq!(ids[0], "018bcfe5-6800-77ff-bfff-ffffffffffff");
        assert_eq!(&ids[1][14..18], "7800");
        for id in ids {
            assert_eq!(&id[14..15], "7", "{id}");
        }
    }
}
