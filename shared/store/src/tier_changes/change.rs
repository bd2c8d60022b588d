//! A change as it is recorded.

use crate::subscriptions::cycles::READ_AGAIN_AFTER;
use keywright_domain::money::Price;
use keywright_domain::proration::ChangeTiming;
use keywright_domain::subscription::terms::SubscriptionTerms;
use keywright_ports::{DatabaseError, Statement};
use serde::{Deserialize, Serialize};

/// A change that is about to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTierChange {
    /// A new id.
    pub id: String,
    /// The license.
    pub license_id: String,
    /// Its subscription.
    pub subscription_id: Option<String>,
    /// The policy that it has.
    pub from_policy_id: Option<String>,
    /// The policy that it gets.
    pub to_policy_id: String,
    /// When it takes effect.
    pub timing: ChangeTiming,
    /// What it costs now.
    pub charge: Price,
    /// Its expiry when it was priced.
    pub quoted_expires_at: Option<i64>,
    /// Its paid cycles when it was priced; `None` without a subscription.
    pub quoted_paid_cycles: Option<i64>,
    /// What it does.
    pub effect: ChangeEffect,
}

/// What a license and its subscription become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEffect {
    /// What the license unlocks.
    pub entitlements: Vec<String>,
    /// Machines at once; 0 is unlimited.
    pub max_machines: i64,
    /// Seconds after expiry in which it still validates.
    pub grace_seconds: i64,
    /// The last second of the last day whose builds are included; `None` includes all.
    pub maintenance_until: Option<i64>,
    /// Whether it is still a trial.
    pub is_trial: bool,
    /// Seconds that it runs from the payment; `None`: until `expires_at`.
    pub extends_seconds: Option<i64>,
    /// When it expires, unless the payment decides; `None` never.
    pub expires_at: Option<i64>,
    /// What its subscription is sold for from then on; `None` without one.
    pub terms: Option<SubscriptionTerms>,
    /// What a whole period of the running cycles is sold for from then on.
    pub worths: Vec<CycleWorth>,
    /// What the period costs that begins with the payment.
    pub period: Option<RecordedCharge>,
    /// What the next period costs.
    pub next: Option<RecordedCharge>,
}

/// What a whole period of a cycle is sold for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleWorth {
    /// The number of the cycle.
    pub number: i64,
    /// In the smallest unit of its currency.
    pub amount: i64,
}

/// The price of a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedCharge {
    /// To pay.
    #[serde(flatten)]
    pub price: Price,
    /// Before the discount.
    pub base: i64,
}

impl NewTierChange {
    fn effect_text(&self) -> Result<String, DatabaseError> {
        serde_json::to_string(&self.effect).map_err(|error| DatabaseError::Row(error.to_string()))
    }

    /// The statement that records it as `open`, if its license is as it was priced.
    pub(crate) fn insert_open(&self, now: i64) -> Statement {
        Statement::new(
            "INSERT INTO tier_changes (id, license_id, subscription_id, from_policy_id,
                                       to_policy_id, kind, state, price_currency, price_amount,
                                       quoted_expires_at, quoted_paid_cycles, effect, created_at)
             SELECT ?1, l.id, ?3, ?4, ?5, ?6, 'open', ?7, ?8, ?9, ?10, ?11, ?12
             FROM licenses l LEFT JOIN subscriptions s ON s.license_id = l.id
             WHERE l.id = ?2 AND l.status = 'active' AND l.policy_id IS ?4
               AND l.expires_at IS ?9 AND s.paid_cycles IS ?10",
            self.params(now),
        )
    }

    pub(crate) fn params(&self, now: i64) -> [keywright_ports::Value; 12] {
        [
            (&self.id).into(),
            (&self.license_id).into(),
            self.subscription_id.as_ref().into(),
            self.from_policy_id.as_ref().into(),
            (&self.to_policy_id).into(),
            self.timing.as_str().into(),
            self.charge.currency().as_str().into(),
            self.charge.amount().into(),
            self.quoted_expires_at.into(),
            self.quoted_paid_cycles.into(),
            // What cannot be written is refused by the column.
            self.effect_text().ok().into(),
            now.into(),
        ]
    }
}

/// The statements that make room for a new order of a change: the orders of this license
/// that were open before are replaced. They are still read, in case one of them is paid.
pub(crate) fn replace_open(license_id: &str, now: i64) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE invoices
             SET status = 'expired', next_check_at = iif(next_check_at IS NULL, NULL, ?2)
             WHERE status = 'pending' AND cycle_id IS NULL AND tier_change_id IN
               (SELECT id FROM tier_changes WHERE license_id = ?1 AND state = 'open')",
            [license_id.into(), (now + READ_AGAIN_AFTER).into()],
        ),
        Statement::new(
            "UPDATE tier_changes SET state = 'withdrawn' WHERE license_id = ?1 AND state = 'open'",
            [license_id.into()],
        ),
    ]
}
