//! Whether what somebody holds opens a version: the rules behind the signature
//! of a token or a link. They come after the checks of the token itself (shape,
//! signature, product), in the order of [`GateRefusal`].

use super::Version;
pub use super::rights::{DownloadRights, good_until};
use crate::standing::LicenseStatus;

/// A version, and what it requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRequirements<'a> {
    /// Name of the version; older folders have names that are no [`Version`].
    pub version: &'a str,
    /// When it was built, in unix seconds, where its manifest says so.
    pub built_at: Option<i64>,
    /// The entitlement that the product's manifest requires.
    pub product_entitlement: Option<&'a str>,
    /// The entitlement that the version's manifest requires.
    pub version_entitlement: Option<&'a str>,
}

/// What the holder of a license or a token may open, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<'a> {
    /// The state of the license, where a database tells.
    pub status: Option<LicenseStatus>,
    /// Last second in which it opens anything, in unix seconds; `None` never
    /// ends.
    pub good_until: Option<i64>,
    /// What was bought; `None` where nothing tells, which is as good as none.
    pub entitlements: Option<&'a [String]>,
    /// The oldest version it opens.
    pub version_floor: Option<&'a str>,
    /// The last second of the last day whose builds are included, in unix
    /// seconds; `None` includes all.
    pub maintenance_until: Option<i64>,
}

/// Why a version stays shut. The order of the variants is the order of the
/// checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GateRefusal {
    /// The license was revoked or is suspended.
    TokenRevoked,
    /// Its last day is over.
    ChannelExpired,
    /// It lacks an entitlement that the product or the version requires.
    EntitlementMissing,
    /// It opens newer versions only.
    VersionBelowFloor,
    /// It was built after the last day of included updates, or nobody knows
    /// when.
    MaintenanceExpired,
    /// The license is in use on as many sites as it allows.
    DomainLimit,
}

impl GateRefusal {
    /// The word for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TokenRevoked => "token-revoked",
            Self::ChannelExpired => "channel-expired",
            Self::EntitlementMissing => "entitlement-missing",
            Self::VersionBelowFloor => "version-below-floor",
            Self::MaintenanceExpired => "maintenance-expired",
            Self::DomainLimit => "domain-limit",
        }
    }

    /// Every refusal, in the order of the checks.
    pub const ALL: [Self; 6] = [
        Self::TokenRevoked,
        Self::ChannelExpired,
        Self::EntitlementMissing,
        Self::VersionBelowFloor,
        Self::MaintenanceExpired,
        Self::DomainLimit,
    ];

    /// The refusal with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }

    /// What to do about it, for people.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::TokenRevoked => "the license was revoked or is suspended; ask the vendor",
            Self::ChannelExpired => "the license has expired; renew it",
            Self::EntitlementMissing => "the license does not include this; ask the vendor",
            Self::VersionBelowFloor => "the license opens newer versions only",
            Self::MaintenanceExpired => {
                "this version was built after the last day of included updates; renew the license or take an older version"
            }
            Self::DomainLimit => {
                "the license is in use on as many sites as it allows; free one or ask the vendor"
            }
        }
    }
}

impl Held<'_> {
    /// Decides at `now`, in unix seconds.
    ///
    /// # Errors
    /// The first [`GateRefusal`] in their order.
    pub fn opens(
        &self,
        requirements: &VersionRequirements<'_>,
        now: i64,
    ) -> Result<(), GateRefusal> {
        self.is_in_force(now)?;
        let has = |wanted: &str| {
            self.entitlements
                .is_some_and(|held| held.iter().any(|entitlement| entitlement == wanted))
        };
        let required = [
            requirements.product_entitlement,
            requirements.version_entitlement,
        ];
        if !required.into_iter().flatten().all(has) {
            return Err(GateRefusal::EntitlementMissing);
        }
        if !self
            .version_floor
            .is_none_or(|floor| is_at_least(requirements.version, floor))
        {
            return Err(GateRefusal::VersionBelowFloor);
        }
        let included = match (self.maintenance_until, requirements.built_at) {
            (None, _) => true,
            (Some(until), Some(built_at)) => built_at <= until,
            (Some(_), None) => false,
        };
        if !included {
            return Err(GateRefusal::MaintenanceExpired);
        }
        Ok(())
    }

    /// The part of [`Self::opens`] that concerns no version.
    ///
    /// # Errors
    /// [`GateRefusal::TokenRevoked`] or [`GateRefusal::ChannelExpired`].
    pub fn is_in_force(&self, now: i64) -> Result<(), GateRefusal> {
        if self
            .status
            .is_some_and(|status| status != LicenseStatus::Active)
        {
            return Err(GateRefusal::TokenRevoked);
        }
        if self.good_until.is_some_and(|until| until < now) {
            return Err(GateRefusal::ChannelExpired);
        }
        Ok(())
    }
}

/// A folder whose name is no version, or a floor that is none, is below.
pub(super) fn is_at_least(version: &str, floor: &str) -> bool {
    match (Version::parse(version), Version::parse_lenient(floor)) {
        (Ok(version), Ok(floor)) => version >= floor,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use GateRefusal::{
        ChannelExpired, EntitlementMissing, MaintenanceExpired, TokenRevoked, VersionBelowFloor,
    };
    use proptest::prelude::*;

    const OPEN: VersionRequirements<'_> = VersionRequirements {
        version: "1.2.0",
        built_at: Some(500),
        product_entitlement: None,
        version_entitlement: None,
    };
    const PLAIN: Held<'_> = Held {
        status: None,
        good_until: None,
        entitlements: Some(&[]),
        version_floor: None,
        maintenance_until: None,
    };

    #[test]
    fn the_state_of_the_license_comes_first() {
        for (status, good_until, outcome) in [
            (None, None, Ok(())),
            (Some(LicenseStatus::Active), Some(1_000), Ok(())),
            (Some(LicenseStatus::Active), Some(999), Err(ChannelExpired)),
            (Some(LicenseStatus::Suspended), Some(999), Err(TokenRevoked)),
            (Some(LicenseStatus::Revoked), None, Err(TokenRevoked)),
        ] {
            let held = Held {
                status,
                good_until,
                ..PLAIN
            };
            assert_eq!(held.opens(&OPEN, 1_000), outcome, "{held:?}");
            assert_eq!(held.is_in_force(1_000), outcome, "{held:?}");
        }
    }

    #[test]
    fn product_and_version_may_both_require_an_entitlement() {
        let bought = ["pro".to_owned(), "beta".to_owned()];
        let (pro, all) = (Some(&bought[..1]), Some(&bought[..]));
        for (product, version, held, outcome) in [
            (None, None, None, Ok(())),
            (Some("pro"), None, pro, Ok(())),
            (Some("pro"), Some("beta"), all, Ok(())),
            (Some("pro"), Some("beta"), pro, Err(EntitlementMissing)),
            (None, Some("beta"), pro, Err(EntitlementMissing)),
            (Some("Pro"), None, all, Err(EntitlementMissing)),
            (Some("pro"), None, None, Err(EntitlementMissing)),
            (Some(""), None, all, Err(EntitlementMissing)),
        ] {
            let required = VersionRequirements {
                product_entitlement: product,
                version_entitlement: version,
                ..OPEN
            };
            let held = Held {
                entitlements: held,
                ..PLAIN
            };
            assert_eq!(held.opens(&required, 0), outcome, "{required:?} {held:?}");
        }
    }

    #[test]
    fn a_floor_shuts_what_is_older_and_what_is_no_version() {
        for (version, floor, outcome) in [
            ("0.1.0", "0.1.0", Ok(())),
            ("0.1.0+build", "0.1.0", Ok(())),
            ("0.10.0", "0.9.0", Ok(())),
            ("0.1.0-rc.1", "0.1.0", Err(VersionBelowFloor)),
            ("0.0.9", "0.1.0", Err(VersionBelowFloor)),
            ("0.1", "0.1.0", Err(VersionBelowFloor)),
            ("beta", "0.1.0", Err(VersionBelowFloor)),
            ("v9.0.0", "0.1.0", Err(VersionBelowFloor)),
            ("1.0.0", "newest", Err(VersionBelowFloor)),
            ("1.0.0", "", Err(VersionBelowFloor)),
        ] {
            let held = Held {
                version_floor: Some(floor),
                ..PLAIN
            };
            let required = VersionRequirements { version, ..OPEN };
            assert_eq!(held.opens(&required, 0), outcome, "{version} from {floor}");
        }
    }

    #[test]
    fn included_updates_are_those_built_in_time() {
        for (until, built_at, outcome) in [
            (None, None, Ok(())),
            (None, Some(i64::MAX), Ok(())),
            (Some(500), Some(500), Ok(())),
            (Some(500), Some(501), Err(MaintenanceExpired)),
            (Some(500), None, Err(MaintenanceExpired)),
        ] {
            let held = Held {
                maintenance_until: until,
                ..PLAIN
            };
            let required = VersionRequirements { built_at, ..OPEN };
            // Long afterwards, too: what was included stays included.
            assert_eq!(
                held.opens(&required, 1_000_000),
                outcome,
                "{held:?} {required:?}"
            );
        }
    }

    proptest! {
        /// Whatever more is wrong, the answer is the first reason; and nothing
        /// that is wrong is passed over.
        #[test]
        fn the_first_reason_is_told(revoked: bool, expired: bool, lacks: bool, below: bool, late: bool) {
            let required = VersionRequirements {
                product_entitlement: lacks.then_some("pro"),
                version: if below { "1.0.0" } else { "2.0.0" },
                built_at: Some(if late { 11 } else { 10 }),
                ..OPEN
            };
            let held = Held {
                status: Some(if revoked { LicenseStatus::Revoked } else { LicenseStatus::Active }),
                good_until: Some(if expired { 99 } else { 100 }),
                version_floor: Some("1.5"),
                maintenance_until: Some(10),
                ..PLAIN
            };
            let wrong = [
                (revoked, TokenRevoked),
                (expired, ChannelExpired),
                (lacks, EntitlementMissing),
                (below, VersionBelowFloor),
                (late, MaintenanceExpired),
            ];
            let first = wrong.iter().find(|(is, _)| *is).map(|(_, why)| *why);
            prop_assert_eq!(held.opens(&required, 100).err(), first);
            prop_assert!(wrong.is_sorted_by_key(|(_, why)| *why));
        }
    }
}
