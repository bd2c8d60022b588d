//! Connecting and disconnecting a store. Between the two batches that connect a store, its
//! webhook is made at the provider. So the row comes first, not connected yet, with the
//! secret of the webhook. If anything breaks off in between, connecting the same store again
//! uses the same row, finds the webhook by its address, and gives it the same secret.

use crate::columns;
use crate::events::announcement;
use crate::operator::audit::{Actor, insert_into_audit};
use crate::sales::payment_providers::{Provider, SealedCredentials, select_providers};
use keywright_domain::rail::ProviderKind;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::Deserialize;

/// The kind of entry for orders of a store that was disconnected.
pub const ORDERS_LEFT: &str = "orders_left";

/// A store to be connected.
#[derive(Debug, Clone, Copy)]
pub struct StoreAddress<'a> {
    /// The business.
    pub profile_id: &'a str,
    /// The kind of provider.
    pub kind: ProviderKind,
    /// Where it is.
    pub base_url: &'a str,
    /// Its id there.
    pub store_id: &'a str,
}

/// The row of a store.
#[derive(Debug, Clone)]
pub struct StoreRow {
    /// The store, connected or not.
    pub provider: Provider,
    /// Whether it is connected.
    pub connected: bool,
}

#[derive(Deserialize)]
struct ConnectedRow {
    #[serde(deserialize_with = "columns::flag")]
    connected: bool,
}

/// The row of a store; if it has none, a new one with this id and these credentials, not
/// connected.
pub async fn reserve(
    database: &Database,
    store: StoreAddress<'_>,
    new_id: &str,
    credentials: &SealedCredentials,
    now: i64,
) -> Result<Option<StoreRow>, DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO payment_providers (id, merchant_profile_id, kind, label, base_url, store_id,
                                        credentials, network, connected_at, disconnected_at)
         SELECT ?1, ?2, ?3, ?5, ?4, ?5, ?6, 'unknown', ?7, ?7
         WHERE NOT EXISTS (SELECT 1 FROM payment_providers
                           WHERE merchant_profile_id = ?2 AND kind = ?3 AND base_url = ?4
                             AND store_id = ?5)",
        [
            new_id.into(),
            store.profile_id.into(),
            store.kind.as_str().into(),
            store.base_url.into(),
            store.store_id.into(),
            credentials.as_str().into(),
            now.into(),
        ],
    );
    let key = [
        store.profile_id.into(),
        store.kind.as_str().into(),
        store.base_url.into(),
        store.store_id.into(),
    ];
    // Old rows of a deleted business may be many: the connected one, else the
    // newest.
    let row = Statement::new(
        select_providers!(
            "WHERE merchant_profile_id = ?1 AND kind = ?2 AND base_url = ?3 AND store_id = ?4
             ORDER BY disconnected_at IS NULL DESC, id DESC LIMIT 1"
        ),
        key.clone(),
    );
    let connected = Statement::new(
        "SELECT EXISTS (SELECT 1 FROM payment_providers
                        WHERE merchant_profile_id = ?1 AND kind = ?2 AND base_url = ?3
                          AND store_id = ?4 AND disconnected_at IS NULL) AS connected",
        key,
    );
    let mut batch = Batch::new();
    batch.write(insert);
    let row = batch.read(row);
    let connected = batch.read(connected);
    let mut rows = batch.run(database).await?;
    let ConnectedRow { connected } = rows.one(connected)?;
    let provider: Option<Provider> = rows.first(row)?;
    Ok(provider.map(|provider| StoreRow {
        provider,
        connected,
    }))
}

/// Replaces the credentials of a row that is not connected. `false` if they are not the ones
/// that it was read with any more.
pub async fn replace_credentials(
    database: &Database,
    provider: &Provider,
    credentials: &SealedCredentials,
) -> Result<bool, DatabaseError> {
    let update = Statement::new(
        "UPDATE payment_providers SET credentials = ?2
         WHERE id = ?1 AND disconnected_at IS NOT NULL AND credentials IS ?3
         RETURNING id",
        [
            (&provider.id).into(),
            credentials.as_str().into(),
            provider
                .credentials
                .as_ref()
                .map(SealedCredentials::as_str)
                .into(),
        ],
    );
    let mut batch = Batch::new();
    let updated = batch.read(update);
    batch.run(database).await?.any(updated)
}

/// What is recorded of a store when it is connected.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionDetails<'a> {
    /// Its name for people.
    pub label: &'a str,
    /// `mainnet`, `testnet`, `regtest` or `unknown`.
    pub network: &'a str,
    /// Id of the webhook; `None` where it has none that we made.
    pub webhook_id: Option<&'a str>,
    /// Its API key and the secret of its webhook.
    pub credentials: &'a SealedCredentials,
    /// The credentials that the row was read with.
    pub read_with: Option<&'a SealedCredentials>,
    /// Whether only a store of a test network might be connected.
    pub sandbox_only: bool,
}

/// Connects a store whose webhook is made, with the audit entry; its orders are checked
/// again. `false`, and nothing written, if its business has another store by now, or the row
/// was connected or changed meanwhile.
pub async fn activate(
    database: &Database,
    actor: &Actor,
    id: &str,
    details: ConnectionDetails<'_>,
    audit_id: &str,
) -> Result<bool, DatabaseError> {
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'payment_provider.connect', 'payment_provider', p.id,
                    json_object('connected', json('false')),
                    json_object('connected', json('true'), 'merchant_profile_id', p.merchant_profile_id, 'kind', p.kind,
                                'base_url', p.base_url, 'store_id', p.store_id, 'label', ?6,
                                'network', ?7, 'sandbox_only', json(iif(?8, 'true', 'false'))),
                    ?4
             FROM payment_providers p
             WHERE p.id = ?5 AND p.disconnected_at IS NOT NULL AND p.credentials IS ?9
               AND NOT EXISTS (SELECT 1 FROM payment_providers other
                               WHERE other.merchant_profile_id = p.merchant_profile_id
                                 AND other.kind = p.kind AND other.disconnected_at IS NULL)"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            id.into(),
            details.label.into(),
            details.network.into(),
            details.sandbox_only.into(),
            details.read_with.map(SealedCredentials::as_str).into(),
        ],
    );
    let connect = Statement::new(
        "UPDATE payment_providers
         SET label = ?3, network = ?4, webhook_id = ?5, credentials = ?6, connected_at = ?7,
             disconnected_at = NULL
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)
         RETURNING id",
        [
            id.into(),
            audit_id.into(),
            details.label.into(),
            details.network.into(),
            details.webhook_id.into(),
            details.credentials.as_str().into(),
            actor.at.into(),
        ],
    );
    let check_again = Statement::new(
        "UPDATE invoices SET next_check_at = ?3
         WHERE payment_provider_id = ?1 AND next_check_at IS NULL
           AND (status = 'pending' OR watch_until > ?3)
           AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        [id.into(), audit_id.into(), actor.at.into()],
    );
    let settled = Statement::new(
        "UPDATE attention SET resolved_at = ?3, resolved_by = ?4
         WHERE kind = ?5 AND object_kind = 'payment_provider' AND object_id = ?1
           AND resolved_at IS NULL AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        [
            id.into(),
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            ORDERS_LEFT.into(),
        ],
    );
    let mut batch = Batch::new();
    batch.write(entry);
    let connected = batch.read(connect);
    batch.extend([check_again, settled, announcement::of_entry(audit_id)]);
    batch.run(database).await?.any(connected)
}

/// What was removed at the provider before a store is disconnected.
#[derive(Debug, Clone, Copy)]
pub struct RemoteCleanup {
    /// Whether its webhook is gone.
    pub webhook_removed: bool,
    /// Whether its API key is revoked.
    pub api_key_revoked: bool,
}

impl RemoteCleanup {
    /// Nothing was removed.
    pub const NONE: Self = Self {
        webhook_removed: false,
        api_key_revoked: false,
    };
}

#[derive(Deserialize)]
struct SavedCards {
    cards: i64,
}

/// How many saved cards stop working when this provider is disconnected. Nothing is charged
/// to a saved card yet, so that there are none.
pub async fn saved_cards(database: &Reader, id: &str) -> Result<i64, DatabaseError> {
    let statement = Statement::new(
        "SELECT 0 AS cards FROM payment_providers WHERE id = ?1",
        [id.into()],
    );
    let found: Option<SavedCards> = database.first(statement).await?;
    Ok(found.map_or(0, |found| found.cards))
}

#[derive(Deserialize)]
struct OpenOrders {
    orders: i64,
}

/// Disconnects a store, with the audit entry, and wipes its credentials. Its undecided orders
/// are not checked any more, and are listed for the operator. Answers how many those are.
/// Repeating it changes nothing.
pub async fn disconnect(
    database: &Database,
    actor: &Actor,
    id: &str,
    undone: RemoteCleanup,
    audit_id: &str,
    attention_id: &str,
) -> Result<i64, DatabaseError> {
    let orders = Statement::new(
        "SELECT count(*) AS orders FROM invoices
         WHERE status = 'pending' AND payment_provider_id = ?1",
        [id.into()],
    );
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'payment_provider.disconnect', 'payment_provider', id,
                    json_object('merchant_profile_id', merchant_profile_id, 'kind', kind,
                                'base_url', base_url, 'store_id', store_id),
                    json_object('webhook_removed', json(iif(?6, 'true', 'false')),
                                'api_key_revoked', json(iif(?7, 'true', 'false'))),
                    ?4
             FROM payment_providers WHERE id = ?5 AND disconnected_at IS NULL"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            id.into(),
            undone.webhook_removed.into(),
            undone.api_key_revoked.into(),
        ],
    );
    let tell = Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, ?3, 'payment_provider', p.id,
                json_object('merchant_profile_id', p.merchant_profile_id,
                            'base_url', p.base_url, 'store_id', p.store_id,
                            'orders', (SELECT count(*) FROM invoices
                                       WHERE status = 'pending' AND payment_provider_id = p.id),
                            'invoice_ids', json((SELECT json_group_array(id) FROM
                                (SELECT id FROM invoices
                                 WHERE status = 'pending' AND payment_provider_id = p.id
                                 ORDER BY id LIMIT 100))))
         FROM payment_providers p
         WHERE p.id = ?4 AND EXISTS (SELECT 1 FROM audit WHERE id = ?5)
           AND EXISTS (SELECT 1 FROM invoices
                       WHERE status = 'pending' AND payment_provider_id = p.id)
         ON CONFLICT (kind, object_kind, object_id)
         DO UPDATE SET at = excluded.at, details = excluded.details,
                       resolved_at = NULL, resolved_by = NULL",
        [
            attention_id.into(),
            actor.at.into(),
            ORDERS_LEFT.into(),
            id.into(),
            audit_id.into(),
        ],
    );
    let if_told = |sql| Statement::new(sql, [id.into(), audit_id.into()]);
    let mut batch = Batch::new();
    let open = batch.read(orders);
    batch.extend([
        entry,
        tell,
        if_told(
            "UPDATE invoices SET next_check_at = NULL
             WHERE payment_provider_id = ?1 AND next_check_at IS NOT NULL
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        if_told(
            "DELETE FROM rail_preferences
             WHERE payment_provider_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        Statement::new(
            "UPDATE payment_providers
             SET credentials = NULL, webhook_id = NULL, disconnected_at = ?3
             WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
            [id.into(), audit_id.into(), actor.at.into()],
        ),
        announcement::of_entry(audit_id),
    ]);
    let OpenOrders { orders } = batch.run(database).await?.one(open)?;
    Ok(orders)
}
