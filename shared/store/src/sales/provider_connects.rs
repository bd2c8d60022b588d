//! Pending connections: an operator asked for one, and must agree to it in the browser within
//! a few minutes. The browser carries a secret, the state; only its SHA-256 is stored, and it
//! is valid once.

use crate::columns;
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::rail::ProviderKind;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;

/// How long the operator has to agree, in seconds.
pub const GOOD_FOR: i64 = 600;
/// How long an old state is kept, in seconds, so that a late browser gets a helpful answer.
const KEPT_FOR: i64 = 86_400;

/// A connection that an operator asks for.
#[derive(Debug, Clone, Copy)]
pub struct NewConnection<'a> {
    /// The business; `None` the default one.
    pub profile_id: Option<&'a str>,
    /// SHA-256 of the state, in lower-case hex.
    pub state_hash: &'a str,
    /// Whether only a store of a test network may be connected.
    pub sandbox_only: bool,
}

/// The answer to a request for a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionStart {
    /// It is pending, for this business.
    For(String),
    /// The business already has a store of this kind.
    Connected,
    /// No such business exists.
    Unknown,
}

#[derive(Deserialize)]
struct ProfileRow {
    id: String,
    #[serde(deserialize_with = "columns::flag")]
    begun: bool,
}

/// Records a pending connection, with its audit entry.
pub async fn begin(
    database: &Database,
    actor: &Actor,
    new: NewConnection<'_>,
    kind: ProviderKind,
    audit_id: &str,
) -> Result<ConnectionStart, DatabaseError> {
    let forget = Statement::new(
        "DELETE FROM provider_connects WHERE expires_at < ?1",
        [(actor.at - KEPT_FOR).into()],
    );
    let insert = Statement::new(
        "INSERT INTO provider_connects (state_hash, merchant_profile_id, actor, sandbox_only,
                                        expires_at)
         SELECT ?1, m.id, ?3, ?4, ?5 FROM merchant_profiles m
         WHERE ((?2 IS NULL AND m.is_default = 1) OR m.id = ?2)
           AND NOT EXISTS (SELECT 1 FROM payment_providers
                           WHERE merchant_profile_id = m.id AND kind = ?6
                             AND disconnected_at IS NULL)",
        [
            new.state_hash.into(),
            new.profile_id.into(),
            actor.name.as_ref().into(),
            new.sandbox_only.into(),
            (actor.at + GOOD_FOR).into(),
            kind.as_str().into(),
        ],
    );
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'merchant_profile.connect_begin', 'merchant_profile',
                    merchant_profile_id, json_object('connect', NULL),
                    json_object('connect', json_object(
                        'kind', ?5, 'sandbox_only', json(iif(sandbox_only, 'true', 'false')))), ?4
             FROM provider_connects WHERE state_hash = ?6"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            kind.as_str().into(),
            new.state_hash.into(),
        ],
    );
    let select = Statement::new(
        "SELECT m.id, EXISTS (SELECT 1 FROM provider_connects WHERE state_hash = ?2) AS begun
         FROM merchant_profiles m
         WHERE (?1 IS NULL AND m.is_default = 1) OR m.id = ?1",
        [new.profile_id.into(), new.state_hash.into()],
    );
    let mut batch = Batch::new();
    batch.extend([forget, insert, entry]);
    let found = batch.read::<ProfileRow>(select);
    Ok(match batch.run(database).await?.first(found)? {
        None => ConnectionStart::Unknown,
        Some(business) if business.begun => ConnectionStart::For(business.id),
        Some(_) => ConnectionStart::Connected,
    })
}

/// A pending connection whose state was returned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PendingConnection {
    /// The business.
    pub merchant_profile_id: String,
    /// The operator or API key that asked for it.
    pub actor: String,
    /// Whether only a store of a test network may be connected.
    #[serde(deserialize_with = "columns::flag")]
    pub sandbox_only: bool,
}

/// The result of returning a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateOutcome {
    /// It is valid, and used up now.
    Good(PendingConnection),
    /// It was already used.
    Used,
    /// It has expired.
    Expired,
    /// The API key that asked for it was revoked meanwhile.
    Revoked,
    /// No such state exists.
    Unknown,
}

#[derive(Deserialize)]
struct StateRow {
    expires_at: i64,
    #[serde(deserialize_with = "columns::flag")]
    revoked: bool,
}

/// Takes a state, once.
pub async fn take(
    database: &Database,
    state_hash: &str,
    now: i64,
) -> Result<StateOutcome, DatabaseError> {
    let take = Statement::new(
        "UPDATE provider_connects SET used_at = ?2
         WHERE state_hash = ?1 AND used_at IS NULL AND expires_at > ?2
           AND NOT EXISTS (SELECT 1 FROM api_keys k
                           WHERE 'api_key:' || k.id = actor AND k.revoked_at IS NOT NULL)
         RETURNING merchant_profile_id, actor, sandbox_only",
        [state_hash.into(), now.into()],
    );
    let why_not = Statement::new(
        "SELECT expires_at,
                EXISTS (SELECT 1 FROM api_keys k
                        WHERE 'api_key:' || k.id = actor
                          AND k.revoked_at IS NOT NULL) AS revoked
         FROM provider_connects WHERE state_hash = ?1",
        [state_hash.into()],
    );
    let mut batch = Batch::new();
    let taken = batch.read::<PendingConnection>(take);
    let row = batch.read::<StateRow>(why_not);
    let mut rows = batch.run(database).await?;
    Ok(match (rows.first(taken)?, rows.first(row)?) {
        (Some(connect), _) => StateOutcome::Good(connect),
        (None, None) => StateOutcome::Unknown,
        (None, Some(row)) if row.revoked => StateOutcome::Revoked,
        (None, Some(row)) if row.expires_at <= now => StateOutcome::Expired,
        (None, Some(_)) => StateOutcome::Used,
    })
}
