//! Which of its providers a business prefers for which way of paying.

use crate::catalog::merchant_profiles::{BY_ID, Profile};
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::rail::{ProviderKind, Rail};
use keywright_ports::{Database, DatabaseError, Statement, decode};

/// Prefers a connected provider of the business that takes this way of paying.
/// Answers the business as it now is, `None` for an unknown one; where its
/// preference is not the provider asked for, the business has no such provider.
///
/// # Errors
/// [`DatabaseError`].
pub async fn set(
    database: &Database,
    actor: &Actor,
    profile_id: &str,
    rail: Rail,
    provider_id: &str,
    audit_id: &str,
) -> Result<Option<Profile>, DatabaseError> {
    let takes = |kind: ProviderKind| kind.rails().contains(&rail);
    let kinds = [ProviderKind::Btcpay, ProviderKind::Zaprite]
        .map(|kind| if takes(kind) { kind.as_str() } else { "" });
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'merchant_profile.prefer', 'merchant_profile', p.merchant_profile_id,
                    json_object(?5, (SELECT payment_provider_id FROM rail_preferences
                                     WHERE merchant_profile_id = ?6 AND rail = ?5)),
                    json_object(?5, p.id), ?4
             FROM payment_providers p
             WHERE p.id = ?7 AND p.merchant_profile_id = ?6 AND p.disconnected_at IS NULL
               AND p.kind IN (?8, ?9)
               AND NOT EXISTS (SELECT 1 FROM rail_preferences
                               WHERE merchant_profile_id = ?6 AND rail = ?5
                                 AND payment_provider_id = ?7)"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            rail.as_str().into(),
            profile_id.into(),
            provider_id.into(),
            kinds[0].into(),
            kinds[1].into(),
        ],
    );
    let prefer = Statement::new(
        "INSERT INTO rail_preferences (merchant_profile_id, rail, payment_provider_id)
         SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM audit WHERE id = ?4)
         ON CONFLICT (merchant_profile_id, rail)
         DO UPDATE SET payment_provider_id = excluded.payment_provider_id",
        [
            profile_id.into(),
            rail.as_str().into(),
            provider_id.into(),
            audit_id.into(),
        ],
    );
    let batch = vec![entry, prefer, Statement::new(BY_ID, [profile_id.into()])];
    let mut answers = database.batch(batch).await?;
    Ok(decode(answers.pop().unwrap_or_default())?.pop())
}

/// Takes a preference back. Answers the business as it now is, `None` for an
/// unknown one. Repeating it changes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn clear(
    database: &Database,
    actor: &Actor,
    profile_id: &str,
    rail: Rail,
    audit_id: &str,
) -> Result<Option<Profile>, DatabaseError> {
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'merchant_profile.prefer', 'merchant_profile', merchant_profile_id,
                    json_object(rail, payment_provider_id), json_object(rail, NULL), ?4
             FROM rail_preferences WHERE merchant_profile_id = ?5 AND rail = ?6"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            profile_id.into(),
            rail.as_str().into(),
        ],
    );
    let delete = Statement::new(
        "DELETE FROM rail_preferences
         WHERE merchant_profile_id = ?1 AND rail = ?2
           AND EXISTS (SELECT 1 FROM audit WHERE id = ?3)",
        [profile_id.into(), rail.as_str().into(), audit_id.into()],
    );
    let batch = vec![entry, delete, Statement::new(BY_ID, [profile_id.into()])];
    let mut answers = database.batch(batch).await?;
    Ok(decode(answers.pop().unwrap_or_default())?.pop())
}
