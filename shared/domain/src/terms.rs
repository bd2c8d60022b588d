//! The terms of a policy: copied into the order when the buyer orders and into the license
//! when the payment settles, so that a later change of the policy never changes what was
//! bought.

use crate::dates::end_of_day;
use serde::{Deserialize, Serialize};

/// Longest duration and grace: 100 years of 365 days, in seconds.
pub const MAX_SECONDS: i64 = 100 * 365 * 86_400;
/// Most machines a license can be limited to.
pub const MAX_MACHINES: i64 = 1_000_000;
/// Most activations of a day that a license can be limited to.
pub const MAX_ACTIVATIONS_PER_DAY: i64 = 1_000_000;
/// Most entitlements in a key: its count is one byte (LIC1 v2, offset 82).
pub const MAX_ENTITLEMENTS: usize = 255;
/// Longest entitlement: its length is one byte (LIC1 v2, entitlement list).
pub const MAX_ENTITLEMENT_BYTES: usize = 255;
/// Most bytes that the entitlements take as a JSON list. A token for the
/// release gate carries them in a request header: of its at most 8192
/// characters, which hold 6144 bytes, 64 are the signature and up to 230 the
/// other members. Without this a license could be sold and never signed.
pub const MAX_ENTITLEMENTS_JSON_BYTES: usize = 5_850;

/// The terms of a license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Seconds from issue to expiry; 0 never expires.
    pub duration_seconds: i64,
    /// Seconds after expiry in which a license still validates.
    pub grace_seconds: i64,
    /// Machines that may use the license at once; 0 is unlimited.
    pub max_machines: i64,
    /// What the license unlocks, in the order the key carries it.
    pub entitlements: Vec<String>,
    /// Whether this is a trial.
    pub is_trial: bool,
    /// Seconds from issue in which new versions are included; `None` is every
    /// version.
    #[serde(default)]
    pub maintenance_seconds: Option<i64>,
}

/// Terms that no license can have, by the member at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// A duration or grace outside 0 to [`MAX_SECONDS`].
    #[error("{0} must be a number of seconds from 0 to {MAX_SECONDS}")]
    Seconds(&'static str),
    /// A time of included updates outside 1 to [`MAX_SECONDS`].
    #[error(
        "maintenance_seconds must be a number of seconds from 1 to {MAX_SECONDS}, or null for every update"
    )]
    Maintenance,
    /// A machine limit outside 0 to [`MAX_MACHINES`].
    #[error("max_machines must be a number from 0 (unlimited) to {MAX_MACHINES}")]
    Machines,
    /// A limit of activations outside 0 to [`MAX_ACTIVATIONS_PER_DAY`].
    #[error(
        "max_activations_per_day must be a number from 0 (unlimited) to {MAX_ACTIVATIONS_PER_DAY}, or null for the default limit"
    )]
    Activations,
    /// More than [`MAX_ENTITLEMENTS`].
    #[error("entitlements must be at most {MAX_ENTITLEMENTS}")]
    TooManyEntitlements,
    /// More text than [`MAX_ENTITLEMENTS_JSON_BYTES`].
    #[error(
        "entitlements must be at most {MAX_ENTITLEMENTS_JSON_BYTES} bytes as a JSON list; use shorter or fewer ones"
    )]
    LongEntitlements,
    /// An entitlement a key cannot carry.
    #[error(
        "an entitlement must be 1 to {MAX_ENTITLEMENT_BYTES} printable ASCII characters without spaces, and {0:?} is not"
    )]
    Entitlement(String),
}

impl Default for Terms {
    /// What a product without a policy sells: perpetual, one machine, no
    /// entitlements.
    fn default() -> Self {
        Self {
            duration_seconds: 0,
            grace_seconds: 0,
            max_machines: 1,
            entitlements: Vec::new(),
            is_trial: false,
            maintenance_seconds: None,
        }
    }
}

impl Terms {
    /// Checks every member against what a key and the database can hold.
    ///
    /// # Errors
    /// The first [`TermsError`] found, in the order of the members.
    pub fn check(&self) -> Result<(), TermsError> {
        if !(0..=MAX_SECONDS).contains(&self.duration_seconds) {
            return Err(TermsError::Seconds("duration_seconds"));
        }
        if !(0..=MAX_SECONDS).contains(&self.grace_seconds) {
            return Err(TermsError::Seconds("grace_seconds"));
        }
        if !(0..=MAX_MACHINES).contains(&self.max_machines) {
            return Err(TermsError::Machines);
        }
        if !(1..=MAX_SECONDS).contains(&self.maintenance_seconds.unwrap_or(1)) {
            return Err(TermsError::Maintenance);
        }
        check_entitlements(&self.entitlements)
    }

    /// When a license issued at `issued_at` expires, in unix seconds; `None`
    /// never.
    #[must_use]
    pub fn expires_at(&self, issued_at: i64) -> Option<i64> {
        (self.duration_seconds > 0).then(|| issued_at.saturating_add(self.duration_seconds))
    }

    /// The last second of the UTC day on which new versions are still included
    /// in a license issued at `issued_at`, in unix seconds; `None` is every
    /// version.
    #[must_use]
    pub fn maintenance_until(&self, issued_at: i64) -> Option<i64> {
        self.maintenance_seconds
            .map(|seconds| end_of_day(issued_at.saturating_add(seconds)))
    }
}

/// Checks that a key and a token can carry these entitlements.
///
/// # Errors
/// [`TermsError::TooManyEntitlements`], [`TermsError::Entitlement`] or
/// [`TermsError::LongEntitlements`].
pub fn check_entitlements(entitlements: &[String]) -> Result<(), TermsError> {
    if entitlements.len() > MAX_ENTITLEMENTS {
        return Err(TermsError::TooManyEntitlements);
    }
    let fits = |text: &str| {
        (1..=MAX_ENTITLEMENT_BYTES).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic())
    };
    match entitlements.iter().find(|text| !fits(text)) {
        Some(text) => Err(TermsError::Entitlement(text.chars().take(64).collect())),
        None if json_len(entitlements) > MAX_ENTITLEMENTS_JSON_BYTES => {
            Err(TermsError::LongEntitlements)
        }
        None => Ok(()),
    }
}

/// Checks a limit of activations in 24 hours; 0 is unlimited.
pub fn check_activations_per_day(limit: i64) -> Result<(), TermsError> {
    if !(0..=MAX_ACTIVATIONS_PER_DAY).contains(&limit) {
        return Err(TermsError::Activations);
    }
    Ok(())
}

/// Bytes of the compact JSON list: two quotes and a comma or bracket each, and
/// one more for every `"` and `\`, the printable ASCII that JSON escapes.
fn json_len(entitlements: &[String]) -> usize {
    let escaped = |text: &String| text.bytes().filter(|b| matches!(b, b'"' | b'\\')).count();
    entitlements
        .iter()
        .map(|text| text.len() + escaped(text) + 3)
        .sum::<usize>()
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dates::MAX_UNIX_SECONDS;
    use proptest::prelude::*;

    #[test]
    fn perpetual_terms_have_no_expiry() {
        assert_eq!(Terms::default().expires_at(5), None);
        let year = Terms {
            duration_seconds: 31_536_000,
            ..Terms::default()
        };
        assert_eq!(year.expires_at(5), Some(31_536_005));
    }

    #[test]
    fn included_updates_end_with_a_day() {
        assert_eq!(Terms::default().maintenance_until(5), None);
        for (seconds, issued_at, until) in [
            (1, 0, 86_399),
            (86_398, 1, 86_399),
            (86_399, 1, 172_799),
            (i64::MAX, 5, MAX_UNIX_SECONDS),
        ] {
            let terms = Terms {
                maintenance_seconds: Some(seconds),
                ..Terms::default()
            };
            assert_eq!(terms.maintenance_until(issued_at), Some(until), "{seconds}");
        }
    }

    #[test]
    fn each_member_is_checked() {
        let with = |change: fn(&mut Terms)| {
            let mut terms = Terms::default();
            change(&mut terms);
            terms.check()
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(
            with(|t| t.duration_seconds = -1),
            Err(TermsError::Seconds("duration_seconds"))
        );
        assert_eq!(
            with(|t| t.grace_seconds = MAX_SECONDS + 1),
            Err(TermsError::Seconds("grace_seconds"))
        );
        assert_eq!(with(|t| t.max_machines = -1), Err(TermsError::Machines));
        for bad in [0, -1, MAX_SECONDS + 1] {
            let terms = Terms {
                maintenance_seconds: Some(bad),
                ..Terms::default()
            };
            assert_eq!(terms.check(), Err(TermsError::Maintenance), "{bad}");
        }
        assert_eq!(with(|t| t.maintenance_seconds = Some(1)), Ok(()));
        assert_eq!(
            with(|t| t.entitlements = vec!["x".into(); 256]),
            Err(TermsError::TooManyEntitlements)
        );
        for bad in ["", "a b", "é", &"x".repeat(256)] {
            assert!(check_entitlements(&[bad.to_owned()]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn entitlements_fit_into_a_token() {
        let of = |text: &str, count| check_entitlements(&vec![text.to_owned(); count]);
        let long = "x".repeat(255);
        assert_eq!(of(&long, 22), Ok(()));
        assert_eq!(of(&long, 23), Err(TermsError::LongEntitlements));
        assert_eq!(of(&"x".repeat(19), 255), Ok(()));
        assert_eq!(of(&"x".repeat(20), 255), Err(TermsError::LongEntitlements));
        assert_eq!(of(&"\"\\".repeat(127), 11), Ok(()));
        assert_eq!(
            of(&"\"\\".repeat(127), 12),
            Err(TermsError::LongEntitlements)
        );
    }

    proptest! {
        #[test]
        fn a_limit_of_activations_is_bounded(limit in any::<i64>()) {
            let fits = (0..=MAX_ACTIVATIONS_PER_DAY).contains(&limit);
            prop_assert_eq!(check_activations_per_day(limit).is_ok(), fits);
            prop_assert_eq!(check_activations_per_day(limit.rem_euclid(1_000_001)), Ok(()));
        }
    }
}
