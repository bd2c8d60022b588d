//! Connected stores. Their credentials are sealed ([`keywright_ports::vault`]) and wiped when
//! a store is disconnected; the row stays, because its orders name it, and is used again when
//! the same business connects the same store.

use keywright_domain::rail::{Candidate, ProviderKind};
use keywright_ports::vault::{NoVault, Vault};
use keywright_ports::{Database, DatabaseError, Reader, Stamps, Statement};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A connected store.
#[derive(Debug, Clone, Deserialize)]
pub struct Provider {
    /// `UUIDv7`.
    pub id: String,
    /// Its business.
    pub merchant_profile_id: String,
    /// Its kind.
    pub kind: ProviderKind,
    /// The address of its server.
    pub base_url: String,
    /// Id of the store there.
    pub store_id: String,
    /// Its credentials, sealed.
    pub credentials: Option<SealedCredentials>,
    /// Id of the webhook there.
    pub webhook_id: Option<String>,
    /// Unix seconds.
    pub connected_at: i64,
}

/// Sealed credentials. They do not print.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SealedCredentials(String);

/// The credentials of a store. They do not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The API key; `None` while a connection is under way.
    pub api_key: Option<String>,
    /// The secret of the webhook.
    pub webhook_secret: String,
}

/// Why the credentials of a connected store cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// No key is configured that opens credentials.
    #[error(transparent)]
    NoVault(#[from] NoVault),
    /// Its credentials were sealed with another key, or changed.
    #[error("the credentials of payment provider {id} cannot be opened with this CREDENTIALS_KEY")]
    Unreadable {
        /// The provider.
        id: String,
    },
}

/// The content of the column `credentials`: each text is sealed by itself.
#[derive(Serialize, Deserialize)]
struct Contents {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
    webhook_secret: String,
}

impl fmt::Debug for SealedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedCredentials(..)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl SealedCredentials {
    /// The text, to compare or to record.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Credentials {
    /// Seals them for the provider with this id: those of another one cannot be
    /// put in their place.
    ///
    /// # Errors
    /// [`CredentialsError::Unreadable`] when they cannot be sealed, which needs a text
    /// of gigabytes.
    pub fn seal(
        &self,
        vault: &Vault,
        stamps: &Stamps,
        id: &str,
    ) -> Result<SealedCredentials, CredentialsError> {
        let failed = || CredentialsError::Unreadable { id: id.to_owned() };
        let seal = |purpose, text: &str| vault.seal(stamps, &[id, purpose], text);
        let sealed = Contents {
            api_key: match &self.api_key {
                Some(key) => Some(seal("api_key", key).ok_or_else(failed)?),
                None => None,
            },
            webhook_secret: seal("webhook_secret", &self.webhook_secret).ok_or_else(failed)?,
        };
        serde_json::to_string(&sealed)
            .map(SealedCredentials)
            .map_err(|_| failed())
    }
}

impl Provider {
    /// Converts this row into the domain type.
    #[must_use]
    pub fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: &self.id,
            kind: self.kind,
            connected_at: self.connected_at,
        }
    }

    /// Opens its credentials.
    pub fn open(&self, vault: &Result<Vault, NoVault>) -> Result<Credentials, CredentialsError> {
        let vault = vault.as_ref().map_err(|missing| *missing)?;
        let opened = || {
            let sealed: Contents =
                serde_json::from_str(self.credentials.as_ref()?.as_str()).ok()?;
            let open = |purpose, text: &str| vault.open(&[&self.id, purpose], text);
            Some(Credentials {
                api_key: match &sealed.api_key {
                    Some(key) => Some(open("api_key", key)?),
                    None => None,
                },
                webhook_secret: open("webhook_secret", &sealed.webhook_secret)?,
            })
        };
        opened().ok_or_else(|| CredentialsError::Unreadable {
            id: self.id.clone(),
        })
    }
}

/// The statement that reads whole stores.
macro_rules! select_providers {
    ($rest:literal) => {
        concat!(
            "SELECT id, merchant_profile_id, kind, base_url, store_id, credentials, webhook_id,
                    connected_at
             FROM payment_providers ",
            $rest
        )
    };
}
pub(crate) use select_providers;

/// The connected store with this id.
pub async fn connected(database: &Reader, id: &str) -> Result<Option<Provider>, DatabaseError> {
    let sql = select_providers!("WHERE id = ?1 AND disconnected_at IS NULL");
    database.first(Statement::new(sql, [id.into()])).await
}

/// The connected ones among these stores, in one statement.
pub async fn connected_among(
    database: &Reader,
    ids: &[&str],
) -> Result<Vec<Provider>, DatabaseError> {
    let list = serde_json::to_string(ids).map_err(|error| DatabaseError::Row(error.to_string()))?;
    let sql = select_providers!(
        "WHERE id IN (SELECT value FROM json_each(?1)) AND disconnected_at IS NULL"
    );
    database.query(Statement::new(sql, [list.into()])).await
}

/// A business and its connected store of a kind.
#[derive(Debug, Clone)]
pub struct ProfileProvider {
    /// The business.
    pub profile_id: String,
    /// Whether it is the default one.
    pub is_default: bool,
    /// Its store.
    pub provider: Option<Provider>,
}

#[derive(Deserialize)]
struct Joined {
    profile_id: String,
    #[serde(deserialize_with = "crate::columns::flag")]
    is_default: bool,
    #[serde(deserialize_with = "crate::columns::optional_json")]
    provider: Option<Provider>,
}

/// A business, by default the default one, and its connected store of this kind; `None` for
/// an unknown business.
pub async fn of_business(
    database: &Reader,
    profile_id: Option<&str>,
    kind: ProviderKind,
) -> Result<Option<ProfileProvider>, DatabaseError> {
    let statement = Statement::new(
        "SELECT m.id AS profile_id, m.is_default,
                (SELECT json_object('id', id, 'merchant_profile_id', merchant_profile_id,
                                    'kind', kind, 'base_url', base_url, 'store_id', store_id,
                                    'credentials', credentials, 'webhook_id', webhook_id,
                                    'connected_at', connected_at)
                 FROM payment_providers
                 WHERE merchant_profile_id = m.id AND kind = ?2
                   AND disconnected_at IS NULL) AS provider
         FROM merchant_profiles m
         WHERE (?1 IS NULL AND m.is_default = 1) OR m.id = ?1",
        [profile_id.into(), kind.as_str().into()],
    );
    let found: Option<Joined> = database.first(statement).await?;
    Ok(found.map(|found| ProfileProvider {
        profile_id: found.profile_id,
        is_default: found.is_default,
        provider: found.provider,
    }))
}

/// Every connected store, for the operator's overview.
pub async fn all_connected(database: &Reader) -> Result<Vec<Provider>, DatabaseError> {
    // An operator has only a few.
    let sql =
        select_providers!("WHERE disconnected_at IS NULL ORDER BY connected_at, id LIMIT 500");
    database.query(Statement::new(sql, [])).await
}

/// Records the organization of a connected provider that was connected without it, once.
pub async fn learn_store_id(
    database: &Database,
    provider: &Provider,
    store_id: &str,
) -> Result<(), DatabaseError> {
    let update = Statement::new(
        "UPDATE payment_providers SET store_id = ?3 WHERE id = ?1 AND store_id = ?2",
        [
            (&provider.id).into(),
            (&provider.store_id).into(),
            store_id.into(),
        ],
    );
    database.batch(vec![update]).await.map(drop)
}
