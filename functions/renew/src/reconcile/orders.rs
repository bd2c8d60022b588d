//! Which orders a tick checks at which store.

use super::StoreWork;
use super::stores::{may_be_news, order_ids};
use keywright_domain::invoice::watch::FIRST_WAIT;
use keywright_ports::{Database, DatabaseError};
use keywright_store::sales::due_orders;
use keywright_store::sales::payable::Payable;
use std::collections::BTreeSet;

/// Orders that a tick checks because their turn has come, shared by the stores.
const CLAIMED: usize = 30;

/// Loads the orders to check at each store. Their rows are loaded before their invoices
/// are read, so an invoice is at least as new as its row; the list of paid invoices only
/// says which orders to look at.
pub(super) async fn collect(
    database: &Database,
    work: &mut [StoreWork],
    now: i64,
) -> Result<(), DatabaseError> {
    if work.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = work
        .iter()
        .flat_map(|work| order_ids(&work.paid.invoices))
        .collect();
    let unsettled = if ids.is_empty() {
        Vec::new()
    } else {
        due_orders::unsettled_among(database, &ids).await?
    };
    for order in unsettled {
        let is_listed = |work: &StoreWork| may_be_news(&work.paid.invoices, &order);
        let place = work
            .iter_mut()
            .find(|work| work.store.has(&order) && is_listed(work));
        if let Some(work) = place {
            work.add(order);
        }
    }
    let stores: Vec<&str> = work
        .iter()
        .map(|work| work.store.turn.store.as_str())
        .collect();
    let limit = i64::try_from(CLAIMED / stores.len()).unwrap_or_default();
    let mut due = due_orders::claim(database, &stores, now, now + FIRST_WAIT, limit).await?;
    due.sort_by_key(|order| order.created_at);
    let listed: BTreeSet<String> = work
        .iter()
        .flat_map(|work| work.orders.iter().map(|order| order.id.clone()))
        .collect();
    for order in due.into_iter().filter(|order| !listed.contains(&order.id)) {
        if let Some(work) = work.iter_mut().find(|work| work.store.has(&order)) {
            work.add(order);
        }
    }
    Ok(())
}

impl StoreWork {
    /// Adds an order, unless the store's answer has no room for its invoice.
    fn add(&mut self, order: Payable) {
        if self.orders.len() < self.store.room() {
            self.orders.push(order);
        }
    }
}
