//! Which events an endpoint is sent.

use super::event_type::EventType;

/// The most entries that a filter may have.
pub const MAX_ENTRIES: usize = 50;

/// An entry that matches nothing, or a list that is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventFilterError {
    /// No entry.
    #[error("event_types must have at least one entry; [\"*\"] is every event")]
    Empty,
    /// More than [`MAX_ENTRIES`].
    #[error("event_types must have at most {MAX_ENTRIES} entries")]
    TooMany,
    /// No event has this type or is of this area.
    #[error(
        "event_types must be event types such as license.issued, areas such as license.*, or *; nothing matches {0:?}"
    )]
    Unknown(String),
}

/// Checks a filter: `*`, areas such as `license.*`, and event types.
///
/// # Errors
/// [`EventFilterError`]: an entry that matches nothing is a mistake, and would mean that
/// somebody waits for ever.
pub fn check<S: AsRef<str>>(entries: &[S]) -> Result<(), EventFilterError> {
    if entries.is_empty() {
        return Err(EventFilterError::Empty);
    }
    if entries.len() > MAX_ENTRIES {
        return Err(EventFilterError::TooMany);
    }
    for entry in entries {
        let entry = entry.as_ref();
        if !EventType::ALL
            .iter()
            .any(|event_type| matches(entry, event_type.as_str()))
        {
            return Err(EventFilterError::Unknown(entry.chars().take(64).collect()));
        }
    }
    Ok(())
}

/// True when an entry of a filter stands for this event type.
#[must_use]
pub fn matches(entry: &str, event_type: &str) -> bool {
    match entry.strip_suffix(".*") {
        Some(area) => event_type.split_once('.').is_some_and(|(of, _)| of == area),
        None => entry == "*" || entry == event_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_everything_an_area_or_a_type() {
        assert!(matches("*", "license.issued"));
        assert!(matches("license.*", "license.issued"));
        assert!(matches("license.issued", "license.issued"));
        for other in [
            "machine.*",
            "license",
            "license.",
            "license.issue",
            "LICENSE.*",
            ".*",
        ] {
            assert!(!matches(other, "license.issued"), "{other}");
        }
    }

    #[test]
    fn an_entry_that_matches_nothing_is_refused() {
        assert_eq!(check(&["*"]), Ok(()));
        assert_eq!(check(&["license.*", "code.redeemed"]), Ok(()));
        assert_eq!(check::<&str>(&[]), Err(EventFilterError::Empty));
        assert_eq!(check(&["*"; 51]), Err(EventFilterError::TooMany));
        for bad in [
            "",
            "license.isued",
            "licenses.*",
            "invoice.paid",
            "**",
            "webhook.test",
            "a\u{0}",
        ] {
            assert_eq!(
                check(&["*", bad]),
                Err(EventFilterError::Unknown(bad.to_owned())),
                "{bad}"
            );
        }
    }
}
