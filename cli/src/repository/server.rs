//! The operator's routes for releases, and their answers.

use super::client::{Client, Payload};
use super::types::{Publication, PublishedVersion, ReleaseKeys, VersionChange, VersionOutcome};
use crate::error::CliError;
use keywright_domain::dates::{parse_rfc3339, rfc3339};
use keywright_domain::release::advice::Advice;
use keywright_domain::release::manifest::{
    Artifact, FORMAT, ProductManifest, VersionManifest, Yanked,
};
use keywright_domain::release::{Channel, ReleaseIndex, Version};
use keywright_domain::slug::Slug;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What a server did with a file of a product.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct FileOutcome {
    /// True when the file is different from before.
    pub(super) changed: bool,
    /// True when the server has written the file where it serves it from.
    pub(super) written: bool,
}

impl Client {
    /// A published version; `None` when it is not published.
    pub(super) fn find(
        &self,
        product: &Slug,
        version: &Version,
    ) -> Result<Option<PublishedVersion>, CliError> {
        let path = format!(
            "/v1/admin/releases?product={product}&version={}",
            encoded(version.as_str())
        );
        let page: ReleasePage = self.call("GET", &path, &Payload::None)?;
        page.releases
            .into_iter()
            .next()
            .map(PublishedVersion::try_from)
            .transpose()
    }

    /// Every published version, newest first.
    pub(super) fn list(
        &self,
        product: Option<&Slug>,
        channel: Option<Channel>,
    ) -> Result<Vec<VersionManifest>, CliError> {
        let product = product.map(|product| format!("&product={product}"));
        let channel = channel.map(|channel| format!("&channel={channel}"));
        let filter = product.unwrap_or_default() + &channel.unwrap_or_default();
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/admin/releases?limit=200{filter}{cursor}");
            let page: ReleasePage = self.call("GET", &path, &Payload::None)?;
            for release in page.releases {
                all.push(PublishedVersion::try_from(release)?.manifest);
            }
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={}", encoded(&next)),
                None => return Ok(all),
            }
        }
    }

    pub(super) fn publish(&self, new: &Publication) -> Result<VersionOutcome, CliError> {
        let body = json!({
            "product": new.product, "version": new.version, "channel": new.channel,
            "notes": new.notes, "source_commit": new.source_commit,
            "requires_entitlement": new.requires_entitlement,
            "rollout_percent": new.rollout_percent, "metadata": new.metadata,
            "built_at": new.built_at.map(rfc3339), "files": new.artifacts,
            "release_key": new.release_key,
        });
        let answer: VersionAnswer =
            self.call("POST", "/v1/admin/releases", &Payload::Json(&body))?;
        Ok(answer.into())
    }

    pub(super) fn change(
        &self,
        published: &PublishedVersion,
        change: &VersionChange,
    ) -> Result<VersionOutcome, CliError> {
        let mut body = Map::new();
        if let Some((channel, signatures)) = &change.channel {
            body.insert("channel".to_owned(), json!(channel));
            body.insert("signatures".to_owned(), json!(signatures));
        }
        if let Some(reason) = &change.yank_reason {
            let yanked = reason.as_ref().map(|reason| json!({ "reason": reason }));
            body.insert("yanked".to_owned(), json!(yanked));
        }
        if let Some(percent) = change.rollout_percent {
            body.insert("rollout_percent".to_owned(), json!(percent));
        }
        if let Some(metadata) = &change.metadata {
            body.insert("metadata".to_owned(), json!(metadata));
        }
        let path = format!(
            "/v1/admin/releases/{}",
            published.id.as_deref().unwrap_or_default()
        );
        let answer: VersionAnswer = self.call("PATCH", &path, &Payload::Json(&body.into()))?;
        Ok(answer.into())
    }

    /// Sets who may download a product.
    pub(super) fn set_gate(
        &self,
        product: &Slug,
        gate: &ProductManifest,
    ) -> Result<FileOutcome, CliError> {
        let path = format!("/v1/admin/releases/gate/{product}");
        self.call("PUT", &path, &Payload::Json(&json!(gate)))
    }

    /// Publishes the install script of a product.
    pub(super) fn set_installer(
        &self,
        product: &Slug,
        script: &str,
    ) -> Result<FileOutcome, CliError> {
        let path = format!("/v1/admin/releases/installer/{product}");
        let body = json!({ "script": script });
        self.call("PUT", &path, &Payload::Json(&body))
    }

    /// The public release keys of a product.
    pub(super) fn keys(&self, product: &Slug) -> Result<Vec<String>, CliError> {
        #[derive(Deserialize)]
        struct KeysAnswer {
            public_keys: Vec<String>,
        }
        let path = format!("/v1/admin/releases/keys/{product}");
        let answer: KeysAnswer = self.call("GET", &path, &Payload::None)?;
        Ok(answer.public_keys)
    }

    pub(super) fn set_keys(
        &self,
        product: &Slug,
        keys: &[String],
    ) -> Result<ReleaseKeys, CliError> {
        let path = format!("/v1/admin/releases/keys/{product}");
        let body = json!({ "public_keys": keys });
        self.call("PUT", &path, &Payload::Json(&body))
    }
}

/// Escapes `+`, the only character of versions and cursors that a query needs escaped.
fn encoded(word: &str) -> String {
    word.replace('+', "%2B")
}

#[derive(Deserialize)]
struct VersionAnswer {
    manifest: VersionManifest,
    changed: bool,
    written: bool,
    ignored: Vec<String>,
    /// Nothing from an instance before it told this.
    #[serde(flatten)]
    advice: Option<Advice>,
    #[serde(default)]
    index: Option<ReleaseIndex>,
}

impl From<VersionAnswer> for VersionOutcome {
    fn from(answer: VersionAnswer) -> Self {
        Self {
            manifest: answer.manifest,
            changed: answer.changed,
            ignored: answer.ignored,
            advice: answer.advice.unwrap_or_default(),
            written: answer.written,
            index: answer.index,
        }
    }
}

#[derive(Deserialize)]
struct ReleasePage {
    releases: Vec<ReleaseRow>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct ReleaseRow {
    id: String,
    product: Slug,
    version: Version,
    channel: Channel,
    notes: Option<String>,
    source_commit: Option<String>,
    requires_entitlement: Option<String>,
    rollout_percent: u8,
    metadata: Map<String, Value>,
    built_at: String,
    published_at: String,
    yanked_at: Option<String>,
    yank_reason: Option<String>,
    files: Vec<Artifact>,
}

impl TryFrom<ReleaseRow> for PublishedVersion {
    type Error = CliError;

    fn try_from(row: ReleaseRow) -> Result<Self, CliError> {
        let time = |text: &str| {
            parse_rfc3339(text)
                .map_err(|error| CliError::failed(format!("the server's answer: {error}")))
        };
        let reason = row.yank_reason.unwrap_or_default();
        let yanked = row.yanked_at.as_deref().map(time).transpose()?;
        let manifest = VersionManifest {
            format: FORMAT,
            product: row.product,
            version: row.version,
            channel: row.channel,
            built_at_unix: time(&row.built_at)?,
            published_at_unix: time(&row.published_at)?,
            source_commit: row.source_commit,
            notes: row.notes,
            requires_entitlement: row.requires_entitlement,
            rollout_percent: row.rollout_percent,
            yanked: yanked.map(|at_unix| Yanked { at_unix, reason }),
            only: None,
            artifacts: row.files,
            metadata: row.metadata,
        };
        Ok(Self {
            id: Some(row.id),
            manifest: manifest.arranged(),
        })
    }
}
