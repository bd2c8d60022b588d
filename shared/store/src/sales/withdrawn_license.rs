//! The license of an order whose payment is withdrawn, or accepted again.

use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::standing::LicenseStatus;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::Statement;
use serde_json::json;

/// The status reason of a license whose payment was withdrawn. It distinguishes such a
/// license from one that the operator suspended: only the former becomes active again
/// when the invoice settles again.
pub const WITHDRAWN: &str = "the payment was withdrawn: its invoice became invalid";

/// How the license of an order changes when its payment does.
#[derive(Clone, Copy)]
pub(crate) enum LicenseChange {
    /// Active, now suspended.
    Suspend,
    /// Suspended because of its payment, now active.
    Reinstate,
}

/// Suspends the license of an invoice, or reinstates it. Only a license that was
/// suspended because of its payment is reinstated; a revoked one stays revoked.
pub(crate) fn changed(
    actor: &Actor,
    invoice_id: &str,
    change: LicenseChange,
    step_id: &str,
    [audit_id, event_id]: &[String; 2],
) -> [Statement; 3] {
    let (from, only_reason, to, reason, action, event_type) = match change {
        LicenseChange::Suspend => (
            LicenseStatus::Active,
            None,
            LicenseStatus::Suspended,
            Some(WITHDRAWN),
            "license.suspend",
            EventType::LicenseSuspended,
        ),
        LicenseChange::Reinstate => (
            LicenseStatus::Suspended,
            Some(WITHDRAWN),
            LicenseStatus::Active,
            None,
            "license.unsuspend",
            EventType::LicenseUnsuspended,
        ),
    };
    let after = json!({ "status": to.as_str(), "reason": reason.unwrap_or("the payment was accepted again") });
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
            step_id.into(),
            from.as_str().into(),
            only_reason.into(),
        ],
    );
    let update = Statement::new(
        "UPDATE licenses SET status = ?2, status_reason = ?3, updated_at = ?4
         WHERE id = (SELECT object_id FROM audit WHERE id = ?1)",
        [
            audit_id.into(),
            to.as_str().into(),
            reason.into(),
            actor.at.into(),
        ],
    );
    let event = Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?2, ?3, ?4, json_object('license_id', object_id, 'reason', ?5)
         FROM audit WHERE id = ?1",
        [
            audit_id.into(),
            event_id.into(),
            actor.at.into(),
            event_type.as_str().into(),
            reason.unwrap_or_default().into(),
        ],
    );
    [entry, update, event]
}
