//! Orders, from their placement to their payment or end. Settling is in
//! [`crate::sales::settle`], reading them back in [`crate::sales::due_orders`].

use crate::columns;
use crate::operator::audit::{self, Actor, AuditedChange};
use crate::sales::payable::{Payable, payable_columns};
use crate::sales::recent_orders::{self, OrderCap};
use crate::sales::redemptions::{self, Reservation};
use crate::subscriptions::cycles;
use crate::subscriptions::order_link::OrderPurpose;
use crate::tier_changes::change::replace_open;
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::money::{Price, Sats};
use keywright_domain::order::{OrderIdentity, OrderOpener, OrderProvider};
use keywright_domain::rail::ProviderKind;
use keywright_domain::recent_orders::{OrderKind, OrderOrigin};
use keywright_domain::terms::Terms;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement, Value};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;

/// An order that is about to be recorded.
#[derive(Debug, Clone)]
pub struct OrderDraft {
    /// Its public id and its secret.
    pub identity: OrderIdentity,
    /// The product.
    pub product_id: String,
    /// The policy, if the product has any.
    pub policy_id: Option<String>,
    /// The price to pay.
    pub price: Price,
    /// The price before any discount, in the same currency.
    pub base: Price,
    /// The connected provider it is paid at; `None` for the store of the configuration, and
    /// if there is nothing to pay.
    pub payment_provider_id: Option<String>,
    /// The terms of the license.
    pub terms: Terms,
    /// The buyer's e-mail address.
    pub buyer_email: Option<String>,
    /// The buyer's note.
    pub buyer_note: Option<String>,
    /// The use of the discount code.
    pub reservation: Option<Reservation>,
    /// Why it is made.
    pub purpose: OrderPurpose,
}

impl OrderDraft {
    /// Its prices in sats, if that is their currency.
    #[must_use]
    pub fn sats(&self) -> Option<Quote> {
        Some(Quote {
            amount_sats: self.price.sats()?.get(),
            base_price_sats: self.base.sats()?.get(),
        })
    }
}

/// An order in sats: as it was priced, or as the provider converted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// The price to pay.
    pub amount_sats: i64,
    /// The price before any discount.
    pub base_price_sats: i64,
}

impl Quote {
    /// A price as the provider converted it to sats, and the price before any
    /// discount at the same rate.
    #[must_use]
    pub fn converted(sats: Sats, price: Price, base: Price) -> Self {
        Self {
            amount_sats: sats.get(),
            base_price_sats: sats.at_the_rate_of(price, base).get(),
        }
    }
}

/// Why an order is refused; nothing of it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderRefusal {
    /// Its discount code has no use left.
    CodeUsedUp,
    /// There are too many orders that cost nothing.
    TooMany(OrderCap),
    /// Its buyer had a trial of this product before.
    TrialUsed,
    /// The cycle that it would pay is not open any more, or at another price.
    CycleNotOpen,
    /// The license that it would upgrade is not as it was priced any more.
    LicenseChanged,
}

/// The id of the order that `?1` and `?2` open, as a subquery: by the hash of its
/// secret, `?2`, or, for an order from before there were secrets, by its id, `?1`.
macro_rules! opened_order {
    () => {
        "(SELECT id FROM invoices WHERE poll_hash = ?2
          UNION ALL SELECT id FROM invoices WHERE id = ?1 AND poll_hash IS NULL)"
    };
}
pub(crate) use opened_order;

/// The parameters of [`opened_order`].
pub(crate) fn opened_by(opener: &OrderOpener) -> [Value; 2] {
    [opener.as_str().into(), opener.hash().into()]
}

/// Records a pending order that is paid at a provider, counts it against its origin, and
/// reserves the use of its code, if it has one, in the same batch. `next_check_at` is
/// when the reconciler first reads it, in unix seconds.
///
/// # Errors
/// [`DatabaseError`]; inside it, why the order is refused.
pub async fn create_pending(
    database: &Database,
    order: &OrderDraft,
    kind: ProviderKind,
    origin: &OrderOrigin,
    created_at: i64,
    next_check_at: i64,
) -> Result<Result<(), OrderRefusal>, DatabaseError> {
    let pending = InvoiceStatus::Pending;
    let (placing, last) = placing(
        order,
        kind.into(),
        None,
        pending,
        created_at,
        Some(next_check_at),
    );
    let mut batch = Batch::new();
    batch.extend(placing);
    let reserved = batch.read::<Row>(last);
    batch.write(recent_orders::count(
        OrderKind::Unpaid,
        origin,
        &order.identity.id,
        created_at,
    ));
    let mut rows = match batch.run(database).await {
        Ok(rows) => rows,
        Err(error) => {
            return recent_orders::reached_cap(OrderKind::Unpaid, &error)
                .map(|cap| Err(OrderRefusal::TooMany(cap)))
                .ok_or(error);
        }
    };
    let is_answered = rows.any(reserved)?;
    Ok(match (&order.purpose, &order.reservation) {
        (OrderPurpose::PayCycle { .. }, _) if !is_answered => Err(OrderRefusal::CycleNotOpen),
        (OrderPurpose::Upgrade(_), _) if !is_answered => Err(OrderRefusal::LicenseChanged),
        (_, Some(_)) if !is_answered => Err(OrderRefusal::CodeUsedUp),
        _ => Ok(()),
    })
}

/// The statement that records an invoice from what follows: values or a
/// select.
macro_rules! insert_into_invoices {
    ($from:literal) => {
        concat!(
            "INSERT INTO invoices (id, product_id, policy_id, provider, provider_invoice_id,
                                   checkout_url, status, amount_sats, base_price_sats,
                                   duration_seconds, grace_seconds, max_machines, entitlements,
                                   is_trial, buyer_email, buyer_note, created_at, settled_at,
                                   next_check_at, checks, maintenance_seconds, payment_state,
                                   price_currency, price_amount, base_price_amount,
                                   payment_provider_id, poll_hash, recurring, cycle_id,
                                   tier_change_id) ",
            $from
        )
    };
}

/// The statements that record an order, and before and after them those that take and
/// reserve the use of its code. Without a use left none of them writes an order.
pub(crate) fn place(
    order: &OrderDraft,
    provider: OrderProvider,
    provider_invoice_id: Option<&str>,
    status: InvoiceStatus,
    created_at: i64,
    next_check_at: Option<i64>,
) -> Vec<Statement> {
    let (mut batch, last) = placing(
        order,
        provider,
        provider_invoice_id,
        status,
        created_at,
        next_check_at,
    );
    batch.push(last);
    batch
}

/// As [`place`], with the last statement apart: if the order has a code or pays a cycle, it
/// answers a row when the use is reserved or the order recorded.
fn placing(
    order: &OrderDraft,
    provider: OrderProvider,
    provider_invoice_id: Option<&str>,
    status: InvoiceStatus,
    created_at: i64,
    next_check_at: Option<i64>,
) -> (Vec<Statement>, Statement) {
    let settled_at = (status == InvoiceStatus::Settled).then_some(created_at);
    let sats = order.sats();
    let sql = if order.purpose.cycle_id().is_some() {
        // Only for a cycle that waits for a payment, and then with an answer.
        insert_into_invoices!(
            "SELECT ?1, ?2, ?3, ?4, ?5, '', ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                    ?17, ?18, 0, ?19, iif(?6 = 'settled', 'paid', 'unpaid'), ?20, ?21, ?22,
                    ?23, ?24, ?25, id, ?27
             FROM subscription_cycles
             WHERE id = ?26 AND state = 'open' AND price_amount = ?21
               AND (SELECT booked_change_id FROM subscriptions WHERE id = subscription_id) IS ?27
             RETURNING id"
        )
    } else if let OrderPurpose::Upgrade(_) = order.purpose {
        // Only for a license that is as it was priced, and then with an answer.
        insert_into_invoices!(
            "SELECT ?1, ?2, ?3, ?4, ?5, '', ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                    ?17, ?18, 0, ?19, iif(?6 = 'settled', 'paid', 'unpaid'), ?20, ?21, ?22,
                    ?23, ?24, ?25, ?26, id
             FROM tier_changes WHERE id = ?27 RETURNING id"
        )
    } else if order.reservation.is_none() {
        insert_into_invoices!(
            "VALUES (?1, ?2, ?3, ?4, ?5, '', ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                     ?17, ?18, 0, ?19, iif(?6 = 'settled', 'paid', 'unpaid'), ?20, ?21, ?22,
                     ?23, ?24, ?25, ?26, ?27)"
        )
    } else {
        insert_into_invoices!(
            "SELECT ?1, ?2, ?3, ?4, ?5, '', ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                    ?17, ?18, 0, ?19, iif(?6 = 'settled', 'paid', 'unpaid'), ?20, ?21, ?22,
                    ?23, ?24, ?25, ?26, ?27
             WHERE changes() > 0"
        )
    };
    let insert = Statement::new(
        sql,
        [
            (&order.identity.id).into(),
            (&order.product_id).into(),
            order.policy_id.as_ref().into(),
            provider.as_str().into(),
            provider_invoice_id.into(),
            status.as_str().into(),
            sats.map_or(0, |sats| sats.amount_sats).into(),
            sats.map_or(0, |sats| sats.base_price_sats).into(),
            order.terms.duration_seconds.into(),
            order.terms.grace_seconds.into(),
            order.terms.max_machines.into(),
            columns::entitlements(&order.terms).into(),
            order.terms.is_trial.into(),
            order.buyer_email.as_ref().into(),
            order.buyer_note.as_ref().into(),
            created_at.into(),
            settled_at.into(),
            next_check_at.into(),
            order.terms.maintenance_seconds.into(),
            order.price.currency().as_str().into(),
            order.price.amount().into(),
            order.base.amount().into(),
            order.payment_provider_id.as_ref().into(),
            order.identity.secret.hash().into(),
            order.purpose.terms_text().into(),
            order.purpose.cycle_id().into(),
            order.purpose.tier_change_id().into(),
        ],
    );
    if let Some(cycle_id) = order.purpose.cycle_id() {
        // The order that was open before gives way to this one. It is still read, in case
        // it is paid all the same.
        let replaced = Statement::new(
            "UPDATE invoices
             SET status = 'expired', next_check_at = iif(next_check_at IS NULL, NULL, ?2)
             WHERE cycle_id = ?1 AND status = 'pending'",
            [
                cycle_id.into(),
                (created_at + cycles::READ_AGAIN_AFTER).into(),
            ],
        );
        return (vec![replaced], insert);
    }
    if let OrderPurpose::Upgrade(change) = &order.purpose {
        let mut before = replace_open(&change.license_id, created_at).to_vec();
        before.push(change.insert_open(created_at));
        return (before, insert);
    }
    match &order.reservation {
        None => (Vec::new(), insert),
        Some(reservation) => {
            let [released, given_back] = redemptions::yielded(&reservation.code_id, created_at);
            let taken = redemptions::take(&reservation.code_id, created_at);
            let reserved = redemptions::reserve(reservation, &order.identity.id, created_at);
            (vec![released, given_back, taken, insert], reserved)
        }
    }
}

/// Records the provider's invoice of an order, its conversion of the price to sats, if
/// known, and when the provider stops watching for payments, in unix seconds. The first
/// invoice wins: a second one for the same order changes nothing.
pub async fn attach_provider(
    database: &Database,
    id: &str,
    provider_invoice_id: &str,
    checkout_url: &str,
    sats: Option<Quote>,
    watch_until: Option<i64>,
) -> Result<(), DatabaseError> {
    let update = Statement::new(
        "UPDATE invoices SET provider_invoice_id = ?2, checkout_url = ?3, watch_until = ?4,
                amount_sats = coalesce(?5, amount_sats),
                base_price_sats = coalesce(?6, base_price_sats)
         WHERE id = ?1 AND provider_invoice_id IS NULL",
        [
            id.into(),
            provider_invoice_id.into(),
            checkout_url.into(),
            watch_until.into(),
            sats.map(|sats| sats.amount_sats).into(),
            sats.map(|sats| sats.base_price_sats).into(),
        ],
    );
    database.batch(vec![update]).await.map(drop)
}

/// Ends an order that was not paid, with its audit entry, and releases the use of its code.
/// Nothing changes in a state that must not become the new one.
pub async fn close(
    database: &Database,
    actor: &Actor,
    id: &str,
    status: InvoiceStatus,
    reason: &str,
    audit_id: String,
) -> Result<(), DatabaseError> {
    let from = [InvoiceStatus::Pending, InvoiceStatus::Expired].map(|state| {
        if state.may_become(status) {
            state.as_str()
        } else {
            ""
        }
    });
    let update = Statement::new(
        "UPDATE invoices SET status = ?2, next_check_at = NULL
         WHERE id = ?1 AND status IN (?3, ?4)",
        [
            id.into(),
            status.as_str().into(),
            from[0].into(),
            from[1].into(),
        ],
    );
    let entry = AuditedChange {
        id: audit_id,
        action: "invoice.close",
        object_kind: "invoice",
        object_id: id.to_owned(),
        before: None,
        after: Some(json!({ "status": status, "reason": reason })),
    };
    // The entry comes first, while the row still has the old state.
    let mut batch = vec![audit::insert_closing(actor, entry, from), update];
    batch.extend(redemptions::released(actor, id, None));
    database.batch(batch).await.map(drop)
}

/// The order of an invoice at a provider: by the invoice's id, or by the order id in it, in
/// case the answer with its id never reached us. An order that is paid at another store or
/// organization is not found.
pub async fn at_provider(
    database: &Reader,
    kind: ProviderKind,
    provider_invoice_id: &str,
    order_id: Option<&str>,
    payment_provider_id: Option<&str>,
) -> Result<Option<Payable>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT ",
            payable_columns!(),
            " FROM invoices
         WHERE provider = ?4 AND payment_provider_id IS ?3
           AND (provider_invoice_id = ?1 OR (provider_invoice_id IS NULL AND id = ?2))"
        ),
        [
            provider_invoice_id.into(),
            order_id.into(),
            payment_provider_id.into(),
            kind.as_str().into(),
        ],
    );
    database.first(statement).await
}

/// The ids among these that open their orders: those of orders from before there were
/// secrets.
pub async fn opened_by_their_ids(
    database: &Reader,
    ids: &BTreeSet<&str>,
) -> Result<Vec<String>, DatabaseError> {
    #[derive(Deserialize)]
    struct Opened {
        id: String,
    }
    let list = serde_json::to_string(ids).map_err(|error| DatabaseError::Row(error.to_string()))?;
    let statement = Statement::new(
        "SELECT id FROM invoices
         WHERE id IN (SELECT value FROM json_each(?1)) AND poll_hash IS NULL",
        [list.into()],
    );
    let opened: Vec<Opened> = database.query(statement).await?;
    Ok(opened.into_iter().map(|opened| opened.id).collect())
}
