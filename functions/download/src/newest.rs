//! The newest versions of a product that somebody is offered: by the product's
//! index, or by its manifests where nobody has written an index. What one request
//! reads is bounded either way.

use crate::Ports;
use crate::manifest_cache::StoredVersion;
use futures_util::future::join_all;
use keywright_domain::release::index::{IndexedVersion, ReleaseIndex};
use keywright_domain::release::manifest::VersionManifest;
use keywright_domain::release::offer::Candidate;
use keywright_domain::release::{Channel, Version};
use keywright_domain::slug::Slug;
use keywright_ports::{Level, ReleaseError};
use std::sync::Arc;

/// Manifests that are read at once.
const AT_ONCE: usize = 8;
/// Most versions that are looked at without an index. Each costs one read, or
/// two where it is laid out the older way, so that a request stays below the 50
/// that a free plan of Workers allows.
const MOST_WITHOUT_INDEX: usize = 20;
/// How many versions more than are wanted are looked at with an index, because a
/// manifest may have changed since the index was written.
const SPARE: usize = 5;

/// What is looked for.
pub(crate) struct VersionSearch<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) product: &'a Slug,
    pub(crate) channel: Channel,
    /// Only versions that have this.
    pub(crate) having: RequiredContent<'a>,
    /// What the installation calls itself, for staged rollouts; without a name it is
    /// offered what everybody gets.
    pub(crate) client: Option<&'a str>,
    /// How many are wanted.
    pub(crate) most: usize,
}

/// What a version has to have.
#[derive(Clone, Copy)]
pub(crate) enum RequiredContent<'a> {
    /// A file for this platform.
    File(&'a str),
    /// A manifest, also an older one.
    Manifest,
    /// A manifest that lists its files.
    List,
}

/// The file that an older folder has in place of a manifest.
const OLDER_MANIFEST: &str = "MANIFEST.json";

/// A version that is offered.
pub(crate) struct OfferedVersion {
    pub(crate) version: Version,
    /// What it consists of, where its manifest says.
    pub(crate) manifest: Option<Arc<VersionManifest>>,
    /// The platforms whose files are offered; `None` for all.
    offered: Option<Vec<String>>,
}

impl OfferedVersion {
    /// Whether the file of a platform is offered.
    pub(crate) fn offers(&self, platform: &str) -> bool {
        let offered = self.offered.as_ref();
        offered.is_none_or(|files| files.iter().any(|file| file == platform))
    }
}

impl VersionSearch<'_> {
    /// The versions, newest first; `None` where there is no such product. A
    /// version whose manifest is damaged is logged and left out.
    ///
    /// # Errors
    /// [`ReleaseError`] when the product cannot be listed.
    pub(crate) async fn run(&self) -> Result<Option<Vec<OfferedVersion>>, ReleaseError> {
        match self.ports.manifests.index(self.product).await? {
            Some(index) => Ok(Some(self.by_index(&index).await)),
            None => self.by_manifests().await,
        }
    }

    async fn by_index(&self, index: &ReleaseIndex) -> Vec<OfferedVersion> {
        let fitting = index.versions.iter().filter(|indexed| {
            let has_it = match (indexed.older, self.having) {
                (_, RequiredContent::File(file)) => indexed.has(file),
                (true, RequiredContent::Manifest) => indexed.has(OLDER_MANIFEST),
                (false, RequiredContent::Manifest | RequiredContent::List) => true,
                (true, RequiredContent::List) => false,
            };
            has_it && self.takes(&indexed.candidate())
        });
        let fitting: Vec<&IndexedVersion> = fitting.take(self.most + SPARE).collect();
        let mut found = Vec::new();
        let mut rest = fitting.as_slice();
        while found.len() < self.most && !rest.is_empty() {
            let missing = self.most - found.len();
            let (now, later) = rest.split_at(missing.min(AT_ONCE).min(rest.len()));
            let confirmed = join_all(now.iter().map(|indexed| self.confirm(indexed))).await;
            found.extend(confirmed.into_iter().flatten());
            rest = later;
        }
        found
    }

    /// Looks whether a version's manifest still says what the index does.
    async fn confirm(&self, indexed: &IndexedVersion) -> Option<OfferedVersion> {
        let version = &indexed.version;
        let found = |manifest| OfferedVersion {
            version: version.clone(),
            manifest,
            offered: Some(indexed.files.clone()),
        };
        if indexed.older {
            return Some(found(None));
        }
        let manifests = &self.ports.manifests;
        match manifests
            .version(self.product, version.as_str(), None)
            .await
        {
            Ok(StoredVersion::Listed(manifest)) => {
                let has_it = match self.having {
                    RequiredContent::File(platform) => manifest.artifact(platform).is_some(),
                    RequiredContent::Manifest | RequiredContent::List => true,
                };
                (has_it && self.takes(&candidate(version, &manifest)))
                    .then(|| found(Some(manifest)))
            }
            Ok(StoredVersion::Older(_)) => None,
            Err(error) => {
                self.tell(&error);
                None
            }
        }
    }

    async fn by_manifests(&self) -> Result<Option<Vec<OfferedVersion>>, ReleaseError> {
        let Some((versions, _)) = self.ports.manifests.versions(self.product).await? else {
            return Ok(None);
        };
        // What a pre-release was published as does not matter on the stable
        // channel, so those need not be read.
        let may_be = |version: &Version| self.channel < Channel::Stable || !version.is_prerelease();
        let versions: Vec<Version> = versions.into_iter().filter(may_be).collect();
        let versions = &versions[..versions.len().min(MOST_WITHOUT_INDEX)];
        let mut found = Vec::new();
        // One at a time while one is enough: the newest nearly always is.
        let at_once = if self.most == 1 { 1 } else { AT_ONCE };
        let mut rest = versions;
        let mut take = at_once;
        while found.len() < self.most && !rest.is_empty() {
            let (now, later) = rest.split_at(take.min(rest.len()));
            let looked = join_all(now.iter().map(|version| self.look(version))).await;
            found.extend(looked.into_iter().flatten());
            (rest, take) = (later, AT_ONCE);
        }
        found.truncate(self.most);
        Ok(Some(found))
    }

    async fn look(&self, version: &Version) -> Option<OfferedVersion> {
        match self.offered(version).await {
            Ok(found) => found,
            Err(error) => {
                self.tell(&error);
                None
            }
        }
    }

    async fn offered(&self, version: &Version) -> Result<Option<OfferedVersion>, ReleaseError> {
        let name = version.as_str();
        let found = |manifest| OfferedVersion {
            version: version.clone(),
            manifest,
            offered: None,
        };
        match self.ports.manifests.version_now(self.product, name).await? {
            StoredVersion::Listed(manifest) => {
                let has_it = match self.having {
                    RequiredContent::File(platform) => manifest.artifact(platform).is_some(),
                    RequiredContent::Manifest | RequiredContent::List => true,
                };
                let takes = has_it && self.takes(&candidate(version, &manifest));
                Ok(takes.then(|| found(Some(manifest))))
            }
            StoredVersion::Older(_) => {
                let candidate = Candidate {
                    version,
                    channel: Channel::of_older(version),
                    yanked: false,
                    rollout_percent: 100,
                };
                let has_it = self.takes(&candidate)
                    && match self.having {
                        RequiredContent::File(file) => self.has_file(name, file).await?,
                        RequiredContent::Manifest => self.has_file(name, OLDER_MANIFEST).await?,
                        RequiredContent::List => false,
                    };
                Ok(has_it.then(|| found(None)))
            }
        }
    }

    /// Whether a version is on the channel and has reached the client.
    fn takes(&self, candidate: &Candidate<'_>) -> bool {
        candidate.is_on(self.channel) && candidate.has_reached(self.product.as_str(), self.client)
    }

    async fn has_file(&self, version: &str, file: &str) -> Result<bool, ReleaseError> {
        let key = format!("{}/{version}/{file}", self.product);
        Ok(self.ports.releases.stat(&key).await?.is_some())
    }

    fn tell(&self, error: &ReleaseError) {
        let line = error.to_string();
        self.ports.log.write(Level::Error, "", &line);
    }
}

fn candidate<'a>(version: &'a Version, manifest: &VersionManifest) -> Candidate<'a> {
    Candidate {
        version,
        channel: manifest.channel,
        yanked: manifest.yanked.is_some(),
        rollout_percent: manifest.rollout_percent,
    }
}
