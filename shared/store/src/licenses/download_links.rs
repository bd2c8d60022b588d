//! What a signed download link is made from.

use crate::licenses::recorded::{Entitled, entitled_columns};
use keywright_domain::release::gate::{Held, VersionRequirements, good_until};
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// A license and the version it is to open.
#[derive(Debug, Clone, Deserialize)]
pub struct LinkSubject {
    /// The license and what entitles it.
    #[serde(flatten)]
    pub entitled: Entitled,
    /// An entitlement that every version of the product asks for.
    pub product_asks: Option<String>,
    /// An entitlement that this version asks for.
    pub version_asks: Option<String>,
    /// When the version was built, in unix seconds; `None` for one that is not
    /// recorded, such as an older folder of the release storage.
    pub built_at: Option<i64>,
}

impl LinkSubject {
    /// What the license holds.
    #[must_use]
    pub fn held(&self) -> Held<'_> {
        let license = &self.entitled.license;
        Held {
            status: Some(license.status),
            good_until: good_until(license.expires_at),
            entitlements: Some(&license.entitlements),
            version_floor: None,
            maintenance_until: license.maintenance_until,
        }
    }

    /// What the version takes.
    #[must_use]
    pub fn requirements<'a>(&'a self, version: &'a str) -> VersionRequirements<'a> {
        VersionRequirements {
            version,
            built_at: self.built_at,
            product_entitlement: self.product_asks.as_deref(),
            version_entitlement: self.version_asks.as_deref(),
        }
    }
}

/// The license with this id and what a version of its product asks for: one
/// round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn subject(
    database: &Reader,
    license_id: &str,
    version: &str,
) -> Result<Option<LinkSubject>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT ",
            entitled_columns!(),
            ", g.requires_entitlement AS product_asks, v.requires_entitlement AS version_asks,
             v.built_at
             FROM licenses l
             JOIN products p ON p.id = l.product_id
             LEFT JOIN receipts r ON r.id = l.receipt_id
             LEFT JOIN invoices i ON i.id = r.invoice_id
             LEFT JOIN download_ids d ON d.license_id = l.id
             LEFT JOIN release_gates g ON g.product_id = l.product_id
             LEFT JOIN releases v ON v.product_id = l.product_id AND v.version = ?2
             WHERE l.id = ?1"
        ),
        [license_id.into(), version.into()],
    );
    database.first(statement).await
}
