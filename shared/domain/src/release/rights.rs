//! Which versions the holder of a license or a token may download.

use super::Version;

/// What the holder has.
#[derive(Debug, Clone, Copy)]
pub struct Rights<'a> {
    /// What the license grants.
    pub entitlements: &'a [String],
    /// The oldest version it opens, where it has such a limit.
    pub version_floor: Option<&'a Version>,
    /// The last second of included updates, in unix seconds; `None` includes
    /// every version.
    pub maintenance_until: Option<i64>,
}

/// What a version asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs<'a> {
    /// The version; `None` for a name that is not one.
    pub version: Option<&'a Version>,
    /// The entitlements that its product and the version itself ask for.
    pub entitlements: [Option<&'a str>; 2],
    /// When it was built, in unix seconds, as far as that is known.
    pub built_at: Option<i64>,
}

/// Why somebody may not download a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Older than the oldest one that is included.
    #[error("the license does not include versions this old")]
    BelowFloor,
    /// Built after the included updates ended, or nobody knows when.
    #[error("the license includes updates only up to an earlier day; renew it for newer versions")]
    MaintenanceExpired,
    /// The license does not grant what the version asks for.
    #[error("the license does not include what this version asks for")]
    EntitlementMissing,
}

impl Denied {
    /// The word that the release gate answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BelowFloor => "version-below-floor",
            Self::MaintenanceExpired => "maintenance-expired",
            Self::EntitlementMissing => "entitlement-missing",
        }
    }
}

impl Rights<'_> {
    /// Checks that the holder may download a version.
    ///
    /// # Errors
    /// The first [`Denied`] in its order. What cannot be told counts against the
    /// holder.
    pub fn check(&self, needs: Needs<'_>) -> Result<(), Denied> {
        if let Some(floor) = self.version_floor
            && needs.version.is_none_or(|version| version < floor)
        {
            return Err(Denied::BelowFloor);
        }
        if let Some(until) = self.maintenance_until
            && needs.built_at.is_none_or(|built_at| built_at > until)
        {
            return Err(Denied::MaintenanceExpired);
        }
        let has = |wanted: &str| self.entitlements.iter().any(|one| one == wanted);
        if needs.entitlements.into_iter().flatten().all(has) {
            Ok(())
        } else {
            Err(Denied::EntitlementMissing)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_included_is_denied() {
        let version = |text: &str| Version::parse(text).expect(text);
        let (one, two) = (version("1.0.0"), version("2.0.0"));
        let entitlements = ["pro".to_owned(), "beta".to_owned()];
        let open = Rights {
            entitlements: &entitlements,
            version_floor: None,
            maintenance_until: None,
        };
        let limited = Rights {
            version_floor: Some(&two),
            maintenance_until: Some(100),
            ..open
        };
        let any = Needs::default();
        let needs = |version, built_at| Needs {
            version,
            built_at,
            ..any
        };
        for (rights, needs, expected) in [
            (open, any, Ok(())),
            (open, needs(Some(&one), Some(i64::MAX)), Ok(())),
            (limited, needs(Some(&two), Some(100)), Ok(())),
            (
                limited,
                needs(Some(&two), Some(101)),
                Err(Denied::MaintenanceExpired),
            ),
            (
                limited,
                needs(Some(&two), None),
                Err(Denied::MaintenanceExpired),
            ),
            (
                limited,
                needs(Some(&one), Some(101)),
                Err(Denied::BelowFloor),
            ),
            (limited, needs(None, Some(0)), Err(Denied::BelowFloor)),
        ] {
            assert_eq!(rights.check(needs), expected, "{needs:?}");
        }
        for (entitlements, expected) in [
            ([None, None], Ok(())),
            ([Some("pro"), None], Ok(())),
            ([Some("pro"), Some("beta")], Ok(())),
            ([None, Some("Pro")], Err(Denied::EntitlementMissing)),
            ([Some("team"), Some("pro")], Err(Denied::EntitlementMissing)),
        ] {
            let needs = Needs {
                entitlements,
                ..any
            };
            assert_eq!(open.check(needs), expected, "{entitlements:?}");
        }
        assert_eq!(Denied::BelowFloor.code(), "version-below-floor");
        assert_eq!(Denied::MaintenanceExpired.code(), "maintenance-expired");
        assert_eq!(Denied::EntitlementMissing.code(), "entitlement-missing");
    }
}
