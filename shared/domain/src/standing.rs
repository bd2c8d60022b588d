//! Whether a recorded license is good at a given second: steps 5 to 7 of the
//! evaluation order of `POST /v1/validate` in the Keysat contract.

use serde::{Deserialize, Serialize};

/// The recorded state of a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LicenseStatus {
    /// In force.
    Active,
    /// Held back; may return.
    Suspended,
    /// Ended for good.
    Revoked,
    /// A state that a newer version of this software recorded. It entitles to
    /// nothing.
    #[serde(other)]
    Unknown,
}

impl LicenseStatus {
    /// The word in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
        }
    }

    /// Every state that this version records.
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Revoked];

    /// The state as a key or token sees it: one that was replaced is revoked, whatever the
    /// state of the license is. `issued_at` is the credential's issue time, in unix seconds,
    /// where it has one.
    #[must_use]
    pub fn seen_by(self, issued_at: Option<i64>, current: CurrentKey) -> Self {
        if current.replaces(issued_at) {
            Self::Revoked
        } else {
            self
        }
    }

    /// Whether an operator may turn a license of this state into one of
    /// `next`. Nothing leads away from revoked.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Active, Self::Suspended | Self::Revoked)
            | (Self::Suspended, Self::Active | Self::Revoked) => true,
            (Self::Active | Self::Suspended | Self::Revoked | Self::Unknown, _) => false,
        }
    }
}

/// How often the holder of a license may replace its key in 24 hours; replacements by
/// operators count, and have no limit of their own.
pub const HOLDER_REPLACEMENTS_PER_DAY: i64 = 3;

/// The issue time of a license's current key, as recorded: `None` while no key of the
/// license was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CurrentKey(Option<i64>);

impl CurrentKey {
    /// A key that replaced others and was issued at this unix second.
    #[must_use]
    pub const fn issued_at(at: i64) -> Self {
        Self(Some(at))
    }

    /// The issue time that the license's keys are signed with, in unix seconds. `issued` is
    /// when the license was issued.
    #[must_use]
    pub fn signed_at(self, issued: i64) -> i64 {
        self.0.unwrap_or(issued)
    }

    /// The issue time that the license's tokens carry: none while no key was replaced, so
    /// that tokens from before there were replacements stay what they are.
    #[must_use]
    pub const fn token_time(self) -> Option<i64> {
        self.0
    }

    /// True for a key or token that a later one replaced. Replacements are strictly
    /// ordered, so only the current one has its second.
    #[must_use]
    pub fn replaces(self, issued_at: Option<i64>) -> bool {
        self.0
            .is_some_and(|current| issued_at.is_none_or(|at| at < current))
    }

    /// True once a key of the license was replaced: then what showed the first key shows
    /// none.
    #[must_use]
    pub const fn is_replacement(self) -> bool {
        self.0.is_some()
    }
}

/// What the rules need to know of a license.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// The recorded state.
    pub status: LicenseStatus,
    /// Slug of the licensed product.
    pub product_slug: &'a str,
    /// Unix seconds; `None` never expires.
    pub expires_at: Option<i64>,
    /// Seconds after expiry in which the license still validates.
    pub grace_seconds: i64,
}

/// A license that is good now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In force and not expired.
    Good,
    /// Expired, and still inside its grace, which ends at this unix second.
    InGrace {
        /// First second at which the license no longer validates.
        until: i64,
    },
}

/// Why a license is not good. The words are the contract's `reason` values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The license was revoked.
    Revoked,
    /// The license is suspended.
    Suspended,
    /// The license is in a state that this version does not know.
    InvalidState,
    /// The license is for another product than the one asked for.
    ProductMismatch,
    /// Expiry and grace are over.
    Expired,
}

impl Refusal {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::InvalidState => "invalid_state",
            Self::ProductMismatch => "product_mismatch",
            Self::Expired => "expired",
        }
    }
}

/// Judges a license for `product_slug` (where the caller named one) at `now`,
/// in unix seconds. Expired means `now >= expires_at + grace_seconds`; the
/// boundary second is expired.
///
/// # Errors
/// The first [`Refusal`] in the contract's order: state, product, expiry.
pub fn judge(
    license: Recorded<'_>,
    product_slug: Option<&str>,
    now: i64,
) -> Result<Standing, Refusal> {
    in_force(license.status)?;
    if product_slug.is_some_and(|asked| asked != license.product_slug) {
        return Err(Refusal::ProductMismatch);
    }
    let Some(expires_at) = license.expires_at.filter(|&at| now >= at) else {
        return Ok(Standing::Good);
    };
    let until = expires_at.saturating_add(license.grace_seconds);
    if now >= until {
        Err(Refusal::Expired)
    } else {
        Ok(Standing::InGrace { until })
    }
}

/// Checks the recorded state alone.
///
/// # Errors
/// [`Refusal::Revoked`], [`Refusal::Suspended`] or [`Refusal::InvalidState`].
pub fn in_force(status: LicenseStatus) -> Result<(), Refusal> {
    match status {
        LicenseStatus::Active => Ok(()),
        LicenseStatus::Revoked => Err(Refusal::Revoked),
        LicenseStatus::Suspended => Err(Refusal::Suspended),
        LicenseStatus::Unknown => Err(Refusal::InvalidState),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LICENSE: Recorded<'static> = Recorded {
        status: LicenseStatus::Active,
        product_slug: "demo",
        expires_at: Some(1_000),
        grace_seconds: 100,
    };

    #[test]
    fn expiry_and_grace_begin_on_their_second() {
        assert_eq!(judge(LICENSE, None, 999), Ok(Standing::Good));
        assert_eq!(
            judge(LICENSE, None, 1_000),
            Ok(Standing::InGrace { until: 1_100 })
        );
        assert_eq!(
            judge(LICENSE, None, 1_099),
            Ok(Standing::InGrace { until: 1_100 })
        );
        assert_eq!(judge(LICENSE, None, 1_100), Err(Refusal::Expired));
    }

    #[test]
    fn without_grace_the_expiry_second_is_expired() {
        let license = Recorded {
            grace_seconds: 0,
            ..LICENSE
        };
        assert_eq!(judge(license, None, 999), Ok(Standing::Good));
        assert_eq!(judge(license, None, 1_000), Err(Refusal::Expired));
    }

    #[test]
    fn state_comes_before_product_and_product_before_expiry() {
        let revoked = Recorded {
            status: LicenseStatus::Revoked,
            ..LICENSE
        };
        assert_eq!(judge(revoked, Some("other"), 9_999), Err(Refusal::Revoked));
        let suspended = Recorded {
            status: LicenseStatus::Suspended,
            ..LICENSE
        };
        assert_eq!(
            judge(suspended, Some("other"), 9_999),
            Err(Refusal::Suspended)
        );
        let from_a_newer_version = Recorded {
            status: LicenseStatus::Unknown,
            ..LICENSE
        };
        assert_eq!(
            judge(from_a_newer_version, Some("other"), 9_999),
            Err(Refusal::InvalidState)
        );
        assert_eq!(
            judge(LICENSE, Some("other"), 9_999),
            Err(Refusal::ProductMismatch)
        );
        assert_eq!(judge(LICENSE, Some("demo"), 9_999), Err(Refusal::Expired));
    }

    #[test]
    fn revoked_is_final_and_no_state_becomes_itself() {
        use LicenseStatus::{Active, Revoked, Suspended};
        let all = LicenseStatus::ALL;
        let mut allowed = Vec::new();
        for from in all {
            allowed.extend(
                all.into_iter()
                    .filter(|to| from.may_become(*to))
                    .map(|to| (from, to)),
            );
        }
        let expected = [
            (Active, Suspended),
            (Active, Revoked),
            (Suspended, Active),
            (Suspended, Revoked),
        ];
        assert_eq!(allowed, expected);
    }

    #[test]
    fn every_key_before_the_current_one_is_revoked_in_every_state() {
        let current = CurrentKey::issued_at(1_000);
        let first = CurrentKey::default();
        for state in LicenseStatus::ALL {
            for old in [None, Some(i64::MIN), Some(0), Some(999)] {
                assert_eq!(state.seen_by(old, current), LicenseStatus::Revoked);
                assert_eq!(state.seen_by(old, first), state);
            }
            for good in [1_000, 1_001] {
                assert_eq!(state.seen_by(Some(good), current), state);
            }
        }
        assert_eq!((first.signed_at(5), current.signed_at(5)), (5, 1_000));
        let is_replacement = [first, current].map(CurrentKey::is_replacement);
        assert_eq!(is_replacement, [false, true]);
    }

    #[test]
    fn a_perpetual_license_stays_good() {
        let license = Recorded {
            expires_at: None,
            ..LICENSE
        };
        assert_eq!(judge(license, Some("demo"), i64::MAX), Ok(Standing::Good));
    }
}
