//! An order that is paid at a payment provider. None has an idempotency key, so an invoice
//! whose answer was lost is looked up by the order's id before a second one is made.

use super::{CheckedOrder, OrderError, OrderPayment, OrderTaker};
use crate::seller::{self, SellerAccount};
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::money::Sats;
use keywright_domain::rail::Rail;
use keywright_ports::{Level, Outbound};
use keywright_providers::account::{Account, OrderLookup};
use keywright_providers::answer::ReadError;
use keywright_providers::btcpay::{self, Store};
use keywright_providers::invoice::{Expected, Invoice, NewInvoice};
use keywright_store::sales::invoices::{self, OrderDraft, Quote};
use keywright_store::sales::payment_providers;
use keywright_web::ApiError;
use std::time::Duration;

/// Seconds until the reconciler first reads a new invoice: most are paid, and reported by
/// the webhook, before.
const FIRST_CHECK_SECONDS: i64 = 120;

/// How long a buyer waits for the store to make an invoice. The SDKs give up on an order
/// after 10 and 15 seconds and the storefront after 20, and the limits here add up to 9:
/// so the buyer learns that the store does not answer.
const CREATION_TIME_LIMIT: Duration = Duration::from_secs(5);

/// The same for finding an invoice whose answer was lost, and for making it again.
const RETRY_TIME_LIMIT: Duration = Duration::from_millis(1_500);

/// The same for the price in sats. They can pay without it.
const CONVERSION_TIME_LIMIT: Duration = Duration::from_secs(1);

/// Why there is no invoice to pay.
#[derive(Debug, thiserror::Error)]
enum CheckoutError {
    /// The provider refused it: no invoice exists.
    #[error("{0}")]
    Refused(ReadError),
    /// An invoice may exist whose answer was lost. The reconciler looks for it.
    #[error("{0}")]
    Unknown(String),
}

impl OrderTaker<'_> {
    pub(super) async fn at_provider(
        &self,
        draft: &mut OrderDraft,
        order: &CheckedOrder,
        rail: Option<Rail>,
    ) -> Result<OrderPayment, OrderError> {
        let (ports, actor) = (self.ports, self.actor);
        let seller = seller::of(ports, &order.selection.product.slug).await?;
        let SellerAccount { account, provider } = ports.account(&seller, rail)?;
        ports.receipt_keys()?;
        draft.payment_provider_id = provider.as_ref().map(|provider| provider.id.clone());
        let order_id = &draft.identity.id;
        let redirect_url = seller::redirect(
            order.redirect_url.as_deref(),
            &seller,
            self.public_url,
            &draft.identity,
        );
        let first_check = actor.at + FIRST_CHECK_SECONDS;
        let (database, origin) = (&ports.database, &order.origin);
        let kind = account.kind();
        invoices::create_pending(database, draft, kind, origin, actor.at, first_check)
            .await?
            .map_err(OrderError::Refused)?;
        let checkout = Checkout {
            account: &account,
            outbound: &ports.outbound,
            rail,
            now: actor.at,
        };
        let new = NewInvoice {
            order_id,
            price: draft.price,
            description: &order.selection.product.name,
            buyer_email: order.buyer.email.as_deref(),
            redirect_url: &redirect_url,
            saves_card_of: None,
        };
        let invoice = match checkout.invoice(new).await {
            Ok(invoice) => invoice,
            Err(error) => {
                let reason = error.to_string();
                if let CheckoutError::Refused(_) = error {
                    // It is certain that no invoice exists, so nobody can ever pay.
                    let (status, audit_id) = (InvoiceStatus::Invalid, ports.stamps.new_id());
                    invoices::close(database, actor, order_id, status, &reason, audit_id).await?;
                }
                let message = "the payment provider does not answer as it should; you have not been charged, try again in a few minutes";
                return Err(ApiError::upstream(message, reason).into());
            }
        };
        let sats = match (draft.sats(), &account) {
            (Some(sats), _) => Some(sats),
            (None, Account::Btcpay(store)) => {
                self.converted(draft, &checkout, store, &invoice.id).await
            }
            // Zaprite does not say what the price is in bitcoin.
            (None, Account::Zaprite(_)) => None,
        };
        invoices::attach_provider(
            database,
            order_id,
            &invoice.id,
            &invoice.checkout_url,
            sats,
            invoice.watch_until,
        )
        .await?;
        if let Some(provider) = &provider
            && account.id().is_none()
            && !invoice.account_id.is_empty()
        {
            let organization = &invoice.account_id;
            payment_providers::learn_store_id(database, provider, organization).await?;
        }
        Ok(OrderPayment::AtProvider {
            reference: invoice.id,
            checkout_url: ports.for_browsers(invoice.checkout_url),
            sats,
        })
    }

    /// The store's conversion of the price to sats; `None`, with a line in the log, if it
    /// is not available now: the buyer can pay without it.
    async fn converted(
        &self,
        draft: &OrderDraft,
        checkout: &Checkout<'_>,
        store: &Store,
        btcpay_invoice_id: &str,
    ) -> Option<Quote> {
        match checkout.sats(store, btcpay_invoice_id).await {
            Ok(sats) => Some(Quote::converted(sats, draft.price, draft.base)),
            Err(reason) => {
                let line = format!(
                    "invoice {}: its price in sats is not known: {reason}",
                    draft.identity.id
                );
                let request_id = &self.actor.request_id;
                self.ports.log.write(Level::Warn, request_id, &line);
                None
            }
        }
    }
}

/// A provider and the way to it.
struct Checkout<'a> {
    account: &'a Account,
    outbound: &'a Outbound,
    rail: Option<Rail>,
    /// Unix seconds.
    now: i64,
}

impl Checkout<'_> {
    /// Makes the invoice of an order, or finds the one that was made before.
    async fn invoice(&self, new: NewInvoice<'_>) -> Result<Invoice, CheckoutError> {
        match self.create(new, CREATION_TIME_LIMIT).await {
            Err(CheckoutError::Unknown(_)) => {}
            decided => return decided,
        }
        match self.find(new).await? {
            Some(made) => Ok(made),
            None => self.create(new, RETRY_TIME_LIMIT).await,
        }
    }

    async fn create(&self, new: NewInvoice<'_>, time: Duration) -> Result<Invoice, CheckoutError> {
        let request = self.account.create_invoice(new, self.rail);
        let request = request.map_err(unknown)?;
        let answer = self.outbound.send_within(request, time).await;
        let answer = answer.map_err(unknown)?;
        match self.account.read_invoice(&answer, self.now) {
            Ok(made) => Ok(made),
            Err(error) if error.is_certain() => Err(CheckoutError::Refused(error)),
            Err(error) => Err(unknown(error)),
        }
    }

    async fn find(&self, new: NewInvoice<'_>) -> Result<Option<Invoice>, CheckoutError> {
        let lookup = OrderLookup {
            order_id: new.order_id,
            provider_invoice_id: None,
        };
        let expected = Expected {
            account_id: self.account.id(),
            order_id: new.order_id,
            price: new.price,
        };
        let requests = self.account.find_orders(&[lookup], false);
        for request in requests.map_err(unknown)? {
            let answer = self.outbound.send_within(request, RETRY_TIME_LIMIT).await;
            let answer = answer.map_err(unknown)?;
            let found = self.account.read_found(&answer, self.now);
            let mut found = found.map_err(unknown)?.into_iter();
            if let Some(made) = found.find(|one| one.observation(expected).is_ok()) {
                return Ok(Some(made));
            }
        }
        Ok(None)
    }

    /// The store's conversion of a price to sats: one more request, only for a price that
    /// is not in sats.
    ///
    /// # Errors
    /// Why it is not known now. The order stands, and the next read of the invoice may
    /// bring it.
    async fn sats(&self, store: &Store, invoice_id: &str) -> Result<Sats, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let request = store.payment_methods(invoice_id);
        let request = request.map_err(|error| text(&error))?;
        let answer = self.outbound.send_within(request, CONVERSION_TIME_LIMIT);
        let answer = answer.await.map_err(|error| text(&error))?;
        btcpay::read_sats(&answer)
            .map_err(|error| text(&error))?
            .ok_or_else(|| "BTCPay does not say what the price is in bitcoin".to_owned())
    }
}

fn unknown(error: impl std::fmt::Display) -> CheckoutError {
    CheckoutError::Unknown(error.to_string())
}
