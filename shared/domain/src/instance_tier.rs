//! Tiers of an instance: how much a shop may put into use where its host sets caps. A host
//! turns them on by naming the issuer of instance licenses; without that there are none.
//!
//! A cap bounds what is put into use from then on. It never touches what exists, and never
//! stops selling.

use serde::{Deserialize, Serialize};

/// How long an answer of the issuer is not asked for again, in seconds.
pub const CHECK_SECONDS: i64 = 3_600;
/// How long after a check that failed the next one comes, in seconds.
pub const RETRY_SECONDS: i64 = 600;

/// A tier, from the lowest to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceTier {
    /// Without an instance license.
    Creator,
    /// With `unlimited_products`.
    Pro,
    /// With `patron`.
    Patron,
}

impl InstanceTier {
    /// The tier that these entitlements make.
    #[must_use]
    pub fn of(entitlements: &[String]) -> Self {
        let has = |name: &str| entitlements.iter().any(|one| one == name);
        if has(PATRON) {
            Self::Patron
        } else if has(UNLIMITED_PRODUCTS) {
            Self::Pro
        } else {
            Self::Creator
        }
    }

    /// The word on the wire, and the slug of the policy that sells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creator => "creator",
            Self::Pro => "pro",
            Self::Patron => "patron",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creator => "Creator",
            Self::Pro => "Pro",
            Self::Patron => "Patron",
        }
    }

    /// The tier above it.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Creator => Some(Self::Pro),
            Self::Pro => Some(Self::Patron),
            Self::Patron => None,
        }
    }
}

const PATRON: &str = "patron";
const UNLIMITED_PRODUCTS: &str = "unlimited_products";

/// What has a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CappedResource {
    /// Products, on sale or not.
    Products,
    /// Policies of one product that are not archived.
    PoliciesPerProduct,
    /// Discount codes that are enabled.
    ActiveCodes,
    /// Businesses.
    MerchantProfiles,
}

impl CappedResource {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::PoliciesPerProduct => "policies_per_product",
            Self::ActiveCodes => "active_codes",
            Self::MerchantProfiles => "merchant_profiles",
        }
    }

    /// The same for people, after a number.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::PoliciesPerProduct => "policies for a product",
            Self::ActiveCodes => "active discount codes",
            Self::MerchantProfiles => "businesses",
        }
    }
}

/// How much may be in use; `None` has no cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InstanceCaps {
    /// Products.
    pub products: Option<i64>,
    /// Policies of one product that are not archived.
    pub policies_per_product: Option<i64>,
    /// Discount codes that are enabled.
    pub active_codes: Option<i64>,
    /// Businesses.
    pub merchant_profiles: Option<i64>,
}

impl InstanceCaps {
    /// No caps at all.
    pub const NONE: Self = Self {
        products: None,
        policies_per_product: None,
        active_codes: None,
        merchant_profiles: None,
    };

    /// The caps of an instance whose license has these entitlements: those of the lowest
    /// tier, as far as none of them lifts one. `patron` lifts them all.
    #[must_use]
    pub fn of(entitlements: &[String]) -> Self {
        let cap = |most: i64, lifted_by: &str| {
            let lifts = |one: &String| one == lifted_by || one == PATRON;
            (!entitlements.iter().any(lifts)).then_some(most)
        };
        Self {
            products: cap(5, UNLIMITED_PRODUCTS),
            policies_per_product: cap(5, "unlimited_policies"),
            active_codes: cap(10, "unlimited_codes"),
            merchant_profiles: cap(1, "unlimited_merchant_profiles"),
        }
    }
}

/// What an instance license says by itself: the signed payload of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedLicense {
    /// The license.
    pub license_id: String,
    /// What it unlocks.
    pub entitlements: Vec<String>,
    /// When it ends, in unix seconds; `None` never.
    pub expires_at: Option<i64>,
}

/// What the issuer said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerVerdict {
    /// It was not reached yet.
    Unchecked,
    /// The license is good.
    Good,
    /// The license is not good.
    Refused,
    /// A word of a newer version.
    #[serde(other)]
    Unknown,
}

impl IssuerVerdict {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Good => "good",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// An instance license as it is recorded, with the last answer about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedLicense {
    /// What is recorded of it: of the last good answer, and of its key before there was one.
    pub license: PinnedLicense,
    /// What the issuer said last.
    pub verdict: IssuerVerdict,
    /// True for a license that was entered, and not configured.
    pub is_entered: bool,
}

/// What the instance's license unlocks now. `configured` is the license of the configuration;
/// it comes before one that was entered.
///
/// The issuer's last good answer counts until the issuer says something else: it outlives the
/// date in the key, because only the issuer knows of renewals, and a check that fails takes
/// nothing away. Without any answer the key counts until its date.
#[must_use]
pub fn entitlements(
    configured: Option<&PinnedLicense>,
    recorded: Option<&RecordedLicense>,
    now: i64,
) -> Vec<String> {
    let by_key = |license: &PinnedLicense| {
        if license.expires_at.is_none_or(|at| now < at) {
            license.entitlements.clone()
        } else {
            Vec::new()
        }
    };
    let by_answer = |recorded: &RecordedLicense| match recorded.verdict {
        IssuerVerdict::Good => recorded.license.entitlements.clone(),
        IssuerVerdict::Unchecked => by_key(&recorded.license),
        IssuerVerdict::Refused | IssuerVerdict::Unknown => Vec::new(),
    };
    match (configured, recorded) {
        (Some(key), Some(recorded)) if recorded.license.license_id == key.license_id => {
            by_answer(recorded)
        }
        (Some(key), _) => by_key(key),
        (None, Some(recorded)) if recorded.is_entered => by_answer(recorded),
        (None, _) => Vec::new(),
    }
}

/// An answer of the issuer about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerAnswer {
    /// The key is good.
    Good {
        /// Its license.
        license: PinnedLicense,
        /// The product that it is for.
        product_id: String,
        /// Its slug.
        product_slug: String,
    },
    /// The key is not good, for this reason of the contract.
    Refused(String),
    /// The answer says nothing about the key; for the log.
    Nothing(String),
}

/// The reasons of `POST /v1/validate` that say something about the license for good. After
/// any other, such as `rate_limited` or `not_found` of an issuer that lost its database, the
/// last answer stands.
#[must_use]
pub fn is_verdict(reason: &str) -> bool {
    matches!(
        reason,
        "revoked" | "suspended" | "expired" | "product_mismatch"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn tiers_and_caps_follow_the_entitlements() {
        let lowest = InstanceCaps {
            products: Some(5),
            policies_per_product: Some(5),
            active_codes: Some(10),
            merchant_profiles: Some(1),
        };
        for (entitlements, tier, caps) in [
            (&[][..], InstanceTier::Creator, lowest),
            (&["pro", "Patron"][..], InstanceTier::Creator, lowest),
            (
                &["unlimited_codes"][..],
                InstanceTier::Creator,
                InstanceCaps {
                    active_codes: None,
                    ..lowest
                },
            ),
            (
                &["unlimited_products"][..],
                InstanceTier::Pro,
                InstanceCaps {
                    products: None,
                    ..lowest
                },
            ),
            (&["patron"][..], InstanceTier::Patron, InstanceCaps::NONE),
        ] {
            let entitlements = words(entitlements);
            assert_eq!(InstanceTier::of(&entitlements), tier, "{entitlements:?}");
            assert_eq!(InstanceCaps::of(&entitlements), caps, "{entitlements:?}");
        }
        assert_eq!(InstanceTier::Patron.next(), None);
    }

    fn license(id: &str, expires_at: Option<i64>) -> PinnedLicense {
        PinnedLicense {
            license_id: id.to_owned(),
            entitlements: words(&["key"]),
            expires_at,
        }
    }

    fn recorded(id: &str, verdict: IssuerVerdict, is_entered: bool) -> RecordedLicense {
        RecordedLicense {
            license: PinnedLicense {
                entitlements: words(&["answer"]),
                ..license(id, Some(100))
            },
            verdict,
            is_entered,
        }
    }

    #[test]
    fn the_last_answer_outlives_the_date_and_only_an_answer_ends_it() {
        use super::entitlements as of;
        use IssuerVerdict::{Good, Refused, Unchecked, Unknown};
        let key = license("a", Some(100));
        // The key alone, to its second.
        assert_eq!(of(Some(&key), None, 99), ["key"]);
        assert!(of(Some(&key), None, 100).is_empty());
        assert_eq!(of(Some(&license("a", None)), None, i64::MAX), ["key"]);
        for (verdict, before, after) in [
            (Good, &["answer"][..], &["answer"][..]),
            (Unchecked, &["answer"][..], &[][..]),
            (Refused, &[][..], &[][..]),
            (Unknown, &[][..], &[][..]),
        ] {
            for configured in [None, Some(&key)] {
                let said = recorded("a", verdict, true);
                assert_eq!(of(configured, Some(&said), 99), before, "{verdict:?}");
                assert_eq!(of(configured, Some(&said), 100), after, "{verdict:?}");
            }
            // About another license: nothing of it counts.
            let other = recorded("b", verdict, false);
            assert_eq!(of(Some(&key), Some(&other), 99), ["key"]);
            assert!(of(None, Some(&other), 99).is_empty());
        }
        assert!(of(None, None, 0).is_empty());
    }
}
