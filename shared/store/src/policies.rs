//! Policies: what a product is sold under.

use crate::audit::{self, Actor, Entry};
use crate::columns;
use keywright_domain::terms::Terms;
use keywright_edge::ports::{Database, DatabaseError, Reader, Row, Statement, decode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A policy as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What it promises.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            duration_seconds: self.duration_seconds,
            grace_seconds: self.grace_seconds,
            max_machines: self.max_machines,
            entitlements: self.entitlements.clone(),
            is_trial: self.is_trial,
        }
    }

    /// Whether a buyer may choose it.
    #[must_use]
    pub fn is_for_sale(&self) -> bool {
        self.active && self.public && self.archived_at.is_none()
    }
}

/// What an operator may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// New name.
    pub name: Option<String>,
    /// New price; `Some(None)` sells at the product's price.
    pub price_amount: Option<Option<i64>>,
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
    /// Can be bought or not.
    pub active: Option<bool>,
    /// Shown or not.
    pub public: Option<bool>,
    /// Archived or not.
    pub archived: Option<bool>,
    /// New metadata.
    pub metadata: Option<Value>,
}

/// The statement that reads whole policies, as `o`.
macro_rules! select_policies {
    ($rest:literal) => {
        concat!(
            "SELECT o.id, o.product_id, o.slug, o.name, o.price_amount, o.duration_seconds,
                    o.grace_seconds, o.max_machines, o.entitlements, o.is_trial, o.active,
                    o.public, o.archived_at, o.metadata, o.created_at, o.updated_at
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

const BY_ID: &str = select_policies!("WHERE o.id = ?1");

/// The policy with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Reader, id: &str) -> Result<Option<Policy>, DatabaseError> {
    database.first(Statement::new(BY_ID, [id.into()])).await
}

/// Records a new policy and its audit entry.
///
/// # Errors
/// [`DatabaseError`]; a slug in use is a unique violation of `policies.slug`.
pub async fn create(
    database: &Database,
    actor: &Actor,
    policy: &Policy,
    audit_id: String,
) -> Result<(), DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO policies (id, product_id, slug, name, price_amount, duration_seconds,
                               grace_seconds, max_machines, entitlements, is_trial, active, public,
                               metadata, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)",
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
        ],
    );
    let entry = Entry {
        id: audit_id,
        action: "policy.create",
        object_kind: "policy",
        object_id: policy.id.clone(),
        before: None,
        after: serde_json::to_value(policy).ok(),
    };
    database
        .batch(vec![insert, audit::insert(actor, entry)])
        .await
        .map(drop)
}

/// Changes a policy and answers it as it now is. What was sold keeps its terms.
///
/// # Errors
/// [`DatabaseError`].
pub async fn change(
    database: &Database,
    actor: &Actor,
    before: &Policy,
    changes: &Changes,
    audit_id: String,
) -> Result<Option<Policy>, DatabaseError> {
    let update = Statement::new(
        "UPDATE policies SET
           name = coalesce(?2, name),
           price_amount = CASE WHEN ?3 = 1 THEN ?4 ELSE price_amount END,
           duration_seconds = coalesce(?5, duration_seconds),
           grace_seconds = coalesce(?6, grace_seconds),
           max_machines = coalesce(?7, max_machines),
           entitlements = coalesce(?8, entitlements),
           is_trial = coalesce(?9, is_trial),
           active = coalesce(?10, active),
           public = coalesce(?11, public),
           archived_at = CASE ?12 WHEN 1 THEN coalesce(archived_at, ?13) WHEN 0 THEN NULL
                                  ELSE archived_at END,
           metadata = coalesce(?14, metadata),
           updated_at = ?13
         WHERE id = ?1",
        [
            (&before.id).into(),
            changes.name.as_ref().into(),
            changes.price_amount.is_some().into(),
            changes.price_amount.flatten().into(),
            changes.duration_seconds.into(),
            changes.grace_seconds.into(),
            changes.max_machines.into(),
            changes
                .entitlements
                .clone()
                .map(|list| Value::from(list).to_string())
                .into(),
            changes.is_trial.into(),
            changes.active.into(),
            changes.public.into(),
            changes.archived.into(),
            actor.at.into(),
            changes.metadata.as_ref().map(Value::to_string).into(),
        ],
    );
    let select = Statement::new(BY_ID, [(&before.id).into()]);
    let entry = Entry {
        id: audit_id,
        action: "policy.change",
        object_kind: "policy",
        object_id: before.id.clone(),
        before: serde_json::to_value(before).ok(),
        after: Some(changes.as_json()),
    };
    let batch = vec![update, audit::insert_if_changed(actor, entry), select];
    let mut answers: Vec<Vec<Row>> = database.batch(batch).await?;
    Ok(decode(answers.pop().unwrap_or_default())?.pop())
}

impl Changes {
    /// The members that change, for the audit entry.
    fn as_json(&self) -> Value {
        audit::changed([
            ("name", self.name.clone().map(Value::from)),
            ("price_amount", self.price_amount.map(Value::from)),
            ("duration_seconds", self.duration_seconds.map(Value::from)),
            ("grace_seconds", self.grace_seconds.map(Value::from)),
            ("max_machines", self.max_machines.map(Value::from)),
            ("entitlements", self.entitlements.clone().map(Value::from)),
            ("is_trial", self.is_trial.map(Value::from)),
            ("active", self.active.map(Value::from)),
            ("public", self.public.map(Value::from)),
            ("archived", self.archived.map(Value::from)),
            ("metadata", self.metadata.clone()),
        ])
    }
}
