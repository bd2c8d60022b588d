//! An order with nothing to pay: its license is issued at once.

use super::refusal::OrderError;
use crate::Ports;
use keywright_domain::recent_orders::OrderOrigin;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices::OrderDraft;
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
