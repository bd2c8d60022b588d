//! Scoped API keys. The token is shown once and kept nowhere: a key is found by
//! the token's hash.

use crate::columns;
use crate::events::announcement;
use crate::operator::audit::{self, Actor, AuditedChange};
use keywright_domain::access::{Role, Scope};
use keywright_domain::page::{Page, Position};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How exactly the time of the last use is kept, in seconds, so that a busy key
/// does not write with each request.
pub const LAST_USED_STEP_SECONDS: i64 = 60;

/// A key as recorded, without its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// `UUIDv7`.
    pub id: String,
    /// What the operator calls it.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// What it was given beside the role.
    #[serde(deserialize_with = "columns::json")]
    pub scopes: Vec<Scope>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds, behind by up to [`LAST_USED_STEP_SECONDS`].
    pub last_used_at: Option<i64>,
    /// Unix seconds since which it opens nothing.
    pub revoked_at: Option<i64>,
    /// Unix seconds from which on it opens nothing; `None` never.
    pub expires_at: Option<i64>,
}

/// Whether a key opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStanding {
    /// It does.
    Good,
    /// The operator ended it.
    Revoked,
    /// Its time is over.
    Expired,
}

/// What came of revoking a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyRevocation {
    /// It is revoked from now on.
    Revoked,
    /// It was revoked before.
    RevokedBefore,
    /// There is no such key.
    Unknown,
}

/// The statement that reads whole keys.
macro_rules! select_keys {
    ($rest:literal) => {
        concat!(
            "SELECT id, label, role, scopes, created_at, last_used_at, revoked_at, expires_at
             FROM api_keys ",
            $rest
        )
    };
}

/// The key whose token has this hash, revoked or not: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(database: &Reader, token_hash: &str) -> Result<Option<ApiKey>, DatabaseError> {
    let statement = Statement::new(select_keys!("WHERE token_hash = ?1"), [token_hash.into()]);
    database.first(statement).await
}

/// Keys, newest first, revoked ones included; one more than the page holds
/// when there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(database: &Reader, page: &Page) -> Result<Vec<ApiKey>, DatabaseError> {
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let statement = Statement::new(
        select_keys!(
            "WHERE (created_at, id) < (?1, ?2) ORDER BY created_at DESC, id DESC LIMIT ?3"
        ),
        [after.at.into(), after.id.into(), (page.limit + 1).into()],
    );
    database.query(statement).await
}

/// Records a new key with its audit entry.
///
/// # Errors
/// [`DatabaseError`].
pub async fn create(
    database: &Database,
    actor: &Actor,
    key: &ApiKey,
    token_hash: &str,
    audit_id: String,
) -> Result<(), DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO api_keys (id, label, role, scopes, token_hash, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        [
            (&key.id).into(),
            (&key.label).into(),
            key.role.as_str().into(),
            json!(key.scopes).to_string().into(),
            token_hash.into(),
            key.created_at.into(),
            key.expires_at.into(),
        ],
    );
    let entry = AuditedChange {
        id: audit_id.clone(),
        action: "api_key.create",
        object_kind: "api_key",
        object_id: key.id.clone(),
        before: None,
        after: Some(json!({
            "label": key.label, "role": key.role, "scopes": key.scopes,
            "expires_at": key.expires_at,
        })),
    };
    let event = announcement::of_entry(&audit_id);
    let batch = vec![insert, audit::insert(actor, entry), event];
    database.batch(batch).await.map(drop)
}

#[derive(Deserialize)]
struct RevokedAt {
    revoked_at: Option<i64>,
}

/// Revokes a key for good. Repeating it succeeds and changes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn revoke(
    database: &Database,
    actor: &Actor,
    id: &str,
    audit_id: String,
) -> Result<ApiKeyRevocation, DatabaseError> {
    let entry = AuditedChange {
        id: audit_id.clone(),
        action: "api_key.revoke",
        object_kind: "api_key",
        object_id: id.to_owned(),
        before: Some(json!({ "revoked_at": null })),
        after: Some(json!({ "revoked_at": actor.at })),
    };
    let mut batch = Batch::new();
    let before = batch.read::<RevokedAt>(Statement::new(
        "SELECT revoked_at FROM api_keys WHERE id = ?1",
        [id.into()],
    ));
    // Before the update, while the row still says what it was.
    batch.write(audit::insert_revoking_key(actor, entry));
    batch.write(Statement::new(
        "UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
        [id.into(), actor.at.into()],
    ));
    batch.write(announcement::of_entry(&audit_id));
    Ok(match batch.run(database).await?.first(before)? {
        Some(RevokedAt { revoked_at: None }) => ApiKeyRevocation::Revoked,
        Some(RevokedAt { .. }) => ApiKeyRevocation::RevokedBefore,
        None => ApiKeyRevocation::Unknown,
    })
}

impl ApiKey {
    /// Whether it opens anything at `now`, in unix seconds. A key that was revoked
    /// and has expired counts as revoked.
    #[must_use]
    pub fn standing(&self, now: i64) -> KeyStanding {
        if self.revoked_at.is_some() {
            KeyStanding::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            KeyStanding::Expired
        } else {
            KeyStanding::Good
        }
    }

    /// Whether a use now has to be written down.
    #[must_use]
    pub fn is_due(&self, now: i64) -> bool {
        self.last_used_at
            .is_none_or(|at| at <= now - LAST_USED_STEP_SECONDS)
    }
}

/// A use of a key, to be written down later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKeyUse {
    /// Id of the key.
    pub id: String,
    /// Unix seconds.
    pub at: i64,
}

/// The statement that writes down uses. Of many at once only the latest of a
/// key counts, and none that came after its end.
#[must_use]
pub fn uses(uses: &[ApiKeyUse]) -> Vec<Statement> {
    vec![Statement::new(
        "UPDATE api_keys SET last_used_at = latest.at
         FROM (SELECT json_extract(value, '$.id') AS id, max(json_extract(value, '$.at')) AS at
               FROM json_each(?1) GROUP BY 1) AS latest
         WHERE api_keys.id = latest.id
           AND (revoked_at IS NULL OR latest.at <= revoked_at)
           AND (last_used_at IS NULL OR last_used_at <= latest.at - ?2)",
        [
            json!(uses).to_string().into(),
            LAST_USED_STEP_SECONDS.into(),
        ],
    )]
}
