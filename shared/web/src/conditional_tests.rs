//! Preconditions, alone and against each other.

use super::*;
use proptest::prelude::*;

/// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110, section 5.6.7.
const AT: i64 = 784_111_777;
const EXACT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().expect("a name");
        headers.append(
            name,
            HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
        );
    }
    headers
}

fn strong() -> Validators {
    Validators {
        etag: Some(EntityTag::Strong("abc".to_owned())),
        modified: Some(AT),
    }
}

fn weak() -> Validators {
    Validators {
        etag: Some(EntityTag::Weak("abc".to_owned())),
        modified: Some(AT),
    }
}

#[test]
fn one_precondition_alone() {
    use Preconditions::{Failed, Hold, NotModified};
    for (name, value, of_strong, of_weak) in [
        ("if-match", "\"abc\"", Hold, Failed),
        ("if-match", "W/\"abc\"", Failed, Failed),
        ("if-match", "\"x\", \"abc\"", Hold, Failed),
        ("if-match", "\"x\"", Failed, Failed),
        ("if-match", "*", Hold, Hold),
        ("if-match", "abc", Failed, Failed),
        ("if-match", "", Failed, Failed),
        ("if-none-match", "\"abc\"", NotModified, NotModified),
        ("if-none-match", "W/\"abc\"", NotModified, NotModified),
        ("if-none-match", "\"x\",W/\"abc\"", NotModified, NotModified),
        ("if-none-match", ", \"abc\" ,", NotModified, NotModified),
        (
            "if-none-match",
            "\"a,b\", \"abc\"",
            NotModified,
            NotModified,
        ),
        ("if-none-match", "\"x\"", Hold, Hold),
        ("if-none-match", "\"ABC\"", Hold, Hold),
        ("if-none-match", "w/\"abc\"", Hold, Hold),
        ("if-none-match", "*", NotModified, NotModified),
        ("if-none-match", "abc", Hold, Hold),
        ("if-none-match", "\"abc", Hold, Hold),
        ("if-none-match", "\"abc\" \"x\"", Hold, Hold),
        ("if-none-match", "\"a bc\", \"abc\"", Hold, Hold),
        ("if-modified-since", EXACT, NotModified, NotModified),
        ("if-modified-since", AFTER, NotModified, NotModified),
        ("if-modified-since", BEFORE, Hold, Hold),
        ("if-modified-since", "yesterday", Hold, Hold),
        ("if-modified-since", "784111777", Hold, Hold),
        (
            "if-modified-since",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            NotModified,
            NotModified,
        ),
        (
            "if-modified-since",
            "Sun Nov  6 08:49:37 1994",
            NotModified,
            NotModified,
        ),
        ("if-unmodified-since", EXACT, Hold, Hold),
        ("if-unmodified-since", AFTER, Hold, Hold),
        ("if-unmodified-since", BEFORE, Failed, Failed),
        ("if-unmodified-since", "never", Hold, Hold),
    ] {
        let asked = headers(&[(name, value)]);
        assert_eq!(
            preconditions(&asked, &strong()),
            of_strong,
            "{name}: {value}"
        );
        assert_eq!(preconditions(&asked, &weak()), of_weak, "{name}: {value}");
    }
}

/// Section 13.2.2: tags before dates, and what fails before what is not modified.
#[test]
fn the_order_of_preconditions() {
    use Preconditions::{Failed, Hold, NotModified};
    for (lines, expected) in [
        (
            &[("if-match", "\"abc\""), ("if-unmodified-since", BEFORE)][..],
            Hold,
        ),
        (
            &[("if-match", "\"x\""), ("if-unmodified-since", AFTER)],
            Failed,
        ),
        (
            &[("if-match", "\"x\""), ("if-none-match", "\"abc\"")],
            Failed,
        ),
        (
            &[("if-match", "\"abc\""), ("if-none-match", "\"abc\"")],
            NotModified,
        ),
        (
            &[
                ("if-unmodified-since", BEFORE),
                ("if-none-match", "\"abc\""),
            ],
            Failed,
        ),
        (
            &[("if-none-match", "\"x\""), ("if-modified-since", AFTER)],
            Hold,
        ),
        (
            &[("if-none-match", "\"abc\""), ("if-modified-since", BEFORE)],
            NotModified,
        ),
        (
            &[("if-none-match", "\"x\""), ("if-none-match", "\"abc\"")],
            NotModified,
        ),
        (
            &[("if-modified-since", EXACT), ("if-modified-since", EXACT)],
            Hold,
        ),
        (&[], Hold),
    ] {
        assert_eq!(
            preconditions(&headers(lines), &strong()),
            expected,
            "{lines:?}"
        );
    }
}

#[test]
fn without_a_validator_nothing_is_known() {
    let none = Validators::default();
    for (name, value, expected) in [
        ("if-match", "\"abc\"", Preconditions::Failed),
        ("if-match", "*", Preconditions::Hold),
        ("if-none-match", "\"abc\"", Preconditions::Hold),
        ("if-none-match", "*", Preconditions::NotModified),
        ("if-modified-since", AFTER, Preconditions::Hold),
        ("if-unmodified-since", BEFORE, Preconditions::Hold),
    ] {
        let asked = headers(&[(name, value)]);
        assert_eq!(preconditions(&asked, &none), expected, "{name}: {value}");
    }
    assert!(!range_counts(&headers(&[("if-range", EXACT)]), &none));
    assert!(!range_counts(&headers(&[("if-range", "\"abc\"")]), &none));
}

#[test]
fn a_range_counts_for_the_same_state_only() {
    for (value, of_strong, of_weak) in [
        ("\"abc\"", true, false),
        ("W/\"abc\"", false, false),
        ("\"x\"", false, false),
        ("\"abc\", \"x\"", false, false),
        ("*", false, false),
        ("abc", false, false),
        ("", false, false),
        (EXACT, true, true),
        ("Sun Nov  6 08:49:37 1994", true, true),
        (BEFORE, false, false),
        (AFTER, false, false),
    ] {
        let asked = headers(&[("if-range", value)]);
        assert_eq!(range_counts(&asked, &strong()), of_strong, "{value}");
        assert_eq!(range_counts(&asked, &weak()), of_weak, "{value}");
    }
    assert!(range_counts(&HeaderMap::new(), &strong()));
    let twice = headers(&[("if-range", "\"abc\""), ("if-range", "\"abc\"")]);
    assert!(!range_counts(&twice, &strong()));
}

#[test]
fn dates_are_written_in_the_preferred_form() {
    let text = |at| http_date(at).map(|value| value.to_str().map(str::to_owned).ok());
    assert_eq!(text(AT), Some(Some(EXACT.to_owned())));
    assert_eq!(text(-1), None);
    assert_eq!(
        text(253_402_300_799),
        Some(Some("Fri, 31 Dec 9999 23:59:59 GMT".to_owned()))
    );
    assert_eq!(text(253_402_300_800), None);
}

proptest! {
    #[test]
    fn a_date_survives_being_sent(at in 0_i64..253_402_300_799) {
        let value = http_date(at).expect("a date");
        prop_assert_eq!(date(value.to_str().expect("text")), Some(at));
    }

    #[test]
    fn a_list_names_exactly_its_tags(list in prop::collection::vec("[!#-~]{0,8}", 0..5), tag in "[a-c]{1,2}") {
        let quoted: Vec<String> = list.iter().map(|tag| format!("\"{tag}\"")).collect();
        let asked = headers(&[("if-none-match", &quoted.join(" , "))]);
        let current = Validators { etag: Some(EntityTag::Strong(tag.clone())), modified: None };
        let found = preconditions(&asked, &current) == Preconditions::NotModified;
        prop_assert_eq!(found, list.contains(&tag));
    }

    #[test]
    fn no_text_confuses_the_list(value in "[ -~]{0,30}") {
        let asked = headers(&[("if-match", &value), ("if-range", &value)]);
        let held = preconditions(&asked, &strong()) == Preconditions::Hold;
        prop_assert!(!held || value.contains("\"abc\"") || value.trim() == "*");
        prop_assert!(!range_counts(&asked, &strong()) || value.contains("\"abc\""));
    }
}
