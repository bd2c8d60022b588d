//! Payment observations: one atomic batch for each, with everything that follows from
//! what the provider reported.
//!
//! Two readers may read an invoice at once, and the one that read first may write last.
//! So a reader loads our row before it asks the provider, and the batch begins with a
//! statement that changes the row only if nothing was recorded since: each step leaves
//! its id in the row. Every other statement of the batch depends on that id. A reader
//! that was overtaken writes nothing and reads again.

use crate::operator::attention;
use crate::operator::audit::{self, Actor, AuditedChange};
use crate::sales::invoices::Quote;
use crate::sales::payable::Payable;
use crate::sales::redemptions;
use crate::sales::settle::{self, IssueIds, PaymentFacts};
use crate::sales::withdrawn_license::{self, LicenseChange};
use crate::subscriptions;
use crate::tier_changes;
use keywright_domain::invoice::watch::InvoiceWatch;
use keywright_domain::invoice::{
    ImpossibleObservation, InvoiceStatus, OrderEffect, OrderStep, PaymentObservation, PaymentState,
};
use keywright_domain::money::{Price, Sats};
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_ports::{Batch, Database, DatabaseError, Stamps, Statement};
use serde_json::json;

/// A provider's invoice, as it was read back.
#[derive(Debug, Clone, Copy)]
pub struct ObservedInvoice<'a> {
    /// The provider's id.
    pub provider_invoice_id: &'a str,
    /// Where the buyer pays.
    pub checkout_url: &'a str,
    /// Its state.
    pub observation: PaymentObservation,
    /// The provider's conversion of the price to sats, where it was read.
    pub sats: Option<Sats>,
    /// The amount that came in and its currency, as the provider writes them.
    pub paid: Option<(&'a str, &'a str)>,
    /// When the provider stops watching for payments, in unix seconds.
    pub watch_until: Option<i64>,
}

/// New ids for one step; those of a step that changes nothing are never used.
#[derive(Debug, Clone)]
pub struct StepIds {
    /// Of the step.
    step: String,
    /// Of the audit entry of the invoice.
    closed: String,
    /// Of what the operator has to look at.
    attention: String,
    /// Of the audit entry and the event of a license that is suspended or
    /// active again.
    license_changed: [String; 2],
    /// Of what is issued.
    issued: IssueIds,
}

impl StepIds {
    /// New ids.
    #[must_use]
    pub fn new(stamps: &Stamps) -> Self {
        Self {
            step: stamps.new_id(),
            closed: stamps.new_id(),
            attention: stamps.new_id(),
            license_changed: [stamps.new_id(), stamps.new_id()],
            issued: IssueIds::new(stamps),
        }
    }
}

/// The result of recording an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is recorded, with this effect; [`OrderEffect::None`] also when it was known.
    Done(OrderEffect),
    /// Another reader recorded a newer one meanwhile: load both again.
    Overtaken,
}

impl Payable {
    /// The conversion to record, if the provider reported it and it is unknown so far.
    fn quoted(&self, sats: Option<Sats>) -> Option<Quote> {
        let base = Price::new(self.price.currency(), self.base_price_amount).ok()?;
        sats.filter(|_| self.lacks_sats())
            .map(|sats| Quote::converted(sats, self.price, base))
    }

    /// True when recording this step would change the row.
    fn is_changed_by(&self, observed: &ObservedInvoice<'_>, step: OrderStep) -> bool {
        self.provider_invoice_id.is_none()
            || self.quoted(observed.sats).is_some()
            || step.next != self.state()
    }
}

/// An observation that is ready to be recorded.
#[derive(Debug)]
pub struct PreparedObservation {
    /// The statement that takes the step, and what follows from it; `None` when nothing
    /// changed.
    batch: Option<(Statement, Vec<Statement>)>,
    effect: OrderEffect,
    next_check_at: Option<i64>,
}

/// Prepares what was observed of `invoice`, whose row was loaded before the provider was
/// asked.
///
/// # Errors
/// [`ImpossibleObservation`] when it contradicts the recorded state.
pub fn prepare(
    actor: &Actor,
    invoice: &Payable,
    observed: &ObservedInvoice<'_>,
    ids: &StepIds,
    keys: &ReceiptKeys,
) -> Result<PreparedObservation, ImpossibleObservation> {
    let step = invoice.state().after(observed.observation)?;
    let watch = InvoiceWatch {
        status: step.next.status,
        watch_until: observed.watch_until.or(invoice.watch_until),
        ..invoice.watch()
    };
    let next_check_at = watch.next_check(actor.at);
    if !invoice.is_changed_by(observed, step) {
        return Ok(PreparedObservation {
            batch: None,
            effect: OrderEffect::None,
            next_check_at,
        });
    }
    let taken = take_step(actor, invoice, observed, next_check_at, step, ids);
    let mut batch = effects(actor, invoice, observed, step, ids, keys);
    if let Some(attention) = step.attention {
        let (step_id, id) = (&ids.step, &ids.attention);
        let superseded = attention::superseded(actor, attention, &invoice.id, step_id);
        batch.push(superseded);
        batch.push(attention::of_invoice(
            actor,
            attention,
            &invoice.id,
            step_id,
            id,
        ));
    }
    Ok(PreparedObservation {
        batch: Some((taken, batch)),
        effect: step.effect,
        next_check_at,
    })
}

impl PreparedObservation {
    /// How many statements recording it takes; none when nothing changed.
    #[must_use]
    pub fn statements(&self) -> usize {
        self.batch.as_ref().map_or(0, |(_, rest)| 1 + rest.len())
    }

    /// When to read the invoice next, in unix seconds; `None` never.
    #[must_use]
    pub fn next_check_at(&self) -> Option<i64> {
        self.next_check_at
    }

    /// Records it: one round trip, and none when nothing changed.
    ///
    /// # Errors
    /// After a [`DatabaseError`] either nothing was written, or all of it and the
    /// connection was lost: recording it again is right in both cases.
    pub async fn record(self, database: &Database) -> Result<Recorded, DatabaseError> {
        let Some((taken, rest)) = self.batch else {
            return Ok(Recorded::Done(self.effect));
        };
        let mut batch = Batch::new();
        let taken = batch.read(taken);
        batch.extend(rest);
        let mut rows = batch.run(database).await?;
        Ok(if rows.any(taken)? {
            Recorded::Done(self.effect)
        } else {
            Recorded::Overtaken
        })
    }
}

/// The first statement: answers a row when the step is taken.
fn take_step(
    actor: &Actor,
    invoice: &Payable,
    observed: &ObservedInvoice<'_>,
    next_check_at: Option<i64>,
    step: OrderStep,
    ids: &StepIds,
) -> Statement {
    let (paid_amount, paid_currency) = observed.paid.unzip();
    let sats = invoice.quoted(observed.sats);
    Statement::new(
        "UPDATE invoices
         SET status = ?2, payment_state = ?3, paid_amount = coalesce(?4, paid_amount),
             paid_currency = coalesce(?5, paid_currency),
             provider_invoice_id = coalesce(provider_invoice_id, ?6),
             checkout_url = iif(provider_invoice_id IS NULL, ?7, checkout_url),
             settled_at = coalesce(settled_at, iif(?2 = 'settled', ?8, NULL)),
             next_check_at = ?9, watch_until = coalesce(?10, watch_until), step_id = ?11,
             amount_sats = iif(amount_sats = 0, coalesce(?15, 0), amount_sats),
             base_price_sats = iif(amount_sats = 0, coalesce(?16, 0), base_price_sats)
         WHERE id = ?1 AND status = ?12 AND payment_state = ?13 AND step_id IS ?14
         RETURNING id",
        [
            (&invoice.id).into(),
            step.next.status.as_str().into(),
            step.next.payment.as_str().into(),
            paid_amount.into(),
            paid_currency.into(),
            observed.provider_invoice_id.into(),
            observed.checkout_url.into(),
            actor.at.into(),
            next_check_at.into(),
            observed.watch_until.into(),
            (&ids.step).into(),
            invoice.status.as_str().into(),
            invoice.payment_state.as_str().into(),
            invoice.step_id.as_ref().into(),
            sats.map(|sats| sats.amount_sats).into(),
            sats.map(|sats| sats.base_price_sats).into(),
        ],
    )
}

fn effects(
    actor: &Actor,
    invoice: &Payable,
    observed: &ObservedInvoice<'_>,
    step: OrderStep,
    ids: &StepIds,
    keys: &ReceiptKeys,
) -> Vec<Statement> {
    match step.effect {
        OrderEffect::Issue => {
            let paid = PaymentFacts {
                invoice_id: &invoice.id,
                product_id: &invoice.product_id,
                kind: invoice.provider.receipt_kind(),
                external_ref: observed.provider_invoice_id,
                amount: invoice.price.amount(),
                currency: invoice.price.currency().as_str(),
                received_at: actor.at,
                has_code: true,
                subscription: &invoice.subscription,
            };
            let mut batch = settle::issuing(actor, paid, &ids.issued, keys);
            if invoice.status == InvoiceStatus::Invalid && invoice.subscription.cycle_id.is_some() {
                let ids = (&ids.step, &ids.issued.subscription);
                batch.extend(subscriptions::restored(actor, &invoice.id, ids.0, ids.1));
            } else if invoice.status == InvoiceStatus::Invalid && !is_upgrade(invoice) {
                batch.extend(withdrawn_license::changed(
                    actor,
                    &invoice.id,
                    LicenseChange::Reinstate,
                    &ids.step,
                    &ids.license_changed,
                ));
            }
            if invoice.status != InvoiceStatus::Pending {
                batch.push(attention::settled(actor, &invoice.id, &ids.step));
            }
            batch
        }
        OrderEffect::Suspend => {
            let mut batch = vec![closed(actor, invoice, step, ids)];
            let subscription = &invoice.subscription;
            if is_upgrade(invoice) {
                let ids = (&ids.step, &ids.issued.subscription);
                batch.extend(tier_changes::withdrawn(actor, &invoice.id, ids.0, ids.1));
                return batch;
            }
            // The payment of a cycle takes back that cycle, and no more.
            if subscription.cycle_id.is_none() {
                batch.extend(withdrawn_license::changed(
                    actor,
                    &invoice.id,
                    LicenseChange::Suspend,
                    &ids.step,
                    &ids.license_changed,
                ));
            }
            if subscription.is_recurring || subscription.cycle_id.is_some() {
                batch.extend(subscriptions::withdrawn(
                    actor,
                    &invoice.id,
                    &ids.step,
                    subscription.is_recurring,
                    &ids.issued.subscription,
                ));
            }
            batch
        }
        OrderEffect::Release => {
            let mut batch = vec![closed(actor, invoice, step, ids)];
            batch.extend(redemptions::released(actor, &invoice.id, Some(&ids.step)));
            batch
        }
        OrderEffect::None if step.next.status != invoice.status => {
            vec![closed(actor, invoice, step, ids)]
        }
        OrderEffect::None if is_first_payment(invoice, step) => {
            redemptions::paid_again(&invoice.id, &ids.step).to_vec()
        }
        OrderEffect::None => Vec::new(),
    }
}

/// True for an order that pays for another policy of a license that is there.
fn is_upgrade(invoice: &Payable) -> bool {
    let subscription = &invoice.subscription;
    subscription.cycle_id.is_none() && subscription.tier_change_id.is_some()
}

/// True for the first payment of a pending order.
fn is_first_payment(invoice: &Payable, step: OrderStep) -> bool {
    step.next.status == InvoiceStatus::Pending
        && invoice.payment_state == PaymentState::Unpaid
        && step.next.payment != PaymentState::Unpaid
}

/// The audit entry of an invoice that ended.
fn closed(actor: &Actor, invoice: &Payable, step: OrderStep, ids: &StepIds) -> Statement {
    let entry = AuditedChange {
        id: ids.closed.clone(),
        action: "invoice.close",
        object_kind: "invoice",
        object_id: invoice.id.clone(),
        before: Some(json!({ "status": invoice.status, "payment": invoice.payment_state })),
        after: Some(json!({
            "status": step.next.status,
            "payment": step.next.payment,
            "reason": format!("reported by {}", invoice.provider.label()),
        })),
    };
    audit::insert_of_step(actor, entry, &ids.step)
}
