//! `PATCH /v1/admin/releases/{id}`: moves a version to another channel, takes
//! it back, changes to how many it is offered and what is said of it.

use super::keys::TrustedKeys;
use super::view::RecordedRelease;
use super::{advice, check_entitlement, check_notes, metadata, on_channel, rollout, write};
use crate::ids::ReleaseId;
use crate::text::{self, MAX_NOTE_BYTES, nullable};
use crate::{Operator, Ports};
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::{Caller, Scope};
use keywright_domain::release::manifest::Artifact;
use keywright_domain::release::{Channel, agreement};
use keywright_store::ChangeOutcome;
use keywright_store::releases::known_versions;
use keywright_store::releases::release_change::{
    self, NewSignature, ReleaseChanges, ReleaseRefusal,
};
use keywright_store::releases::versions::{self, Release};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Only what is sent is changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseChange {
    /// Another channel; with `signatures`.
    #[schema(pattern = "^(stable|rc|beta|alpha|dev)$")]
    channel: Option<String>,
    /// The signature file of each platform, stating the new channel.
    signatures: Option<BTreeMap<String, String>>,
    /// Takes the version back: nobody is offered it, and it can still be
    /// downloaded by its version. Null offers it again.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Yank>)]
    yanked: Option<Option<Yank>>,
    /// To how many in a hundred installations the feeds offer it.
    #[schema(minimum = 0, maximum = 100)]
    rollout_percent: Option<u8>,
    /// What is new; null for nothing.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 50_000)]
    notes: Option<Option<String>>,
    /// An entitlement that a token must have for this version; null for none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 255)]
    requires_entitlement: Option<Option<String>>,
    /// What the feeds of certain updaters need, in place of all that was there; at most
    /// 20000 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// Why a version is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Yank {
    /// For people, at most 2000 bytes; may be empty.
    #[schema(max_length = 2_000)]
    reason: String,
}

/// Changes a published version; its files stay. What changes nothing is a
/// success that is not recorded. Another channel needs a new signature of each
/// file, because the vendor signs what channel a file is for; 409 when a file
/// has none, 422 `untrusted_signature` when none of the product's release keys
/// made it. `requires_entitlement` takes the scope `release_gates:write` too.
#[utoipa::path(
    patch,
    path = "/v1/admin/releases/{id}",
    operation_id = "updateRelease",
    tag = "releases",
    params(("id" = String, Path, description = "Id of the release.")),
    request_body = ReleaseChange,
    responses(
        (status = 200, description = "The version as it now is.", body = RecordedRelease),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    Extension(caller): Extension<Caller>,
    id: ReleaseId,
    change: Result<Json<ReleaseChange>, ApiError>,
) -> Result<Json<RecordedRelease>, ApiError> {
    let Json(change) = change?;
    // The version and the files' bytes never change, so that what is read here
    // holds when the change is made.
    let before = versions::get(&ports.database, &id)
        .await?
        .ok_or_else(ReleaseId::unknown)?;
    if change.requires_entitlement.is_some() && !caller.has(Scope::ReleaseGatesWrite) {
        return Err(ApiError::forbidden(format!(
            "requires_entitlement needs the scope {}, which this key does not have",
            Scope::ReleaseGatesWrite
        )));
    }
    let trusted = match change.channel {
        Some(_) => Some(TrustedKeys::of(&ports, &before.product, None, &caller).await?),
        None => None,
    };
    let changes = change.checked(&before, trusted.as_ref())?;
    let (audit_id, event_id) = (ports.stamps.new_id(), ports.stamps.new_id());
    let changed =
        release_change::change(&ports.database, &actor, &id, &changes, &audit_id, &event_id);
    let (release, changed) = match changed.await? {
        ChangeOutcome::Changed(changed) => changed,
        ChangeOutcome::Unknown => return Err(ReleaseId::unknown()),
        ChangeOutcome::Refused(refusal) => return Err(refused(refusal)),
    };
    let written = write::manifests(&ports, &release.product).await?;
    let known = known_versions::load(&ports.database, &release.product).await?;
    let advice = advice::of(known, &release);
    let index = write::index_unless(&ports, &release.product, written).await?;
    Ok(Json(RecordedRelease {
        index,
        ..RecordedRelease::new(release, changed, written, advice)
    }))
}

fn refused(refusal: ReleaseRefusal) -> ApiError {
    ApiError::conflict(match refusal {
        ReleaseRefusal::FileNotSigned => {
            "signatures must have one for every file of the version, for the new channel; sign the files that are missing and send all signatures again"
        }
        ReleaseRefusal::KeyRemoved => {
            "signatures must be by the product's current release keys, which were changed; sign the files again and send all signatures"
        }
    })
}

impl ReleaseChange {
    /// The members that are sent, each inside its limits.
    fn checked(
        self,
        release: &Release,
        trusted: Option<&TrustedKeys>,
    ) -> Result<ReleaseChanges, ApiError> {
        if let Some(Some(yank)) = &self.yanked {
            text::check("yanked.reason", &yank.reason, MAX_NOTE_BYTES)?;
        }
        if let Some(Some(notes)) = &self.notes {
            check_notes(notes)?;
        }
        if let Some(Some(entitlement)) = &self.requires_entitlement {
            check_entitlement(entitlement)?;
        }
        let channel = match (self.channel.zip(trusted), self.signatures) {
            (Some((channel, trusted)), signatures) => {
                let channel: Channel = channel
                    .parse()
                    .map_err(|error| ApiError::bad_request(format!("channel {error}")))?;
                on_channel(&release.version, channel)?;
                let signatures = signatures.unwrap_or_default();
                Some((channel, signed(release, channel, signatures, trusted)?))
            }
            (None, Some(_)) => {
                return Err(ApiError::bad_request(
                    "signatures is only allowed together with channel",
                ));
            }
            (None, None) => None,
        };
        Ok(ReleaseChanges {
            channel,
            yank_reason: self.yanked.map(|yank| yank.map(|yank| yank.reason)),
            rollout_percent: self.rollout_percent.map(rollout).transpose()?,
            notes: self.notes,
            requires_entitlement: self.requires_entitlement,
            metadata: self.metadata.map(metadata).transpose()?,
        })
    }
}

/// The signatures by platform, each for its file on the new channel. That none
/// is missing is looked at by the statement that makes the change.
fn signed(
    release: &Release,
    channel: Channel,
    mut signatures: BTreeMap<String, String>,
    trusted: &TrustedKeys,
) -> Result<BTreeMap<String, NewSignature>, ApiError> {
    let mut checked = BTreeMap::new();
    for file in &release.files {
        let platform = file.platform.as_str();
        let Some(signature) = signatures.remove(platform) else {
            continue;
        };
        let file = Artifact {
            signature,
            ..file.clone()
        };
        agreement::check(&release.product, &release.version, channel, &file)
            .map_err(|error| ApiError::bad_request(format!("signatures.{platform}: {error}")))?;
        let signature = NewSignature {
            verified_by: trusted.verify(&format!("signatures.{platform}"), &file)?,
            signature: file.signature,
        };
        checked.insert(platform.to_owned(), signature);
    }
    match signatures.keys().next() {
        Some(platform) => Err(ApiError::bad_request(format!(
            "signatures must only name platforms of this release; {platform:?} is none"
        ))),
        None => Ok(checked),
    }
}
