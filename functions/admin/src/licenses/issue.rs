//! `POST /v1/admin/licenses`: a license by hand, for the press, a test, a
//! present. Its receipt is the operator's grant.

use crate::{Operator, Ports};
use axum::extract::State;
use keywright_domain::dates::{parse_rfc3339, rfc3339};
use keywright_domain::terms::Terms;
use keywright_edge::http::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_edge::http::{ApiError, Json};
use keywright_store::policies::Policy;
use keywright_store::settle::{self, Grant, NewIds};
use keywright_store::{policies, products};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest note or e-mail address, in bytes.
const MAX_TEXT_BYTES: usize = 2_000;

/// What is not sent comes from the policy, and without one: perpetual, one
/// machine, no entitlements.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewLicense {
    /// Slug of the product.
    product_slug: String,
    /// Slug of one of its policies.
    policy_slug: Option<String>,
    /// Why it was given, up to 2,000 bytes; for the operator only.
    note: Option<String>,
    /// RFC 3339.
    #[schema(example = "2027-12-31T00:00:00Z")]
    expires_at: Option<String>,
    /// What it unlocks: up to 255 names of 1 to 255 ASCII characters.
    entitlements: Option<Vec<String>>,
    /// Machines at once; 0 is unlimited.
    #[schema(minimum = 0)]
    max_machines: Option<i64>,
    /// Seconds after expiry in which it still validates.
    #[schema(minimum = 0)]
    grace_seconds: Option<i64>,
    /// Whether it is a trial.
    is_trial: Option<bool>,
    /// Whom it is for, up to 2,000 bytes.
    buyer_email: Option<String>,
}

/// The issued license, with its key and its token for the release gate.
#[derive(Serialize, ToSchema)]
pub(crate) struct Issued {
    /// UUID.
    license_id: String,
    /// Id of the product.
    product_id: String,
    /// The key for the buyer: `LIC1-…`.
    license_key: String,
    /// The token for downloading.
    token: String,
    /// RFC 3339.
    issued_at: String,
    /// RFC 3339; null never.
    expires_at: Option<String>,
    /// What it unlocks.
    entitlements: Vec<String>,
    /// Whether it is a trial.
    is_trial: bool,
    /// Machines at once; 0 is unlimited.
    max_machines: i64,
}

/// Issues a license without a purchase, for the press, a test or a present. 503
/// when it is recorded and cannot be signed now.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses",
    tag = "licenses",
    request_body = NewLicense,
    responses(
        (status = 200, description = "The license.", body = Issued),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
    security(("operator" = ["licenses:write"]))
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    new: Result<Json<NewLicense>, ApiError>,
) -> Result<Json<Issued>, ApiError> {
    let Json(new) = new?;
    for (name, text) in [("note", &new.note), ("buyer_email", &new.buyer_email)] {
        if text
            .as_ref()
            .is_some_and(|text| text.len() > MAX_TEXT_BYTES)
        {
            return Err(ApiError::bad_request(format!(
                "{name}: longer than {MAX_TEXT_BYTES} bytes"
            )));
        }
    }
    let asked_expiry = new.expires_at.as_deref().map(parse_rfc3339).transpose();
    let asked_expiry =
        asked_expiry.map_err(|error| ApiError::bad_request(format!("expires_at: {error}")))?;
    if asked_expiry == Some(0) {
        // A key has this value for "never" (LIC1 v2, offset 42).
        return Err(ApiError::bad_request(
            "expires_at: later than 1970-01-01T00:00:00Z",
        ));
    }
    let product = products::find(&ports.database, &new.product_slug)
        .await?
        .ok_or_else(|| ApiError::not_found("product_slug: there is no such product"))?;
    let policy = match &new.policy_slug {
        None => None,
        Some(slug) => Some(policy(&ports, &product.id, slug).await?),
    };
    let mut terms = policy.as_ref().map_or_else(Terms::default, Policy::terms);
    terms.entitlements = new.entitlements.unwrap_or(terms.entitlements);
    terms.max_machines = new.max_machines.unwrap_or(terms.max_machines);
    terms.grace_seconds = new.grace_seconds.unwrap_or(terms.grace_seconds);
    terms.is_trial = new.is_trial.unwrap_or(terms.is_trial);
    terms
        .check()
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let grant = Grant {
        product_id: product.id,
        policy_id: policy.map(|policy| policy.id),
        expires_at: asked_expiry.or_else(|| terms.expires_at(actor.at)),
        terms,
        buyer_email: new.buyer_email,
        note: new.note,
    };
    let ids = NewIds::new(&ports.stamps);
    settle::grant(&ports.database, &actor, &grant, &ids).await?;
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
        issued_at: rfc3339(actor.at),
        expires_at: grant.expires_at.map(rfc3339),
        entitlements: grant.terms.entitlements,
        is_trial: grant.terms.is_trial,
        max_machines: grant.terms.max_machines,
    }))
}

async fn policy(ports: &Ports, product_id: &str, slug: &str) -> Result<Policy, ApiError> {
    let policies = policies::of_product(&ports.database, product_id).await?;
    policies
        .into_iter()
        .find(|policy| policy.slug == slug)
        .ok_or_else(|| ApiError::not_found("policy_slug: the product has no such policy"))
}
