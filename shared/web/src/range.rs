//! `Range` (RFC 9110, section 14): the one stretch of bytes a client asks for.

use http::{HeaderMap, header};

/// What a `Range` header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeAsked {
    /// Nothing that is answered with a part: no header, another unit, several
    /// ranges, or text outside the grammar. A server may ignore each of them.
    Whole,
    /// These bytes, of which there is at least one.
    Part {
        /// Bytes in front of the first.
        offset: u64,
        /// How many; at least one.
        length: u64,
    },
    /// A range behind the end, or of no bytes: 416.
    Unsatisfiable,
}

/// Reads the `Range` of a request for something of `size` bytes.
#[must_use]
pub fn range_asked(headers: &HeaderMap, size: u64) -> RangeAsked {
    let mut lines = headers.get_all(header::RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return RangeAsked::Whole;
    };
    let Ok(text) = line.to_str() else {
        return RangeAsked::Whole;
    };
    match only_spec(text) {
        Some(Spec::From { first, last }) => match size.checked_sub(1) {
            Some(end) if first <= end => {
                let last = last.map_or(end, |last| last.min(end));
                RangeAsked::Part {
                    offset: first,
                    length: last - first + 1,
                }
            }
            _ => RangeAsked::Unsatisfiable,
        },
        Some(Spec::Last(0)) => RangeAsked::Unsatisfiable,
        // All of nothing is the whole: no `Content-Range` can name it.
        Some(Spec::Last(_)) if size == 0 => RangeAsked::Whole,
        Some(Spec::Last(count)) => {
            let length = count.min(size);
            RangeAsked::Part {
                offset: size - length,
                length,
            }
        }
        None => RangeAsked::Whole,
    }
}

enum Spec {
    From { first: u64, last: Option<u64> },
    Last(u64),
}

/// The range of a header that has exactly one. As in every list of HTTP, empty
/// elements do not count (section 5.6.1.2).
fn only_spec(text: &str) -> Option<Spec> {
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut specs = set
        .split(',')
        .map(|spec| spec.trim_matches([' ', '\t']))
        .filter(|spec| !spec.is_empty());
    let (Some(spec), None) = (specs.next(), specs.next()) else {
        return None;
    };
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        return number(last).map(Spec::Last);
    }
    let first = number(first)?;
    let last = match last {
        "" => None,
        last => Some(number(last)?),
    };
    last.is_none_or(|last| first <= last)
        .then_some(Spec::From { first, last })
}

/// A number of any length; one that no file reaches counts as the largest.
fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn asked(value: &str, size: u64) -> RangeAsked {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        headers.insert(header::RANGE, value);
        range_asked(&headers, size)
    }

    fn part(offset: u64, length: u64) -> RangeAsked {
        RangeAsked::Part { offset, length }
    }

    #[test]
    fn one_range_is_a_part() {
        for (value, size, expected) in [
            ("bytes=0-0", 10, part(0, 1)),
            ("bytes=0-9", 10, part(0, 10)),
            ("bytes=0-", 10, part(0, 10)),
            ("bytes=3-5", 10, part(3, 3)),
            ("bytes=3-", 10, part(3, 7)),
            ("bytes=9-9", 10, part(9, 1)),
            ("bytes=9-10000", 10, part(9, 1)),
            ("bytes=0-99999999999999999999999", 10, part(0, 10)),
            ("bytes=-1", 10, part(9, 1)),
            ("bytes=-10", 10, part(0, 10)),
            ("bytes=-11", 10, part(0, 10)),
            ("bytes=-99999999999999999999999", 10, part(0, 10)),
            ("Bytes=0-0", 10, part(0, 1)),
            ("bytes= 0-0 ", 10, part(0, 1)),
            ("bytes=,0-0, ,", 10, part(0, 1)),
            ("bytes=007-8", 10, part(7, 2)),
        ] {
            assert_eq!(asked(value, size), expected, "{value} of {size}");
        }
    }

    #[test]
    fn a_range_without_a_byte_cannot_be_satisfied() {
        for (value, size) in [
            ("bytes=10-", 10),
            ("bytes=10-11", 10),
            ("bytes=99999999999999999999999-", 10),
            ("bytes=-0", 10),
            ("bytes=0-", 0),
            ("bytes=0-0", 0),
            ("bytes=-0", 0),
        ] {
            let expected = RangeAsked::Unsatisfiable;
            assert_eq!(asked(value, size), expected, "{value} of {size}");
        }
    }

    #[test]
    fn everything_else_is_the_whole() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=--1",
            "bytes=5-3",
            "bytes=0-0,2-2",
            "bytes=0-0,-1",
            "bytes=a-b",
            "bytes=0x1-2",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=1 - 2",
            "bytes=1-2-3",
            "bytes=1.0-2",
            "bytes:0-0",
            "lines=0-0",
            "0-0",
            "none",
            "bytes=0-0\u{e9}",
        ] {
            assert_eq!(asked(value, 10), RangeAsked::Whole, "{value:?}");
        }
        assert_eq!(asked("bytes=-5", 0), RangeAsked::Whole);
        assert_eq!(range_asked(&HeaderMap::new(), 10), RangeAsked::Whole);
        let mut twice = HeaderMap::new();
        twice.append(header::RANGE, HeaderValue::from_static("bytes=0-0"));
        twice.append(header::RANGE, HeaderValue::from_static("bytes=0-0"));
        assert_eq!(range_asked(&twice, 10), RangeAsked::Whole);
    }

    proptest! {
        #[test]
        fn a_part_is_inside_and_holds_what_was_asked(first in 0_u64..50, last in 0_u64..50, size in 0_u64..40) {
            let bytes: Vec<u64> = (0..size).collect();
            let expected: Vec<u64> = (first..=last).filter(|at| bytes.contains(at)).collect();
            match asked(&format!("bytes={first}-{last}"), size) {
                RangeAsked::Part { offset, length } => {
                    let part: Vec<u64> = (offset..offset + length).collect();
                    prop_assert!(!part.is_empty());
                    prop_assert_eq!(part, expected);
                }
                RangeAsked::Unsatisfiable => prop_assert!(first <= last && first >= size),
                RangeAsked::Whole => prop_assert!(first > last),
            }
        }

        #[test]
        fn any_text_is_answered_inside(value in "(bytes=)?[-0-9, a-z=]{0,20}", size in 0_u64..40) {
            if let RangeAsked::Part { offset, length } = asked(&value, size) {
                prop_assert!(length > 0 && offset + length <= size);
            }
        }
    }
}
