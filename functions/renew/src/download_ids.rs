//! Gives a download id to licenses that are older than download ids.

use crate::Ports;
use keywright_domain::release::DownloadId;
use keywright_ports::DatabaseError;
use keywright_store::licenses::download_ids;
use serde::Serialize;
use utoipa::ToSchema;

/// What a tick did for download ids.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DownloadIds)]
pub(crate) struct DownloadIdReport {
    /// Licenses that got a download id.
    download_ids: usize,
}

/// Runs one tick: a bounded number of licenses, in one batch.
pub(crate) async fn tick(ports: &Ports) -> Result<DownloadIdReport, DatabaseError> {
    let stamps = &ports.stamps;
    let random = || DownloadId::from_random(stamps.random());
    let download_ids = download_ids::fill_in(&ports.database, stamps.now(), random).await?;
    Ok(DownloadIdReport { download_ids })
}
