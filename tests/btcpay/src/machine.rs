//! The status machine: what an invoice becomes as money and time come in, and
//! what its webhooks are told. Pure; the time is a parameter.

use rust_decimal::Decimal;
use serde_json::json;

use crate::event::Event;
use crate::invoice::Method;
use crate::invoice::{Additional, Invoice, PaymentRecord, PaymentStatus, SpeedPolicy, Status};

/// A new invoice was stored. One that costs nothing settles at once.
pub(crate) fn created(invoice: &mut Invoice, now: i64) -> Vec<Event> {
    let mut events = vec![Event::about("InvoiceCreated", invoice)];
    events.extend(watch(invoice, now));
    events
}

/// A payment arrived.
pub(crate) fn receive(invoice: &mut Invoice, payment: PaymentRecord, now: i64) -> Vec<Event> {
    let mut events = Vec::new();
    // A payment that is settled when first seen is announced as settled before
    // it is announced as received.
    if payment.status == PaymentStatus::Settled {
        events.push(Event::payment("InvoicePaymentSettled", invoice, &payment));
    }
    events.push(Event::payment("InvoiceReceivedPayment", invoice, &payment));
    invoice.payments.push(payment);
    events.extend(watch(invoice, now));
    events
}

/// All payments got the confirmations they needed. `None` when none waited.
pub(crate) fn confirm(invoice: &mut Invoice, now: i64) -> Option<Vec<Event>> {
    let mut confirmed = Vec::new();
    for payment in &mut invoice.payments {
        if payment.status == PaymentStatus::Processing {
            payment.status = PaymentStatus::Settled;
            confirmed.push(payment.clone());
        }
    }
    if confirmed.is_empty() {
        return None;
    }
    let mut events: Vec<Event> = confirmed
        .iter()
        .map(|payment| Event::payment("InvoicePaymentSettled", invoice, payment))
        .collect();
    events.extend(watch(invoice, now));
    Some(events)
}

/// Unconfirmed payments were replaced or double spent. `None` when there were none.
pub(crate) fn vanish(invoice: &mut Invoice, now: i64) -> Option<Vec<Event>> {
    let mut any = false;
    for payment in &mut invoice.payments {
        if payment.status == PaymentStatus::Processing {
            payment.status = PaymentStatus::Invalid;
            any = true;
        }
    }
    any.then(|| watch(invoice, now))
}

/// A merchant marks the invoice. `None` where that is not allowed.
pub(crate) fn mark(invoice: &mut Invoice, to: Status) -> Option<Vec<Event>> {
    let kind = match to {
        Status::Settled if invoice.can_mark_settled() => "InvoiceSettled",
        Status::Invalid if invoice.can_mark_invalid() => "InvoiceInvalid",
        _ => return None,
    };
    invoice.status = to;
    invoice.additional = Additional::Marked;
    let mut event = Event::about(kind, invoice).with("manuallyMarked", json!(true));
    if to == Status::Settled {
        event = event.with("overPaid", json!(false));
    }
    Some(vec![event])
}

/// Whether a payment is settled the moment it is seen.
pub(crate) fn settles_at_once(method: Method, policy: SpeedPolicy) -> bool {
    method == Method::Lightning || policy == SpeedPolicy::HighSpeed
}

/// Looks at the invoice until nothing more happens, as `BTCPay`'s watcher does.
pub(crate) fn watch(invoice: &mut Invoice, now: i64) -> Vec<Event> {
    let mut events = Vec::new();
    // A status is announced at most once in a row; five passes are plenty.
    for _ in 0..5 {
        let more = look(invoice, now);
        if more.is_empty() {
            break;
        }
        events.extend(more);
    }
    events
}

fn look(invoice: &mut Invoice, now: i64) -> Vec<Event> {
    let mut events = Vec::new();
    if invoice.status == Status::New && invoice.expiration_time <= now {
        invoice.status = Status::Expired;
        let partial = invoice.additional == Additional::PaidPartial;
        events.push(Event::about("InvoiceExpired", invoice).with("partiallyPaid", json!(partial)));
        if partial {
            events.push(Event::about("InvoiceExpiredPaidPartial", invoice));
        }
    }
    if matches!(invoice.status, Status::New | Status::Expired) {
        count_payments(invoice, &mut events);
    }
    if invoice.status == Status::Processing {
        recount(invoice);
    }
    if invoice.status == Status::Processing {
        conclude(invoice, now, &mut events);
    }
    events
}

/// New or expired: is it paid now?
fn count_payments(invoice: &mut Invoice, events: &mut Vec<Event>) {
    let has_payment = invoice.accounted().next().is_some();
    let paid = if invoice.is_unset_top_up() {
        has_payment
    } else {
        !invoice.is_underpaid()
    };
    if paid && invoice.status == Status::New {
        invoice.status = Status::Processing;
        if invoice.is_unset_top_up() {
            invoice.amount = invoice.paid();
            invoice.additional = Additional::None;
        } else {
            invoice.additional = over_or_none(invoice);
        }
        events.push(Event::about("InvoiceProcessing", invoice).with(
            "overPaid",
            json!(invoice.additional == Additional::PaidOver),
        ));
    } else if paid && invoice.additional != Additional::PaidLate {
        // Expired for good: only the merchant can settle it now.
        invoice.additional = Additional::PaidLate;
        events.push(Event::about("InvoicePaidAfterExpiration", invoice));
    }
    if has_payment && invoice.is_underpaid() {
        invoice.additional = Additional::PaidPartial;
    }
}

/// Processing: a vanished payment takes it back, silently.
fn recount(invoice: &mut Invoice) {
    if invoice.is_underpaid() {
        invoice.status = Status::New;
        invoice.additional = if invoice.accounted().next().is_some() {
            Additional::PaidPartial
        } else {
            Additional::None
        };
    } else {
        invoice.additional = over_or_none(invoice);
    }
}

/// Processing: settled, or too late to settle.
fn conclude(invoice: &mut Invoice, now: i64, events: &mut Vec<Event>) {
    if !invoice.is_unconfirmed() {
        invoice.status = Status::Settled;
        events.push(
            Event::about("InvoiceSettled", invoice)
                .with("manuallyMarked", json!(false))
                .with(
                    "overPaid",
                    json!(invoice.additional == Additional::PaidOver),
                ),
        );
    } else if invoice.monitoring_expiration < now {
        invoice.status = Status::Invalid;
        events.push(Event::about("InvoiceInvalid", invoice).with("manuallyMarked", json!(false)));
    }
}

fn over_or_none(invoice: &Invoice) -> Additional {
    // A free invoice cannot be overpaid by nothing.
    if invoice.amount > Decimal::ZERO && invoice.is_overpaid() {
        Additional::PaidOver
    } else {
        Additional::None
    }
}
