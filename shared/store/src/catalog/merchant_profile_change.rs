//! What an operator changes of a business.

use crate::catalog::merchant_profiles::{BY_ID, MerchantProfile};
use crate::difference::{self, Change, insert_difference};
use crate::events::announcement;
use crate::operator::audit::{self, Actor, insert_into_audit};
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::Deserialize;
use serde_json::Value;

/// What an operator may change. `None` leaves a member as it is, `Some(None)`
/// clears it.
#[derive(Debug, Clone, Default)]
pub struct MerchantProfileChanges {
    /// New name.
    pub name: Option<String>,
    /// New name in contracts.
    pub legal_name: Option<Option<String>>,
    /// New address for help.
    pub support_url: Option<Option<String>>,
    /// New e-mail address for help.
    pub support_email: Option<Option<String>>,
    /// New colour.
    pub brand_color: Option<Option<String>>,
    /// New address for buyers who paid.
    pub post_purchase_redirect_url: Option<Option<String>>,
}

/// The row as the members of a change name it.
const DIFFERENCE: &str = insert_difference!(
    "SELECT id, json_object('name', name, 'legal_name', legal_name, 'support_url', support_url,
            'support_email', support_email, 'brand_color', brand_color,
            'post_purchase_redirect_url', post_purchase_redirect_url) AS doc
     FROM merchant_profiles WHERE id = ?6"
);

/// Changes a business and answers it as it now is; `None` for an unknown id.
/// What changes nothing writes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn change(
    database: &Database,
    actor: &Actor,
    id: &str,
    changes: &MerchantProfileChanges,
    audit_id: &str,
) -> Result<Option<MerchantProfile>, DatabaseError> {
    let members = changes.as_json();
    let change = Change {
        audit_id,
        action: "merchant_profile.change",
        object_kind: "merchant_profile",
        object_id: id,
        members: &members,
    };
    let update = difference::update(
        "UPDATE merchant_profiles SET
           name = coalesce(?2 ->> '$.name', name),
           legal_name = iif(json_type(?2, '$.legal_name') IS NULL,
                            legal_name, ?2 ->> '$.legal_name'),
           support_url = iif(json_type(?2, '$.support_url') IS NULL,
                             support_url, ?2 ->> '$.support_url'),
           support_email = iif(json_type(?2, '$.support_email') IS NULL,
                               support_email, ?2 ->> '$.support_email'),
           brand_color = iif(json_type(?2, '$.brand_color') IS NULL,
                             brand_color, ?2 ->> '$.brand_color'),
           post_purchase_redirect_url =
             iif(json_type(?2, '$.post_purchase_redirect_url') IS NULL,
                 post_purchase_redirect_url, ?2 ->> '$.post_purchase_redirect_url'),
           updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
        actor,
        &change,
    );
    run(
        database,
        [
            difference::entry(DIFFERENCE, actor, &change),
            update,
            announcement::of_entry(audit_id),
        ],
        id,
    )
    .await
}

impl MerchantProfileChanges {
    fn as_json(&self) -> Value {
        let of = |member: &Option<Option<String>>| member.clone().map(Value::from);
        difference::members([
            ("name", self.name.clone().map(Value::from)),
            ("legal_name", of(&self.legal_name)),
            ("support_url", of(&self.support_url)),
            ("support_email", of(&self.support_email)),
            ("brand_color", of(&self.brand_color)),
            (
                "post_purchase_redirect_url",
                of(&self.post_purchase_redirect_url),
            ),
        ])
    }
}

/// Runs the statements, and reads the merchant profile as it then is.
async fn run(
    database: &Database,
    statements: impl IntoIterator<Item = Statement>,
    id: &str,
) -> Result<Option<MerchantProfile>, DatabaseError> {
    let mut batch = Batch::new();
    batch.extend(statements);
    let profile = batch.read(Statement::new(BY_ID, [id.into()]));
    batch.run(database).await?.first(profile)
}

/// Makes a business the default one, in place of the one that was; `None` for
/// an unknown id. Repeating it changes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn set_default(
    database: &Database,
    actor: &Actor,
    id: &str,
    audit_id: &str,
) -> Result<Option<MerchantProfile>, DatabaseError> {
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'merchant_profile.set_default', 'merchant_profile', id,
                    json_object('default', (SELECT id FROM merchant_profiles
                                            WHERE is_default = 1)),
                    json_object('default', id), ?4
             FROM merchant_profiles WHERE id = ?5 AND is_default = 0"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            id.into(),
        ],
    );
    // The old one first: at no time are there two.
    let unset = Statement::new(
        "UPDATE merchant_profiles SET is_default = 0, updated_at = ?2
         WHERE is_default = 1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?1)",
        [audit_id.into(), actor.at.into()],
    );
    let set = Statement::new(
        "UPDATE merchant_profiles SET is_default = 1, updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        [id.into(), audit_id.into(), actor.at.into()],
    );
    let event = announcement::of_entry(audit_id);
    run(database, [entry, unset, set, event], id).await
}

/// What keeps a merchant profile from being deleted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MerchantProfileDependents {
    /// 1 for the default profile.
    is_default: i64,
    /// Products that name it.
    pub products: i64,
    /// Its connected payment providers.
    pub providers: i64,
    /// Orders through its providers that are not decided.
    pub orders: i64,
}

/// What came of deleting a merchant profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MerchantProfileDeletion {
    /// It is deleted.
    Deleted,
    /// It is the default profile, which stays.
    Default,
    /// Something depends on it, so it stays.
    InUse(MerchantProfileDependents),
    /// There is no such profile.
    Unknown,
}

/// Deletes a merchant profile that nothing depends on. Its disconnected providers, which
/// old orders name, go to the default profile.
pub async fn delete(
    database: &Database,
    actor: &Actor,
    id: &str,
    audit_id: &str,
) -> Result<MerchantProfileDeletion, DatabaseError> {
    let mut batch = Batch::new();
    let dependents = batch.read::<MerchantProfileDependents>(Statement::new(
        "SELECT is_default,
                (SELECT count(*) FROM products WHERE merchant_profile_id = m.id) AS products,
                (SELECT count(*) FROM payment_providers
                 WHERE merchant_profile_id = m.id AND disconnected_at IS NULL) AS providers,
                (SELECT count(*) FROM invoices i
                 JOIN payment_providers p ON p.id = i.payment_provider_id
                 WHERE i.status = 'pending' AND p.merchant_profile_id = m.id) AS orders
         FROM merchant_profiles m WHERE id = ?1",
        [id.into()],
    ));
    // The entry says whether the rest may happen; see `difference`.
    batch.write(Statement::new(
        "INSERT INTO audit (id, at, actor, action, object_kind, object_id, before, request_id)
         SELECT ?1, ?2, ?3, 'merchant_profile.delete', 'merchant_profile', id,
                json_object('name', name, 'legal_name', legal_name, 'support_url', support_url,
                            'support_email', support_email, 'brand_color', brand_color,
                            'post_purchase_redirect_url', post_purchase_redirect_url),
                ?5
         FROM merchant_profiles m
         WHERE id = ?4 AND is_default = 0
           AND NOT EXISTS (SELECT 1 FROM products WHERE merchant_profile_id = m.id)
           AND NOT EXISTS (SELECT 1 FROM payment_providers
                           WHERE merchant_profile_id = m.id AND disconnected_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM invoices i
                           JOIN payment_providers p ON p.id = i.payment_provider_id
                           WHERE i.status = 'pending' AND p.merchant_profile_id = m.id)",
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            id.into(),
            (&actor.request_id).into(),
        ],
    ));
    let statements = [
        "DELETE FROM rail_preferences
         WHERE merchant_profile_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        "DELETE FROM provider_connects
         WHERE merchant_profile_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        "UPDATE payment_providers
         SET merchant_profile_id = (SELECT id FROM merchant_profiles WHERE is_default = 1)
         WHERE merchant_profile_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        "DELETE FROM merchant_profiles
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
    ];
    batch.extend(statements.map(|sql| Statement::new(sql, [id.into(), audit_id.into()])));
    batch.write(announcement::of_entry(audit_id));
    let deleted = batch.read::<Row>(audit::select_id(audit_id));
    let mut rows = batch.run(database).await?;
    Ok(match (rows.any(deleted)?, rows.first(dependents)?) {
        (true, _) => MerchantProfileDeletion::Deleted,
        (false, Some(found)) if found.is_default == 1 => MerchantProfileDeletion::Default,
        (false, Some(found)) => MerchantProfileDeletion::InUse(found),
        (false, None) => MerchantProfileDeletion::Unknown,
    })
}
