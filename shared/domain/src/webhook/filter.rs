//! Which events an endpoint is sent.

/// What happens in a shop that its owner can be told. Tests are not among them: they are
/// sent to one endpoint and are in no feed.
pub const EVENT_TYPES: [&str; 32] = [
    "api_key.created",
    "api_key.revoked",
    "attention.opened",
    "attention.resolved",
    "code.redeemed",
    "discount_code.changed",
    "discount_code.created",
    "discount_code.deleted",
    "license.changed",
    "license.issued",
    "license.revoked",
    "license.suspended",
    "license.unsuspended",
    "machine.activated",
    "machine.deactivated",
    "merchant_profile.changed",
    "merchant_profile.created",
    "merchant_profile.deleted",
    "payment_provider.connected",
    "payment_provider.disconnected",
    "policy.changed",
    "policy.created",
    "policy.deleted",
    "product.changed",
    "product.created",
    "product.deleted",
    "release.changed",
    "release.published",
    "transfer.resolved",
    "webhook_endpoint.changed",
    "webhook_endpoint.created",
    "webhook_endpoint.deleted",
];

/// The actions in the audit log that are events too, and their types. The others either
/// have an event of their own, with more in it, or change nothing that anybody waits for.
pub const ANNOUNCED_ACTIONS: [(&str, &str); 25] = [
    ("api_key.create", "api_key.created"),
    ("api_key.revoke", "api_key.revoked"),
    ("discount_code.change", "discount_code.changed"),
    ("discount_code.create", "discount_code.created"),
    ("discount_code.delete", "discount_code.deleted"),
    ("merchant_profile.change", "merchant_profile.changed"),
    ("merchant_profile.create", "merchant_profile.created"),
    ("merchant_profile.delete", "merchant_profile.deleted"),
    ("merchant_profile.prefer", "merchant_profile.changed"),
    ("merchant_profile.set_default", "merchant_profile.changed"),
    ("payment_provider.connect", "payment_provider.connected"),
    (
        "payment_provider.disconnect",
        "payment_provider.disconnected",
    ),
    ("policy.change", "policy.changed"),
    ("policy.create", "policy.created"),
    ("policy.delete", "policy.deleted"),
    ("product.change", "product.changed"),
    ("product.delete", "product.deleted"),
    ("release.gate", "product.changed"),
    ("release.installer", "product.changed"),
    ("release.keys", "product.changed"),
    ("transfer.resolve", "transfer.resolved"),
    ("webhook_endpoint.change", "webhook_endpoint.changed"),
    ("webhook_endpoint.create", "webhook_endpoint.created"),
    ("webhook_endpoint.delete", "webhook_endpoint.deleted"),
    ("webhook_endpoint.rotate_secret", "webhook_endpoint.changed"),
];

/// The type of a delivery that an operator asked for to see whether an endpoint works.
/// Its body is signed like any other, and nothing happened.
pub const TEST_EVENT: &str = "webhook.test";

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
        if !EVENT_TYPES
            .iter()
            .any(|event_type| matches(entry, event_type))
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
