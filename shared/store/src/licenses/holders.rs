//! Who may download: the license behind a token, a link or a download id. Each
//! is one round trip.

use crate::columns;
use keywright_domain::release::gate::{DownloadRights, good_until};
use keywright_domain::standing::{CurrentKey, LicenseStatus};
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// A license, as far as downloading needs it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Holder {
    /// Id of the license.
    pub id: String,
    /// Its product's name in URLs.
    pub product_slug: String,
    /// Its state, as the credential sees it that it was looked up by.
    pub status: LicenseStatus,
    /// Its current key.
    pub key_issued_at: CurrentKey,
    /// Unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// What it unlocks.
    #[serde(deserialize_with = "columns::json")]
    pub entitlements: Vec<String>,
    /// The last second of the last day whose builds are included, in unix
    /// seconds; `None` includes all.
    pub maintenance_until: Option<i64>,
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

/// The statement that reads a holder, from licenses `l`.
macro_rules! select_holder {
    ($rest:literal) => {
        concat!(
            "SELECT l.id, p.slug AS product_slug, l.status, l.key_issued_at,
                    l.expires_at, l.entitlements, l.maintenance_until
             FROM licenses l JOIN products p ON p.id = l.product_id ",
            $rest
        )
    };
}

/// The license with this id, for a key or token of this issue time: one that was replaced
/// sees a revoked license.
///
/// # Errors
/// [`DatabaseError`].
pub async fn of_license(
    database: &Reader,
    id: &str,
    issued_at: Option<i64>,
) -> Result<Option<Holder>, DatabaseError> {
    let sql = select_holder!("WHERE l.id = ?1");
    let holder: Option<Holder> = database.first(Statement::new(sql, [id.into()])).await?;
    Ok(holder.map(|holder| Holder {
        status: holder.status.seen_by(issued_at, holder.key_issued_at),
        ..holder
    }))
}

/// The license that this download id belongs to.
///
/// # Errors
/// [`DatabaseError`].
pub async fn of_download_id(
    database: &Reader,
    download_id: &str,
) -> Result<Option<Holder>, DatabaseError> {
    let sql = select_holder!(
        "JOIN download_ids d ON d.license_id = l.id
         WHERE d.download_id = ?1"
    );
    database
        .first(Statement::new(sql, [download_id.into()]))
        .await
}
