//! Releases as feeds offer them: everything of a product that somebody who
//! follows a channel may be told of, with who asks, in one round trip.

use crate::columns;
use crate::releases::release_keys::is_offered;
use keywright_domain::release::gate::{DownloadRights, good_until};
use keywright_domain::release::manifest::Artifact;
use keywright_domain::release::updaters::{Listed, Updater};
use keywright_domain::release::{Channel, DownloadId, Platform, Version};
use keywright_domain::slug::Slug;
use keywright_domain::standing::{CurrentKey, LicenseStatus};
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A product and what may be offered of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Feed {
    /// Id of the product.
    pub product_id: String,
    /// Its slug.
    pub product: Slug,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Whether a license is needed to download it.
    #[serde(deserialize_with = "columns::flag")]
    pub requires_license: bool,
    /// An entitlement that every version asks for.
    pub requires_entitlement: Option<String>,
    /// Every version on the channels asked for that is published whole and not
    /// yanked.
    #[serde(deserialize_with = "columns::json")]
    pub heads: Vec<Head>,
    /// The last two of each channel, whole; usually one of them is listed.
    #[serde(deserialize_with = "columns::json")]
    recent: Vec<Release>,
    /// Who asks, where that is known and recorded.
    #[serde(deserialize_with = "columns::optional_json")]
    pub holder: Option<Holder>,
}

/// What decides whether a version is offered.
#[derive(Debug, Clone, Deserialize)]
pub struct Head {
    /// Id of the release.
    pub id: String,
    /// The version.
    pub version: Version,
    /// Its channel.
    pub channel: Channel,
    /// How many in a hundred installations are offered it.
    pub rollout_percent: u8,
    /// When it was built, in unix seconds.
    pub built_at: i64,
    /// An entitlement that it asks for.
    pub requires_entitlement: Option<String>,
    /// What the metadata has for the updater that was asked for, without what it tells
    /// people: a member of the updater's name.
    pub metadata: Map<String, Value>,
    /// Its files.
    pub files: Vec<Listed>,
}

/// A version whole.
#[derive(Debug, Clone, Deserialize)]
pub struct Release {
    /// Id of the release.
    pub id: String,
    /// The version.
    pub version: Version,
    /// Its channel.
    pub channel: Channel,
    /// How many in a hundred installations are offered it.
    pub rollout_percent: u8,
    /// What is new, for people.
    pub notes: Option<String>,
    /// What the feeds of certain updaters need.
    pub metadata: Map<String, Value>,
    /// Unix seconds.
    pub published_at: i64,
    /// Its files, sorted by platform.
    pub files: Vec<Artifact>,
}

/// The license of who asks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Holder {
    /// Id of the license.
    pub license_id: String,
    /// Its product.
    pub product_id: String,
    /// Slug of its product.
    pub product: String,
    /// Its state, as the credential sees it that it was looked up by.
    pub status: LicenseStatus,
    /// Its current key.
    pub key_issued_at: CurrentKey,
    /// Unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// The last second of included updates, in unix seconds; `None` includes
    /// every version.
    pub maintenance_until: Option<i64>,
    /// What it grants.
    pub entitlements: Vec<String>,
}

/// By what a holder is looked up.
#[derive(Debug, Clone, Copy)]
pub enum Asking<'a> {
    /// Nobody in particular.
    Anybody,
    /// By a key or token of a license; one that was replaced sees a revoked license.
    License {
        /// Id of the license.
        id: &'a str,
        /// The issue time of the key or token, in unix seconds, where it has one.
        issued_at: Option<i64>,
    },
    /// By its download id.
    DownloadId(&'a DownloadId),
}

/// Releases that may be told of: not yanked, and with a manifest in the release
/// storage, without which a download would find nothing. Of their files, those
/// that verified ([`crate::releases::release_keys`]).
macro_rules! published {
    () => {
        "product_id = p.id AND yanked_at IS NULL AND written_revision > 0"
    };
}

/// The members of [`Release`], of a release `r`.
macro_rules! whole {
    () => {
        concat!(
            "json_object('id', r.id, 'version', r.version, 'channel', r.channel,
                     'rollout_percent', r.rollout_percent, 'notes', r.notes,
                     'metadata', json(r.metadata), 'published_at', r.published_at,
                     'files', json((SELECT json_group_array(json_object(
                                'platform', f.platform, 'file_name', f.file_name,
                                'size_bytes', f.size, 'sha256', f.sha256, 'sha512', f.sha512,
                                'signature', f.signature))
                              FROM (SELECT * FROM release_files WHERE release_id = r.id
                                    ORDER BY platform) AS f
                              WHERE ",
            is_offered!(),
            ")))"
        )
    };
}

const FEED: &str = concat!(
    "SELECT p.id AS product_id, p.slug AS product, p.name, p.description,
            coalesce(g.requires_license, 1) AS requires_license, g.requires_entitlement,
            (SELECT json_group_array(json_object(
                      'id', r.id, 'version', r.version, 'channel', r.channel,
                      'rollout_percent', r.rollout_percent, 'built_at', r.built_at,
                      'requires_entitlement', r.requires_entitlement,
                      'metadata', CASE WHEN ?5 IS NULL THEN json('{}') ELSE json_object(?5, json(
                          json_remove(r.metadata -> ('$.' || ?5), '$.name', '$.description',
                                      '$.infourl', '$.changelogurl', '$.maintainer',
                                      '$.maintainerurl', '$.link', '$.release_notes_link'))) END,
                      'files', json((SELECT json_group_array(json_object(
                                  'platform', f.platform, 'file_name', f.file_name))
                                FROM release_files f WHERE f.release_id = r.id AND ",
    is_offered!(),
    "))))
             FROM (SELECT * FROM releases
                   WHERE ",
    published!(),
    " AND channel IN (SELECT value FROM json_each(?2))) AS r) AS heads,
            (SELECT json_group_array(",
    whole!(),
    ")
             FROM (SELECT *, row_number() OVER (PARTITION BY channel
                                                ORDER BY published_at DESC, id DESC) AS number
                   FROM releases
                   WHERE ",
    published!(),
    " AND channel IN (SELECT value FROM json_each(?2))) AS r
             WHERE r.number <= 2) AS recent,
            (SELECT json_object('license_id', l.id, 'product_id', l.product_id,
                                'product', o.slug, 'status', l.status,
                                'key_issued_at', l.key_issued_at,
                                'expires_at', l.expires_at,
                                'maintenance_until', l.maintenance_until,
                                'entitlements', json(l.entitlements))
             FROM licenses l JOIN products o ON o.id = l.product_id
             WHERE l.id = coalesce(?3, (SELECT license_id FROM download_ids
                                        WHERE download_id = ?4))) AS holder
     FROM products p LEFT JOIN release_gates g ON g.product_id = p.id
     WHERE p.slug = ?1"
);

/// What may be offered of a product to who follows `channel`, with the metadata for
/// `updater`; `None` when there is no such product: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn load(
    database: &Reader,
    product: &str,
    channel: Channel,
    asking: Asking<'_>,
    updater: Option<Updater>,
) -> Result<Option<Feed>, DatabaseError> {
    let channels: Vec<&str> = Channel::ALL
        .into_iter()
        .filter(|other| channel.offers(*other))
        .map(Channel::as_str)
        .collect();
    let (license_id, download_id) = match asking {
        Asking::Anybody => (None, None),
        Asking::License { id, .. } => (Some(id), None),
        Asking::DownloadId(id) => (None, Some(id.as_str())),
    };
    let statement = Statement::new(
        FEED,
        [
            product.into(),
            Value::from(channels).to_string().into(),
            license_id.into(),
            download_id.into(),
            updater.map(Updater::as_str).into(),
        ],
    );
    let mut feed: Option<Feed> = database.first(statement).await?;
    if let Asking::License { issued_at, .. } = asking
        && let Some(holder) = feed.as_mut().and_then(|feed| feed.holder.as_mut())
    {
        holder.status = holder.status.seen_by(issued_at, holder.key_issued_at);
    }
    Ok(feed)
}

impl Feed {
    /// A version whole: no round trip for one of the last two of its channel,
    /// else one. `None` when it was yanked meanwhile.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn whole(
        &self,
        database: &Reader,
        head: &Head,
    ) -> Result<Option<Release>, DatabaseError> {
        let mut releases = self.wholes(database, &[head]).await?;
        Ok(releases.pop())
    }

    /// Versions whole, in the order of `heads`: no round trip where each is one of the
    /// last two of its channel, else one for all. What was yanked meanwhile is left out.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn wholes(
        &self,
        database: &Reader,
        heads: &[&Head],
    ) -> Result<Vec<Release>, DatabaseError> {
        #[derive(Deserialize)]
        struct Found {
            #[serde(deserialize_with = "columns::json")]
            release: Release,
        }
        let recent = |head: &Head| self.recent.iter().find(|release| release.id == head.id);
        let missing: Vec<&str> = heads
            .iter()
            .filter(|head| recent(head).is_none())
            .map(|head| head.id.as_str())
            .collect();
        let mut found: Vec<Found> = Vec::new();
        if !missing.is_empty() {
            let statement = Statement::new(
                concat!(
                    "SELECT ",
                    whole!(),
                    " AS release FROM releases r
                     WHERE r.id IN (SELECT value FROM json_each(?1)) AND r.yanked_at IS NULL"
                ),
                [Value::from(missing).to_string().into()],
            );
            found = database.query(statement).await?;
        }
        let releases = heads.iter().filter_map(|head| {
            let found = || found.iter().map(|found| &found.release);
            recent(head).or_else(|| found().find(|release| release.id == head.id))
        });
        Ok(releases.cloned().collect())
    }
}

impl Release {
    /// The file for a platform.
    #[must_use]
    pub fn file(&self, platform: &Platform) -> Option<&Artifact> {
        self.files.iter().find(|file| file.platform == *platform)
    }
}

impl Holder {
    /// What the license allows now.
    #[must_use]
    pub fn rights(&self) -> DownloadRights {
        DownloadRights {
            status: Some(self.status),
            good_until: good_until(self.expires_at),
            entitlements: Some(self.entitlements.clone()),
            version_floor: None,
            maintenance_until: self.maintenance_until,
        }
    }
}
