//! Scoped keys of the operator's routes, one route per file.

pub(crate) mod create;
pub(crate) mod current;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod token;

use keywright_domain::access::Scope;
use keywright_domain::dates::rfc3339;
use keywright_store::operator::api_keys::{ApiKey, KeyStanding};
use serde::Serialize;
use utoipa::ToSchema;

/// A scoped key, without its token.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct KeyView {
    /// UUID.
    id: String,
    /// What the operator calls it.
    label: String,
    /// `read-only`, `license-issuer`, `support`, `merchant-onboard`,
    /// `full-admin` or `publisher`.
    #[schema(example = "support")]
    role: &'static str,
    /// Scopes it was given beside the role.
    scopes: Vec<&'static str>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339, behind by up to a minute; null when it was never used.
    #[schema(required)]
    last_used_at: Option<String>,
    /// RFC 3339; null where it was not revoked.
    #[schema(required)]
    revoked_at: Option<String>,
    /// RFC 3339; null where it never expires.
    #[schema(required)]
    expires_at: Option<String>,
    /// `active`, `revoked` or `expired`.
    #[schema(example = "active")]
    status: &'static str,
}

impl KeyView {
    /// The key as it stands at `now`, in unix seconds.
    fn new(key: ApiKey, now: i64) -> Self {
        Self {
            status: match key.standing(now) {
                KeyStanding::Good => "active",
                KeyStanding::Revoked => "revoked",
                KeyStanding::Expired => "expired",
            },
            expires_at: key.expires_at.map(rfc3339),
            id: key.id,
            label: key.label,
            role: key.role.as_str(),
            scopes: key.scopes.into_iter().map(Scope::as_str).collect(),
            created_at: rfc3339(key.created_at),
            last_used_at: key.last_used_at.map(rfc3339),
            revoked_at: key.revoked_at.map(rfc3339),
        }
    }
}
