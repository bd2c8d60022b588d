//! What one source says that somebody may download, and what two say together.

use super::Version;
use super::gate::{Held, is_at_least};
use crate::dates::{end_of_day, parse_end_of_day};
use crate::standing::LicenseStatus;

/// What one source says that somebody may download: a token, or the row of the
/// license. The row may have been changed since the token was signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DownloadRights {
    /// As [`Held::status`].
    pub status: Option<LicenseStatus>,
    /// As [`Held::good_until`].
    pub good_until: Option<i64>,
    /// What was bought; `None` where this source does not say.
    pub entitlements: Option<Vec<String>>,
    /// As [`Held::version_floor`].
    pub version_floor: Option<String>,
    /// As [`Held::maintenance_until`].
    pub maintenance_until: Option<i64>,
}

impl DownloadRights {
    /// What a token claims. Its days, `YYYY-MM-DD`, are good to their end; a day
    /// before 1970 is over, whatever it is compared with.
    #[must_use]
    pub fn of_token(
        last_day: &str,
        entitlements: Vec<String>,
        version_floor: Option<String>,
        maintenance_until: Option<&str>,
    ) -> Self {
        let end = |day: &str| parse_end_of_day(day).unwrap_or(i64::MIN);
        Self {
            status: None,
            good_until: Some(end(last_day)),
            entitlements: Some(entitlements),
            version_floor,
            maintenance_until: maintenance_until.map(end),
        }
    }

    /// The same, borrowed, for the rules.
    #[must_use]
    pub fn held(&self) -> Held<'_> {
        Held {
            status: self.status,
            good_until: self.good_until,
            entitlements: self.entitlements.as_deref(),
            version_floor: self.version_floor.as_deref(),
            maintenance_until: self.maintenance_until,
        }
    }

    /// What both sources allow: in each member the stricter of the two. A
    /// license that was shortened does not go on downloading with a token of
    /// before, and a token opens no more than it says.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let is_active = |status: &LicenseStatus| *status == LicenseStatus::Active;
        let status = match (self.status, other.status) {
            (Some(one), Some(two)) if is_active(&one) => Some(two),
            (one, two) => one.or(two),
        };
        let entitlements = match (self.entitlements, other.entitlements) {
            (Some(mut one), Some(two)) => {
                one.retain(|entitlement| two.contains(entitlement));
                Some(one)
            }
            (one, two) => one.or(two),
        };
        Self {
            status,
            good_until: earlier(self.good_until, other.good_until),
            entitlements,
            version_floor: higher(self.version_floor, other.version_floor),
            maintenance_until: earlier(self.maintenance_until, other.maintenance_until),
        }
    }
}

/// The earlier of two ends; `None` never ends.
fn earlier(one: Option<i64>, two: Option<i64>) -> Option<i64> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

/// The higher of two floors; one that is no version shuts everything and so is
/// the highest.
fn higher(one: Option<String>, two: Option<String>) -> Option<String> {
    match (one, two) {
        (Some(one), Some(two)) if is_at_least(&one, &two) => Some(one),
        (Some(one), Some(_)) if Version::parse_lenient(&one).is_err() => Some(one),
        (Some(_), Some(two)) => Some(two),
        (one, two) => one.or(two),
    }
}

/// The last second in which a license that expires at `expires_at` opens
/// downloads, both in unix seconds: a token knows days only, and the license
/// itself is treated alike.
#[must_use]
pub fn good_until(expires_at: Option<i64>) -> Option<i64> {
    expires_at.map(end_of_day)
}

#[cfg(test)]
mod tests {
    use super::super::gate::VersionRequirements;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_two_sources_the_stricter_decides() {
        let rights = |status, good_until, entitlements: Option<&[&str]>, floor: Option<&str>| {
            DownloadRights {
                status,
                good_until,
                entitlements: entitlements
                    .map(|all| all.iter().map(|one| (*one).to_owned()).collect()),
                version_floor: floor.map(str::to_owned),
                maintenance_until: good_until,
            }
        };
        let (active, suspended, revoked) = (
            Some(LicenseStatus::Active),
            Some(LicenseStatus::Suspended),
            Some(LicenseStatus::Revoked),
        );
        for (one, two, both) in [
            (
                rights(None, None, None, None),
                rights(active, Some(5), Some(&["pro"]), Some("1.0")),
                rights(active, Some(5), Some(&["pro"]), Some("1.0")),
            ),
            (
                rights(active, Some(9), Some(&["pro", "team"]), Some("2.0")),
                rights(suspended, Some(5), Some(&["team", "more"]), Some("1.0")),
                rights(suspended, Some(5), Some(&["team"]), Some("2.0")),
            ),
            (
                rights(revoked, Some(5), Some(&["pro"]), Some("none")),
                rights(active, None, Some(&[]), Some("1.0")),
                rights(revoked, Some(5), Some(&[]), Some("none")),
            ),
        ] {
            assert_eq!(one.clone().and(two.clone()), both, "{one:?} {two:?}");
            assert_eq!(two.clone().and(one.clone()), both, "{two:?} {one:?}");
        }
    }

    #[test]
    fn a_license_opens_through_the_day_it_expires_on() {
        assert_eq!(good_until(None), None);
        assert_eq!(good_until(Some(86_400)), Some(172_799));
    }

    /// Rights of every kind, some of which open what others do not.
    fn any_rights() -> impl Strategy<Value = DownloadRights> {
        let status = proptest::option::of(proptest::sample::select(vec![
            LicenseStatus::Active,
            LicenseStatus::Suspended,
            LicenseStatus::Revoked,
        ]));
        let end = || proptest::option::of(98_i64..103);
        let entitlements =
            proptest::option::of(proptest::sample::subsequence(vec!["pro", "team"], 0..=2));
        let floor = proptest::option::of(proptest::sample::select(vec!["1.0", "2.0", "none"]));
        (status, end(), entitlements, floor, end()).prop_map(
            |(status, good_until, entitlements, floor, maintenance_until)| DownloadRights {
                status,
                good_until,
                entitlements: entitlements.map(|all| all.into_iter().map(str::to_owned).collect()),
                version_floor: floor.map(str::to_owned),
                maintenance_until,
            },
        )
    }

    proptest! {
        /// Together they open what each opens by itself, and nothing else; a
        /// source that says nothing of entitlements leaves them to the other.
        #[test]
        fn both_open_what_each_of_them_opens(one in any_rights(), two in any_rights(), pro: bool) {
            let required = VersionRequirements {
                version: "1.5",
                built_at: Some(100),
                product_entitlement: pro.then_some("pro"),
                version_entitlement: None,
            };
            let told = |rights: &DownloadRights, other: &DownloadRights| {
                let entitlements = rights.entitlements.clone().or(other.entitlements.clone());
                DownloadRights { entitlements, ..rights.clone() }
            };
            let each = told(&one, &two).held().opens(&required, 100).is_ok()
                && told(&two, &one).held().opens(&required, 100).is_ok();
            let both = one.and(two);
            prop_assert_eq!(both.held().opens(&required, 100).is_ok(), each);
        }
    }
}
