//! Records what a payment provider reports about an order. A webhook delivery and a tick
//! of the reconciler both end here, so both leave the same rows.

use keywright_domain::invoice::ImpossibleObservation;
use keywright_ports::Stamps;
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_providers::account::Account;
use keywright_providers::invoice::{Expected, Invoice, Mismatch};
use keywright_store::operator::audit::Actor;
use keywright_store::sales::payable::Payable;
use keywright_store::sales::payment_observations::{
    self, ObservedInvoice, PreparedObservation, StepIds,
};

/// Why nothing is recorded of an invoice that was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RejectedObservation {
    /// It is not the invoice of this order.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// It contradicts what is recorded.
    #[error(transparent)]
    Impossible(#[from] ImpossibleObservation),
}

/// Prepares what `invoice` says about `order`, to be recorded in one batch. The order's
/// row must have been loaded before the invoice was read, so that the invoice is at least
/// as new as the row.
///
/// # Errors
/// [`RejectedObservation`]; nothing may be recorded then.
pub fn prepare(
    actor: &Actor,
    order: &Payable,
    account: &Account,
    invoice: &Invoice,
    stamps: &Stamps,
    keys: &ReceiptKeys,
) -> Result<PreparedObservation, RejectedObservation> {
    let observed = ObservedInvoice {
        provider_invoice_id: &invoice.id,
        checkout_url: &invoice.checkout_url,
        observation: invoice.observation(expected(order, account))?,
        sats: invoice.sats,
        paid: invoice.paid(),
        watch_until: invoice.watch_until,
    };
    let ids = StepIds::new(stamps);
    Ok(payment_observations::prepare(
        actor, order, &observed, &ids, keys,
    )?)
}

/// The invoice of `order` among those that its provider answered with: the one that is
/// recorded, else one that matches the order in every respect, else any that names it.
/// Another program's invoice with our order id in it must not hide ours.
#[must_use]
pub fn find<'a>(
    invoices: &'a [Invoice],
    order: &Payable,
    account: &Account,
) -> Option<&'a Invoice> {
    let of_order = || {
        let order_id = Some(order.id.as_str());
        invoices
            .iter()
            .filter(move |one| one.order_id.as_deref() == order_id)
    };
    let expected = expected(order, account);
    match &order.provider_invoice_id {
        Some(id) => of_order().find(|one| one.id == *id),
        None => of_order()
            .find(|one| one.observation(expected).is_ok())
            .or_else(|| of_order().next()),
    }
}

fn expected<'a>(order: &'a Payable, account: &'a Account) -> Expected<'a> {
    Expected {
        account_id: account.id(),
        order_id: &order.id,
        price: order.price,
    }
}
