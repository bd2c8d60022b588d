//! What an operator changes of a policy.

use crate::catalog::policies::{BY_ID, Policy};
use crate::difference::{self, Change, ChangeOutcome, ChangeSql, insert_difference};
use crate::events::announcement;
use crate::operator::audit::{self, Actor};
use keywright_domain::money::Price;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::Deserialize;
use serde_json::Value;

/// What an operator may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct PolicyChanges {
    /// New name.
    pub name: Option<String>,
    /// New price, in the product's currency; `Some(None)` sells at the
    /// product's price.
    pub price: Option<Option<Price>>,
    /// New duration for later sales.
    pub duration_seconds: Option<i64>,
    /// New grace for later sales.
    pub grace_seconds: Option<i64>,
    /// New machine limit for later sales.
    pub max_machines: Option<i64>,
    /// New entitlements for later sales.
    pub entitlements: Option<Vec<String>>,
    /// Trial or not, for later sales.
    pub is_trial: Option<bool>,
    /// New time of included updates for later sales; `Some(None)` is all.
    pub maintenance_seconds: Option<Option<i64>>,
    /// Sold by the period or once, for later sales.
    pub is_recurring: Option<bool>,
    /// New period for later sales.
    pub renewal_period_days: Option<Option<i64>>,
    /// New trial for later sales.
    pub trial_days: Option<i64>,
    /// New grace for later sales; `Some(None)` is the usual one.
    pub grace_period_days: Option<Option<i64>>,
    /// New price of a renewal, in the product's currency, for later sales; `Some(None)` is
    /// that of the first period.
    pub renewal_price: Option<Option<Price>>,
    /// New rank; `Some(None)` takes it off the ladder.
    pub tier_rank: Option<Option<i64>>,
    /// New limit of activations, also for what was sold without a limit of
    /// its own; `Some(None)` leaves it to the rule's default.
    pub max_activations_per_day: Option<Option<i64>>,
    /// Can be bought or not.
    pub active: Option<bool>,
    /// Shown or not.
    pub public: Option<bool>,
    /// Archived or not.
    pub archived: Option<bool>,
    /// New metadata.
    pub metadata: Option<Value>,
}

/// Why a policy is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyRefusal {
    /// The new price is not in the product's currency.
    OtherCurrency,
    /// Its product has as many policies as the instance's cap allows.
    AtCap,
    /// It would be recurring without a period.
    NoPeriod,
    /// Its grace would not be shorter than its period.
    GraceNotShorter,
}

/// A nullable column as it will be with the new values `$members`.
macro_rules! after {
    ($members:literal, $column:literal) => {
        concat!(
            "iif(json_type(",
            $members,
            ", '$.",
            $column,
            "') IS NULL, ",
            $column,
            ", ",
            $members,
            " ->> '$.",
            $column,
            "')"
        )
    };
}

/// The name of the [`PolicyRefusal`] of the new values `$members`, null for none.
macro_rules! refusal {
    ($members:literal) => {
        concat!(
            "CASE WHEN ",
            $members,
            " ->> '$.price_currency'
                       <> (SELECT price_currency FROM products WHERE id = policies.product_id)
                  THEN 'other_currency'
                  WHEN ",
            $members,
            " ->> '$.archived' = 0 AND archived_at IS NOT NULL
                       AND (SELECT count(*) FROM policies o
                            WHERE o.product_id = policies.product_id
                              AND o.archived_at IS NULL) >= ",
            $members,
            " ->> '$.cap' THEN 'at_cap'
                  WHEN coalesce(",
            $members,
            " ->> '$.is_recurring', is_recurring) THEN CASE WHEN ",
            after!($members, "renewal_period_days"),
            " IS NULL THEN 'no_period' WHEN ",
            after!($members, "grace_period_days"),
            " >= ",
            after!($members, "renewal_period_days"),
            " THEN 'grace_not_shorter' END END"
        )
    };
}

const CHANGE: ChangeSql = ChangeSql {
    refusal: concat!(
        "SELECT ",
        refusal!("?2"),
        " AS refusal FROM policies WHERE id = ?1"
    ),
    difference: insert_difference!(
        "SELECT id, json_object('name', name, 'price_amount', price_amount,
            'duration_seconds', duration_seconds, 'grace_seconds', grace_seconds,
            'max_machines', max_machines, 'entitlements', json(entitlements),
            'is_trial', json(iif(is_trial, 'true', 'false')),
            'maintenance_seconds', maintenance_seconds, 'tier_rank', tier_rank,
            'is_recurring', json(iif(is_recurring, 'true', 'false')),
            'renewal_period_days', renewal_period_days, 'trial_days', trial_days,
            'grace_period_days', grace_period_days,
            'renewal_price_amount', renewal_price_amount,
            'max_activations_per_day', max_activations_per_day,
            'active', json(iif(active, 'true', 'false')),
            'public', json(iif(public, 'true', 'false')),
            'archived', json(iif(archived_at IS NULL, 'false', 'true')),
            'metadata', json(metadata)) AS doc
         FROM policies WHERE id = ?6 AND ",
        refusal!("?7"),
        " IS NULL"
    ),
    update: "UPDATE policies SET
           name = coalesce(?2 ->> '$.name', name),
           price_amount = iif(json_type(?2, '$.price_amount') IS NULL,
                              price_amount, ?2 ->> '$.price_amount'),
           duration_seconds = coalesce(?2 ->> '$.duration_seconds', duration_seconds),
           grace_seconds = coalesce(?2 ->> '$.grace_seconds', grace_seconds),
           max_machines = coalesce(?2 ->> '$.max_machines', max_machines),
           entitlements = coalesce(?2 ->> '$.entitlements', entitlements),
           is_trial = coalesce(?2 ->> '$.is_trial', is_trial),
           maintenance_seconds = iif(json_type(?2, '$.maintenance_seconds') IS NULL,
                                     maintenance_seconds, ?2 ->> '$.maintenance_seconds'),
           is_recurring = coalesce(?2 ->> '$.is_recurring', is_recurring),
           renewal_period_days = iif(json_type(?2, '$.renewal_period_days') IS NULL,
                                     renewal_period_days, ?2 ->> '$.renewal_period_days'),
           trial_days = coalesce(?2 ->> '$.trial_days', trial_days),
           grace_period_days = iif(json_type(?2, '$.grace_period_days') IS NULL,
                                   grace_period_days, ?2 ->> '$.grace_period_days'),
           renewal_price_amount = iif(json_type(?2, '$.renewal_price_amount') IS NULL,
                                      renewal_price_amount, ?2 ->> '$.renewal_price_amount'),
           tier_rank = iif(json_type(?2, '$.tier_rank') IS NULL,
                           tier_rank, ?2 ->> '$.tier_rank'),
           max_activations_per_day = iif(json_type(?2, '$.max_activations_per_day') IS NULL,
                                         max_activations_per_day,
                                         ?2 ->> '$.max_activations_per_day'),
           active = coalesce(?2 ->> '$.active', active),
           public = coalesce(?2 ->> '$.public', public),
           archived_at = CASE ?2 ->> '$.archived' WHEN 1 THEN coalesce(archived_at, ?3)
                                                  WHEN 0 THEN NULL ELSE archived_at END,
           metadata = coalesce(?2 ->> '$.metadata', metadata),
           updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
    row: BY_ID,
};

/// Changes a policy. What was sold keeps its terms. It comes back from the archive only while
/// its product has fewer than `cap`.
pub async fn change(
    database: &Database,
    actor: &Actor,
    id: &str,
    changes: &PolicyChanges,
    cap: Option<i64>,
    audit_id: &str,
) -> Result<ChangeOutcome<Policy, PolicyRefusal>, DatabaseError> {
    let members = difference::with_cap(changes.as_json(), cap);
    let change = Change {
        audit_id,
        action: "policy.change",
        object_kind: "policy",
        object_id: id,
        members: &members,
    };
    difference::run(database, actor, &change, &CHANGE).await
}

impl PolicyChanges {
    fn as_json(&self) -> Value {
        difference::members([
            ("name", self.name.clone().map(Value::from)),
            (
                "price_amount",
                self.price
                    .map(|price| price.map(Price::amount).map_or(Value::Null, Value::from)),
            ),
            (
                "price_currency",
                self.price
                    .flatten()
                    .or(self.renewal_price.flatten())
                    .map(|price| price.currency().as_str().into()),
            ),
            ("is_recurring", self.is_recurring.map(Value::from)),
            (
                "renewal_period_days",
                self.renewal_period_days.map(Value::from),
            ),
            ("trial_days", self.trial_days.map(Value::from)),
            ("grace_period_days", self.grace_period_days.map(Value::from)),
            (
                "renewal_price_amount",
                self.renewal_price
                    .map(|price| price.map(Price::amount).map_or(Value::Null, Value::from)),
            ),
            ("duration_seconds", self.duration_seconds.map(Value::from)),
            ("grace_seconds", self.grace_seconds.map(Value::from)),
            ("max_machines", self.max_machines.map(Value::from)),
            ("entitlements", self.entitlements.clone().map(Value::from)),
            ("is_trial", self.is_trial.map(Value::from)),
            (
                "maintenance_seconds",
                self.maintenance_seconds.map(Value::from),
            ),
            ("tier_rank", self.tier_rank.map(Value::from)),
            (
                "max_activations_per_day",
                self.max_activations_per_day.map(Value::from),
            ),
            ("active", self.active.map(Value::from)),
            ("public", self.public.map(Value::from)),
            ("archived", self.archived.map(Value::from)),
            ("metadata", self.metadata.clone()),
        ])
    }
}

/// What names a policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PolicyDependents {
    /// Purchases under it, paid or not.
    pub invoices: i64,
    /// Licenses under it, and those that change to it.
    pub licenses: i64,
    /// Discount codes that name it.
    pub discount_codes: i64,
}

/// What came of deleting a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyDeletion {
    /// It is deleted.
    Deleted,
    /// Something names it, so it stays.
    InUse(PolicyDependents),
    /// There is no such policy.
    Unknown,
}

/// Deletes a policy that nothing names.
pub async fn delete(
    database: &Database,
    actor: &Actor,
    id: &str,
    audit_id: &str,
) -> Result<PolicyDeletion, DatabaseError> {
    let mut batch = Batch::new();
    let dependents = batch.read::<PolicyDependents>(Statement::new(
        "SELECT (SELECT count(*) FROM invoices WHERE policy_id = o.id) AS invoices,
                (SELECT count(*) FROM licenses WHERE policy_id = o.id)
                  + (SELECT count(*) FROM tier_changes WHERE to_policy_id = o.id
                       AND state IN ('booked', 'paid')) AS licenses,
                (SELECT count(*) FROM discount_codes c, json_each(c.policy_ids) AS named
                 WHERE c.product_id = o.product_id AND named.value = o.id) AS discount_codes
         FROM policies o WHERE id = ?1",
        [id.into()],
    ));
    // The entry says whether the rest may happen; see `difference`.
    batch.write(Statement::new(
        "INSERT INTO audit (id, at, actor, action, object_kind, object_id, before, request_id)
         SELECT ?1, ?2, ?3, 'policy.delete', 'policy', id,
                json_object('product_id', product_id, 'slug', slug, 'name', name,
                            'price_amount', price_amount, 'duration_seconds', duration_seconds,
                            'grace_seconds', grace_seconds, 'max_machines', max_machines,
                            'entitlements', json(entitlements),
                            'is_trial', json(iif(is_trial, 'true', 'false')),
                            'maintenance_seconds', maintenance_seconds,
                            'tier_rank', tier_rank,
                            'is_recurring', json(iif(is_recurring, 'true', 'false')),
                            'renewal_period_days', renewal_period_days, 'trial_days', trial_days,
                            'grace_period_days', grace_period_days,
                            'renewal_price_amount', renewal_price_amount,
                            'max_activations_per_day', max_activations_per_day,
                            'active', json(iif(active, 'true', 'false')),
                            'public', json(iif(public, 'true', 'false')),
                            'archived', json(iif(archived_at IS NULL, 'false', 'true')),
                            'metadata', json(metadata)),
                ?5
         FROM policies o
         WHERE id = ?4
           AND NOT EXISTS (SELECT 1 FROM invoices WHERE policy_id = o.id)
           AND NOT EXISTS (SELECT 1 FROM licenses WHERE policy_id = o.id)
           AND NOT EXISTS (SELECT 1 FROM tier_changes
                           WHERE to_policy_id = o.id AND state IN ('booked', 'paid'))
           AND NOT EXISTS (SELECT 1 FROM discount_codes c, json_each(c.policy_ids) AS named
                           WHERE c.product_id = o.product_id AND named.value = o.id)",
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            id.into(),
            (&actor.request_id).into(),
        ],
    ));
    batch.write(Statement::new(
        "DELETE FROM policies WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        [id.into(), audit_id.into()],
    ));
    batch.write(announcement::of_entry(audit_id));
    let deleted = batch.read::<Row>(audit::select_id(audit_id));
    let mut rows = batch.run(database).await?;
    Ok(match (rows.any(deleted)?, rows.first(dependents)?) {
        (true, _) => PolicyDeletion::Deleted,
        (false, Some(dependents)) => PolicyDeletion::InUse(dependents),
        (false, None) => PolicyDeletion::Unknown,
    })
}
