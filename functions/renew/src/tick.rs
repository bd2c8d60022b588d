//! One tick: every duty of this function once, each bounded. Payments come first; deleting
//! may wait for the next tick.

use crate::{
    Ports, cleanup, download_ids, instance_license, purge, receipts, reconcile, renewals,
    reservations, seal,
};
use keywright_ports::DatabaseError;
use serde::Serialize;
use utoipa::ToSchema;

/// What a tick did.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Report)]
pub(crate) struct TickReport {
    #[serde(flatten)]
    reconciled: reconcile::ReconcileReport,
    /// What was done for subscriptions.
    renewals: renewals::RenewalReport,
    #[serde(flatten)]
    released: reservations::ReservationReport,
    #[serde(flatten)]
    filled_in: download_ids::DownloadIdReport,
    #[serde(flatten)]
    sealed: seal::SealReport,
}

/// Runs one tick.
///
/// # Errors
/// After a [`DatabaseError`] what was claimed comes round again.
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<TickReport, DatabaseError> {
    // Before the orders: what is due is told in time, and costs little.
    let mut renewals = renewals::tick(ports, request_id).await?;
    let taken = renewals.report.statements;
    let mut reconciled = reconcile::tick(ports, request_id, taken).await?;
    renewals
        .pay_nothing(ports, &mut reconciled.statements_left)
        .await?;
    // After the orders: reconciling may just have found the invoice of one.
    let released = reservations::tick(ports, request_id).await?;
    let filled_in = download_ids::tick(ports).await?;
    let purges = reconciled.statements_left
        >= purge::STATEMENTS + seal::STATEMENTS + instance_license::STATEMENTS;
    if cleanup::tick(ports, purges, request_id).await? {
        receipts::warn(ports, request_id);
    }
    if reconciled.statements_left >= seal::STATEMENTS + instance_license::STATEMENTS {
        instance_license::tick(ports, request_id).await?;
    }
    let sealed = if reconciled.statements_left >= seal::STATEMENTS {
        seal::tick(ports, request_id).await?
    } else {
        seal::SealReport::default()
    };
    Ok(TickReport {
        reconciled,
        renewals: renewals.report,
        released,
        filled_in,
        sealed,
    })
}
