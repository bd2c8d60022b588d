//! Calendar dates: the expiry day of a license token.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

const SECONDS_PER_DAY: i64 = 86_400;
/// Days in 400 Gregorian years; after them the calendar repeats.
const DAYS_PER_CYCLE: i64 = 146_097;
/// 1970-01-01 counted in days from 0000-01-01.
const UNIX_EPOCH_DAY: i64 = 719_528;
/// 9999-12-31 counted in days from 0000-01-01.
const LAST_DAY: i64 = 25 * DAYS_PER_CYCLE - 1;

/// A calendar day in UTC, from 0000-01-01 to 9999-12-31 (proleptic Gregorian).
///
/// Dates order by time; so do their texts, because years have four digits and
/// months and days two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    // The derived order needs the fields from the largest unit to the smallest.
    year: u16,
    month: u8,
    day: u8,
}

/// The text is not a day of the calendar written as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("not a calendar date; write it as YYYY-MM-DD, with leading zeros, for example 2027-01-31")]
pub struct DateError;

impl Date {
    /// 9999-12-31, the last day that can be written; issuers use it for "never".
    pub const MAX: Self = Self {
        year: 9999,
        month: 12,
        day: 31,
    };

    /// Reads exactly `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`DateError`] for any other form, and for days that the calendar lacks,
    /// such as `2026-02-29`.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
            return Err(DateError);
        };
        let date = Self {
            year: number([y1, y2])? * 100 + number([y3, y4])?,
            month: number([m1, m2])?.try_into().map_err(|_| DateError)?,
            day: number([d1, d2])?.try_into().map_err(|_| DateError)?,
        };
        let month_exists = (1..=12).contains(&date.month);
        if month_exists && (1..=month_length(date.year.into(), date.month)).contains(&date.day) {
            Ok(date)
        } else {
            Err(DateError)
        }
    }

    /// The UTC day that contains `unix_seconds`.
    ///
    /// Times outside the years 0000 to 9999 give the first or the last day of
    /// that range.
    #[must_use]
    pub fn from_unix(unix_seconds: i64) -> Self {
        let day = unix_seconds.div_euclid(SECONDS_PER_DAY);
        let mut rest = day.saturating_add(UNIX_EPOCH_DAY).clamp(0, LAST_DAY);
        let mut year = rest / DAYS_PER_CYCLE * 400;
        rest %= DAYS_PER_CYCLE;
        while rest >= year_length(year) {
            rest -= year_length(year);
            year += 1;
        }
        let mut month = 1;
        while rest >= month_length(year, month).into() {
            rest -= i64::from(month_length(year, month));
            month += 1;
        }
        // Both conversions hold: the clamp above keeps the year within 0..=9999,
        // and `rest` is less than the length of a month.
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month,
            day: u8::try_from(rest + 1).unwrap_or(u8::MAX),
        }
    }
}

/// The value of two ASCII digits.
fn number(digits: [u8; 2]) -> Result<u16, DateError> {
    if digits.iter().all(u8::is_ascii_digit) {
        Ok(u16::from(digits[0] - b'0') * 10 + u16::from(digits[1] - b'0'))
    } else {
        Err(DateError)
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn year_length(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_length(year: i64, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        Self::parse(text)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn agrees_with_the_time_crate() {
        // Steps of 29 days and 23 hours meet every month of every year at
        // changing days and times of day.
        let first = -62_167_219_200_i64;
        let last = 253_402_300_799_i64;
        let mut now = first;
        while now <= last {
            let expected = time::OffsetDateTime::from_unix_timestamp(now)
                .unwrap()
                .date();
            let (year, month, day) = expected.to_calendar_date();
            let text = format!("{year:04}-{:02}-{day:02}", u8::from(month));
            let date = Date::from_unix(now);
            assert_eq!(date.to_string(), text);
            assert_eq!(Date::parse(&text), Ok(date));
            now += 29 * SECONDS_PER_DAY + 82_800;
        }
    }

    #[test]
    fn a_day_begins_and_ends_at_midnight_utc() {
        for (now, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
            (253_402_300_799, "9999-12-31"),
        ] {
            assert_eq!(Date::from_unix(now).to_string(), text, "{now}");
        }
    }

    #[test]
    fn times_beyond_the_calendar_give_its_ends() {
        assert_eq!(Date::from_unix(i64::MAX), Date::MAX);
        assert_eq!(Date::from_unix(253_402_300_800), Date::MAX);
        assert_eq!(Date::from_unix(i64::MIN).to_string(), "0000-01-01");
    }

    #[test]
    fn dates_and_their_texts_order_alike() {
        let texts = [
            "0000-01-01",
            "1999-12-31",
            "2026-09-30",
            "2026-10-01",
            "2026-10-02",
            "9999-12-31",
        ];
        for pair in texts.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(Date::parse(pair[0]).unwrap() < Date::parse(pair[1]).unwrap());
        }
    }

    #[test]
    fn refuses_everything_but_real_padded_dates() {
        for text in [
            "",
            "2026",
            "2026-1-01",
            "2026-01-1",
            "26-01-01",
            "2026-00-10",
            "2026-13-01",
            "2026-01-00",
            "2026-01-32",
            "2026-04-31",
            "2026-02-29",
            "2100-02-29",
            "9999-99-99",
            "2026/01/01",
            "2026-01-01 ",
            " 2026-01-01",
            "2026-01-01T00:00:00Z",
            "+026-01-01",
            "-026-01-01",
            "20260101",
            "2026-01-0a",
            "２026-01-01",
            "10000-01-01",
        ] {
            assert_eq!(Date::parse(text), Err(DateError), "{text:?}");
        }
        assert!(Date::parse("2024-02-29").is_ok());
        assert!(Date::parse("2000-02-29").is_ok());
    }
}
