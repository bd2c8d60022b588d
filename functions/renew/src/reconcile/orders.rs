//! Which orders a tick checks at which store.

use super::StoreWork;
use super::check::check_at_once;
use super::stores::{may_be_news, order_ids};
use keywright_domain::invoice::watch::FIRST_WAIT;
use keywright_ports::{Database, DatabaseError};
use keywright_store::sales::due_orders::{self, NextCheck};
use keywright_store::sales::payable::Payable;
use std::collections::BTreeSet;

/// Orders that a tick checks because their turn has come, shared by the stores.
const CLAIMED: usize = 30;

/// Loads the orders to check at each store. Their rows are loaded before their invoices
/// are read, so an invoice is at least as new as its row; the list of paid invoices only
/// says which orders to look at. Answers those that were claimed and have no room in this
/// turn: they come first in the next one.
pub(super) async fn collect(
    database: &Database,
    work: &mut [StoreWork],
    now: i64,
) -> Result<Vec<NextCheck>, DatabaseError> {
    if work.is_empty() {
        return Ok(Vec::new());
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
    let accounts = work.len();
    let mut left_over = Vec::new();
    for order in unsettled {
        let is_listed = |work: &StoreWork| may_be_news(&work.paid.invoices, &order);
        let place = work
            .iter_mut()
            .find(|work| work.store.has(&order) && is_listed(work));
        if let Some(work) = place {
            left_over.extend(
                work.add(order, accounts)
                    .map(|order| check_at_once(&order, now)),
            );
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
            left_over.extend(
                work.add(order, accounts)
                    .map(|order| check_at_once(&order, now)),
            );
        }
    }
    Ok(left_over)
}

impl StoreWork {
    /// Adds an order; gives it back if there is no room for it in this turn.
    fn add(&mut self, order: Payable, stores: usize) -> Option<Payable> {
        if self.orders.len() < self.store.room(stores) {
            self.orders.push(order);
            return None;
        }
        Some(order)
    }
}
