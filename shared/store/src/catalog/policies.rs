//! Policies: what a product is sold under.

use crate::catalog::creation::{Creation, Usage};
use crate::columns;
use crate::events::announcement;
use crate::operator::audit::{self, Actor, AuditedChange};
use keywright_domain::money::{Currency, NotAPrice, Price};
use keywright_domain::subscription::DAY;
use keywright_domain::subscription::terms::{Recurrence, RecurrenceError};
use keywright_domain::terms::Terms;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A policy as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "columns of a row")]
pub struct Policy {
    /// `UUIDv7`.
    pub id: String,
    /// The product it belongs to.
    pub product_id: String,
    /// Its name in requests; unique within the product.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Price in the smallest unit of the product's currency; `None` sells at
    /// the product's price.
    pub price_amount: Option<i64>,
    /// The product's currency, read with the price.
    pub price_currency: Currency,
    /// Seconds from issue to expiry; 0 never.
    pub duration_seconds: i64,
    /// Seconds after expiry in which a license still validates.
    pub grace_seconds: i64,
    /// Machines at once; 0 is unlimited.
    pub max_machines: i64,
    /// What it unlocks.
    #[serde(deserialize_with = "columns::json")]
    pub entitlements: Vec<String>,
    /// Whether it is a trial.
    #[serde(deserialize_with = "columns::flag")]
    pub is_trial: bool,
    /// Seconds from issue in which new versions are included; `None` is all.
    pub maintenance_seconds: Option<i64>,
    /// Whether it is sold by the period.
    #[serde(deserialize_with = "columns::flag")]
    pub is_recurring: bool,
    /// Days that one payment buys; `None` only where it is not recurring.
    pub renewal_period_days: Option<i64>,
    /// Days before the first payment.
    pub trial_days: i64,
    /// Days after a paid period in which a license still validates; `None` as
    /// [`Recurrence::new`] decides.
    pub grace_period_days: Option<i64>,
    /// What a renewal costs, in the product's currency; `None` as much as the first period.
    pub renewal_price_amount: Option<i64>,
    /// Its place on the ladder, 0 to 1000, higher is better; `None` for a
    /// policy outside it.
    pub tier_rank: Option<i64>,
    /// Activations in 24 hours; 0 is unlimited, `None` the rule's default.
    pub max_activations_per_day: Option<i64>,
    /// Whether it can be bought.
    #[serde(deserialize_with = "columns::flag")]
    pub active: bool,
    /// Whether buyers see it.
    #[serde(deserialize_with = "columns::flag")]
    pub public: bool,
    /// Unix seconds since which it is archived.
    pub archived_at: Option<i64>,
    /// Free-form members; `description`, `highlight`, `marketing_bullets`,
    /// `marketing_bullets_position` and `hidden_entitlements` are shown.
    #[serde(deserialize_with = "columns::json")]
    pub metadata: Value,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
}

impl Policy {
    /// What a license under it promises: for one that is sold by the period, what one payment
    /// buys.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let recurrence = self.recurrence().ok().flatten();
        Terms {
            duration_seconds: recurrence.map_or(self.duration_seconds, |one| one.period_days * DAY),
            grace_seconds: recurrence.map_or(self.grace_seconds, |one| one.grace_days * DAY),
            max_machines: self.max_machines,
            entitlements: self.entitlements.clone(),
            is_trial: self.is_trial,
            maintenance_seconds: self.maintenance_seconds,
        }
    }

    /// What it costs; `None` as much as the product.
    ///
    /// # Errors
    /// [`NotAPrice`] for what nobody could have recorded.
    pub fn price(&self) -> Result<Option<Price>, NotAPrice> {
        let amount = self.price_amount;
        amount
            .map(|amount| Price::new(self.price_currency, amount))
            .transpose()
    }

    /// How it repeats; `None` for a policy that is sold once.
    ///
    /// # Errors
    /// [`RecurrenceError`] for what nobody could have recorded.
    pub fn recurrence(&self) -> Result<Option<Recurrence>, RecurrenceError> {
        let of = || {
            Recurrence::new(
                self.renewal_period_days,
                self.trial_days,
                self.grace_period_days,
            )
        };
        self.is_recurring.then(of).transpose()
    }

    /// Whether a buyer may choose it.
    #[must_use]
    pub fn is_for_sale(&self) -> bool {
        self.active && self.public && self.archived_at.is_none()
    }
}

/// The statement that reads whole policies, as `o`.
macro_rules! select_policies {
    ($rest:literal) => {
        concat!(
            "SELECT o.id, o.product_id, o.slug, o.name, o.price_amount,
                    (SELECT price_currency FROM products WHERE id = o.product_id)
                      AS price_currency,
                    o.duration_seconds, o.grace_seconds, o.max_machines, o.entitlements, o.is_trial,
                    o.maintenance_seconds, o.is_recurring, o.renewal_period_days, o.trial_days,
                    o.grace_period_days, o.renewal_price_amount,
                    o.tier_rank, o.max_activations_per_day, o.active, o.public, o.archived_at,
                    o.metadata, o.created_at, o.updated_at
             FROM policies o ",
            $rest
        )
    };
}

/// The policies of a product that are not archived, cheapest first, then by
/// name; NULL prices count as the product's.
///
/// # Errors
/// [`DatabaseError`].
pub async fn of_product(database: &Reader, product_id: &str) -> Result<Vec<Policy>, DatabaseError> {
    let statement = Statement::new(
        select_policies!(
            "JOIN products p ON p.id = o.product_id
             WHERE o.product_id = ?1 AND o.archived_at IS NULL
             ORDER BY coalesce(o.price_amount, p.price_amount), o.name"
        ),
        [product_id.into()],
    );
    database.query(statement).await
}

/// The policies of a product, archived ones included, in the order of
/// [`of_product`]: what the choice for an order that names none has to know.
///
/// # Errors
/// [`DatabaseError`].
pub async fn all_of_product(
    database: &Reader,
    product_id: &str,
) -> Result<Vec<Policy>, DatabaseError> {
    listed(database, product_id, true, true).await
}

/// All policies of a product as the operator lists them, in the order of
/// [`of_product`].
///
/// # Errors
/// [`DatabaseError`].
pub async fn listed(
    database: &Reader,
    product_id: &str,
    include_inactive: bool,
    include_archived: bool,
) -> Result<Vec<Policy>, DatabaseError> {
    let statement = Statement::new(
        select_policies!(
            "JOIN products p ON p.id = o.product_id
             WHERE o.product_id = ?1 AND (?2 OR o.active = 1) AND (?3 OR o.archived_at IS NULL)
             ORDER BY coalesce(o.price_amount, p.price_amount), o.name, o.id"
        ),
        [
            product_id.into(),
            include_inactive.into(),
            include_archived.into(),
        ],
    );
    database.query(statement).await
}

pub(crate) const BY_ID: &str = select_policies!("WHERE o.id = ?1");

/// The policy with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Reader, id: &str) -> Result<Option<Policy>, DatabaseError> {
    database.first(Statement::new(BY_ID, [id.into()])).await
}

/// Whether any product has a policy of this slug.
///
/// # Errors
/// [`DatabaseError`].
pub async fn is_slug_of_any(database: &Reader, slug: &str) -> Result<bool, DatabaseError> {
    let statement = Statement::new(
        "SELECT id FROM policies WHERE slug = ?1 LIMIT 1",
        [slug.into()],
    );
    Ok(database.first::<Row>(statement).await?.is_some())
}

/// Records a new policy and its audit entry, if its product has fewer than `cap` that are
/// not archived; refused when it has a price of its own and the product's currency is
/// another one by now.
///
/// # Errors
/// [`DatabaseError`]; a slug in use is a unique violation of `policies.slug`.
pub async fn create(
    database: &Database,
    actor: &Actor,
    policy: &Policy,
    audit_id: String,
    cap: Option<i64>,
) -> Result<Creation, DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO policies (id, product_id, slug, name, price_amount, duration_seconds,
                               grace_seconds, max_machines, entitlements, is_trial, active, public,
                               metadata, created_at, updated_at, tier_rank,
                               max_activations_per_day, maintenance_seconds, is_recurring,
                               renewal_period_days, trial_days, grace_period_days,
                               renewal_price_amount)
         SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, ?15, ?16, ?17,
                ?19, ?20, ?21, ?22, ?23
         FROM products
         WHERE id = ?2 AND (coalesce(?5, ?23) IS NULL OR price_currency = ?18)
           AND (?24 IS NULL OR (SELECT count(*) FROM policies
                                WHERE product_id = ?2 AND archived_at IS NULL) < ?24)
         RETURNING id",
        [
            (&policy.id).into(),
            (&policy.product_id).into(),
            (&policy.slug).into(),
            (&policy.name).into(),
            policy.price_amount.into(),
            policy.duration_seconds.into(),
            policy.grace_seconds.into(),
            policy.max_machines.into(),
            columns::entitlements(&policy.terms()).into(),
            policy.is_trial.into(),
            policy.active.into(),
            policy.public.into(),
            policy.metadata.to_string().into(),
            policy.created_at.into(),
            policy.tier_rank.into(),
            policy.max_activations_per_day.into(),
            policy.maintenance_seconds.into(),
            policy.price_currency.as_str().into(),
            policy.is_recurring.into(),
            policy.renewal_period_days.into(),
            policy.trial_days.into(),
            policy.grace_period_days.into(),
            policy.renewal_price_amount.into(),
            cap.into(),
        ],
    );
    let entry = AuditedChange {
        id: audit_id.clone(),
        action: "policy.create",
        object_kind: "policy",
        object_id: policy.id.clone(),
        before: None,
        after: serde_json::to_value(policy).ok(),
    };
    let mut batch = Batch::new();
    let created = batch.read::<Row>(insert);
    batch.write(audit::insert_if_changed(actor, entry));
    batch.write(announcement::of_entry(&audit_id));
    let usage = batch.read::<Usage>(Statement::new(
        "SELECT count(*) AS count FROM policies WHERE product_id = ?1 AND archived_at IS NULL",
        [(&policy.product_id).into()],
    ));
    let mut rows = batch.run(database).await?;
    let is_created = rows.any(created)?;
    Ok(rows.one(usage)?.creation(is_created, cap))
}
