//! Who may do what: the scopes that open the operator's routes, the roles a
//! scoped key can have, and what each role grants. A grant is looked up by the
//! scope itself, never by how its name ends.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An enum whose variants have a name on the wire.
macro_rules! named {
    (
        $(#[$of:meta])* $type:ident or $unknown:ident;
        $($(#[$doc:meta])* $variant:ident = $name:literal,)*
    ) => {
        $(#[$of])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum $type {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl $type {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $unknown;

            fn from_str(name: &str) -> Result<Self, $unknown> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err($unknown),
                }
            }
        }
    };
}

named! {
    /// What a route asks of a scoped key.
    Scope or UnknownScope;
    /// See products.
    ProductsRead = "products:read",
    /// Make, change and remove products.
    ProductsWrite = "products:write",
    /// See policies.
    PoliciesRead = "policies:read",
    /// Make, change and remove policies.
    PoliciesWrite = "policies:write",
    /// See and search what was sold.
    LicensesRead = "licenses:read",
    /// Issue, change, suspend and revoke licenses.
    LicensesWrite = "licenses:write",
    /// See the machines of licenses.
    MachinesRead = "machines:read",
    /// Free the seat of a machine.
    MachinesWrite = "machines:write",
    /// See discount codes and their uses.
    DiscountCodesRead = "discount_codes:read",
    /// Make, change and remove discount codes.
    DiscountCodesWrite = "discount_codes:write",
    /// See subscriptions.
    SubscriptionsRead = "subscriptions:read",
    /// Cancel subscriptions.
    SubscriptionsWrite = "subscriptions:write",
    /// See outgoing webhooks and their deliveries.
    WebhooksRead = "webhooks:read",
    /// Make, change and remove outgoing webhooks, and deliver again.
    WebhooksWrite = "webhooks:write",
    /// See businesses that products are sold by.
    MerchantProfilesRead = "merchant_profiles:read",
    /// Make, change and remove businesses.
    MerchantProfilesWrite = "merchant_profiles:write",
    /// See which payment providers are connected.
    PaymentProvidersRead = "payment_providers:read",
    /// Connect a payment provider. Given by name only; no role has it.
    PaymentProvidersWrite = "payment_providers:write",
    /// See exchange rates.
    RatesRead = "rates:read",
    /// Fetch exchange rates anew.
    RatesWrite = "rates:write",
    /// See what was published.
    ReleasesRead = "releases:read",
    /// Upload files and publish them under the vendor's signature. Can be given
    /// by name, so that a build machine has a key that does this and no more: it
    /// cannot publish what a release key has not signed.
    ReleasesWrite = "releases:write",
    /// Decide which published versions are offered: promote, yank, roll out.
    ReleaseOffersWrite = "release_offers:write",
    /// Say who may download.
    ReleaseGatesWrite = "release_gates:write",
    /// Replace the install scripts, which customers run. Given by name only; no
    /// role has it.
    ReleaseInstallersWrite = "release_installers:write",
    /// See what somebody has to look at.
    AttentionRead = "attention:read",
    /// Say that it is done.
    AttentionWrite = "attention:write",
    /// See who changed what.
    AuditRead = "audit:read",
    /// See what was validated.
    ValidationsRead = "validations:read",
    /// See the settings of the instance.
    SettingsRead = "settings:read",
    /// See what the instance may hold and holds.
    TierRead = "tier:read",
}

named! {
    /// What a scoped key is for.
    Role or UnknownRole;
    /// Reads every list, changes nothing. No list holds anything that opens a
    /// license key or a download.
    ReadOnly = "read-only",
    /// Also issues and changes licenses.
    LicenseIssuer = "license-issuer",
    /// Also helps buyers with their machines and subscriptions.
    Support = "support",
    /// Also sets up what is sold.
    MerchantOnboard = "merchant-onboard",
    /// Everything that some role may.
    FullAdmin = "full-admin",
    /// For build machines: reads and publishes releases. Unlike every other role
    /// it reads nothing else: no licenses, no buyers, no payments.
    Publisher = "publisher",
}

/// Text that names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a scope of docs/access.md")]
pub struct UnknownScope;

/// Text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be read-only, license-issuer, support, merchant-onboard, full-admin or publisher")]
pub struct UnknownRole;

impl Role {
    /// Whether the role grants the scope.
    #[must_use]
    pub const fn grants(self, scope: Scope) -> bool {
        use Role::{FullAdmin, LicenseIssuer, MerchantOnboard, Publisher, Support};
        // A new scope is none of a build machine's unless it is named here.
        if matches!(self, Publisher) {
            return matches!(scope, Scope::ReleasesRead | Scope::ReleasesWrite);
        }
        match scope {
            Scope::ProductsRead
            | Scope::PoliciesRead
            | Scope::LicensesRead
            | Scope::MachinesRead
            | Scope::DiscountCodesRead
            | Scope::SubscriptionsRead
            | Scope::WebhooksRead
            | Scope::MerchantProfilesRead
            | Scope::PaymentProvidersRead
            | Scope::RatesRead
            | Scope::AttentionRead
            | Scope::ReleasesRead
            | Scope::AuditRead
            | Scope::ValidationsRead
            | Scope::SettingsRead
            | Scope::TierRead => true,
            Scope::LicensesWrite => {
                matches!(self, LicenseIssuer | Support | MerchantOnboard | FullAdmin)
            }
            Scope::MachinesWrite | Scope::SubscriptionsWrite | Scope::AttentionWrite => {
                matches!(self, Support | FullAdmin)
            }
            Scope::ProductsWrite | Scope::PoliciesWrite => {
                matches!(self, MerchantOnboard | FullAdmin)
            }
            Scope::DiscountCodesWrite
            | Scope::WebhooksWrite
            | Scope::MerchantProfilesWrite
            | Scope::RatesWrite
            | Scope::ReleasesWrite
            | Scope::ReleaseOffersWrite
            | Scope::ReleaseGatesWrite => matches!(self, FullAdmin),
            Scope::PaymentProvidersWrite | Scope::ReleaseInstallersWrite => false,
        }
    }
}

impl Scope {
    /// Whether a key can be given the scope by name, beside its role. Hardly
    /// any can be: a key has one role, and its name says what the key may do.
    #[must_use]
    pub const fn is_a_la_carte(self) -> bool {
        matches!(
            self,
            Self::PaymentProvidersWrite
                | Self::ReleasesWrite
                | Self::ReleaseOffersWrite
                | Self::ReleaseGatesWrite
                | Self::ReleaseInstallersWrite
        )
    }
}

/// Who calls one of the operator's routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The holder of the configured key.
    Master,
    /// The holder of a scoped key.
    Key {
        /// Id of the key.
        id: String,
        /// Its role.
        role: Role,
        /// What it was given beside the role; only what is à la carte counts.
        extra: Vec<Scope>,
    },
}

impl Caller {
    /// Whether a scope was granted, by role or by name.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        match self {
            Self::Master => true,
            Self::Key { role, extra, .. } => {
                role.grants(scope) || (scope.is_a_la_carte() && extra.contains(&scope))
            }
        }
    }
}

impl Caller {
    /// Whether the caller may be shown what opens a license or its downloads: only
    /// one who can issue licenses anyway.
    #[must_use]
    pub fn may_see_credentials(&self) -> bool {
        self.has(Scope::LicensesWrite)
    }

    /// Whether the caller may be shown the text of a discount code, which takes
    /// something off a price or gives a license away.
    #[must_use]
    pub fn may_see_codes(&self) -> bool {
        self.may_see_credentials() || self.has(Scope::DiscountCodesWrite)
    }
}

/// What opens a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// The configured key, or a scoped key that has the scope.
    Scope(Scope),
    /// The configured key and nothing else.
    Master,
    /// The configured key, or any scoped key.
    AnyKey,
}

impl From<Scope> for Gate {
    fn from(scope: Scope) -> Self {
        Self::Scope(scope)
    }
}

impl Gate {
    /// Whether the gate opens to a caller.
    #[must_use]
    pub fn opens_to(self, caller: &Caller) -> bool {
        match self {
            Self::Scope(scope) => caller.has(scope),
            Self::Master => *caller == Caller::Master,
            Self::AnyKey => true,
        }
    }
}

/// For how long a scoped key works where nobody says otherwise, in seconds: a year.
pub const DEFAULT_KEY_SECONDS: i64 = 365 * 86_400;
/// For how long a scoped key works at most, unless it never ends, in seconds: three
/// years.
pub const MAX_KEY_SECONDS: i64 = 3 * 365 * 86_400;

/// When a scoped key that is made at `now` ends; `None` never. `given` is what the
/// operator says: nothing, an explicit never, or a time. All in unix seconds.
///
/// # Errors
/// A time that is not after `now`, or later than [`MAX_KEY_SECONDS`] from it.
pub fn key_expiry(given: Option<Option<i64>>, now: i64) -> Result<Option<i64>, WrongKeyExpiry> {
    match given {
        None => Ok(Some(now + DEFAULT_KEY_SECONDS)),
        Some(None) => Ok(None),
        Some(Some(at)) if at <= now => Err(WrongKeyExpiry::Past),
        Some(Some(at)) if at > now + MAX_KEY_SECONDS => Err(WrongKeyExpiry::TooFar),
        Some(Some(at)) => Ok(Some(at)),
    }
}

/// Why a scoped key cannot end then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongKeyExpiry {
    /// It would never have worked.
    #[error("must be in the future")]
    Past,
    /// Longer than [`MAX_KEY_SECONDS`].
    #[error("must be at most three years from now, or null for a key that never expires")]
    TooFar,
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
