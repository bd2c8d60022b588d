//! `GET /v1/admin/self-license`: the license of the instance itself.

use crate::Ports;
use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_domain::instance_tier::{InstanceTier, IssuerVerdict};
use keywright_services::instance_license::InstanceStanding;
use keywright_web::openapi::{AccessRefusals, Failures};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// The license of the instance itself. Its key is not shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct SelfLicense {
    /// Whether the host sets caps, so that a license means anything.
    is_configured: bool,
    /// Where the license comes from: `setting` (`INSTANCE_LICENSE`) or `entered`; null where
    /// there is none.
    #[schema(required)]
    source: Option<&'static str>,
    /// UUID of the license.
    #[schema(required)]
    license_id: Option<String>,
    /// `creator`, `pro` or `patron`; `unlimited` where the host sets no caps.
    #[schema(example = "pro")]
    tier: &'static str,
    /// What it unlocks now.
    entitlements: Vec<String>,
    /// When it ends, RFC 3339: as the issuer said last, or as its key says before that. Null
    /// never.
    #[schema(required)]
    expires_at: Option<String>,
    /// What the issuer said last: `good`, `refused`, or `unchecked` before its first answer.
    #[schema(required)]
    verdict: Option<&'static str>,
    /// Why it is refused, such as `revoked`.
    #[schema(required)]
    reason: Option<String>,
    /// When the issuer said so, RFC 3339.
    #[schema(required)]
    checked_at: Option<String>,
    /// Why a later check had no answer; the last answer stands.
    #[schema(required)]
    failure: Option<String>,
}

impl SelfLicense {
    /// What is known of the instance's license.
    pub(super) fn of(ports: &Ports, standing: Option<InstanceStanding>) -> Self {
        let is_configured = standing.is_some();
        let is_setting = ports.licensing.has_configured_license();
        let (entitlements, recorded) = standing.map_or((Vec::new(), None), |standing| {
            (standing.entitlements, standing.recorded)
        });
        let setting = ports.licensing.license().map(|key| &key.license);
        // A record of another license, or of one that is no longer configured, says nothing.
        let recorded = recorded.filter(|row| match setting {
            Some(license) => license.license_id == row.license_id,
            None => !is_setting && row.sealed_key.is_some(),
        });
        let source = match (is_configured, is_setting, &recorded) {
            (false, _, _) | (true, false, None) => None,
            (true, true, _) => Some("setting"),
            (true, false, Some(_)) => Some("entered"),
        };
        let license_id = recorded.as_ref().map(|row| row.license_id.clone());
        let verdict = recorded.as_ref().map(|row| row.verdict);
        let expires_at = match &recorded {
            Some(row) => row.expires_at,
            None => setting.and_then(|license| license.expires_at),
        };
        Self {
            is_configured,
            source,
            license_id: license_id.or_else(|| setting.map(|license| license.license_id.clone())),
            tier: if is_configured {
                InstanceTier::of(&entitlements).as_str()
            } else {
                "unlimited"
            },
            entitlements,
            expires_at: expires_at.map(rfc3339),
            verdict: match (verdict, setting) {
                (Some(verdict), _) => Some(verdict.as_str()),
                (None, Some(_)) => Some(IssuerVerdict::Unchecked.as_str()),
                (None, None) => None,
            },
            reason: recorded.as_ref().and_then(|row| row.reason.clone()),
            checked_at: recorded
                .as_ref()
                .and_then(|row| row.checked_at.map(rfc3339)),
            failure: recorded.and_then(|row| row.failure),
        }
    }
}

/// Shows the license of the instance itself
#[utoipa::path(
    get,
    path = "/v1/admin/self-license",
    operation_id = "getSelfLicense",
    tag = "instance",
    responses((status = 200, body = SelfLicense), AccessRefusals, Failures)
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<SelfLicense>, ApiError> {
    let standing = ports
        .licensing
        .standing(&ports.database, ports.stamps.now());
    Ok(Json(SelfLicense::of(&ports, standing.await?)))
}
