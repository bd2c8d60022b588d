//! Takes orders: records an order, then issues its license or answers where to pay.
//!
//! An order with a price is recorded before the provider is asked for an invoice that
//! carries our id as its order id. So whatever breaks afterwards, the reconciler finds the
//! invoice, or finds that there is none. Only the buyer gets the order's secret: what a
//! provider knows appears on checkout pages, in Lightning descriptions and in exports.
//!
//! The batch that records the order also reserves the use of its discount code. While
//! nobody pays, another order may take the use over after some minutes; the use is
//! released when the order ends without a payment.

pub(crate) mod buyer;
pub(crate) mod free;
pub(crate) mod pay_by;
mod provider;
mod refusal;
mod usdc;

use crate::Ports;
use crate::selection::Selection;
use crate::subscriptions::SubscriptionOffer;
use buyer::Buyer;
use keywright_domain::caller_limits::{CODES, ORDERS, USDC_ORDERS};
use keywright_domain::money::Price;
use keywright_domain::order::{OrderIdentity, OrderSecret};
use keywright_domain::recent_orders::OrderOrigin;
use keywright_domain::subscription::DAY;
use keywright_store::catalog::discount_codes::DiscountCode;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices::{OrderDraft, Quote};
use keywright_store::sales::redemptions::Reservation;
use keywright_store::subscriptions::order_link::OrderPurpose;
use keywright_web::caller_limit::take_for;
use keywright_web::{ApiError, Client};
use pay_by::PayBy;

pub(crate) use refusal::OrderError;

/// An order whose members are checked.
pub(crate) struct CheckedOrder {
    pub(crate) selection: Selection,
    pub(crate) buyer: Buyer,
    pub(crate) redirect_url: Option<String>,
    pub(crate) pay_by: PayBy,
    pub(crate) origin: OrderOrigin,
    /// Whose trial begins with it: SHA-256 of the buyer's address. `None` without a trial.
    pub(crate) trial_of: Option<String>,
}

/// What taking an order needs besides the order.
///
/// The public address is part of it, because it must be known before anything is
/// recorded: a buyer who could not be told where the license key is must not be sold
/// anything.
pub(crate) struct OrderTaker<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) actor: &'a Actor,
    pub(crate) public_url: &'a str,
}

/// An order that is recorded.
pub(crate) struct PlacedOrder {
    pub(crate) identity: OrderIdentity,
    /// The price to pay.
    pub(crate) price: Price,
    /// The price before any discount.
    pub(crate) base: Price,
    /// The discount code that it uses.
    pub(crate) code: Option<String>,
    /// What is sold by the period.
    pub(crate) subscription: Option<SubscriptionOffer>,
    pub(crate) payment: OrderPayment,
}

/// How a recorded order is paid.
pub(crate) enum OrderPayment {
    /// There is nothing to pay: the license is issued.
    Free {
        /// The provider id that the contract gives such an order.
        reference: String,
        license_id: String,
        sats: Option<Quote>,
    },
    /// At a payment provider.
    AtProvider {
        /// The provider's id of the invoice.
        reference: String,
        checkout_url: String,
        /// The prices in sats; `None` while the provider has not converted them.
        sats: Option<Quote>,
    },
    /// To the vendor's wallet.
    Usdc {
        reference: String,
        checkout_url: String,
        payment: Box<crate::usdc::UsdcPayment>,
    },
}

impl OrderTaker<'_> {
    /// Takes an order with this code, or at the full price.
    pub(crate) async fn take(
        &self,
        order: &CheckedOrder,
        code: Option<&DiscountCode>,
    ) -> Result<PlacedOrder, OrderError> {
        let mut base = order.selection.base;
        let mut price = code.map_or(base, |code| code.discount.price(base));
        if order.trial_of.is_some() {
            // The first cycle has the price; the code is kept for it.
            (base, price) = (Price::free(base.currency()), Price::free(base.currency()));
        }
        let reservation = code.map(|code| Reservation {
            id: self.ports.stamps.new_id(),
            code_id: code.id.clone(),
        });
        let mut draft = draft(
            self.ports,
            &order.selection,
            &order.buyer,
            price,
            reservation,
        );
        draft.base = base;
        let terms = order
            .selection
            .subscription_terms(code, order.trial_of.is_some())?;
        if let Some(terms) = terms {
            if order.trial_of.is_some() {
                draft.terms.duration_seconds = terms.recurrence.trial_days * DAY;
                draft.terms.grace_seconds = 0;
                draft.terms.is_trial = true;
            }
            draft.purpose = OrderPurpose::Subscribe {
                terms: Box::new(terms),
                trial_of: order.trial_of.clone(),
            };
        }
        self.place(draft, order, code).await
    }

    /// Records an order that was drafted and lets it be paid.
    pub(crate) async fn place(
        &self,
        mut draft: OrderDraft,
        order: &CheckedOrder,
        code: Option<&DiscountCode>,
    ) -> Result<PlacedOrder, OrderError> {
        let payment = match order.pay_by {
            _ if draft.price.is_zero() => self.free(&draft, &order.origin).await?,
            PayBy::Usdc => self.usdc(&draft, order).await?,
            PayBy::Provider(rail) => self.at_provider(&mut draft, order, rail).await?,
        };
        let subscription = match &draft.purpose {
            OrderPurpose::Subscribe { terms, .. } => Some(SubscriptionOffer::of(terms)),
            OrderPurpose::Sale | OrderPurpose::PayCycle { .. } | OrderPurpose::Upgrade(_) => None,
        };
        Ok(PlacedOrder {
            subscription,
            identity: draft.identity,
            price: draft.price,
            base: draft.base,
            code: code.map(|code| code.code.clone()),
            payment,
        })
    }

    async fn free(
        &self,
        draft: &OrderDraft,
        origin: &OrderOrigin,
    ) -> Result<OrderPayment, OrderError> {
        let license_id = match &draft.purpose {
            OrderPurpose::PayCycle { license_id, .. } => {
                free::pay_cycle(self.ports, self.actor, draft).await?;
                license_id.clone()
            }
            OrderPurpose::Upgrade(_) => {
                return Err(
                    ApiError::internal("an upgrade that costs nothing has no order").into(),
                );
            }
            OrderPurpose::Sale | OrderPurpose::Subscribe { .. } => {
                free::issue(self.ports, self.actor, draft, origin).await?
            }
        };
        Ok(OrderPayment::Free {
            reference: keywright_store::sales::settle::free_reference(&draft.identity.id),
            license_id,
            sats: draft.sats(),
        })
    }
}

/// A new order for this selection, with an id and a secret of its own. Nothing is
/// recorded yet.
pub(crate) fn draft(
    ports: &Ports,
    selection: &Selection,
    buyer: &Buyer,
    price: Price,
    reservation: Option<Reservation>,
) -> OrderDraft {
    OrderDraft {
        identity: OrderIdentity {
            id: ports.stamps.new_id(),
            secret: OrderSecret::from_random(ports.stamps.random()),
        },
        product_id: selection.product.id.clone(),
        policy_id: selection.policy_id().map(str::to_owned),
        price,
        base: selection.base,
        payment_provider_id: None,
        terms: selection.terms(),
        buyer_email: buyer.email.clone(),
        buyer_note: buyer.note.clone(),
        reservation,
        purpose: OrderPurpose::Sale,
    }
}

/// Counts an order against its caller, with its rail and its code.
pub(crate) async fn count_order(
    ports: &Ports,
    client: &Client,
    pay_by: PayBy,
    with_code: bool,
) -> Result<(), ApiError> {
    let mut limits = vec![&ORDERS];
    limits.extend((pay_by == PayBy::Usdc).then_some(&USDC_ORDERS));
    limits.extend(with_code.then_some(&CODES));
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &limits, client, now)
        .await
        .map(drop)
}

/// The origin that an order is counted against.
pub(crate) fn origin(client: &Client) -> OrderOrigin {
    OrderOrigin::of(client.address)
}
