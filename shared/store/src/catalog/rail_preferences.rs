//! Which of its providers a business prefers for which way of paying.

use crate::catalog::merchant_profiles::{BY_ID, MerchantProfile};
use crate::events::announcement;
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::rail::{ProviderKind, Rail};
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};

/// What came of preferring a payment provider.
#[derive(Debug, Clone, PartialEq)]
pub enum RailPreferenceOutcome {
    /// The merchant profile as it now is.
    Preferred(Box<MerchantProfile>),
    /// The profile has no connected provider with this id that serves the rail.
    NoSuchProvider,
    /// There is no such merchant profile.
    Unknown,
}

/// Whether the merchant profile `?1` has a connected provider `?2` of the kinds `?3` and
/// `?4`.
const PROVIDER: &str = "SELECT id FROM payment_providers
     WHERE merchant_profile_id = ?1 AND id = ?2 AND disconnected_at IS NULL AND kind IN (?3, ?4)";

/// Prefers a connected provider of the merchant profile that serves this rail.
pub async fn set(
    database: &Database,
    actor: &Actor,
    profile_id: &str,
    rail: Rail,
    provider_id: &str,
    audit_id: &str,
) -> Result<RailPreferenceOutcome, DatabaseError> {
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
    let mut batch = Batch::new();
    let provider = batch.read::<Row>(Statement::new(
        PROVIDER,
        [
            profile_id.into(),
            provider_id.into(),
            kinds[0].into(),
            kinds[1].into(),
        ],
    ));
    batch.extend([entry, prefer, announcement::of_entry(audit_id)]);
    let profile = batch.read(Statement::new(BY_ID, [profile_id.into()]));
    let mut rows = batch.run(database).await?;
    Ok(match (rows.any(provider)?, rows.first(profile)?) {
        (_, None) => RailPreferenceOutcome::Unknown,
        (false, Some(_)) => RailPreferenceOutcome::NoSuchProvider,
        (true, Some(profile)) => RailPreferenceOutcome::Preferred(Box::new(profile)),
    })
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
) -> Result<Option<MerchantProfile>, DatabaseError> {
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
    let mut batch = Batch::new();
    batch.extend([entry, delete, announcement::of_entry(audit_id)]);
    let profile = batch.read(Statement::new(BY_ID, [profile_id.into()]));
    batch.run(database).await?.first(profile)
}
