//! An order with nothing to pay: its license is issued at once.

use super::refusal::OrderError;
use crate::Ports;
use keywright_domain::recent_orders::OrderOrigin;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices::{OrderDraft, OrderRefusal};
use keywright_store::sales::settle::{self, IssueIds};

/// Records the order and issues its license, in one batch; answers the license's id.
pub(crate) async fn issue(
    ports: &Ports,
    actor: &Actor,
    order: &OrderDraft,
    origin: &OrderOrigin,
) -> Result<String, OrderError> {
    let ids = IssueIds::new(&ports.stamps);
    let keys = ports.receipt_keys()?;
    settle::free_order(&ports.database, actor, order, origin, &ids, keys)
        .await?
        .map_err(OrderError::Refused)
}

/// Records the order of a cycle that costs nothing and extends its license, in one batch.
pub(crate) async fn pay_cycle(
    ports: &Ports,
    actor: &Actor,
    order: &OrderDraft,
) -> Result<(), OrderError> {
    let ids = IssueIds::new(&ports.stamps);
    let keys = ports.receipt_keys()?;
    if settle::free_cycle(&ports.database, actor, order, &ids, keys).await? {
        Ok(())
    } else {
        Err(OrderError::Refused(OrderRefusal::CycleNotOpen))
    }
}
