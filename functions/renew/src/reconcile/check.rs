//! Checks one order against what its provider answered.

use crate::Ports;
use keywright_domain::invoice::{InvoiceStatus, OrderEffect};
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_ports::{DatabaseError, Level};
use keywright_providers::account::Account;
use keywright_providers::invoice::Invoice;
use keywright_services::payment_observation;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::due_orders::NextCheck;
use keywright_store::sales::invoices;
use keywright_store::sales::payable::Payable;
use keywright_store::sales::payment_observations::Recorded;

/// Statements that closing an order takes which has no invoice.
const STATEMENTS_TO_CLOSE: usize = 4;

/// How long an order may stay without an invoice at its provider, in seconds. The answer to
/// its creation is lost by then, and no buyer ever saw it.
pub(crate) const ORPHAN_AFTER: i64 = 900;

/// The result of checking one order.
pub(super) enum OrderCheck {
    Settled,
    Closed,
    /// To be checked again.
    Again(NextCheck),
    /// To be checked again; the log says why.
    Failed(NextCheck),
}

/// Checks orders, within a tick's budget of statements.
pub(super) struct OrderChecker<'a> {
    pub(super) ports: &'a Ports,
    pub(super) keys: &'a ReceiptKeys,
    pub(super) request_id: &'a str,
    pub(super) statements_left: usize,
}

impl OrderChecker<'_> {
    /// Checks an order against the invoices that its provider answered with, and records
    /// what changed.
    pub(super) async fn check(
        &mut self,
        account: &Account,
        invoices: &[Invoice],
        order: &Payable,
    ) -> Result<OrderCheck, DatabaseError> {
        let now = self.ports.stamps.now();
        let Some(invoice) = payment_observation::find(invoices, order, account) else {
            return self.missing(order, now).await;
        };
        let (actor, stamps) = (self.actor(now), &self.ports.stamps);
        let prepared =
            payment_observation::prepare(&actor, order, account, invoice, stamps, self.keys);
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(rejected) => return Ok(self.failed(order, now, &rejected)),
        };
        if !self.has_room_for(prepared.statements()) {
            return Ok(at_once(order, now));
        }
        let next = NextCheck {
            id: order.id.clone(),
            at: prepared.next_check_at(),
        };
        Ok(match prepared.record(&self.ports.database).await? {
            Recorded::Overtaken => at_once(order, now),
            Recorded::Done(OrderEffect::Issue) => OrderCheck::Settled,
            Recorded::Done(OrderEffect::Release | OrderEffect::Suspend) => OrderCheck::Closed,
            Recorded::Done(OrderEffect::None) => OrderCheck::Again(next),
        })
    }

    /// The provider has no invoice for this order. An invoice that was never seen does not
    /// exist after a while; one that was seen comes back.
    async fn missing(&mut self, order: &Payable, now: i64) -> Result<OrderCheck, DatabaseError> {
        if order.provider_invoice_id.is_some() {
            return Ok(self.failed(
                order,
                now,
                &"the provider does not show this order's invoice",
            ));
        }
        if now - order.created_at < ORPHAN_AFTER {
            return Ok(OrderCheck::Again(again(order, now)));
        }
        if !self.has_room_for(STATEMENTS_TO_CLOSE) {
            return Ok(at_once(order, now));
        }
        let reason = format!("{} has no invoice for this order", order.provider.label());
        invoices::close(
            &self.ports.database,
            &self.actor(now),
            &order.id,
            InvoiceStatus::Invalid,
            &reason,
            self.ports.stamps.new_id(),
        )
        .await?;
        Ok(OrderCheck::Closed)
    }

    /// Takes so many statements from the tick's budget; false if it has fewer left.
    fn has_room_for(&mut self, statements: usize) -> bool {
        let left = self.statements_left.checked_sub(statements);
        self.statements_left = left.unwrap_or(self.statements_left);
        left.is_some()
    }

    /// Logs why nothing is recorded.
    fn failed(&self, order: &Payable, now: i64, why: &dyn std::fmt::Display) -> OrderCheck {
        let line = format!("invoice {}: nothing recorded: {why}", order.id);
        self.ports.log.write(Level::Warn, self.request_id, &line);
        OrderCheck::Failed(again(order, now))
    }

    fn actor(&self, now: i64) -> Actor {
        Actor {
            name: "renew".into(),
            at: now,
            request_id: self.request_id.to_owned(),
        }
    }
}

/// The next tick checks it first.
pub(super) fn check_at_once(order: &Payable, now: i64) -> NextCheck {
    NextCheck {
        id: order.id.clone(),
        at: Some(now),
    }
}

/// As [`check_at_once`].
fn at_once(order: &Payable, now: i64) -> OrderCheck {
    OrderCheck::Again(check_at_once(order, now))
}

/// When to check an order again that has no news. Even at the end of its watch it is
/// checked once more: only an invoice that was read may end it.
pub(super) fn again(order: &Payable, now: i64) -> NextCheck {
    let watch = order.watch();
    let latest = now + watch.wait();
    NextCheck {
        id: order.id.clone(),
        at: Some(watch.next_check(now).unwrap_or(latest).min(latest)),
    }
}
