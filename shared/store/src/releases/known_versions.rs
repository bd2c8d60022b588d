//! Every version of a product, for what a publisher is told: one round trip.

use crate::columns;
use crate::releases::release_keys::is_offered;
use keywright_domain::release::advice::KnownVersion;
use keywright_domain::release::updaters::Listed;
use keywright_domain::release::{Channel, Version};
use keywright_domain::slug::Slug;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A product's versions.
#[derive(Debug, Clone)]
pub struct KnownVersions {
    /// The member `updaters` of the product's metadata.
    pub updaters: Option<Value>,
    /// The versions. Of their metadata only what Sparkle compares is read.
    pub versions: Vec<KnownVersion>,
}

#[derive(Deserialize)]
struct ProductRow {
    #[serde(deserialize_with = "columns::optional_json")]
    updaters: Option<Value>,
}

#[derive(Deserialize)]
struct VersionRow {
    version: Version,
    channel: Channel,
    #[serde(deserialize_with = "columns::flag")]
    yanked: bool,
    #[serde(deserialize_with = "columns::json")]
    files: Vec<Listed>,
    #[serde(deserialize_with = "columns::optional_json")]
    build_version: Option<Value>,
}

impl From<VersionRow> for KnownVersion {
    fn from(row: VersionRow) -> Self {
        let build = row.build_version.filter(|build| !build.is_null());
        let sparkle = build.map(|build| {
            let members = Map::from_iter([("build_version".to_owned(), build)]);
            ("sparkle".to_owned(), Value::Object(members))
        });
        Self {
            version: row.version,
            channel: row.channel,
            yanked: row.yanked,
            files: row.files,
            metadata: Map::from_iter(sparkle),
        }
    }
}

/// The versions of a product, with the files that are offered; none where there is no
/// such product.
///
/// # Errors
/// [`DatabaseError`].
pub async fn load(database: &Database, product: &Slug) -> Result<KnownVersions, DatabaseError> {
    let mut batch = Batch::new();
    let product_row = batch.read::<ProductRow>(Statement::new(
        "SELECT metadata -> '$.updaters' AS updaters FROM products WHERE slug = ?1",
        [product.as_str().into()],
    ));
    let versions = batch.read::<VersionRow>(Statement::new(
        concat!(
            "SELECT r.version, r.channel, r.yanked_at IS NOT NULL AS yanked,
                    r.metadata -> '$.sparkle.build_version' AS build_version,
                    (SELECT json_group_array(json_object('platform', f.platform,
                                                         'file_name', f.file_name))
                     FROM release_files f WHERE f.release_id = r.id AND ",
            is_offered!(),
            ") AS files
             FROM releases r WHERE r.product_id = (SELECT id FROM products WHERE slug = ?1)"
        ),
        [product.as_str().into()],
    ));
    let mut rows = batch.run(database).await?;
    let product = rows.first(product_row)?;
    let versions = rows.all(versions)?.into_iter().map(KnownVersion::from);
    Ok(KnownVersions {
        updaters: product.and_then(|product| product.updaters),
        versions: versions.collect(),
    })
}
