//! The manifests of the release storage. Those that a download needs are kept
//! for a few seconds in each instance, so that a rush costs little more than
//! the files.

use keywright_domain::release::index::{MAX_INDEX_BYTES, ReleaseIndex, index_key};
use keywright_domain::release::manifest::{
    MAX_MANIFEST_BYTES, ManifestError, OlderManifest, ProductManifest, VersionManifest,
    product_key, version_key,
};
use keywright_domain::release::statement::Sha256Hex;
use keywright_domain::release::{Name, Version, is_reserved};
use keywright_domain::slug::Slug;
use keywright_ports::{ReleaseError, Releases, Stamps};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a manifest is kept, in milliseconds: as long as a change of the
/// gate may take to count everywhere.
const KEPT_MILLIS: u64 = 3_000;
/// Most manifests that are kept, so that memory stays bounded.
const MOST_KEPT: usize = 64;
/// Largest version manifest that is kept, in bytes of JSON.
const LARGEST_KEPT_BYTES: usize = 64 * 1024;

/// A version in the storage.
#[derive(Clone)]
pub(crate) enum StoredVersion {
    /// Laid out by its manifest.
    Listed(Arc<VersionManifest>),
    /// Laid out the older way, or not there at all: the files say.
    Older(OlderManifest),
}

impl StoredVersion {
    /// When it was built, in unix seconds.
    pub(crate) fn built_at(&self) -> Option<i64> {
        match self {
            Self::Listed(manifest) => Some(manifest.built_at_unix),
            Self::Older(older) => older.built_at,
        }
    }

    /// SHA-256 of the file of a platform, in hex.
    pub(crate) fn sha256(&self, platform: &str) -> Option<&str> {
        match self {
            Self::Listed(manifest) => Some(manifest.artifact(platform)?.sha256.as_str()),
            Self::Older(older) => older.digest(platform).map(Sha256Hex::as_str),
        }
    }

    /// The entitlement that it requires.
    pub(crate) fn requires_entitlement(&self) -> Option<&str> {
        match self {
            Self::Listed(manifest) => manifest.requires_entitlement.as_deref(),
            Self::Older(_) => None,
        }
    }
}

/// Manifests by product and version.
#[derive(Clone)]
pub(crate) struct ManifestCache {
    releases: Releases,
    stamps: Stamps,
    kept: Arc<Mutex<HashMap<String, CachedManifest>>>,
}

struct CachedManifest {
    until_millis: u64,
    manifest: Manifest,
}

#[derive(Clone)]
enum Manifest {
    Product(ProductManifest),
    Version(Arc<VersionManifest>),
    Index(Arc<ReleaseIndex>),
}

impl ManifestCache {
    pub(crate) fn new(releases: Releases, stamps: Stamps) -> Self {
        Self {
            releases,
            stamps,
            kept: Arc::default(),
        }
    }

    /// Who may download a product, as of the last few seconds.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub(crate) async fn gate(&self, product: &Slug) -> Result<ProductManifest, ReleaseError> {
        let key = product_key(product);
        if let Some(Manifest::Product(manifest)) = self.kept(&key) {
            return Ok(manifest);
        }
        let json = self.releases.read(&key, MAX_MANIFEST_BYTES).await?;
        let manifest = ProductManifest::read(json.as_deref());
        self.keep(key, Manifest::Product(manifest.clone()));
        Ok(manifest)
    }

    /// What a product offers, as of the last few seconds; `None` where nobody has
    /// written an index. One that is damaged counts as none: whoever changes
    /// something of the product writes it again.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub(crate) async fn index(
        &self,
        product: &Slug,
    ) -> Result<Option<Arc<ReleaseIndex>>, ReleaseError> {
        let key = index_key(product);
        if let Some(Manifest::Index(index)) = self.kept(&key) {
            return Ok(Some(index));
        }
        let json = self.releases.read(&key, MAX_INDEX_BYTES).await?;
        let index = json.and_then(|json| ReleaseIndex::read(&json, product));
        let index = index.map(Arc::new);
        if let Some(index) = &index {
            self.keep(key, Manifest::Index(index.clone()));
        }
        Ok(index)
    }

    /// A version as of the last few seconds. One that lacks `platform` is read
    /// again: it may have been published meanwhile.
    ///
    /// # Errors
    /// [`ReleaseError`], also for a manifest that is damaged.
    pub(crate) async fn version(
        &self,
        product: &Slug,
        version: &str,
        platform: Option<&str>,
    ) -> Result<StoredVersion, ReleaseError> {
        if let Some(Manifest::Version(manifest)) = self.kept(&version_key(product, version))
            && platform.is_none_or(|platform| manifest.artifact(platform).is_some())
        {
            return Ok(StoredVersion::Listed(manifest));
        }
        self.version_now(product, version).await
    }

    /// A version as it is now.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub(crate) async fn version_now(
        &self,
        product: &Slug,
        version: &str,
    ) -> Result<StoredVersion, ReleaseError> {
        let key = version_key(product, version);
        let Some(json) = self.releases.read(&key, MAX_MANIFEST_BYTES).await? else {
            return Ok(StoredVersion::Older(OlderManifest::default()));
        };
        match VersionManifest::read(&json, product, version) {
            Ok(manifest) => {
                let manifest = Arc::new(manifest);
                if json.len() <= LARGEST_KEPT_BYTES {
                    self.keep(key, Manifest::Version(manifest.clone()));
                }
                Ok(StoredVersion::Listed(manifest))
            }
            Err(ManifestError::Format) => Ok(StoredVersion::Older(OlderManifest::read(&json))),
            Err(error) => Err(ReleaseError(format!("{key}: {error}"))),
        }
    }

    /// The versions of a product, the newest first, then folders with other
    /// names; `None` where there is no such product.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub(crate) async fn versions(
        &self,
        product: &Slug,
    ) -> Result<Option<(Vec<Version>, Vec<Name>)>, ReleaseError> {
        let Some(listing) = self.releases.list(product.as_str()).await? else {
            return Ok(None);
        };
        let (mut versions, mut others) = (Vec::new(), Vec::new());
        let names = listing.folders.iter();
        for name in names.filter(|name| !is_reserved(name)) {
            if let Ok(version) = Version::parse(name) {
                versions.push(version);
            } else if let Ok(name) = Name::parse(name) {
                others.push(name);
            }
        }
        versions.sort_by(|a, b| Reverse(a).cmp(&Reverse(b)));
        Ok(Some((versions, others)))
    }

    fn kept(&self, key: &str) -> Option<Manifest> {
        let kept = self.all();
        let kept = kept.get(key)?;
        (self.stamps.now_millis() < kept.until_millis).then(|| kept.manifest.clone())
    }

    fn keep(&self, key: String, manifest: Manifest) {
        let until_millis = self.stamps.now_millis() + KEPT_MILLIS;
        let mut kept = self.all();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(
            key,
            CachedManifest {
                until_millis,
                manifest,
            },
        );
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, CachedManifest>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
