//! Discount codes. What an operator changes of one is in
//! [`crate::catalog::discount_code_change`], their uses are in [`crate::sales::redemptions`].

use crate::catalog::creation::{Creation, Usage};
use crate::columns;
use crate::events::announcement;
use crate::operator::audit::{self, Actor, AuditedChange};
use crate::sales::redemptions::{yieldable, yields_before};
use keywright_domain::discount::applies::RecordedCode;
use keywright_domain::discount::code::CodeText;
use keywright_domain::discount::{Discount, RecordedDiscount};
use keywright_domain::page::{Page, Position};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most featured codes that an order is compared with. The narrowest and oldest
/// are read first, so only a shop that features more for one product notices.
const MAX_FEATURED: i64 = 100;

/// A code as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscountCode {
    /// `UUIDv7`.
    pub id: String,
    /// What buyers type.
    pub code: String,
    /// What it takes off, and in which currency.
    #[serde(flatten)]
    pub discount: Discount,
    /// How often it may be used; `None` as often as they like.
    pub max_uses: Option<i64>,
    /// How often it was, reserved uses included.
    pub used_count: i64,
    /// Unix seconds from which it may not be used; `None` never.
    pub expires_at: Option<i64>,
    /// The one product it is for; `None` all.
    pub product_id: Option<String>,
    /// That product's name in URLs.
    pub product_slug: Option<String>,
    /// The policies it is for; `None` all.
    #[serde(deserialize_with = "columns::optional_json")]
    pub policy_ids: Option<Vec<String>>,
    /// Their names in requests, in alphabetical order.
    #[serde(deserialize_with = "columns::optional_json")]
    pub policy_slugs: Option<Vec<String>>,
    /// Whether it may be used.
    #[serde(deserialize_with = "columns::flag")]
    pub active: bool,
    /// Whether buyers get it without asking.
    #[serde(deserialize_with = "columns::flag")]
    pub featured: bool,
    /// For how many cycles of a subscription it holds; 0 for ever.
    pub cycles: i64,
    /// What it is for; buyers see it where the code is featured.
    pub description: String,
    /// Who brings the buyers.
    pub referrer_label: Option<String>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
}

impl DiscountCode {
    /// What the rules need to know of it.
    #[must_use]
    pub fn recorded(&self) -> RecordedCode<'_> {
        RecordedCode {
            discount: self.discount,
            active: self.active,
            expires_at: self.expires_at,
            product_id: self.product_id.as_deref(),
            policy_ids: self.policy_ids.as_deref(),
            max_uses: self.max_uses,
            used_count: self.used_count,
            created_at: self.created_at,
        }
    }
}

/// What came of deleting a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscountCodeDeletion {
    /// It is deleted.
    Deleted,
    /// Orders were made with it, so it stays.
    Used,
    /// There is no such code.
    Unknown,
}

/// The statement that reads whole codes, as `c`.
macro_rules! select_codes {
    ($rest:literal) => {
        select_codes!("c.used_count", $rest)
    };
    ($used:expr, $($rest:expr),+) => {
        concat!(
            "SELECT c.id, c.code, c.kind, c.amount, c.currency, c.max_uses, ",
            $used,
            " AS used_count,
                    c.expires_at, c.product_id,
                    (SELECT p.slug FROM products p WHERE p.id = c.product_id) AS product_slug,
                    c.policy_ids,
                    CASE WHEN c.policy_ids IS NOT NULL THEN
                      (SELECT json_group_array(slug) FROM
                         (SELECT o.slug FROM json_each(c.policy_ids) j
                          JOIN policies o ON o.id = j.value ORDER BY o.slug))
                    END AS policy_slugs,
                    c.active, c.featured, c.cycles, c.description, c.referrer_label, c.created_at,
                    c.updated_at
             FROM discount_codes c ",
            $($rest),+
        )
    };
}

/// How often a code counts as used for an order: less the uses that it may take over
/// from orders nobody paid for, those reserved by `$before`.
macro_rules! used_for_an_order {
    ($before:literal) => {
        concat!(
            "iif(c.used_count >= c.max_uses, max(c.used_count - (SELECT count(*)",
            yieldable!("c.id", $before),
            "), 0), c.used_count)"
        )
    };
}

pub(crate) const BY_ID: &str = select_codes!("WHERE c.id = ?1");

/// The code that a buyer typed, with the uses it has for an order at `now`, in unix
/// seconds.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(
    database: &Reader,
    code: &CodeText,
    now: i64,
) -> Result<Option<DiscountCode>, DatabaseError> {
    database.first(with_text(code, now)).await
}

/// As [`find`], with the answer of [`featured`], in one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find_with_featured(
    database: &Database,
    code: &CodeText,
    product_id: &str,
    now: i64,
) -> Result<(Option<DiscountCode>, Vec<DiscountCode>), DatabaseError> {
    let mut batch = Batch::new();
    let found = batch.read(with_text(code, now));
    let featured = batch.read(featured_for(product_id, now));
    let mut rows = batch.run_aside(database).await?;
    Ok((rows.first(found)?, rows.all(featured)?))
}

fn with_text(code: &CodeText, now: i64) -> Statement {
    Statement::new(
        select_codes!(used_for_an_order!("?2"), "WHERE c.code = ?1"),
        [code.as_str().into(), yields_before(now).into()],
    )
}

/// The code with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Reader, id: &str) -> Result<Option<DiscountCode>, DatabaseError> {
    database.first(Statement::new(BY_ID, [id.into()])).await
}

/// The featured codes that some order of this product may get now: those for
/// single policies first, then for the product, then for everything, and the
/// older first. The rules decide which of them fits.
///
/// # Errors
/// [`DatabaseError`].
pub async fn featured(
    database: &Reader,
    product_id: &str,
    now: i64,
) -> Result<Vec<DiscountCode>, DatabaseError> {
    database.query(featured_for(product_id, now)).await
}

fn featured_for(product_id: &str, now: i64) -> Statement {
    Statement::new(
        select_codes!(
            used_for_an_order!("?4"),
            "WHERE c.featured = 1 AND c.active = 1
               AND (c.product_id IS NULL OR c.product_id = ?1)
               AND (c.expires_at IS NULL OR c.expires_at > ?2)
               AND (c.max_uses IS NULL OR ",
            used_for_an_order!("?4"),
            " < c.max_uses)
             ORDER BY c.policy_ids IS NULL, c.product_id IS NULL, c.created_at, c.id
             LIMIT ?3"
        ),
        [
            product_id.into(),
            now.into(),
            MAX_FEATURED.into(),
            yields_before(now).into(),
        ],
    )
}

/// Codes, newest first; one more than the page holds when there are more.
/// Both filters are optional.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    product_id: Option<&str>,
    active: Option<bool>,
    page: &Page,
) -> Result<Vec<DiscountCode>, DatabaseError> {
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let statement = Statement::new(
        select_codes!(
            "WHERE (c.created_at, c.id) < (?1, ?2)
               AND (?3 IS NULL OR c.product_id = ?3)
               AND (?4 IS NULL OR c.active = ?4)
             ORDER BY c.created_at DESC, c.id DESC LIMIT ?5"
        ),
        [
            after.at.into(),
            after.id.into(),
            product_id.into(),
            active.into(),
            (page.limit + 1).into(),
        ],
    );
    database.query(statement).await
}

/// Records a new code with its audit entry, if fewer than `cap` are enabled.
///
/// # Errors
/// [`DatabaseError`]; a code in use is a unique violation of
/// `discount_codes.code`.
pub async fn create(
    database: &Database,
    actor: &Actor,
    code: &DiscountCode,
    audit_id: String,
    cap: Option<i64>,
) -> Result<Creation, DatabaseError> {
    let discount = RecordedDiscount::from(code.discount);
    let insert = Statement::new(
        "INSERT INTO discount_codes (id, code, kind, amount, currency, max_uses, used_count,
                                     expires_at, product_id, policy_ids, active, featured,
                                     description, referrer_label, created_at, updated_at,
                                     cycles)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, ?15
         WHERE ?16 IS NULL OR NOT ?10
            OR (SELECT count(*) FROM discount_codes WHERE active = 1) < ?16
         RETURNING id",
        [
            (&code.id).into(),
            (&code.code).into(),
            discount.kind.as_str().into(),
            discount.amount.into(),
            discount.currency.as_str().into(),
            code.max_uses.into(),
            code.expires_at.into(),
            code.product_id.as_ref().into(),
            code.policy_ids.clone().map(list_text).into(),
            code.active.into(),
            code.featured.into(),
            (&code.description).into(),
            code.referrer_label.as_ref().into(),
            code.created_at.into(),
            code.cycles.into(),
            cap.into(),
        ],
    );
    let entry = AuditedChange {
        id: audit_id.clone(),
        action: "discount_code.create",
        object_kind: "discount_code",
        object_id: code.id.clone(),
        before: None,
        after: serde_json::to_value(code).ok(),
    };
    let mut batch = Batch::new();
    let created = batch.read::<Row>(insert);
    batch.write(audit::insert_if_changed(actor, entry));
    batch.write(announcement::of_entry(&audit_id));
    let usage = batch.read::<Usage>(Statement::new(
        "SELECT count(*) AS count FROM discount_codes WHERE active = 1",
        [],
    ));
    let mut rows = batch.run(database).await?;
    let is_created = rows.any(created)?;
    Ok(rows.one(usage)?.creation(is_created, cap))
}

/// Deletes a code that no order hangs on. `before` is for the audit entry.
///
/// # Errors
/// [`DatabaseError`].
pub async fn delete(
    database: &Database,
    actor: &Actor,
    before: &DiscountCode,
    audit_id: String,
) -> Result<DiscountCodeDeletion, DatabaseError> {
    let entry = AuditedChange {
        id: audit_id.clone(),
        action: "discount_code.delete",
        object_kind: "discount_code",
        object_id: before.id.clone(),
        before: serde_json::to_value(before).ok(),
        after: None,
    };
    let mut batch = Batch::new();
    let deleted = batch.read::<Row>(Statement::new(
        "DELETE FROM discount_codes
         WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM redemptions WHERE code_id = ?1)
         RETURNING id",
        [(&before.id).into()],
    ));
    batch.write(audit::insert_if_changed(actor, entry));
    batch.write(announcement::of_entry(&audit_id));
    let exists = batch.read::<Row>(Statement::new(
        "SELECT id FROM discount_codes WHERE id = ?1",
        [(&before.id).into()],
    ));
    let mut rows = batch.run(database).await?;
    Ok(match (rows.any(deleted)?, rows.any(exists)?) {
        (true, _) => DiscountCodeDeletion::Deleted,
        (false, true) => DiscountCodeDeletion::Used,
        (false, false) => DiscountCodeDeletion::Unknown,
    })
}

/// A list as the column's JSON text.
fn list_text(list: Vec<String>) -> String {
    Value::from(list).to_string()
}
