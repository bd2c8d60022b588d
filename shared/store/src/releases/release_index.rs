//! What a product's index in the release storage is written from: one round
//! trip, however many versions there are.

use crate::columns;
use crate::releases::release_keys::is_offered;
use keywright_domain::release::index::IndexedVersion;
use keywright_domain::release::{Channel, Version};
use keywright_domain::slug::Slug;
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// A recorded version.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    /// The version.
    pub version: Version,
    channel: Channel,
    rollout_percent: u8,
    #[serde(deserialize_with = "columns::flag")]
    yanked: bool,
    /// Whether its manifest is in the release storage.
    #[serde(deserialize_with = "columns::flag")]
    written: bool,
    /// Platforms whose file is offered.
    #[serde(deserialize_with = "columns::json")]
    files: Vec<String>,
}

impl Row {
    /// What is offered of it; `None` for nothing.
    #[must_use]
    pub fn indexed(self) -> Option<IndexedVersion> {
        (self.written && !self.yanked && !self.files.is_empty()).then(|| self.known())
    }

    /// What is offered of it once its manifest is written, for a host whose
    /// manifests somebody else writes; without files where that is nothing.
    #[must_use]
    pub fn known(self) -> IndexedVersion {
        IndexedVersion {
            version: self.version,
            channel: self.channel,
            rollout_percent: self.rollout_percent,
            older: false,
            files: if self.yanked { Vec::new() } else { self.files },
        }
    }
}

/// Every recorded version of a product.
///
/// # Errors
/// [`DatabaseError`].
pub async fn rows(database: &Reader, product: &Slug) -> Result<Vec<Row>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT r.version, r.channel, r.rollout_percent,
                    r.yanked_at IS NOT NULL AS yanked, r.written_revision > 0 AS written,
                    (SELECT json_group_array(platform)
                     FROM (SELECT f.platform FROM release_files f
                           WHERE f.release_id = r.id AND ",
            is_offered!(),
            " ORDER BY f.platform)) AS files
             FROM releases r
             WHERE r.product_id = (SELECT id FROM products WHERE slug = ?1)"
        ),
        [product.as_str().into()],
    );
    database.query(statement).await
}
