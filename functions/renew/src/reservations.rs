//! Releases the uses of discount codes that are held by orders which never got an invoice
//! at a payment provider. Usually the reconciler closes such an order first, which releases
//! the use; this is for an outage of the provider, which must not block a code.

use crate::Ports;
use crate::reconcile::ORPHAN_AFTER;
use keywright_ports::DatabaseError;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::redemptions;
use serde::Serialize;
use utoipa::ToSchema;

/// How long such an order may hold a use, in seconds.
const RESERVED_FOR: i64 = 1_800;

// The reconciler comes first.
const _: () = assert!(RESERVED_FOR > ORPHAN_AFTER);

/// What a tick did for discount codes.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Released)]
pub(crate) struct ReservationReport {
    /// Uses of discount codes that orders without an invoice held.
    released: usize,
}

/// Runs one tick: a bounded number of uses, in one batch.
pub(crate) async fn tick(
    ports: &Ports,
    request_id: &str,
) -> Result<ReservationReport, DatabaseError> {
    let actor = Actor {
        name: "renew".into(),
        at: ports.stamps.now(),
        request_id: request_id.to_owned(),
    };
    let audit_ids = std::array::from_fn(|_| ports.stamps.new_id());
    let before = actor.at - RESERVED_FOR;
    let released = redemptions::reap(&ports.database, &actor, before, &audit_ids).await?;
    Ok(ReservationReport { released })
}
