//! Unix seconds to and from the text forms of the wire.

use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{OffsetDateTime, UtcOffset};

/// Largest instant that every client reads without loss: 9999-12-31T23:59:59Z.
pub const MAX_UNIX_SECONDS: i64 = 253_402_300_799;

/// From when on a time that should be in the past is none: 2100-01-01T00:00:00Z. A
/// present time that is written in milliseconds is far behind it.
const END_OF_PAST: i64 = 4_102_444_800;

/// A time in the past, such as that of a build, that is written in milliseconds or
/// smaller units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be before 2100; is it in milliseconds? Unix times are in seconds")]
pub struct NotPast;

/// Checks the unix seconds of something that has happened.
///
/// # Errors
/// [`NotPast`] from 2100 on.
pub const fn check_past(unix_seconds: i64) -> Result<i64, NotPast> {
    if unix_seconds < END_OF_PAST {
        Ok(unix_seconds)
    } else {
        Err(NotPast)
    }
}

/// A date or time that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time between 1970 and 9999, such as 2026-01-31T12:00:00Z")]
pub struct NotATime;

/// Unix seconds as RFC 3339 in UTC, whole seconds, such as
/// `2026-01-31T12:00:00Z`. An instant outside 1970..=9999 is shown as the
/// nearer end of that range.
#[must_use]
pub fn rfc3339(unix_seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix_seconds.clamp(0, MAX_UNIX_SECONDS))
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Unix seconds as RFC 2822 in UTC, such as `Sat, 31 Jan 2026 12:00:00 +0000`;
/// RSS has its times in this form. Outside 1970..=9999 as [`rfc3339`].
#[must_use]
pub fn rfc2822(unix_seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix_seconds.clamp(0, MAX_UNIX_SECONDS))
        .ok()
        .and_then(|at| at.format(&Rfc2822).ok())
        .unwrap_or_default()
}

/// Unix seconds as the UTC day, `YYYY-MM-DD`.
#[must_use]
pub fn utc_day(unix_seconds: i64) -> String {
    rfc3339(unix_seconds).chars().take(10).collect()
}

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A day that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a day between 1970 and 9999, such as 2027-01-31")]
pub struct NotADay;

/// The last second of the UTC day that contains an instant, both in unix
/// seconds; at most [`MAX_UNIX_SECONDS`].
#[must_use]
pub fn end_of_day(unix_seconds: i64) -> i64 {
    unix_seconds
        .div_euclid(DAY)
        .saturating_mul(DAY)
        .saturating_add(DAY - 1)
        .min(MAX_UNIX_SECONDS)
}

/// Reads `YYYY-MM-DD` and answers the last second of that UTC day.
///
/// # Errors
/// [`NotADay`] for other text and for days outside 1970..=9999.
pub fn parse_end_of_day(text: &str) -> Result<i64, NotADay> {
    if text.len() != "YYYY-MM-DD".len() {
        return Err(NotADay);
    }
    parse_rfc3339(&format!("{text}T00:00:00Z"))
        .map(end_of_day)
        .map_err(|_| NotADay)
}

/// Reads RFC 3339 with any offset; a fraction of a second is dropped.
///
/// # Errors
/// [`NotATime`] for other text and for instants outside 1970..=9999.
pub fn parse_rfc3339(text: &str) -> Result<i64, NotATime> {
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATime)?;
    let seconds = at.to_offset(UtcOffset::UTC).unix_timestamp();
    if (0..=MAX_UNIX_SECONDS).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(NotATime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_no_time_in_the_past() {
        for (time, outcome) in [
            (0, Ok(0)),
            (1_800_000_000, Ok(1_800_000_000)),
            (END_OF_PAST - 1, Ok(END_OF_PAST - 1)),
            (END_OF_PAST, Err(NotPast)),
            (1_800_000_000_000, Err(NotPast)),
            (i64::MAX, Err(NotPast)),
        ] {
            assert_eq!(check_past(time), outcome);
        }
    }

    #[test]
    fn days_are_read_to_their_last_second() {
        for (text, until) in [
            ("1970-01-01", Ok(86_399)),
            ("2027-01-15", Ok(1_800_057_599)),
            ("9999-12-31", Ok(MAX_UNIX_SECONDS)),
            ("2027-02-29", Err(NotADay)),
            ("2027-1-15", Err(NotADay)),
            ("1969-12-31", Err(NotADay)),
            ("2027-01-15T00:00:00Z", Err(NotADay)),
            ("", Err(NotADay)),
        ] {
            assert_eq!(parse_end_of_day(text), until, "{text:?}");
            if let Ok(until) = until {
                assert_eq!(utc_day(until), text);
                assert_eq!(end_of_day(until), until);
            }
        }
        assert_eq!(end_of_day(i64::MAX), MAX_UNIX_SECONDS);
    }

    #[test]
    fn formats_and_reads_back() {
        assert_eq!(rfc3339(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(utc_day(1_700_000_000), "2023-11-14");
        assert_eq!(rfc2822(1_700_000_000), "Tue, 14 Nov 2023 22:13:20 +0000");
        assert_eq!(parse_rfc3339("2023-11-14T22:13:20Z"), Ok(1_700_000_000));
        assert_eq!(
            parse_rfc3339("2023-11-15T00:13:20.75+02:00"),
            Ok(1_700_000_000)
        );
        assert_eq!(utc_day(MAX_UNIX_SECONDS), "9999-12-31");
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for text in [
            "",
            "tomorrow",
            "2023-11-14",
            "2023-13-14T22:13:20Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(parse_rfc3339(text), Err(NotATime), "{text}");
        }
    }
}
