//! `POST /v1/admin/licenses`: a license by hand, for the press, a test, a
//! present. Its receipt is the operator's grant.

use super::times::{expiry, last_day};
use crate::text::{self, MAX_NOTE_BYTES, present};
use crate::{Operator, Ports};
use keywright_domain::dates::{rfc3339, utc_day};
use keywright_domain::pasted::PastedLower;
use keywright_domain::terms::{Terms, check_activations_per_day};
use keywright_store::catalog::policies;
use keywright_store::catalog::policies::Policy;
use keywright_store::catalog::products;
use keywright_store::sales::settle::{self, IssueIds, OperatorGrant};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is not sent comes from the policy, and without one: perpetual, one
/// machine, no entitlements.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LicenseInput {
    /// The licensed product.
    #[schema(value_type = String, pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    product_slug: PastedLower,
    /// The policy whose terms it has.
    #[schema(value_type = Option<String>, max_length = 64)]
    policy_slug: Option<PastedLower>,
    /// What the operator notes, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    note: Option<String>,
    /// When it expires, RFC 3339.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What it unlocks, in the order the key carries it.
    #[schema(max_items = 255)]
    entitlements: Option<Vec<String>>,
    /// Machines at once, 0 to 1000000; 0 is unlimited.
    #[schema(minimum = 0, maximum = 1_000_000)]
    max_machines: Option<i64>,
    /// Seconds after expiry in which it still validates.
    #[schema(minimum = 0, maximum = 3_153_600_000_i64)]
    grace_seconds: Option<i64>,
    /// The last day whose builds are included, `YYYY-MM-DD`. Not sent: as the
    /// policy says.
    #[schema(format = Date)]
    maintenance_until: Option<String>,
    /// Whether it is a trial.
    is_trial: Option<bool>,
    /// Activations in 24 hours, 0 to 1000000; 0 is unlimited. Not sent: as the
    /// policy says, also when that changes.
    #[schema(minimum = 0, maximum = 1_000_000)]
    max_activations_per_day: Option<i64>,
    /// The buyer's e-mail address.
    #[schema(max_length = 254)]
    buyer_email: Option<String>,
    /// Taken for programs that were written for Keysat, and not recorded.
    #[serde(rename = "nostr_npub")]
    #[schema(rename = "nostr_npub")]
    _nostr_npub: Option<String>,
}

/// The issued license, with its key and its token for the release gate.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedLicense)]
pub(crate) struct Issued {
    /// UUID, also inside the key.
    license_id: String,
    /// The licensed product.
    product_id: String,
    /// The `LIC1-…` key.
    license_key: String,
    /// The token for the release gate.
    token: String,
    /// 32 hex digits that open the downloads of the license and nothing else:
    /// the "Download Key" of a Joomla site.
    download_id: Option<String>,
    /// RFC 3339.
    issued_at: String,
    /// RFC 3339; null for never.
    expires_at: Option<String>,
    /// The last day whose builds are included, `YYYY-MM-DD`; null includes all.
    maintenance_until: Option<String>,
    /// What it unlocks.
    entitlements: Vec<String>,
    /// Whether it is a trial.
    is_trial: bool,
    /// Machines at once; 0 is unlimited.
    max_machines: i64,
    /// Activations in 24 hours; 0 is unlimited, null as its policy says.
    max_activations_per_day: Option<i64>,
}

/// Issues a license without a purchase.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses",
    operation_id = "issueLicense",
    tag = "licenses",
    request_body = LicenseInput,
    responses(
        (status = 200, description = "The license.", body = Issued),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    new: Result<Json<LicenseInput>, ApiError>,
) -> Result<Json<Issued>, ApiError> {
    let Json(new) = new?;
    let note = present(new.note);
    if let Some(note) = &note {
        text::check("note", note, MAX_NOTE_BYTES)?;
    }
    let buyer_email = new.buyer_email.unwrap_or_default();
    let buyer_email = text::email("buyer_email", &buyer_email)?;
    let asked_maintenance = new.maintenance_until.as_deref().map(last_day).transpose()?;
    let asked_expiry = new.expires_at.as_deref().map(expiry).transpose()?;
    if let Some(limit) = new.max_activations_per_day {
        check_activations_per_day(limit)
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
    }
    let product = products::find(&ports.database, new.product_slug.as_str())
        .await?
        .ok_or_else(|| ApiError::not_found("there is no product with this product_slug"))?;
    let policy = match new.policy_slug.and_then(PastedLower::present) {
        None => None,
        Some(slug) => Some(policy(&ports, &product.id, &slug).await?),
    };
    let mut terms = policy.as_ref().map_or_else(Terms::default, Policy::terms);
    terms.entitlements = new.entitlements.unwrap_or(terms.entitlements);
    terms.max_machines = new.max_machines.unwrap_or(terms.max_machines);
    terms.grace_seconds = new.grace_seconds.unwrap_or(terms.grace_seconds);
    terms.is_trial = new.is_trial.unwrap_or(terms.is_trial);
    terms
        .check()
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let grant = OperatorGrant {
        product_id: product.id,
        policy_id: policy.map(|policy| policy.id),
        expires_at: asked_expiry.or_else(|| terms.expires_at(actor.at)),
        maintenance_until: asked_maintenance.or_else(|| terms.maintenance_until(actor.at)),
        terms,
        max_activations_per_day: new.max_activations_per_day,
        buyer_email,
        note,
    };
    let ids = IssueIds::new(&ports.stamps);
    let keys = ports.receipt_keys()?;
    settle::grant(&ports.database, &actor, &grant, &ids, keys).await?;
    let signed = ports.sign.license(&ids.license).await.map_err(|error| {
        ApiError::unavailable(
            "service_unavailable",
            format!(
                "license {} is recorded but could not be signed; the log says why. Revoke it before issuing another",
                ids.license
            ),
            error.to_string(),
        )
    })?;
    Ok(Json(Issued {
        license_id: ids.license,
        product_id: grant.product_id,
        license_key: signed.license_key,
        token: signed.token,
        download_id: signed.download_id,
        issued_at: rfc3339(actor.at),
        expires_at: grant.expires_at.map(rfc3339),
        maintenance_until: grant.maintenance_until.map(utc_day),
        entitlements: grant.terms.entitlements,
        is_trial: grant.terms.is_trial,
        max_machines: grant.terms.max_machines,
        max_activations_per_day: grant.max_activations_per_day,
    }))
}

async fn policy(ports: &Ports, product_id: &str, slug: &str) -> Result<Policy, ApiError> {
    let policies = policies::of_product(&ports.database, product_id).await?;
    policies
        .into_iter()
        .find(|policy| policy.slug == slug)
        .ok_or_else(|| ApiError::not_found("the product has no policy with this policy_slug"))
}
