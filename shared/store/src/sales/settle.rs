//! From a payment to a license: receipt, license, audit entry and event in one atomic batch.
//! Run twice, even at once, it makes one of each: the receipt is unique by what was paid, the
//! license by its receipt, and only the batch whose license was written writes the entry and
//! the event. The same batch seals the receipt for this license, turns the use of a discount
//! code into `used`, and makes the license's download id.

use crate::columns;
use crate::licenses::download_ids;
use crate::operator::audit::{self, Actor, AuditedChange};
use crate::sales::invoices::{self, OrderDraft, OrderRefusal};
use crate::sales::receipts;
use crate::sales::recent_orders;
use crate::sales::redemptions;
use crate::subscriptions;
use crate::subscriptions::order_link::{OrderPurpose, OrderSubscription};
use crate::subscriptions::starting::SubscriptionIds;
use crate::tier_changes;
use keywright_domain::entitlement::ReceiptKind;
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::order::OrderProvider;
use keywright_domain::recent_orders::{OrderKind, OrderOrigin};
use keywright_domain::release::DownloadId;
use keywright_domain::terms::Terms;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::receipt_keys::{ReceiptFacts, ReceiptKeys};
use keywright_ports::{Batch, Database, DatabaseError, Row, Stamps, Statement, Value};
use serde::Deserialize;
use serde_json::json;

/// New ids for one attempt to issue a license; those of an attempt that changes nothing are
/// never used.
#[derive(Debug, Clone)]
pub struct IssueIds {
    /// Of the receipt.
    pub receipt: String,
    /// Of the license.
    pub license: String,
    /// Of the audit entry.
    pub audit: String,
    /// Of the event of the license.
    pub event: String,
    /// Of the event of the code.
    pub redeemed: String,
    /// The download id of the license.
    pub download: DownloadId,
    /// Of what the payment does to a subscription.
    pub subscription: SubscriptionIds,
}

impl IssueIds {
    /// All of them new.
    #[must_use]
    pub fn new(stamps: &Stamps) -> Self {
        Self {
            receipt: stamps.new_id(),
            license: stamps.new_id(),
            audit: stamps.new_id(),
            event: stamps.new_id(),
            redeemed: stamps.new_id(),
            download: DownloadId::from_random(stamps.random()),
            subscription: SubscriptionIds::new(stamps),
        }
    }
}

/// An operator's grant: a license without a purchase.
#[derive(Debug, Clone)]
pub struct OperatorGrant {
    /// The product.
    pub product_id: String,
    /// The policy, if one was named.
    pub policy_id: Option<String>,
    /// The terms of the license.
    pub terms: Terms,
    /// When it expires, in unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// The last second of the last day whose builds are included, in unix
    /// seconds; `None` includes all.
    pub maintenance_until: Option<i64>,
    /// Activations in 24 hours; 0 is unlimited, `None` as its policy says.
    pub max_activations_per_day: Option<i64>,
    /// The e-mail address of its holder.
    pub buyer_email: Option<String>,
    /// Why it was granted.
    pub note: Option<String>,
}

#[derive(Deserialize)]
struct LicenseId {
    id: String,
}

/// Records an order with nothing to pay, settled, counts it against its origin, and
/// issues its license. Answers the license's id.
///
/// # Errors
/// [`DatabaseError`]; inside it, why the order is refused.
pub async fn free_order(
    database: &Database,
    actor: &Actor,
    order: &OrderDraft,
    origin: &OrderOrigin,
    ids: &IssueIds,
    keys: &ReceiptKeys,
) -> Result<Result<String, OrderRefusal>, DatabaseError> {
    let kind = if order.terms.is_trial {
        OrderKind::Trial
    } else {
        OrderKind::Free
    };
    let order_id = &order.identity.id;
    let external_ref = free_reference(order_id);
    let placing = invoices::place(
        order,
        OrderProvider::Free,
        Some(&external_ref),
        InvoiceStatus::Settled,
        actor.at,
        None,
    );
    let subscription = OrderSubscription::of(&order.purpose);
    let paid = PaymentFacts {
        invoice_id: order_id,
        product_id: &order.product_id,
        kind: ReceiptKind::Free,
        external_ref: &external_ref,
        amount: order.price.amount(),
        currency: order.price.currency().as_str(),
        received_at: actor.at,
        has_code: true,
        subscription: &subscription,
    };
    let mut batch = Batch::new();
    batch.extend(placing);
    if let OrderPurpose::Subscribe {
        trial_of: Some(buyer_hash),
        ..
    } = &order.purpose
    {
        batch.write(subscriptions::claim_trial(order_id, buyer_hash, actor.at));
    }
    batch.write(recent_orders::count(kind, origin, order_id, actor.at));
    let (issuing, license_id) = issuing_with_id(actor, paid, ids, keys);
    batch.extend(issuing);
    let license = batch.read::<LicenseId>(license_id);
    let mut rows = match batch.run(database).await {
        Ok(rows) => rows,
        Err(error) if error.is_unique_violation("trials.product_id, trials.buyer_hash") => {
            return Ok(Err(OrderRefusal::TrialUsed));
        }
        Err(error) => {
            return recent_orders::reached_cap(kind, &error)
                .map(|cap| Err(OrderRefusal::TooMany(cap)))
                .ok_or(error);
        }
    };
    let license = rows.first(license)?;
    Ok(license
        .map(|license| license.id)
        .ok_or(OrderRefusal::CodeUsedUp))
}

/// Records an order for a cycle that costs nothing, settled, and extends its license. Answers
/// whether the cycle was open.
///
/// # Errors
/// [`DatabaseError`].
pub async fn free_cycle(
    database: &Database,
    actor: &Actor,
    order: &OrderDraft,
    ids: &IssueIds,
    keys: &ReceiptKeys,
) -> Result<bool, DatabaseError> {
    let order_id = &order.identity.id;
    let external_ref = free_reference(order_id);
    let subscription = OrderSubscription::of(&order.purpose);
    let paid = PaymentFacts {
        invoice_id: order_id,
        product_id: &order.product_id,
        kind: ReceiptKind::Free,
        external_ref: &external_ref,
        amount: 0,
        currency: order.price.currency().as_str(),
        received_at: actor.at,
        has_code: false,
        subscription: &subscription,
    };
    let mut batch = Batch::new();
    batch.extend(invoices::place(
        order,
        OrderProvider::Free,
        Some(&external_ref),
        InvoiceStatus::Settled,
        actor.at,
        None,
    ));
    batch.extend(issuing(actor, paid, ids, keys));
    let paid = batch.read::<Row>(Statement::new(
        "SELECT id FROM subscription_cycles WHERE receipt_id = ?1",
        [(&ids.receipt).into()],
    ));
    batch.run(database).await?.any(paid)
}

/// The provider id that the contract gives an order with nothing to pay.
#[must_use]
pub fn free_reference(invoice_id: &str) -> String {
    format!("free-{invoice_id}")
}

/// Records an operator's grant and its license.
pub async fn grant(
    database: &Database,
    actor: &Actor,
    grant: &OperatorGrant,
    ids: &IssueIds,
    keys: &ReceiptKeys,
) -> Result<(), DatabaseError> {
    let receipt = ReceiptFacts {
        id: &ids.receipt,
        kind: ReceiptKind::Grant.as_str(),
        external_ref: &ids.license,
        invoice_id: None,
        product_id: &grant.product_id,
        amount: 0,
        currency: "SAT",
        received_at: actor.at,
        license_id: &ids.license,
    };
    let license = Statement::new(
        "INSERT INTO licenses (id, receipt_id, product_id, policy_id, status, issued_at,
                               expires_at, grace_seconds, max_machines, entitlements, is_trial,
                               buyer_email, note, updated_at, max_activations_per_day,
                               maintenance_until)
         VALUES (?1, ?2, ?3, ?4, 'active', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?5, ?13, ?14)",
        [
            (&ids.license).into(),
            (&ids.receipt).into(),
            (&grant.product_id).into(),
            grant.policy_id.as_ref().into(),
            actor.at.into(),
            grant.expires_at.into(),
            grant.terms.grace_seconds.into(),
            grant.terms.max_machines.into(),
            columns::entitlements(&grant.terms).into(),
            grant.terms.is_trial.into(),
            grant.buyer_email.as_ref().into(),
            grant.note.as_ref().into(),
            grant.max_activations_per_day.into(),
            grant.maintenance_until.into(),
        ],
    );
    let download = download_ids::give(&ids.license, &ids.download, actor.at);
    let mut batch = vec![receipts::of_grant(&receipt, keys), license, download];
    batch.extend(reported(actor, ids, None, "admin_issue"));
    database.batch(batch).await.map(drop)
}

/// The payment that a receipt is written for.
#[derive(Clone, Copy)]
pub(crate) struct PaymentFacts<'a> {
    /// The order.
    pub(crate) invoice_id: &'a str,
    /// Its product.
    pub(crate) product_id: &'a str,
    /// What the receipt is a proof of.
    pub(crate) kind: ReceiptKind,
    /// The provider's id of the payment.
    pub(crate) external_ref: &'a str,
    /// The amount, in the smallest unit of its currency.
    pub(crate) amount: i64,
    /// The currency.
    pub(crate) currency: &'static str,
    /// The time of the payment, in unix seconds.
    pub(crate) received_at: i64,
    /// Whether the order may have a discount code.
    pub(crate) has_code: bool,
    /// What it has to do with a subscription.
    pub(crate) subscription: &'a OrderSubscription,
}

impl<'a> PaymentFacts<'a> {
    /// The receipt of this payment, which entitles this license.
    pub(crate) fn receipt(&self, id: &'a str, license_id: &'a str) -> ReceiptFacts<'a> {
        ReceiptFacts {
            id,
            kind: self.kind.as_str(),
            external_ref: self.external_ref,
            invoice_id: Some(self.invoice_id),
            product_id: self.product_id,
            amount: self.amount,
            currency: self.currency,
            received_at: self.received_at,
            license_id,
        }
    }
}

/// The statements that write the receipt, license, audit entry and event of a settled
/// invoice, and the use of its code. Every value of the license comes from the invoice's
/// row, and the license is written only for the receipt of this batch, which is sealed for
/// it. If receipt or license exist, nothing is written. An order that pays a cycle of a
/// subscription, or an upgrade, makes no license: it extends or changes the one that is there.
pub(crate) fn issuing(
    actor: &Actor,
    paid: PaymentFacts<'_>,
    ids: &IssueIds,
    keys: &ReceiptKeys,
) -> Vec<Statement> {
    let subscription = paid.subscription;
    if let Some(license_id) = &subscription.existing_license_id {
        let (receipt, ids) = (&ids.receipt, &ids.subscription);
        match (&subscription.cycle_id, &subscription.tier_change_id) {
            (Some(cycle), _) => {
                return subscriptions::renewing(actor, paid, cycle, license_id, receipt, ids, keys);
            }
            (None, Some(change)) => {
                return tier_changes::upgrading(
                    actor, paid, change, license_id, receipt, ids, keys,
                );
            }
            (None, None) => {}
        }
    }
    let (mut batch, license_id) = issuing_with_id(actor, paid, ids, keys);
    batch.push(license_id);
    batch
}

/// As [`issuing`], with the last statement, which answers the license's `id`, apart.
fn issuing_with_id(
    actor: &Actor,
    paid: PaymentFacts<'_>,
    ids: &IssueIds,
    keys: &ReceiptKeys,
) -> (Vec<Statement>, Statement) {
    let receipt = paid.receipt(&ids.receipt, &ids.license);
    // The duration runs from the payment, even if it was observed later. As
    // `Terms::maintenance_until`: the last second of a day, not after the year 9999.
    let license = Statement::new(
        "INSERT INTO licenses (id, receipt_id, product_id, policy_id, status, issued_at,
                               expires_at, grace_seconds, max_machines, entitlements, is_trial,
                               buyer_email, updated_at, maintenance_until)
         SELECT ?1, r.id, i.product_id, i.policy_id, 'active', ?3,
                CASE WHEN i.duration_seconds > 0 THEN r.received_at + i.duration_seconds END,
                i.grace_seconds, i.max_machines, i.entitlements, i.is_trial, i.buyer_email, ?3,
                min((r.received_at + i.maintenance_seconds) / 86400 * 86400 + 86399, 253402300799)
         FROM receipts r JOIN invoices i ON i.id = r.invoice_id
         WHERE i.id = ?2 AND r.id = ?4
         ON CONFLICT DO NOTHING",
        [
            (&ids.license).into(),
            paid.invoice_id.into(),
            actor.at.into(),
            (&ids.receipt).into(),
        ],
    );
    let mut batch = vec![receipts::of_order(&receipt, keys), license];
    batch.extend(reported(actor, ids, Some(paid.invoice_id), "purchase"));
    if paid.subscription.is_recurring {
        batch.extend(subscriptions::started(
            actor,
            paid.invoice_id,
            &ids.license,
            &ids.subscription,
        ));
    }
    if paid.has_code {
        batch.extend(redemptions::used(actor, paid.invoice_id, &ids.redeemed));
    }
    let license_id = download_ids::give_bought(paid.invoice_id, &ids.download, actor.at);
    (batch, license_id)
}

/// The audit entry and the event of a new license, if it was written.
fn reported(
    actor: &Actor,
    ids: &IssueIds,
    invoice_id: Option<&str>,
    source: &'static str,
) -> [Statement; 2] {
    let entry = AuditedChange {
        id: ids.audit.clone(),
        action: "license.issue",
        object_kind: "license",
        object_id: ids.license.clone(),
        before: None,
        after: Some(json!({ "invoice_id": invoice_id, "source": source })),
    };
    let event = Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?6,
                json_object('license_id', id, 'product_id', product_id, 'policy_id', policy_id,
                            'invoice_id', ?4, 'is_trial', json(iif(is_trial, 'true', 'false')),
                            'expires_at', strftime('%Y-%m-%dT%H:%M:%SZ', expires_at, 'unixepoch'),
                            'entitlements', json(entitlements), 'source', ?5)
         FROM licenses WHERE id = ?3",
        [
            (&ids.event).into(),
            actor.at.into(),
            (&ids.license).into(),
            Value::from(invoice_id),
            source.into(),
            EventType::LicenseIssued.as_str().into(),
        ],
    );
    [audit::insert_issuing(actor, entry), event]
}
