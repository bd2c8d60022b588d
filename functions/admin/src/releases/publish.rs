//! `POST /v1/admin/releases`: publishes a version, or more files of one.

use super::keys::TrustedKeys;
use super::view::RecordedRelease;
use super::{
    advice, check_entitlement, check_notes, metadata, on_channel, product, release_key, rollout,
    unknown_product, write,
};
use crate::{Operator, Ports};
use axum::Extension;
use keywright_domain::access::Caller;
use keywright_domain::dates::check_past;
use keywright_domain::release::manifest::{Artifact, content_key};
use keywright_domain::release::statement::{FileName, Sha256Hex, Sha512Hex};
use keywright_domain::release::{Channel, Platform, ReleaseKey, Version, agreement};
use keywright_domain::slug::Slug;
use keywright_store::releases::known_versions;
use keywright_store::releases::publication::{
    self, MAX_FILES, NewRelease, PublicationIds, PublishOutcome, SignedFile,
};
use keywright_store::releases::versions::Release;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Most files of one request: each is looked for in the release storage.
const MOST: usize = 16;
/// Longest `source_commit`, in bytes.
const MAX_COMMIT_BYTES: usize = 200;

/// A version, or more files of one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Publication {
    /// Slug of the product.
    product: String,
    /// 1 to 4 numbers, then optionally `-pre.release` and `+build`.
    #[schema(example = "1.2.0")]
    version: String,
    /// `stable`, `rc`, `beta`, `alpha` or `dev`. A pre-release is not `stable`.
    #[schema(pattern = "^(stable|rc|beta|alpha|dev)$")]
    channel: String,
    /// What is new, at most 50000 bytes.
    #[schema(max_length = 50_000)]
    notes: Option<String>,
    /// The commit it was built from.
    #[schema(max_length = 200)]
    source_commit: Option<String>,
    /// An entitlement that a token must have for this version.
    #[schema(max_length = 255)]
    requires_entitlement: Option<String>,
    /// To how many in a hundred installations the feeds offer it; 100 where
    /// it is left out.
    #[schema(minimum = 0, maximum = 100)]
    rollout_percent: Option<u8>,
    /// What the feeds of certain updaters need, at most 20000 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// When it was built, RFC 3339; now where it is left out.
    #[schema(format = DateTime)]
    built_at: Option<String>,
    /// Its files, uploaded before: 1 to 16.
    #[schema(min_items = 1, max_items = 16)]
    files: Vec<ReleaseFileInput>,
    /// The public release key that signed the files, as minisign writes it. Sent
    /// with `ADMIN_KEY` for a product that has no release key, it becomes the
    /// product's key. Otherwise it counts for nothing.
    release_key: Option<String>,
}

/// One file to publish.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseFileInput {
    /// A Rust target triple or `any`; with `.deb`, `.tar.gz` … behind it for a
    /// second file of a platform.
    #[schema(example = "x86_64-unknown-linux-gnu")]
    platform: String,
    /// The name it is saved under.
    #[schema(max_length = 200)]
    file_name: String,
    /// Its size in bytes.
    size_bytes: u64,
    /// SHA-256 in hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    /// SHA-512 in hex.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    sha512: String,
    /// The whole signature file. Its trusted comment states the product, the
    /// version, the channel, the platform, and the file's name, size and
    /// SHA-256, and a release key of the product has signed that.
    #[schema(max_length = 10_240)]
    signature: String,
}

/// Publishes a version, or more files of one. All of the files, or none. What
/// is published stays: publishing the same bytes again succeeds and changes
/// nothing, other bytes for a platform are 409. The version's own members are
/// those of its first publication. A file that none of the product's release keys
/// has signed is 422 `untrusted_signature`; a product that has no release key is
/// 409 `no_release_key`. A version that the feed of an updater would pass over is 422
/// `unusable_for_updater` if the product's metadata names that updater in `updaters`, or
/// the version has metadata for it; otherwise the answer says so in `skipped_by` and
/// `notices`, which also say whether the version is the newest of its channel. 503 `storage_unavailable` says that it is
/// recorded and not visible yet; sending it again makes it so.
#[utoipa::path(
    post,
    path = "/v1/admin/releases",
    operation_id = "publishRelease",
    tag = "releases",
    request_body = Publication,
    responses(
        (status = 200, description = "The version as it now is.", body = RecordedRelease),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    Extension(caller): Extension<Caller>,
    publication: Result<Json<Publication>, ApiError>,
) -> Result<Json<RecordedRelease>, ApiError> {
    let (mut new, artifacts, sent_key) = publication?.0.checked()?;
    let trusted = TrustedKeys::of(&ports, &new.product, sent_key, &caller).await?;
    for (at, artifact) in artifacts.into_iter().enumerate() {
        let verified_by = trusted.verify(&format!("files[{at}]"), &artifact)?;
        new.files.push(SignedFile {
            artifact,
            verified_by,
        });
    }
    new.first_key = trusted.first;
    let known = known_versions::load(&ports.database, &new.product).await?;
    advice::check_declared(&known, &new)?;
    uploaded(&ports, &new).await?;
    let ids = PublicationIds {
        key_audit: ports.stamps.new_id(),
        release: ports.stamps.new_id(),
        audit: ports.stamps.new_id(),
        event: ports.stamps.new_id(),
    };
    let outcome = publication::publish(&ports.database, &actor, &new, &ids).await?;
    let (release, changed) = match outcome {
        PublishOutcome::Published { release, changed } => (*release, changed),
        refused => return Err(refusal(&new, &refused)),
    };
    let written = write::manifests(&ports, &new.product).await?;
    let ignored = ignored(&new, &release);
    let advice = advice::of(known, &release);
    let index = write::index_unless(&ports, &new.product, written).await?;
    Ok(Json(RecordedRelease {
        ignored,
        index,
        ..RecordedRelease::new(release, changed, written, advice)
    }))
}

/// Whether the storage has the bytes. A host that cannot write leaves them to
/// whoever fills the folder.
async fn uploaded(ports: &Ports, new: &NewRelease) -> Result<(), ApiError> {
    let Some(writer) = &ports.releases else {
        return Ok(());
    };
    for file in new.files.iter().map(|file| &file.artifact) {
        let size = writer
            .size(&content_key(&new.product, &file.sha256))
            .await?;
        if size != Some(file.size_bytes) {
            return Err(ApiError::conflict(format!(
                "the file for {} ({} bytes) is not uploaded; start with POST /v1/admin/releases/uploads",
                file.platform, file.size_bytes
            )));
        }
    }
    Ok(())
}

/// The answer to a publication that the database refused.
fn refusal(new: &NewRelease, outcome: &PublishOutcome) -> ApiError {
    let (product, version) = (&new.product, &new.version);
    let text = match outcome {
        PublishOutcome::Published { .. } | PublishOutcome::UnknownProduct => {
            return unknown_product(product);
        }
        PublishOutcome::KeysChanged => {
            "the release keys were changed meanwhile; send the same request again".to_owned()
        }
        PublishOutcome::OtherChannel(release) => format!(
            "{product} {version} is published on {}; move it with `keywright release promote`, or publish on that channel",
            release.channel
        ),
        PublishOutcome::OtherEntitlement(release) => format!(
            "requires_entitlement of {product} {version} is {}; leave the member out, or change it with PATCH /v1/admin/releases/{}",
            release.requires_entitlement.as_deref().unwrap_or("null"),
            release.id
        ),
        PublishOutcome::OtherBytes { platform } => format!(
            "{product} {version} is published for {platform} with other bytes, which cannot be replaced; publish these as a new version"
        ),
        PublishOutcome::TooManyFiles => format!("a version can have at most {MAX_FILES} files"),
    };
    ApiError::conflict(text)
}

/// Members that were sent, and are recorded otherwise.
fn ignored(new: &NewRelease, release: &Release) -> Vec<&'static str> {
    /// Whether something was sent and something else is recorded.
    fn differs<T: PartialEq>(sent: Option<&T>, recorded: Option<&T>) -> bool {
        sent.is_some() && sent != recorded
    }
    let commit = release.source_commit.as_ref();
    let all = [
        ("notes", differs(new.notes.as_ref(), release.notes.as_ref())),
        ("source_commit", differs(new.source_commit.as_ref(), commit)),
        (
            "rollout_percent",
            differs(new.rollout_percent.as_ref(), Some(&release.rollout_percent)),
        ),
        (
            "metadata",
            differs(new.metadata.as_ref(), Some(&release.metadata)),
        ),
        (
            "built_at",
            differs(new.built_at.as_ref(), Some(&release.built_at)),
        ),
    ];
    let differing = all.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(member, _)| member).collect()
}

impl Publication {
    /// Each member inside its limits, and each signature for what is published.
    /// Answers the version without its files, the files, and the key that was sent.
    fn checked(self) -> Result<(NewRelease, Vec<Artifact>, Option<ReleaseKey>), ApiError> {
        let bad = |member: &str, error: &dyn std::fmt::Display| {
            ApiError::bad_request(format!("{member} {error}"))
        };
        let product = product(&self.product)?;
        let version = Version::parse(&self.version).map_err(|error| bad("version", &error))?;
        let channel: Channel = self
            .channel
            .parse()
            .map_err(|error| bad("channel", &error))?;
        on_channel(&version, channel)?;
        self.notes.as_deref().map_or(Ok(()), check_notes)?;
        if let Some(commit) = &self.source_commit {
            crate::text::check("source_commit", commit, MAX_COMMIT_BYTES)?;
        }
        if let Some(entitlement) = &self.requires_entitlement {
            check_entitlement(entitlement)?;
        }
        let rollout_percent = self.rollout_percent.map(rollout).transpose()?;
        let built_at = self
            .built_at
            .as_deref()
            .map(|text| crate::text::time("built_at", text))
            .transpose()?
            .map(check_past)
            .transpose()
            .map_err(|error| ApiError::bad_request(format!("built_at {error}")))?;
        let files = files(self.files, &product, &version, channel)?;
        let key = self.release_key.as_deref().map(release_key).transpose();
        let key = key.map_err(|error| bad("release_key", &error))?;
        let new = NewRelease {
            product,
            version,
            channel,
            notes: self.notes,
            source_commit: self.source_commit,
            requires_entitlement: self.requires_entitlement,
            rollout_percent,
            metadata: self.metadata.map(metadata).transpose()?,
            built_at,
            files: Vec::new(),
            first_key: None,
        };
        Ok((new, files, key))
    }
}

fn files(
    files: Vec<ReleaseFileInput>,
    product: &Slug,
    version: &Version,
    channel: Channel,
) -> Result<Vec<Artifact>, ApiError> {
    if !(1..=MOST).contains(&files.len()) {
        return Err(ApiError::bad_request(format!(
            "files must list 1 to {MOST} files; publish more with another request"
        )));
    }
    let mut platforms = BTreeSet::new();
    let mut artifacts = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let bad =
            |error: &dyn std::fmt::Display| ApiError::bad_request(format!("files[{at}]: {error}"));
        let artifact = file.checked();
        let artifact =
            artifact.map_err(|error| ApiError::bad_request(format!("files[{at}].{error}")))?;
        agreement::check(product, version, channel, &artifact).map_err(|error| bad(&error))?;
        if !platforms.insert(artifact.platform.clone()) {
            return Err(bad(&format!("{} is listed twice", artifact.platform)));
        }
        artifacts.push(artifact);
    }
    Ok(artifacts)
}

impl ReleaseFileInput {
    fn checked(self) -> Result<Artifact, String> {
        let size = i64::try_from(self.size_bytes).ok().filter(|size| *size > 0);
        Ok(Artifact {
            platform: Platform::parse(&self.platform)
                .map_err(|error| format!("platform {error}"))?,
            file_name: FileName::try_from(self.file_name)?,
            size_bytes: size
                .map(i64::cast_unsigned)
                .ok_or("size_bytes must be at least 1")?,
            sha256: Sha256Hex::try_from(self.sha256).map_err(|error| format!("sha256 {error}"))?,
            sha512: Sha512Hex::try_from(self.sha512).map_err(|error| format!("sha512 {error}"))?,
            signature: self.signature,
        })
    }
}
