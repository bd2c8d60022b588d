//! One tick: every duty of this function once, each bounded. Payments come
//! first; clearing up may wait for the next tick.

use crate::{Ports, download_ids, forget, purge, receipts, reconcile, release};
use keywright_ports::DatabaseError;
use serde::Serialize;
use utoipa::ToSchema;

/// What a tick did.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Report)]
pub(crate) struct Report {
    #[serde(flatten)]
    reconciled: reconcile::ReconcileReport,
    #[serde(flatten)]
    released: release::Report,
    #[serde(flatten)]
    filled_in: download_ids::Report,
}

/// Runs one tick.
///
/// # Errors
/// [`DatabaseError`]; what was claimed comes round again.
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<Report, DatabaseError> {
    let reconciled = reconcile::tick(ports, request_id).await?;
    // After the orders, some of which have got their invoice just now.
    let released = release::tick(ports, request_id).await?;
    let filled_in = download_ids::tick(ports).await?;
    let purges = reconciled.statements_left >= purge::STATEMENTS;
    if forget::tick(ports, purges).await? {
        receipts::warn(ports, request_id);
    }
    Ok(Report {
        reconciled,
        released,
        filled_in,
    })
}
