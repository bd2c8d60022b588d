//! Asks `BTCPay` what was paid, and about orders whose turn has come: pending ones,
//! and those that ended while it still watches for payments.
//!
//! What was paid comes first. Each store in its turn lists its paid invoices, which
//! nobody can fill with orders that cost nothing; those that are not settled here yet
//! are looked at before any other. So ten thousand unpaid orders delay no paid one.
//! Orders are also asked for one by one, with falling frequency, because the list does
//! not hold what came in late or in part.
//!
//! A tick is bounded. It claims stores and orders by moving their turns on, so a tick
//! that dies, or one that runs beside it, harms nothing. The stores are asked at the
//! same time, so one that hangs holds up no other. What has changed costs a batch each,
//! as many as the platform's limit of statements leaves room for; the rest comes in the
//! next tick. What has not costs one statement together.

use crate::Ports;
use crate::stores::{self, NoAnswer, PaidList, Turn};
use futures_util::future::join_all;
use keywright_domain::invoice::watch::FIRST_WAIT;
use keywright_domain::invoice::{Effect, InvoiceStatus};
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_ports::{DatabaseError, Level};
use keywright_providers::btcpay::{Expected, Invoice, Store};
use keywright_store::operator::audit::Actor;
use keywright_store::sales::due_orders::{self, NextCheck};
use keywright_store::sales::invoices::{self, Payable};
use keywright_store::sales::payment_observations::{self, Recorded, Seen, StepIds};
use keywright_store::sales::store_turns::{self, Outcome};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Orders a tick asks for whose turn has come, shared by the stores.
const CLAIMED: usize = 30;

/// Stores a tick asks, at the same time, each up to three requests. The others come
/// first in the next tick.
const STORES: i64 = 4;

/// Statements that recording may take. D1's free plan allows a Worker 50 in all; the
/// others are 7 for the turns of stores and orders, the 3 that release reservations, the
/// one for download ids, the 6 that clear up and the one that looks at receipts.
const STATEMENTS: usize = 32;

/// Statements that closing an order takes which has no invoice.
const STATEMENTS_TO_CLOSE: usize = 4;

/// How long an order may stay without an invoice at `BTCPay`, in seconds. The
/// answer to its creation is lost by then, and no buyer ever saw it.
pub(crate) const ORPHAN_AFTER: i64 = 900;

/// What a tick did for open invoices.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Reconciled)]
pub(crate) struct Report {
    /// Invoices asked for.
    checked: usize,
    /// Of those, newly settled.
    settled: usize,
    /// Of those, expired or invalid.
    closed: usize,
    /// Of those, to be asked again because `BTCPay` did not answer, or answered
    /// what cannot be.
    failed: usize,
    /// Stores that did not answer; they are asked again after a pause that grows.
    stores_failed: usize,
    /// Statements that were left to recording.
    #[serde(skip)]
    pub(crate) statements_left: usize,
}

/// What came of one invoice.
enum Checked {
    Settled,
    Closed,
    /// To be asked for again.
    Again(NextCheck),
    /// To be asked for again, and the log says why.
    Failed(NextCheck),
}

/// A store's turn, with the orders to ask it for: those that seem to be paid first.
struct Group {
    turn: Turn,
    outcome: Outcome,
    orders: Vec<Payable>,
}

/// Runs one tick.
///
/// # Errors
/// [`DatabaseError`]; what was claimed comes round again.
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<Report, DatabaseError> {
    let keys = match &ports.receipt_keys {
        Ok(keys) => keys,
        Err(error) => {
            // No turn is taken from an order whose payment could not be recorded.
            let line = format!("no order is reconciled: {error}");
            ports.log.write(Level::Error, request_id, &line);
            return Ok(Report::default());
        }
    };
    let now = ports.stamps.now();
    let mut report = Report {
        statements_left: STATEMENTS,
        ..Report::default()
    };
    let turns = store_turns::claim(&ports.database, now, STORES).await?;
    if turns.is_empty() {
        return Ok(report);
    }
    let mut tick = Tick {
        ports,
        keys,
        request_id,
        statements: STATEMENTS,
    };
    let turns = stores::opened(ports, turns).await?;
    let listed = join_all(turns.iter().map(|turn| turn.paid(ports, now))).await;
    let mut groups = Vec::new();
    let mut paid = Vec::new();
    let mut ended = Vec::new();
    for (turn, list) in turns.into_iter().zip(listed) {
        let PaidList { invoices, outcome } = match list {
            Ok(list) => list,
            Err(no_answer) => match tick.no_answer(no_answer) {
                Outcome::Failed => {
                    report.stores_failed += 1;
                    ended.push((turn.turn, Outcome::Failed));
                    continue;
                }
                outcome => PaidList {
                    invoices: Vec::new(),
                    outcome,
                },
            },
        };
        let orders = Vec::new();
        groups.push(Group {
            turn,
            outcome,
            orders,
        });
        paid.push(invoices);
    }
    tick.collect(&mut groups, &paid, now).await?;
    let found = groups.iter().map(|group| async {
        if group.orders.is_empty() {
            return Ok(Vec::new());
        }
        group.turn.invoices_of(ports, &group.orders).await
    });
    let found = join_all(found).await;
    let mut next = Vec::new();
    for (group, found) in groups.into_iter().zip(found) {
        report.checked += group.orders.len();
        let Group {
            turn,
            mut outcome,
            orders,
        } = group;
        match (&turn.store, found) {
            (Ok(store), Ok(found)) => {
                for order in &orders {
                    match tick.check(store, &found, order).await? {
                        Checked::Settled => report.settled += 1,
                        Checked::Closed => report.closed += 1,
                        Checked::Again(turn) => next.push(turn),
                        Checked::Failed(turn) => {
                            report.failed += 1;
                            next.push(turn);
                        }
                    }
                }
            }
            (_, Err(no_answer)) => {
                outcome = tick.no_answer(no_answer);
                report.failed += orders.len();
                next.extend(orders.iter().map(|order| again(order, now)));
            }
            // A store that cannot be opened was not listed.
            (Err(_), Ok(_)) => {}
        }
        ended.push((turn.turn, outcome));
    }
    let mut batch = vec![store_turns::end(&ended, now)];
    if !next.is_empty() {
        batch.push(due_orders::check_again(&next));
    }
    ports.database.batch(batch).await?;
    report.statements_left = tick.statements;
    Ok(report)
}

struct Tick<'a> {
    ports: &'a Ports,
    keys: &'a ReceiptKeys,
    request_id: &'a str,
    /// Statements that are left.
    statements: usize,
}

impl Tick<'_> {
    /// Loads the orders to ask each store for. Their rows are loaded before their
    /// invoices are read, so that what is read is at least as new as they are; the list
    /// is only a hint which ones to look at.
    async fn collect(
        &self,
        groups: &mut [Group],
        paid: &[Vec<Invoice>],
        now: i64,
    ) -> Result<(), DatabaseError> {
        if groups.is_empty() {
            return Ok(());
        }
        let database = &self.ports.database;
        let ids: Vec<&str> = paid
            .iter()
            .flat_map(|list| stores::order_ids(list))
            .collect();
        let unsettled = if ids.is_empty() {
            Vec::new()
        } else {
            due_orders::unsettled_among(database, &ids).await?
        };
        for order in unsettled {
            let its = groups
                .iter_mut()
                .zip(paid)
                .find(|(group, list)| group.turn.has(&order) && stores::may_be_news(list, &order));
            if let Some((group, _)) = its
                && group.orders.len() < group.turn.room()
            {
                group.orders.push(order);
            }
        }
        let stores: Vec<&str> = groups
            .iter()
            .map(|group| group.turn.turn.store.as_str())
            .collect();
        let each = CLAIMED / stores.len();
        let limit = i64::try_from(each).unwrap_or_default();
        let again_at = now + FIRST_WAIT;
        let mut due = due_orders::claim(database, &stores, now, again_at, limit).await?;
        due.sort_by_key(|order| order.created_at);
        let seen: BTreeSet<String> = groups
            .iter()
            .flat_map(|group| group.orders.iter().map(|order| order.id.clone()))
            .collect();
        for order in due.into_iter().filter(|order| !seen.contains(&order.id)) {
            let its = groups.iter_mut().find(|group| group.turn.has(&order));
            if let Some(group) = its
                && group.orders.len() < group.turn.room()
            {
                group.orders.push(order);
            }
        }
        Ok(())
    }

    /// Says in the log why a store gave no answer.
    fn no_answer(&self, no_answer: NoAnswer) -> Outcome {
        let (reason, outcome) = no_answer.into_parts();
        self.ports.log.write(Level::Warn, self.request_id, &reason);
        outcome
    }

    async fn check(
        &mut self,
        store: &Store,
        found: &[Invoice],
        invoice: &Payable,
    ) -> Result<Checked, DatabaseError> {
        let now = self.ports.stamps.now();
        let expected = Expected {
            store_id: store.id(),
            order_id: &invoice.id,
            price: invoice.price,
        };
        let Some(remote) = pick(found, invoice, expected) else {
            return self.missing(invoice, now).await;
        };
        let sighting = match remote.sighting(expected) {
            Ok(sighting) => sighting,
            Err(mismatch) => return Ok(self.failed(invoice, now, &mismatch)),
        };
        let watch_until = remote.monitoring_expiration;
        let next_check_at = match invoice.next_check(sighting, watch_until, now) {
            Ok(next_check_at) => next_check_at,
            Err(illegal) => return Ok(self.failed(invoice, now, &illegal)),
        };
        let seen = Seen {
            provider_invoice_id: &remote.id,
            checkout_url: &remote.checkout_link,
            sighting,
            sats: remote.sats,
            paid: remote.paid(),
            watch_until,
            next_check_at,
        };
        if !invoice.is_news(&seen) {
            return Ok(Checked::Again(NextCheck {
                id: invoice.id.clone(),
                at: seen.next_check_at,
            }));
        }
        self.record(invoice, &seen, now).await
    }

    async fn record(
        &mut self,
        invoice: &Payable,
        seen: &Seen<'_>,
        now: i64,
    ) -> Result<Checked, DatabaseError> {
        let ids = StepIds::new(&self.ports.stamps);
        let prepared =
            match payment_observations::prepare(&self.actor(now), invoice, seen, &ids, self.keys) {
                Ok(prepared) => prepared,
                Err(illegal) => return Ok(self.failed(invoice, now, &illegal)),
            };
        if !self.has_room_for(prepared.statements()) {
            return Ok(at_once(invoice, now));
        }
        Ok(match prepared.record(&self.ports.database).await? {
            Recorded::Overtaken => at_once(invoice, now),
            Recorded::Done(effect) => match effect {
                Effect::Issue => Checked::Settled,
                Effect::Release | Effect::Suspend => Checked::Closed,
                Effect::None => Checked::Again(NextCheck {
                    id: invoice.id.clone(),
                    at: seen.next_check_at,
                }),
            },
        })
    }

    /// `BTCPay` knows no invoice of this order. One that we never saw does not
    /// exist after a while; one that we saw comes back.
    async fn missing(&mut self, invoice: &Payable, now: i64) -> Result<Checked, DatabaseError> {
        if invoice.provider_invoice_id.is_some() {
            return Ok(self.failed(invoice, now, &"BTCPay does not show this order's invoice"));
        }
        if now - invoice.created_at < ORPHAN_AFTER {
            return Ok(Checked::Again(again(invoice, now)));
        }
        if !self.has_room_for(STATEMENTS_TO_CLOSE) {
            return Ok(at_once(invoice, now));
        }
        let status = InvoiceStatus::Invalid;
        let reason = "BTCPay has no invoice for this order";
        let audit_id = self.ports.stamps.new_id();
        let database = &self.ports.database;
        invoices::close(
            database,
            &self.actor(now),
            &invoice.id,
            status,
            reason,
            audit_id,
        )
        .await?;
        Ok(Checked::Closed)
    }

    /// Whether this tick has room for so many statements more; takes it.
    fn has_room_for(&mut self, statements: usize) -> bool {
        let left = self.statements.checked_sub(statements);
        self.statements = left.unwrap_or(self.statements);
        left.is_some()
    }

    /// Says in the log why nothing is recorded.
    fn failed(&self, invoice: &Payable, now: i64, why: &dyn std::fmt::Display) -> Checked {
        let line = format!("invoice {}: nothing recorded: {why}", invoice.id);
        self.ports.log.write(Level::Warn, self.request_id, &line);
        Checked::Failed(again(invoice, now))
    }

    fn actor(&self, now: i64) -> Actor {
        Actor {
            name: "renew".into(),
            at: now,
            request_id: self.request_id.to_owned(),
        }
    }
}

/// The invoice of an order among those found: the one we know, else one that
/// is ours in everything. Somebody else's invoice with our order id in it must
/// not hide ours.
fn pick<'a>(
    found: &'a [Invoice],
    invoice: &Payable,
    expected: Expected<'_>,
) -> Option<&'a Invoice> {
    let of_order = || {
        let order = Some(invoice.id.as_str());
        found
            .iter()
            .filter(move |one| one.order_id.as_deref() == order)
    };
    match &invoice.provider_invoice_id {
        Some(id) => of_order().find(|one| one.id == *id),
        None => of_order()
            .find(|one| one.sighting(expected).is_ok())
            .or_else(|| of_order().next()),
    }
}

/// The next tick comes back to it first.
fn at_once(invoice: &Payable, now: i64) -> Checked {
    Checked::Again(turn_at(invoice, now))
}

fn turn_at(invoice: &Payable, at: i64) -> NextCheck {
    NextCheck {
        id: invoice.id.clone(),
        at: Some(at),
    }
}

/// The next turn of an invoice that nothing new is known of. `None` at the end
/// of its watch is for one that was seen: this one is asked for once more.
fn again(invoice: &Payable, now: i64) -> NextCheck {
    let watched = invoice.watched();
    let next = watched.next_check(now).unwrap_or(now + watched.wait());
    NextCheck {
        id: invoice.id.clone(),
        at: Some(next.min(now + watched.wait())),
    }
}
