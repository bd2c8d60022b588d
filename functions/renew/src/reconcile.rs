//! Asks `BTCPay` about pending invoices whose turn has come.
//!
//! A tick is bounded: it claims a few invoices by moving their turn on, so a
//! tick that dies, or one that runs beside it, harms nothing. The turn of each
//! invoice is the cursor.

use crate::Ports;
use keywright_domain::invoice::InvoiceStatus;
use keywright_edge::ports::{DatabaseError, Level};
use keywright_providers::btcpay::{self, Expected, Invoice, ReadError, Store};
use keywright_store::audit::Actor;
use keywright_store::invoices::{self, Payable};
use keywright_store::settle::{self, NewIds};
use serde::Serialize;
use utoipa::ToSchema;

/// Invoices a tick asks for. Each costs at most 10 statements; with the claim,
/// the 3 that release reservations, the one for download ids and the 3 that
/// clear up that is 48 of the 50 that D1's free plan allows a Worker.
const PER_TICK: i64 = 4;

/// The first wait between two checks of an invoice, in seconds; doubled each
/// time up to [`LONGEST_WAIT`].
const FIRST_WAIT: i64 = 60;
/// The longest wait between two checks, in seconds.
const LONGEST_WAIT: i64 = 3_600;
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
    /// Of those, to be asked again because `BTCPay` did not answer.
    failed: usize,
}

/// What came of one invoice.
enum Checked {
    Settled,
    Closed,
    Waiting,
    Failed,
}

/// Runs one tick.
///
/// # Errors
/// [`DatabaseError`]; what was claimed comes round again.
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<Report, DatabaseError> {
    let Some(account) = ports.btcpay.clone() else {
        return Ok(Report::default());
    };
    let now = ports.stamps.now();
    let due = invoices::claim_due(&ports.database, now, now + FIRST_WAIT, PER_TICK).await?;
    let mut report = Report {
        checked: due.len(),
        ..Report::default()
    };
    for invoice in due {
        match check(ports, &account, &invoice, request_id).await? {
            Checked::Settled => report.settled += 1,
            Checked::Closed => report.closed += 1,
            Checked::Waiting => {}
            Checked::Failed => report.failed += 1,
        }
    }
    Ok(report)
}

async fn check(
    ports: &Ports,
    account: &(Store, keywright_edge::ports::Outbound),
    invoice: &Payable,
    request_id: &str,
) -> Result<Checked, DatabaseError> {
    let now = ports.stamps.now();
    let actor = Actor {
        name: "renew".into(),
        at: now,
        request_id: request_id.to_owned(),
    };
    let expected = Expected {
        store_id: account.0.id(),
        order_id: &invoice.id,
        amount: invoice.amount_sats,
    };
    let remote = match read_back(account, invoice, expected).await {
        Ok(Some(remote)) => remote,
        Ok(None) if now - invoice.created_at >= ORPHAN_AFTER => {
            let audit_id = ports.stamps.new_id();
            let status = InvoiceStatus::Invalid;
            let reason = "BTCPay has no invoice for this order";
            invoices::close(
                &ports.database,
                &actor,
                &invoice.id,
                status,
                reason,
                audit_id,
            )
            .await?;
            return Ok(Checked::Closed);
        }
        Ok(None) => return wait(ports, invoice, Checked::Waiting).await,
        Err(reason) => {
            ports.log.write(Level::Warn, request_id, &reason);
            return wait(ports, invoice, Checked::Failed).await;
        }
    };
    let outcome = match remote.outcome(expected) {
        Ok(outcome) => outcome,
        Err(mismatch) => {
            ports.log.write(
                Level::Warn,
                request_id,
                &format!("nothing recorded: {mismatch}"),
            );
            return wait(ports, invoice, Checked::Failed).await;
        }
    };
    if invoice.provider_invoice_id.is_none() {
        invoices::attach_provider(
            &ports.database,
            &invoice.id,
            &remote.id,
            &remote.checkout_link,
        )
        .await?;
    }
    let ids = NewIds::new(&ports.stamps);
    settle::record(&ports.database, &actor, invoice, &remote.id, outcome, &ids).await?;
    match outcome.status() {
        Some(InvoiceStatus::Settled) => Ok(Checked::Settled),
        Some(_) => Ok(Checked::Closed),
        None => wait(ports, invoice, Checked::Waiting).await,
    }
}

/// The invoice as `BTCPay` shows it: by its id, or by our order id where the
/// answer with its id never reached us.
async fn read_back(
    (store, outbound): &(Store, keywright_edge::ports::Outbound),
    invoice: &Payable,
    expected: Expected<'_>,
) -> Result<Option<Invoice>, String> {
    let request = match &invoice.provider_invoice_id {
        Some(id) => store.get_invoice(id),
        None => store.find_by_order(&invoice.id),
    };
    let request = request.map_err(|error| error.to_string())?;
    let answer = outbound
        .send(request)
        .await
        .map_err(|error| error.to_string())?;
    let found = if invoice.provider_invoice_id.is_some() {
        btcpay::read_invoice(&answer).map(Some)
    } else {
        // Somebody else's invoice with our order id in it must not hide ours.
        btcpay::read_invoices(&answer).map(|mut found| {
            let ours = found
                .iter()
                .position(|one| one.outcome(expected).is_ok())
                .unwrap_or(0);
            (!found.is_empty()).then(|| found.swap_remove(ours))
        })
    };
    match found {
        Err(ReadError::NotFound) => Ok(None),
        other => other.map_err(|error| error.to_string()),
    }
}

/// Sets the invoice's next turn: doubling waits.
async fn wait(
    ports: &Ports,
    invoice: &Payable,
    came_of: Checked,
) -> Result<Checked, DatabaseError> {
    let doublings = u32::try_from(invoice.checks.clamp(1, 16) - 1).unwrap_or_default();
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    invoices::check_again(&ports.database, &invoice.id, ports.stamps.now() + wait).await?;
    Ok(came_of)
}
