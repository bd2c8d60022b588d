//! When a delivery is attempted again. A cron trigger ticks once a minute at best, so
//! every time here is a "not before".

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// How long to wait after the first, second, … failed attempt, in seconds. The tenth
/// failure is the last one. From the Keysat contract.
const DELAYS: [i64; 9] = [5, 10, 30, 60, 300, 900, 1_800, 3_600, 7_200];

/// After how many failed attempts a delivery is a dead letter.
pub const MAX_ATTEMPTS: i64 = 10;

/// The longest wait that an answer may ask for, in seconds: one header must not bury a
/// delivery.
pub const MAX_RETRY_AFTER: i64 = 24 * 60 * 60;

/// When to try again after `failures` failed attempts, in unix seconds; `None` for a dead
/// letter. `wanted` is what the answer asked for ([`retry_after`]).
#[must_use]
pub fn next_attempt(failures: i64, now: i64, wanted: Option<i64>) -> Option<i64> {
    let at = usize::try_from(failures.checked_sub(1)?).ok()?;
    let delay = *DELAYS.get(at)?;
    Some(now.saturating_add(delay.max(wanted.unwrap_or_default())))
}

/// How many seconds a `Retry-After` asks to wait: whole seconds or an HTTP date (RFC 9110,
/// section 10.2.3), at most [`MAX_RETRY_AFTER`]; `None` for anything else and for a time
/// that has passed.
#[must_use]
pub fn retry_after(header: &str, now: i64) -> Option<i64> {
    let text = header.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large for us is a long time, too.
        text.parse().unwrap_or(i64::MAX)
    } else {
        let date = text
            .strip_suffix("GMT")
            .map(|rest| format!("{rest}+0000"))?;
        let date = OffsetDateTime::parse(&date, &Rfc2822).ok()?;
        date.unix_timestamp().saturating_sub(now)
    };
    (seconds > 0).then_some(seconds.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_failure_is_the_last() {
        let waits: Vec<Option<i64>> = (1..=11).map(|n| next_attempt(n, 1_000, None)).collect();
        let expected = [5, 10, 30, 60, 300, 900, 1_800, 3_600, 7_200];
        let mut expected: Vec<Option<i64>> = expected.iter().map(|s| Some(1_000 + s)).collect();
        expected.extend([None, None]);
        assert_eq!(waits, expected);
        assert_eq!(next_attempt(0, 1_000, None), None, "nothing failed");
        assert_eq!(i64::try_from(DELAYS.len() + 1), Ok(MAX_ATTEMPTS));
    }

    #[test]
    fn an_answer_can_only_ask_for_more_time() {
        assert_eq!(next_attempt(1, 0, Some(120)), Some(120));
        assert_eq!(next_attempt(9, 0, Some(120)), Some(7_200));
        assert_eq!(next_attempt(10, 0, Some(120)), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_within_a_day() {
        // 2026-11-30T12:00:00Z
        let now = 1_796_040_000;
        for (header, wanted) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("Mon, 30 Nov 2026 12:02:00 GMT", Some(120)),
            ("Mon, 30 Nov 2026 12:00:00 GMT", None),
            ("Sun, 30 Nov 2025 12:00:00 GMT", None),
            ("9999999999", Some(MAX_RETRY_AFTER)),
            ("99999999999999999999999999", Some(MAX_RETRY_AFTER)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(MAX_RETRY_AFTER)),
            ("0", None),
            ("-3", None),
            ("1.5", None),
            ("+5", None),
            ("soon", None),
            ("", None),
            ("120, 5", None),
            ("2026-11-30T12:02:00Z", None),
        ] {
            assert_eq!(retry_after(header, now), wanted, "{header:?}");
        }
    }
}
