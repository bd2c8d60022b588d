//! Businesses that products are sold by. There is always exactly one default.

use crate::catalog::creation::Usage;
use crate::columns;
use crate::events::announcement;
use crate::operator::audit::{self, Actor, AuditedChange};
use crate::paging;
use keywright_domain::page::Page;
use keywright_domain::rail::{ProviderKind, Rail};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A business as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MerchantProfile {
    /// `UUIDv7`.
    pub id: String,
    /// Its name for buyers; empty for the first one until it is given a name:
    /// then the operator's name stands for it.
    pub name: String,
    /// The name in its contracts.
    pub legal_name: Option<String>,
    /// Where to get help.
    pub support_url: Option<String>,
    /// An e-mail address for help.
    pub support_email: Option<String>,
    /// `#rrggbb`.
    pub brand_color: Option<String>,
    /// Where buyers go after paying, with `{order_id}` for its id and
    /// `{invoice_id}` for its secret.
    pub post_purchase_redirect_url: Option<String>,
    /// Whether it sells what names no business.
    #[serde(deserialize_with = "columns::flag")]
    pub is_default: bool,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
    /// Its connected payment providers, the one connected first first.
    #[serde(deserialize_with = "columns::json")]
    pub providers: Vec<ConnectedProvider>,
    /// Which of them it prefers for which way of paying.
    #[serde(deserialize_with = "columns::json")]
    pub rail_preferences: Vec<RailPreference>,
    /// How many products it sells.
    pub product_count: i64,
}

/// A connected payment provider, without what opens it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConnectedProvider {
    /// `UUIDv7`.
    pub id: String,
    /// What it is.
    pub kind: ProviderKind,
    /// Its name for people.
    pub label: String,
    /// Where it is.
    pub base_url: String,
    /// Id of the store there.
    pub store_id: String,
    /// Id of the webhook there.
    pub webhook_id: Option<String>,
    /// `mainnet`, `testnet`, `regtest` or `unknown`.
    pub network: String,
    /// Unix seconds.
    pub connected_at: i64,
}

/// The provider preferred for a way of paying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailPreference {
    /// The way of paying.
    pub rail: Rail,
    /// The provider.
    pub payment_provider_id: String,
}

/// The statement that reads whole businesses, as `m`.
macro_rules! select_profiles {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.name, m.legal_name, m.support_url, m.support_email, m.brand_color,
                    m.post_purchase_redirect_url, m.is_default, m.created_at, m.updated_at,
                    (SELECT json_group_array(json_object(
                              'id', id, 'kind', kind, 'label', label, 'base_url', base_url,
                              'store_id', store_id, 'webhook_id', webhook_id,
                              'network', network, 'connected_at', connected_at))
                     FROM (SELECT * FROM payment_providers
                           WHERE merchant_profile_id = m.id AND disconnected_at IS NULL
                           ORDER BY connected_at, id)) AS providers,
                    (SELECT json_group_array(json_object(
                              'rail', rail, 'payment_provider_id', payment_provider_id))
                     FROM (SELECT * FROM rail_preferences
                           WHERE merchant_profile_id = m.id ORDER BY rail)) AS rail_preferences,
                    (SELECT count(*) FROM products p
                     WHERE p.merchant_profile_id = m.id
                        OR (m.is_default = 1 AND p.merchant_profile_id IS NULL)) AS product_count
             FROM merchant_profiles m ",
            $rest
        )
    };
}

pub(crate) const BY_ID: &str = select_profiles!("WHERE m.id = ?1");

/// The business with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Reader, id: &str) -> Result<Option<MerchantProfile>, DatabaseError> {
    database.first(Statement::new(BY_ID, [id.into()])).await
}

/// The business with this id, the default one where none is named.
///
/// # Errors
/// [`DatabaseError`].
pub async fn named_or_default(
    database: &Reader,
    id: Option<&str>,
) -> Result<Option<MerchantProfile>, DatabaseError> {
    let sql = select_profiles!("WHERE (?1 IS NULL AND m.is_default = 1) OR m.id = ?1");
    database.first(Statement::new(sql, [id.into()])).await
}

/// A page of businesses, newest first; one more than it holds when there are
/// more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn page(database: &Reader, page: &Page) -> Result<Vec<MerchantProfile>, DatabaseError> {
    let sql = select_profiles!(
        "WHERE ?1 IS NULL OR (m.created_at, m.id) < (?1, ?2)
         ORDER BY m.created_at DESC, m.id DESC LIMIT ?3"
    );
    let statement = Statement::new(sql, paging::params(page));
    database.query(statement).await
}

/// What a new business says of itself.
#[derive(Debug, Clone)]
pub struct NewMerchantProfile {
    /// A new `UUIDv7`.
    pub id: String,
    /// Its name for buyers.
    pub name: String,
    /// The name in its contracts.
    pub legal_name: Option<String>,
    /// Where to get help.
    pub support_url: Option<String>,
    /// An e-mail address for help.
    pub support_email: Option<String>,
    /// `#rrggbb`.
    pub brand_color: Option<String>,
    /// Where buyers go after paying.
    pub post_purchase_redirect_url: Option<String>,
}

/// Records a new business with its audit entry, if there are fewer than `cap`; answers it as
/// recorded, or how many there are.
///
/// # Errors
/// [`DatabaseError`].
pub async fn create(
    database: &Database,
    actor: &Actor,
    new: &NewMerchantProfile,
    audit_id: String,
    cap: Option<i64>,
) -> Result<Result<MerchantProfile, i64>, DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO merchant_profiles (id, name, legal_name, support_url, support_email,
                                        brand_color, post_purchase_redirect_url, is_default,
                                        created_at, updated_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?8
         WHERE ?9 IS NULL OR (SELECT count(*) FROM merchant_profiles) < ?9",
        [
            (&new.id).into(),
            (&new.name).into(),
            new.legal_name.as_ref().into(),
            new.support_url.as_ref().into(),
            new.support_email.as_ref().into(),
            new.brand_color.as_ref().into(),
            new.post_purchase_redirect_url.as_ref().into(),
            actor.at.into(),
            cap.into(),
        ],
    );
    let entry = AuditedChange {
        id: audit_id.clone(),
        action: "merchant_profile.create",
        object_kind: "merchant_profile",
        object_id: new.id.clone(),
        before: None,
        after: Some(json!({
            "name": new.name,
            "legal_name": new.legal_name,
            "support_url": new.support_url,
            "support_email": new.support_email,
            "brand_color": new.brand_color,
            "post_purchase_redirect_url": new.post_purchase_redirect_url,
        })),
    };
    let mut batch = Batch::new();
    batch.extend([
        insert,
        audit::insert_if_changed(actor, entry),
        announcement::of_entry(&audit_id),
    ]);
    let recorded = batch.read(Statement::new(BY_ID, [(&new.id).into()]));
    let usage = batch.read::<Usage>(Statement::new(
        "SELECT count(*) AS count FROM merchant_profiles",
        [],
    ));
    let mut rows = batch.run(database).await?;
    let usage = rows.one(usage)?.count;
    Ok(rows.first(recorded)?.ok_or(usage))
}
