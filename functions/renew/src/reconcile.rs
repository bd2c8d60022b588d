//! Asks `BTCPay` about invoices whose turn has come: pending ones, and those
//! that ended while it still watches for payments.
//!
//! A tick is bounded. It claims some invoices by moving their turn on, so a
//! tick that dies, or one that runs beside it, harms nothing, and asks each store
//! for all of its own in one request. The turn of each invoice is the cursor. What has
//! changed costs a batch each, as many as the platform's limit of statements
//! leaves room for; the rest comes in the next tick. What has not costs one
//! statement together.

use crate::Ports;
use crate::stores::{self, Group};
use keywright_domain::invoice::watch::FIRST_WAIT;
use keywright_domain::invoice::{Effect, InvoiceStatus};
use keywright_edge::ports::{DatabaseError, Level};
use keywright_providers::btcpay::{self, Expected, Invoice, Store};
use keywright_store::audit::Actor;
use keywright_store::invoices::{self, NextCheck, Payable};
use keywright_store::sightings::{self, Recorded, Seen, StepIds};
use serde::Serialize;
use utoipa::ToSchema;

/// Invoices a tick asks for.
const CLAIMED: i64 = 20;

/// Stores a tick asks, one request each, which may take ten seconds. The orders
/// of the others come first in the next tick.
const STORES: usize = 4;

/// Statements that recording may take. D1's free plan allows a Worker 50 in all;
/// the others are the claim, the stores, the next turns, the 3 that release reservations,
/// the one for download ids and the 4 that clear up.
const STATEMENTS: usize = 39;

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

/// Runs one tick.
///
/// # Errors
/// [`DatabaseError`]; what was claimed comes round again.
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<Report, DatabaseError> {
    let now = ports.stamps.now();
    let due = invoices::claim_due(&ports.database, now, now + FIRST_WAIT, CLAIMED).await?;
    let mut report = Report::default();
    if due.is_empty() {
        return Ok(report);
    }
    let mut next = Vec::new();
    let mut tick = Tick {
        ports,
        request_id,
        statements: STATEMENTS,
    };
    for (number, group) in stores::grouped(ports, due).await?.into_iter().enumerate() {
        if number >= STORES {
            next.extend(group.orders.iter().map(|invoice| turn_at(invoice, now)));
            continue;
        }
        report.checked += group.orders.len();
        let (store, found) = match read(ports, &group).await {
            Ok(read) => read,
            Err(reason) => {
                ports.log.write(Level::Warn, request_id, &reason);
                report.failed += group.orders.len();
                next.extend(group.orders.iter().map(|invoice| again(invoice, now)));
                continue;
            }
        };
        for invoice in &group.orders {
            match tick.check(store, &found, invoice).await? {
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
    invoices::check_again(&ports.database, &next).await?;
    Ok(report)
}

/// The invoices of a store's orders, in one request, with what their prices are
/// in sats where that is still to be learnt of one of them.
async fn read<'a>(ports: &Ports, group: &'a Group) -> Result<(&'a Store, Vec<Invoice>), String> {
    let store = group.store.as_ref()?;
    let orders = group.orders.iter().map(|invoice| invoice.id.as_str());
    let with_sats = group.orders.iter().any(Payable::lacks_sats);
    let request = store
        .find_by_orders(orders, with_sats)
        .map_err(|error| error.to_string())?;
    let answer = ports
        .outbound
        .send(request)
        .await
        .map_err(|error| error.to_string())?;
    let found = btcpay::read_invoices(&answer).map_err(|error| error.to_string())?;
    Ok((store, found))
}

struct Tick<'a> {
    ports: &'a Ports,
    request_id: &'a str,
    /// Statements that are left.
    statements: usize,
}

impl Tick<'_> {
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
        let prepared = match sightings::prepare(&self.actor(now), invoice, seen, &ids) {
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
