//! The manifests in the releases folder, as JSON.
//!
//! `<product>/MANIFEST.json` says who may download ([`ProductManifest`]).
//! `<product>/<version>/MANIFEST.json` says what a version consists of
//! ([`VersionManifest`]); writing it is what publishes the version. Unknown
//! members are ignored, so that older programs read later manifests.

use super::statement::{FileName, Sha256Hex, Sha512Hex};
use super::{Channel, Platform, Version};
use crate::slug::Slug;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Largest manifest that is read, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 1024 * 1024;

/// The format of [`VersionManifest`] that this code writes and reads.
pub const FORMAT: u32 = 1;

/// Who may download a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductManifest {
    /// Whether a token is needed. Only a literal `false` opens a product.
    pub requires_license: bool,
    /// An entitlement that a token must have for any version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_entitlement: Option<String>,
}

impl ProductManifest {
    /// What counts without a manifest, or with one that cannot be read.
    pub const LICENSED: Self = Self {
        requires_license: true,
        requires_entitlement: None,
    };

    /// Reads a product's manifest; the gate stays shut when it cannot be read.
    #[must_use]
    pub fn read(json: Option<&[u8]>) -> Self {
        json.and_then(|json| serde_json::from_slice(json).ok())
            .unwrap_or(Self::LICENSED)
    }
}

/// What a version consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionManifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The product.
    pub product: Slug,
    /// The version.
    pub version: Version,
    /// How finished it is.
    pub channel: Channel,
    /// When it was built, in unix seconds; counts for a license's maintenance.
    pub built_at_unix: i64,
    /// When it was published, in unix seconds.
    pub published_at_unix: i64,
    /// The commit it was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_commit: Option<String>,
    /// What is new, for people; plain text or Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// An entitlement that a token must have for this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_entitlement: Option<String>,
    /// How many in a hundred installations the feeds offer it to.
    #[serde(default = "everybody")]
    pub rollout_percent: u8,
    /// Set when it is not offered any more; it can still be downloaded by its
    /// version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<Yanked>,
    /// The platform, digest and size of the only artifact, for installers that
    /// know nothing of several.
    #[serde(flatten, default)]
    pub only: Option<OnlyArtifact>,
    /// The files, sorted by platform.
    pub artifacts: Vec<Artifact>,
    /// What the feeds of certain updaters need; see the documentation of each.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// Why and since when a version is not offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yanked {
    /// Unix seconds.
    pub at_unix: i64,
    /// For people; may be empty.
    pub reason: String,
}

/// The members of a manifest with one artifact that older installers read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnlyArtifact {
    /// The platform.
    pub platform: Platform,
    /// SHA-256 of the file.
    pub sha256: Sha256Hex,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// One file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// What it runs on.
    pub platform: Platform,
    /// The name it is saved under.
    pub file_name: FileName,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes; the key they are stored under.
    pub sha256: Sha256Hex,
    /// SHA-512 of its bytes.
    pub sha512: Sha512Hex,
    /// The vendor's signature: a whole file that
    /// [`DetachedSignature`](super::signature::DetachedSignature) reads.
    pub signature: String,
}

const fn everybody() -> u8 {
    100
}

/// Why a version's manifest is not used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not of [`FORMAT`]: of an older server, or of a later one.
    #[error("the manifest is not of format {FORMAT}")]
    Format,
    /// It says so itself, and is damaged.
    #[error("the manifest cannot be read: {0}")]
    Unreadable(serde_json::Error),
    /// It belongs to another folder.
    #[error("the manifest is that of {product} {version}")]
    Misplaced {
        /// The product it names.
        product: Slug,
        /// The version it names.
        version: Version,
    },
}

impl VersionManifest {
    /// Reads the manifest found in the folder of `version` of `product`.
    ///
    /// # Errors
    /// [`ManifestError`]. Only [`ManifestError::Format`] means that the folder
    /// is laid out the older way.
    pub fn read(json: &[u8], product: &Slug, version: &str) -> Result<Self, ManifestError> {
        /// Looked at first: a manifest of another format has other members.
        #[derive(Deserialize)]
        struct Format {
            #[serde(default)]
            format: Option<u32>,
        }
        let format: Result<Format, _> = serde_json::from_slice(json);
        if !format.is_ok_and(|found| found.format == Some(FORMAT)) {
            return Err(ManifestError::Format);
        }
        let manifest: Self = serde_json::from_slice(json).map_err(ManifestError::Unreadable)?;
        if manifest.product == *product && manifest.version.as_str() == version {
            Ok(manifest)
        } else {
            Err(ManifestError::Misplaced {
                product: manifest.product,
                version: manifest.version,
            })
        }
    }

    /// The manifest with its artifacts sorted, and its older members set as
    /// their number wants it.
    #[must_use]
    pub fn arranged(mut self) -> Self {
        self.artifacts.sort_by(|a, b| a.platform.cmp(&b.platform));
        self.only = match self.artifacts.as_slice() {
            [one] => Some(OnlyArtifact {
                platform: one.platform.clone(),
                sha256: one.sha256.clone(),
                size_bytes: one.size_bytes,
            }),
            _ => None,
        };
        self
    }

    /// The file for a platform.
    #[must_use]
    pub fn artifact(&self, platform: &str) -> Option<&Artifact> {
        self.artifacts
            .iter()
            .find(|artifact| artifact.platform.as_str() == platform)
    }
}

/// What counts of a manifest of the older layout, whose form was never settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OlderManifest {
    /// When it was built, in unix seconds.
    pub built_at: Option<i64>,
    /// The digest of the file of each platform; of every file where the platform is not
    /// said.
    digests: Vec<(Option<String>, Sha256Hex)>,
}

impl OlderManifest {
    /// Reads a manifest that is not of [`FORMAT`]. What is not understood is left out.
    /// Three forms say digests: `sha256` of the file of `platform`, `sha256` by platform,
    /// and `artifacts` with both.
    #[must_use]
    pub fn read(json: &[u8]) -> Self {
        let Ok(Value::Object(members)) = serde_json::from_slice(json) else {
            return Self::default();
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let digest = |value: Option<&Value>| {
            let hex = value?.as_str()?.to_ascii_lowercase();
            Sha256Hex::parse(&hex)
        };
        let mut digests = Vec::new();
        match members.get("sha256") {
            Some(Value::Object(files)) => {
                digests.extend(files.iter().filter_map(|(platform, value)| {
                    Some((Some(platform.clone()), digest(Some(value))?))
                }));
            }
            sha256 => {
                let platform = text(members.get("platform"));
                digests.extend(digest(sha256).map(|digest| (platform, digest)));
            }
        }
        let artifacts = members.get("artifacts").and_then(Value::as_array);
        digests.extend(artifacts.into_iter().flatten().filter_map(|artifact| {
            let platform = text(artifact.get("platform"))?;
            Some((Some(platform), digest(artifact.get("sha256"))?))
        }));
        Self {
            built_at: members.get("built_at_unix").and_then(Value::as_i64),
            digests,
        }
    }

    /// The digest of the file of a platform.
    #[must_use]
    pub fn digest(&self, platform: &str) -> Option<&Sha256Hex> {
        let mut digests = self.digests.iter();
        let found = digests.find(|(of, _)| of.as_ref().is_none_or(|of| of == platform));
        found.map(|(_, digest)| digest)
    }
}

/// Where the manifest of a product is kept.
#[must_use]
pub fn product_key(product: &Slug) -> String {
    format!("{product}/MANIFEST.json")
}

/// Where the manifest of a version is kept. `version` is a
/// [`Name`](super::Name) or a [`Version`].
#[must_use]
pub fn version_key(product: &Slug, version: &str) -> String {
    format!("{product}/{version}/MANIFEST.json")
}

/// Where bytes of a product are kept: by their digest, so that what is
/// published cannot be overwritten and what is uploaded is seen by nobody until
/// a manifest lists it. No name of a version begins with a dot.
#[must_use]
pub fn content_key(product: &Slug, sha256: &Sha256Hex) -> String {
    format!("{product}/.files/{sha256}")
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
