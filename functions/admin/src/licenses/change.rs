//! `PATCH /v1/admin/licenses/{id}`: changes one license that was sold.

use super::times::{expiry, last_day};
use super::view::LicenseDetail;
use crate::Operator;
use crate::ids::LicenseId;
use crate::text::{self, MAX_NOTE_BYTES, nullable, present};
use axum::extract::State;
use keywright_domain::standing::LicenseStatus;
use keywright_domain::terms::{Terms, TermsError, check_activations_per_day};
use keywright_ports::{Database, Sign, Stamps};
use keywright_store::licenses::license_change::{self, Changes};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Only what is sent is changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LicenseChange {
    /// Machines at once, 0 to 1000000; 0 is unlimited. Lower than the machines
    /// in use, it lets those go on and no other in.
    #[schema(minimum = 0, maximum = 1_000_000)]
    max_machines: Option<i64>,
    /// What it unlocks, in the order the key carries it.
    #[schema(max_items = 255)]
    entitlements: Option<Vec<String>>,
    /// When it expires, RFC 3339; null for never.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<String>>,
    /// Seconds after expiry in which it still validates.
    #[schema(minimum = 0, maximum = 3_153_600_000_i64)]
    grace_seconds: Option<i64>,
    /// The last day whose builds are included, `YYYY-MM-DD`; null includes all.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, format = Date)]
    maintenance_until: Option<Option<String>>,
    /// Whether it is a trial.
    is_trial: Option<bool>,
    /// Activations in 24 hours, 0 to 1000000; 0 is unlimited, null as its
    /// policy says.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000)]
    max_activations_per_day: Option<Option<i64>>,
    /// The buyer's e-mail address; null for nobody's. `POST /v1/recover` answers to the
    /// address as it now is.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 254)]
    buyer_email: Option<Option<String>>,
    /// What the operator notes; null for nothing.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 2_000)]
    note: Option<Option<String>>,
    /// Taken for programs that were written for Keysat, and not recorded.
    #[serde(rename = "nostr_npub")]
    #[schema(rename = "nostr_npub")]
    _nostr_npub: Option<String>,
}

/// The license as it now is, with its key, which the change may have changed:
/// an older one goes on validating online, with the terms of today.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedLicense)]
pub(crate) struct Changed {
    #[serde(flatten)]
    license: LicenseDetail,
    /// The `LIC1-…` key; null for a license that is not active.
    license_key: Option<String>,
    /// The token for the release gate; null for a license that is not active.
    token: Option<String>,
}

/// Changes seats, entitlements, expiry and the rest of one license. What
/// changes nothing is a success that is not recorded.
#[utoipa::path(
    patch,
    path = "/v1/admin/licenses/{id}",
    operation_id = "updateLicense",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    request_body = LicenseChange,
    responses(
        (status = 200, description = "The license as it now is.", body = Changed),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    State(sign): State<Sign>,
    Operator(actor): Operator,
    id: LicenseId,
    change: Result<Json<LicenseChange>, ApiError>,
) -> Result<Json<Changed>, ApiError> {
    let Json(change) = change?;
    let changes = change.checked()?;
    let (audit_id, event_id) = (stamps.new_id(), stamps.new_id());
    let detail = license_change::change(&database, &actor, &id, &changes, &audit_id, &event_id)
        .await?
        .ok_or_else(LicenseId::unknown)?;
    let signed = if detail.license.status == LicenseStatus::Active {
        let signed = sign.license(&id).await.map_err(|error| {
            ApiError::unavailable(
                "service_unavailable",
                "the license is changed but could not be signed; the log says why. Send the same again for its key",
                error.to_string(),
            )
        })?;
        Some(signed)
    } else {
        None
    };
    let (license_key, token) = signed
        .map(|signed| (signed.license_key, signed.token))
        .unzip();
    Ok(Json(Changed {
        license: detail.into(),
        license_key,
        token,
    }))
}

impl LicenseChange {
    /// The members that are sent, each inside its limits.
    fn checked(self) -> Result<Changes, ApiError> {
        let bad = |error: TermsError| ApiError::bad_request(error.to_string());
        let usual = Terms::default();
        let sent = Terms {
            duration_seconds: usual.duration_seconds,
            grace_seconds: self.grace_seconds.unwrap_or(usual.grace_seconds),
            max_machines: self.max_machines.unwrap_or(usual.max_machines),
            entitlements: self.entitlements.clone().unwrap_or_default(),
            is_trial: usual.is_trial,
            maintenance_seconds: usual.maintenance_seconds,
        };
        sent.check().map_err(bad)?;
        if let Some(limit) = self.max_activations_per_day.flatten() {
            check_activations_per_day(limit).map_err(bad)?;
        }
        let written = |member: &str, text: Option<Option<String>>| {
            let text = text.map(present);
            if let Some(Some(text)) = &text {
                text::check(member, text, MAX_NOTE_BYTES)?;
            }
            Ok::<_, ApiError>(text)
        };
        Ok(Changes {
            max_machines: self.max_machines,
            entitlements: self.entitlements,
            expires_at: match self.expires_at {
                Some(Some(text)) => Some(Some(expiry(&text)?)),
                other => other.map(|_| None),
            },
            grace_seconds: self.grace_seconds,
            maintenance_until: match self.maintenance_until {
                Some(Some(text)) => Some(Some(last_day(&text)?)),
                other => other.map(|_| None),
            },
            is_trial: self.is_trial,
            max_activations_per_day: self.max_activations_per_day,
            buyer_email: match self.buyer_email {
                Some(Some(text)) => Some(text::email("buyer_email", &text)?),
                other => other.map(|_| None),
            },
            note: written("note", self.note)?,
        })
    }
}
