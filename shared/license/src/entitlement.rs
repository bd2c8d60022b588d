//! Membership in a list of entitlements.

/// Tells whether `entitlements` grants `wanted`.
///
/// The comparison is exact and case-sensitive, byte for byte: no trimming, no
/// prefixes, no wildcards. Every Keysat client answers the same way.
///
/// ```
/// let granted = ["pro".to_owned(), "multi-device".to_owned()];
/// assert!(keywright_license::has_entitlement(&granted, "pro"));
/// assert!(!keywright_license::has_entitlement(&granted, "Pro"));
/// ```
#[must_use]
pub fn has_entitlement<S: AsRef<str>>(entitlements: &[S], wanted: &str) -> bool {
    entitlements
        .iter()
        .any(|granted| granted.as_ref() == wanted)
}
