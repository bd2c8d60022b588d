//! A transfer that a link began and that goes on after the link has expired.

use keywright_license::{LINK_CLOCK_SKEW_SECONDS, LINK_LIFETIME_SECONDS};

/// How long after a link was made a transfer that it began may go on, in seconds.
pub const RESUME_SECONDS: i64 = 3_600;

/// When a transfer must have begun, in unix seconds, for an expired link to open the rest
/// of it: while the link was good. `None` where it is too late for that.
#[must_use]
pub fn begun_between(expires: i64, now: i64) -> Option<(i64, i64)> {
    let made = expires.saturating_sub(LINK_LIFETIME_SECONDS);
    let is_in_time = now < made.saturating_add(RESUME_SECONDS);
    is_in_time.then(|| (made.saturating_sub(LINK_CLOCK_SKEW_SECONDS), expires))
}

/// Whether a request resumes a transfer of the bytes with this SHA-256: it asks for
/// one range that begins behind the first byte, and names the bytes in `If-Range`.
#[must_use]
pub fn goes_on(range: Option<&str>, if_range: Option<&str>, sha256: &str) -> bool {
    let start = range
        .and_then(|range| range.trim().strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'))
        .and_then(|(start, _)| start.trim().parse::<u64>().ok());
    let names_it = if_range.is_some_and(|tag| tag.trim() == format!("\"{sha256}\""));
    start.is_some_and(|start| start > 0) && names_it
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_from_when_the_link_was_made() {
        for (now, between) in [
            (1_000, Some((670, 1_000))),
            (4_299, Some((670, 1_000))),
            (4_300, None),
            (i64::MAX, None),
        ] {
            assert_eq!(begun_between(1_000, now), between, "{now}");
        }
    }

    #[test]
    fn only_the_rest_of_the_same_bytes() {
        for (range, if_range, outcome) in [
            (Some("bytes=1-"), Some("\"aa\""), true),
            (Some("bytes=100-199"), Some(" \"aa\" "), true),
            (Some("bytes=0-"), Some("\"aa\""), false),
            (Some("bytes=-5"), Some("\"aa\""), false),
            (Some("bytes=1-"), Some("W/\"aa\""), false),
            (Some("bytes=1-"), Some("\"bb\""), false),
            (Some("bytes=1-"), None, false),
            (None, Some("\"aa\""), false),
        ] {
            assert_eq!(
                goes_on(range, if_range, "aa"),
                outcome,
                "{range:?} {if_range:?}"
            );
        }
    }
}
