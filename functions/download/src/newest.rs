//! The newest versions of a product that somebody is offered.

use crate::Ports;
use crate::shelf::Shelved;
use futures_util::future::join_all;
use keywright_domain::release::offer::Candidate;
use keywright_domain::release::{Channel, Version};
use keywright_domain::slug::Slug;
use keywright_edge::ports::{Level, ReleaseError};

/// Manifests that are read at once.
const AT_ONCE: usize = 8;
/// Most manifests that are read for one request: whoever publishes a
/// pre-release an hour has a stable release within a week.
const MOST_READ: usize = 200;

/// What is looked for.
pub(crate) struct Search<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) product: &'a Slug,
    pub(crate) channel: Channel,
    /// Only versions that have this.
    pub(crate) having: Having<'a>,
    /// Only what a staged rollout has reached, for this client; `None` is
    /// everything.
    pub(crate) rollout: Option<Option<&'a str>>,
    /// How many are wanted.
    pub(crate) most: usize,
}

/// What a version has to have.
#[derive(Clone, Copy)]
pub(crate) enum Having<'a> {
    /// A file for this platform.
    File(&'a str),
    /// A manifest, also an older one.
    Manifest,
    /// A manifest that lists its files.
    List,
}

/// A version that is offered.
pub(crate) type Found = (Version, Shelved);

impl Search<'_> {
    /// The versions, newest first; `None` where there is no such product. A
    /// version whose manifest is damaged is told in the log and left out.
    ///
    /// # Errors
    /// [`ReleaseError`] when the product cannot be listed.
    pub(crate) async fn run(&self) -> Result<Option<Vec<Found>>, ReleaseError> {
        let Some((versions, _)) = self.ports.shelf.versions(self.product).await? else {
            return Ok(None);
        };
        // What a pre-release was published as does not matter on the stable
        // channel, so those need not be read.
        let may_be = |version: &Version| self.channel < Channel::Stable || !version.is_prerelease();
        let versions: Vec<Version> = versions.into_iter().filter(may_be).collect();
        let versions = &versions[..versions.len().min(MOST_READ)];
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

    async fn look(&self, version: &Version) -> Option<Found> {
        match self.offered(version).await {
            Ok(shelved) => Some((version.clone(), shelved?)),
            Err(error) => {
                let line = error.to_string();
                self.ports.log.write(Level::Error, "", &line);
                None
            }
        }
    }

    async fn offered(&self, version: &Version) -> Result<Option<Shelved>, ReleaseError> {
        let name = version.as_str();
        let shelved = self.ports.shelf.version_now(self.product, name).await?;
        let candidate = match &shelved {
            Shelved::Listed(manifest) => Candidate {
                version,
                channel: manifest.channel,
                yanked: manifest.yanked.is_some(),
                rollout_percent: manifest.rollout_percent,
            },
            Shelved::Older { .. } => Candidate {
                version,
                channel: Channel::of_older(version),
                yanked: false,
                rollout_percent: 100,
            },
        };
        let reached = self
            .rollout
            .is_none_or(|client| candidate.has_reached(self.product.as_str(), client));
        if !candidate.is_on(self.channel) || !reached {
            return Ok(None);
        }
        let has_it = match (&shelved, self.having) {
            (Shelved::Listed(manifest), Having::File(platform)) => {
                manifest.artifact(platform).is_some()
            }
            (Shelved::Listed(_), Having::Manifest | Having::List) => true,
            (Shelved::Older { .. }, Having::File(file)) => self.has_file(name, file).await?,
            (Shelved::Older { .. }, Having::Manifest) => {
                self.has_file(name, "MANIFEST.json").await?
            }
            (Shelved::Older { .. }, Having::List) => false,
        };
        Ok(has_it.then_some(shelved))
    }

    async fn has_file(&self, version: &str, file: &str) -> Result<bool, ReleaseError> {
        let key = format!("{}/{version}/{file}", self.product);
        Ok(self.ports.releases.stat(&key).await?.is_some())
    }
}
