//! What a change is priced from: the license, what was paid for it, and its running cycles.

use crate::columns;
use keywright_domain::money::{Currency, Price};
use keywright_domain::proration::PaidCycle;
use keywright_domain::standing::{CurrentKey, LicenseStatus};
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;

/// Most paid cycles that can be running: one is paid ahead at most, and the operator may
/// have given some days.
const RUNNING_CYCLES: i64 = 4;

/// A license whose policy may change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangeableLicense {
    /// `UUIDv7`.
    pub id: String,
    /// The product.
    pub product_id: String,
    /// The product's slug.
    pub product: String,
    /// Its state.
    pub status: LicenseStatus,
    /// Its policy.
    pub policy_id: Option<String>,
    /// Unix seconds.
    pub issued_at: i64,
    /// Which keys of it are good.
    pub key_issued_at: CurrentKey,
    /// Unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// The last second of the last day whose builds are included; `None` includes all.
    pub maintenance_until: Option<i64>,
    /// Machines at once; 0 is unlimited.
    pub max_machines: i64,
    /// Whether it is a trial.
    #[serde(deserialize_with = "columns::flag")]
    pub is_trial: bool,
    /// The buyer's address.
    pub buyer_email: Option<String>,
    /// What was paid for it and its upgrades, by currency.
    #[serde(deserialize_with = "columns::json")]
    pub paid: Vec<PaidSum>,
}

/// A sum that was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PaidSum {
    /// The currency.
    pub currency: Currency,
    /// In its smallest unit.
    pub amount: i64,
}

/// A machine that uses a license.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ActiveMachine {
    /// `UUIDv7`.
    pub id: String,
    /// As the application named it.
    pub hostname: Option<String>,
}

/// A license with what its change is priced from.
#[derive(Debug, Clone)]
pub struct ChangeBasis {
    /// The license.
    pub license: ChangeableLicense,
    /// The newest paid cycles of its subscription, newest first.
    pub cycles: Vec<PaidCycle>,
    /// The machines that use it.
    pub machines: Vec<ActiveMachine>,
}

#[derive(Deserialize)]
struct CycleRow {
    number: i64,
    #[serde(flatten)]
    price: Price,
    days: i64,
}

/// Reads the license with this id: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn read(
    database: &Database,
    license_id: &str,
) -> Result<Option<ChangeBasis>, DatabaseError> {
    let mut batch = Batch::new();
    let license = batch.read::<ChangeableLicense>(Statement::new(
        "SELECT l.id, l.product_id, p.slug AS product, l.status, l.policy_id, l.issued_at,
                l.key_issued_at, l.expires_at, l.maintenance_until, l.max_machines, l.is_trial, l.buyer_email,
                (SELECT json_group_array(json_object('currency', currency, 'amount', amount))
                 FROM (SELECT i.price_currency AS currency,
                              sum(coalesce(i.price_amount, i.amount_sats)) AS amount
                       FROM invoices i JOIN receipts r ON r.invoice_id = i.id
                       WHERE i.status = 'settled' AND i.cycle_id IS NULL
                         AND (r.id = l.receipt_id OR i.tier_change_id IN
                               (SELECT id FROM tier_changes
                                WHERE license_id = l.id AND state = 'done'))
                       GROUP BY i.price_currency
                       HAVING sum(coalesce(i.price_amount, i.amount_sats)) > 0)) AS paid
         FROM licenses l JOIN products p ON p.id = l.product_id WHERE l.id = ?1",
        [license_id.into()],
    ));
    let cycles = batch.read::<CycleRow>(Statement::new(
        "SELECT c.number, c.price_currency, coalesce(c.worth_amount, c.price_amount) AS price_amount,
                (c.ends_at - c.starts_at) / 86400 AS days
         FROM subscriptions s JOIN subscription_cycles c ON c.subscription_id = s.id
         WHERE s.license_id = ?1 AND c.state = 'paid'
         ORDER BY c.number DESC LIMIT ?2",
        [license_id.into(), RUNNING_CYCLES.into()],
    ));
    let machines = batch.read::<ActiveMachine>(Statement::new(
        "SELECT id, hostname FROM machines
         WHERE license_id = ?1 AND deactivated_at IS NULL ORDER BY activated_at LIMIT 100",
        [license_id.into()],
    ));
    let mut rows = batch.run(database).await?;
    let Some(license) = rows.first(license)? else {
        return Ok(None);
    };
    let cycles = rows.all(cycles)?;
    let cycle = |row: CycleRow| PaidCycle {
        number: row.number,
        price: row.price,
        days: row.days,
    };
    Ok(Some(ChangeBasis {
        license,
        cycles: cycles.into_iter().map(cycle).collect(),
        machines: rows.all(machines)?,
    }))
}
