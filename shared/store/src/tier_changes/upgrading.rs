//! A payment for a change of policy: the license that is there changes, once.

use super::applying::{AppliedIds, applying, before, list_of};
use crate::operator::audit::{Actor, insert_into_audit};
use crate::sales::receipts;
use crate::sales::settle::PaymentFacts;
use crate::subscriptions::starting::SubscriptionIds;
use keywright_ports::Statement;
use keywright_ports::receipt_keys::ReceiptKeys;

/// The statements that record the payment of a change and carry it out, if the license is as
/// it was priced: a renewal, another upgrade or a change by the operator in between leaves
/// the money with a receipt and an item in the attention list.
pub(crate) fn upgrading(
    actor: &Actor,
    paid: PaymentFacts<'_>,
    tier_change_id: &str,
    license_id: &str,
    receipt_id: &str,
    ids: &SubscriptionIds,
    keys: &ReceiptKeys,
) -> Vec<Statement> {
    let receipt = paid.receipt(receipt_id, license_id);
    let list = list_of(&[AppliedIds {
        audit_id: ids.audit.clone(),
        event_id: ids.event.clone(),
        change_id: tier_change_id.to_owned(),
    }]);
    let mut batch = vec![
        receipts::of_order(&receipt, keys),
        entry(actor, paid.invoice_id, ids),
    ];
    batch.extend(applying(actor, &list));
    batch.push(not_applied(actor, paid.invoice_id, ids));
    batch
}

/// The entry says whether the rest may happen. A change that was withdrawn, because another
/// order replaced it, counts if nothing else happened.
fn entry(actor: &Actor, invoice_id: &str, ids: &SubscriptionIds) -> Statement {
    Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'license.change_tier', 'license', l.id, ",
            before!(),
            ", json_object('tier_change_id', t.id, 'policy_id', t.to_policy_id,
                           'invoice_id', i.id, 'receipt_id', r.id, 'paid_at', r.received_at), ?4
             FROM invoices i
             JOIN receipts r ON r.invoice_id = i.id
             JOIN tier_changes t ON t.id = i.tier_change_id
             JOIN licenses l ON l.id = t.license_id
             LEFT JOIN subscriptions s ON s.license_id = l.id
             WHERE i.id = ?5 AND i.status = 'settled' AND t.state IN ('open', 'withdrawn')
               AND l.status <> 'revoked' AND l.policy_id IS t.from_policy_id
               AND l.expires_at IS t.quoted_expires_at
               AND s.paid_cycles IS t.quoted_paid_cycles
               AND (t.kind <> 'running_period' OR l.expires_at > r.received_at)"
        ),
        [
            (&ids.audit).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            invoice_id.into(),
        ],
    )
}

/// Money that changed nothing.
fn not_applied(actor: &Actor, invoice_id: &str, ids: &SubscriptionIds) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, 'upgrade_not_applied', 'invoice', i.id,
                json_object('license_id', t.license_id, 'to_policy_id', t.to_policy_id,
                            'amount', r.amount, 'currency', r.currency)
         FROM invoices i
         JOIN receipts r ON r.invoice_id = i.id
         JOIN tier_changes t ON t.id = i.tier_change_id
         WHERE i.id = ?3 AND i.status = 'settled' AND t.state <> 'done'
         ON CONFLICT (kind, object_kind, object_id) DO NOTHING",
        [
            (&ids.attention[0]).into(),
            actor.at.into(),
            invoice_id.into(),
        ],
    )
}
