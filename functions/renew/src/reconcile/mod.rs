//! Reconciles orders with the stores that they are paid at: pending orders, and orders
//! that ended while the store still watches for payments.
//!
//! Paid orders come first. Each store lists its paid invoices, which nobody can fill with
//! orders that cost nothing, and those that are not settled here yet are checked before
//! any other. So ten thousand unpaid orders delay no paid one. Orders are also read one
//! by one, less and less often, because the list does not contain payments that came late
//! or in part.
//!
//! A tick is bounded. It claims stores and orders by advancing their turns, so a tick
//! that dies, or one that runs beside it, does no harm. The stores are asked at the same
//! time, so one that hangs delays no other. Each order that changed costs one batch, and
//! only as many are recorded as the platform's limit of statements allows; the rest
//! follows in the next tick. All orders that did not change cost one statement together.

mod check;
mod orders;
mod stores;

use crate::Ports;
use check::{OrderCheck, OrderChecker, again};
use futures_util::future::join_all;
use keywright_ports::{DatabaseError, Level};
use keywright_store::sales::due_orders;
use keywright_store::sales::payable::Payable;
use keywright_store::sales::store_turns::{self, StoreTurn, StoreTurnOutcome};
use serde::Serialize;
use stores::{OpenedStore, PaidInvoices, StoreFailure};
use utoipa::ToSchema;

pub(crate) use check::ORPHAN_AFTER;

/// Stores that a tick asks at the same time, each up to three requests, and organizations at
/// Zaprite one more for each order. The others come first in the next tick.
const STORES: i64 = 4;

/// Statements that recording may take. D1's free plan allows a Worker 50 in all; the
/// others, besides what renewals took of these, are 7 for the turns of stores and orders, the 3 that release reservations, the
/// one for download ids, the 6 that delete and the one that looks at receipts. Sealing and
/// purging take what recording leaves over.
const STATEMENTS: usize = 32;

/// What a tick did for open invoices.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Reconciled)]
pub(crate) struct ReconcileReport {
    /// Invoices that were checked.
    checked: usize,
    /// Of those, newly settled.
    settled: usize,
    /// Of those, expired or invalid.
    closed: usize,
    /// Of those, to be checked again because the provider did not answer or contradicted
    /// itself.
    failed: usize,
    /// Providers that did not answer; they are asked again after a pause that grows.
    stores_failed: usize,
    /// Statements that recording has left over.
    #[serde(skip)]
    pub(crate) statements_left: usize,
}

/// A store in its turn, with the orders to check there: those that seem to be paid first.
struct StoreWork {
    store: OpenedStore,
    /// What the store listed as paid.
    paid: PaidInvoices,
    orders: Vec<Payable>,
}

/// Runs one tick. `taken`: statements that renewals took of what recording may take.
///
/// # Errors
/// After a [`DatabaseError`] what was claimed comes round again.
pub(crate) async fn tick(
    ports: &Ports,
    request_id: &str,
    taken: usize,
) -> Result<ReconcileReport, DatabaseError> {
    let budget = STATEMENTS.saturating_sub(taken);
    let keys = match &ports.receipt_keys {
        Ok(keys) => keys,
        Err(error) => {
            // No order loses its turn while payments cannot be recorded.
            let line = format!("no order is reconciled: {error}");
            ports.log.write(Level::Error, request_id, &line);
            return Ok(ReconcileReport::default());
        }
    };
    let now = ports.stamps.now();
    let mut report = ReconcileReport {
        statements_left: budget,
        ..ReconcileReport::default()
    };
    let turns = store_turns::claim(&ports.database, now, STORES).await?;
    if turns.is_empty() {
        return Ok(report);
    }
    let mut ended = Vec::new();
    let mut work = Vec::new();
    for (store, paid) in list_paid(ports, turns, now).await? {
        match paid.or_else(|failure| unlisted(ports, request_id, failure)) {
            Ok(paid) => work.push(StoreWork {
                store,
                paid,
                orders: Vec::new(),
            }),
            Err(outcome) => {
                report.stores_failed += 1;
                ended.push((store.turn, outcome));
            }
        }
    }
    let mut next = orders::collect(&ports.database, &mut work, now).await?;
    let reads = join_all(work.iter().map(|work| async {
        if work.orders.is_empty() {
            return Ok(None);
        }
        work.store
            .invoices_of(ports, &work.orders, now)
            .await
            .map(Some)
    }));
    let reads = reads.await;
    let mut checker = OrderChecker {
        ports,
        keys,
        request_id,
        statements_left: budget,
    };
    for (work, found) in work.into_iter().zip(reads) {
        report.checked += work.orders.len();
        let mut outcome = work.paid.outcome;
        match (&work.store.account, found) {
            (Ok(account), Ok(Some(found))) => {
                for order in &work.orders {
                    if found.unanswered.contains(&order.id) {
                        report.failed += 1;
                        next.push(again(order, now));
                        continue;
                    }
                    match checker.check(account, &found.invoices, order).await? {
                        OrderCheck::Settled => report.settled += 1,
                        OrderCheck::Closed => report.closed += 1,
                        OrderCheck::Again(again) => next.push(again),
                        OrderCheck::Failed(again) => {
                            report.failed += 1;
                            next.push(again);
                        }
                    }
                }
            }
            (_, Err(failure)) => {
                outcome = logged(ports, request_id, failure);
                report.failed += work.orders.len();
                next.extend(work.orders.iter().map(|order| again(order, now)));
            }
            // A store that cannot be opened was not listed and has no orders.
            (_, Ok(_)) => {}
        }
        ended.push((work.store.turn, outcome));
    }
    let mut batch = vec![store_turns::end(&ended, now)];
    if !next.is_empty() {
        batch.push(due_orders::check_again(&next));
    }
    ports.database.batch(batch).await?;
    report.statements_left = checker.statements_left;
    Ok(report)
}

/// Opens the stores of these turns and lists what was paid there, all at the same time.
async fn list_paid(
    ports: &Ports,
    turns: Vec<StoreTurn>,
    now: i64,
) -> Result<Vec<(OpenedStore, Result<PaidInvoices, StoreFailure>)>, DatabaseError> {
    let opened = stores::open(ports, turns).await?;
    let listed = join_all(opened.iter().map(|store| store.paid(ports, now))).await;
    Ok(opened.into_iter().zip(listed).collect())
}

/// The empty list of a store whose list was too large to be read: its orders are still
/// checked. `Err` for a store that did not answer.
fn unlisted(
    ports: &Ports,
    request_id: &str,
    failure: StoreFailure,
) -> Result<PaidInvoices, StoreTurnOutcome> {
    match logged(ports, request_id, failure) {
        StoreTurnOutcome::Failed => Err(StoreTurnOutcome::Failed),
        outcome => Ok(PaidInvoices {
            invoices: Vec::new(),
            outcome,
        }),
    }
}

/// Logs why a store gave no answer, and gives what that means for its next turn.
fn logged(ports: &Ports, request_id: &str, failure: StoreFailure) -> StoreTurnOutcome {
    let (reason, outcome) = failure.into_parts();
    ports.log.write(Level::Warn, request_id, &reason);
    outcome
}
