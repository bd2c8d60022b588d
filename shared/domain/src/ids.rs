//! Identifiers: `UUIDv7` (RFC 9562, section 5.7), so that rows sort by age.

use uuid::Uuid;

/// A `UUIDv7` from a time in unix milliseconds and ten random bytes.
#[must_use]
pub fn uuid_v7(unix_millis: u64, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_its_time_and_version() {
        let id = uuid_v7(1_700_000_000_000, [0xff; 10]);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.to_string(), "018bcfe5-6800-7fff-bfff-ffffffffffff");
    }

    #[test]
    fn later_ids_sort_later() {
        let older = uuid_v7(1, [0xff; 10]).to_string();
        let newer = uuid_v7(2, [0x00; 10]).to_string();
        assert!(older < newer);
    }
}
