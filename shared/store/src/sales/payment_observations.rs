//! What a payment provider was seen to say of a purchase: one atomic batch per
//! sighting, with everything that follows from it.
//!
//! Two readers may read an invoice at once, and the one that read first may
//! write last. So a reader loads our row before it asks the provider, and the
//! batch begins with a statement that changes the row only if nobody has
//! recorded anything since: each step leaves its id in the row. Every other
//! statement of the batch hangs on that id. A reader that was overtaken writes
//! nothing and reads again.

use crate::operator::attention;
use crate::operator::audit::{self, Actor, Entry, insert_into_audit};
use crate::sales::invoices::{Payable, Quote};
use crate::sales::redemptions;
use crate::sales::settle::{self, NewIds, Paid};
use keywright_domain::invoice::watch::Watched;
use keywright_domain::invoice::{
    Effect, Illegal, InvoiceStatus, PaymentState, Purchase, Sighting, Step,
};
use keywright_domain::money::{Price, Sats};
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_ports::{Database, DatabaseError, Stamps, Statement};
use serde_json::json;

/// Why a license is suspended whose payment was withdrawn. It tells such a
/// license from one that the operator suspended: only the former is active
/// again when the invoice settles again.
pub const WITHDRAWN: &str = "the payment was withdrawn: its invoice became invalid";

/// An invoice as it was read back from its provider.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The provider's id.
    pub provider_invoice_id: &'a str,
    /// Where the buyer pays.
    pub checkout_url: &'a str,
    /// What it says.
    pub sighting: Sighting,
    /// What the provider made of the price in sats, where it was read.
    pub sats: Option<Sats>,
    /// What came in and its currency, as the provider writes them.
    pub paid: Option<(&'a str, &'a str)>,
    /// Till when the provider watches for payments, in unix seconds.
    pub watch_until: Option<i64>,
    /// When to ask again, in unix seconds; `None` never.
    pub next_check_at: Option<i64>,
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
    turned: [String; 2],
    /// Of what is issued.
    issued: NewIds,
}

impl StepIds {
    /// New ids.
    #[must_use]
    pub fn new(stamps: &Stamps) -> Self {
        Self {
            step: stamps.new_id(),
            closed: stamps.new_id(),
            attention: stamps.new_id(),
            turned: [stamps.new_id(), stamps.new_id()],
            issued: NewIds::new(stamps),
        }
    }
}

/// What came of recording a sighting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is recorded, with what was done for it.
    Done(Effect),
    /// Somebody recorded a newer one meanwhile: read both again.
    Overtaken,
}

impl Payable {
    /// It, for the rules.
    #[must_use]
    pub fn purchase(&self) -> Purchase {
        Purchase {
            status: self.status,
            payment: self.payment_state,
        }
    }

    /// When to ask again after a sighting, in unix seconds, `None` never;
    /// `watch_until` as the provider says it now.
    ///
    /// # Errors
    /// [`Illegal`] for what no provider does.
    pub fn next_check(
        &self,
        sighting: Sighting,
        watch_until: Option<i64>,
        now: i64,
    ) -> Result<Option<i64>, Illegal> {
        let watched = Watched {
            status: self.purchase().on(sighting)?.next.status,
            watch_until: watch_until.or(self.watch_until),
            ..self.watched()
        };
        Ok(watched.next_check(now))
    }

    /// It, for the rules of asking again.
    #[must_use]
    pub fn watched(&self) -> Watched {
        Watched {
            status: self.status,
            created_at: self.created_at,
            watch_until: self.watch_until,
            checks: self.checks,
        }
    }

    /// Whether it is not known yet what the provider made of the price in
    /// sats.
    #[must_use]
    pub fn lacks_sats(&self) -> bool {
        self.amount_sats == 0
    }

    /// What is to be recorded of the price in sats, if the provider said it and
    /// it is not known yet.
    fn quoted(&self, sats: Option<Sats>) -> Option<Quote> {
        let base = Price::new(self.price.currency(), self.base_price_amount).ok()?;
        sats.filter(|_| self.lacks_sats())
            .map(|sats| Quote::converted(sats, self.price, base))
    }

    /// Whether a sighting says anything that is not recorded yet.
    #[must_use]
    pub fn is_news(&self, seen: &Seen<'_>) -> bool {
        self.provider_invoice_id.is_none()
            || self.quoted(seen.sats).is_some()
            || self.purchase().on(seen.sighting).map(|step| step.next) != Ok(self.purchase())
    }
}

/// A sighting that is about to be recorded.
#[derive(Debug)]
pub struct Prepared {
    batch: Vec<Statement>,
    effect: Effect,
}

/// Prepares what was seen of `invoice`, which was loaded before the reading
/// began.
///
/// # Errors
/// [`Illegal`] for what no provider does.
pub fn prepare(
    actor: &Actor,
    invoice: &Payable,
    seen: &Seen<'_>,
    ids: &StepIds,
    keys: &ReceiptKeys,
) -> Result<Prepared, Illegal> {
    let step = invoice.purchase().on(seen.sighting)?;
    let mut batch = vec![take_step(actor, invoice, seen, step, ids)];
    batch.extend(effects(actor, invoice, seen, step, ids, keys));
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
    Ok(Prepared {
        batch,
        effect: step.effect,
    })
}

impl Prepared {
    /// How many statements recording it takes.
    #[must_use]
    pub fn statements(&self) -> usize {
        self.batch.len()
    }

    /// Records it.
    ///
    /// # Errors
    /// [`DatabaseError`]; then nothing was written, or all of it and the
    /// connection was lost: running it again is right in both cases.
    pub async fn record(self, database: &Database) -> Result<Recorded, DatabaseError> {
        let answers = database.batch(self.batch).await?;
        let is_taken = answers.first().is_some_and(|rows| !rows.is_empty());
        Ok(if is_taken {
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
    seen: &Seen<'_>,
    step: Step,
    ids: &StepIds,
) -> Statement {
    let (paid_amount, paid_currency) = seen.paid.unzip();
    let sats = invoice.quoted(seen.sats);
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
            seen.provider_invoice_id.into(),
            seen.checkout_url.into(),
            actor.at.into(),
            seen.next_check_at.into(),
            seen.watch_until.into(),
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
    seen: &Seen<'_>,
    step: Step,
    ids: &StepIds,
    keys: &ReceiptKeys,
) -> Vec<Statement> {
    match step.effect {
        Effect::Issue => {
            let paid = Paid {
                invoice_id: &invoice.id,
                product_id: &invoice.product_id,
                kind: "btcpay",
                external_ref: seen.provider_invoice_id,
                amount: invoice.price.amount(),
                currency: invoice.price.currency().as_str(),
                received_at: actor.at,
                has_code: true,
            };
            let mut batch = settle::issuing(actor, paid, &ids.issued, keys);
            if invoice.status == InvoiceStatus::Invalid {
                batch.extend(turned(actor, &invoice.id, Turn::Back, ids));
            }
            if invoice.status != InvoiceStatus::Pending {
                batch.push(attention::settled(actor, &invoice.id, &ids.step));
            }
            batch
        }
        Effect::Suspend => {
            let mut batch = vec![closed(actor, invoice, step, ids)];
            batch.extend(turned(actor, &invoice.id, Turn::Away, ids));
            batch
        }
        Effect::Release => {
            let mut batch = vec![closed(actor, invoice, step, ids)];
            batch.extend(redemptions::released(actor, &invoice.id, Some(&ids.step)));
            batch
        }
        Effect::None if step.next.status != invoice.status => {
            vec![closed(actor, invoice, step, ids)]
        }
        Effect::None if is_first_payment(invoice, step) => {
            redemptions::seen(&invoice.id, &ids.step).to_vec()
        }
        Effect::None => Vec::new(),
    }
}

/// Whether something was paid for a pending order of which nothing was before.
fn is_first_payment(invoice: &Payable, step: Step) -> bool {
    step.next.status == InvoiceStatus::Pending
        && invoice.payment_state == PaymentState::Unpaid
        && step.next.payment != PaymentState::Unpaid
}

/// The audit entry of an invoice that ended.
fn closed(actor: &Actor, invoice: &Payable, step: Step, ids: &StepIds) -> Statement {
    let entry = Entry {
        id: ids.closed.clone(),
        action: "invoice.close",
        object_kind: "invoice",
        object_id: invoice.id.clone(),
        before: Some(json!({ "status": invoice.status, "payment": invoice.payment_state })),
        after: Some(json!({
            "status": step.next.status,
            "payment": step.next.payment,
            "reason": "said by BTCPay",
        })),
    };
    audit::insert_of_step(actor, entry, &ids.step)
}

/// Which way a license turns when its payment does.
#[derive(Clone, Copy)]
enum Turn {
    /// Active, now suspended.
    Away,
    /// Suspended for its payment, now active.
    Back,
}

/// Suspends the license of an invoice, or puts it in force again. Only what the
/// payment suspended comes back, and a revoked license stays revoked.
fn turned(actor: &Actor, invoice_id: &str, turn: Turn, ids: &StepIds) -> [Statement; 3] {
    let [audit_id, event_id] = &ids.turned;
    let (from, only_reason, to, reason, action, event_type) = match turn {
        Turn::Away => (
            "active",
            None,
            "suspended",
            Some(WITHDRAWN),
            "license.suspend",
            "license.suspended",
        ),
        Turn::Back => (
            "suspended",
            Some(WITHDRAWN),
            "active",
            None,
            "license.unsuspend",
            "license.unsuspended",
        ),
    };
    let after =
        json!({ "status": to, "reason": reason.unwrap_or("the payment was accepted again") });
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, 'license', l.id, json_object('status', l.status), ?5, ?6
             FROM invoices i
             JOIN receipts r ON r.invoice_id = i.id
             JOIN licenses l ON l.receipt_id = r.id
             WHERE i.id = ?7 AND i.step_id = ?8 AND l.status = ?9
               AND (?10 IS NULL OR l.status_reason = ?10)"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            action.into(),
            after.to_string().into(),
            (&actor.request_id).into(),
            invoice_id.into(),
            (&ids.step).into(),
            from.into(),
            only_reason.into(),
        ],
    );
    let update = Statement::new(
        "UPDATE licenses SET status = ?2, status_reason = ?3, updated_at = ?4
         WHERE id = (SELECT object_id FROM audit WHERE id = ?1)",
        [audit_id.into(), to.into(), reason.into(), actor.at.into()],
    );
    let event = Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?2, ?3, ?4, json_object('license_id', object_id, 'reason', ?5)
         FROM audit WHERE id = ?1",
        [
            audit_id.into(),
            event_id.into(),
            actor.at.into(),
            event_type.into(),
            reason.unwrap_or_default().into(),
        ],
    );
    [entry, update, event]
}
