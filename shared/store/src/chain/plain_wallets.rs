//! Wallets that were seen to be no contracts: nobody has to be asked about them for a
//! while, however often strangers send them proofs that are not good.

use keywright_ports::{Database, DatabaseError, Reader, Statement};

/// Rows that go with each new one, of those that are a week old.
const FORGOTTEN_AT_ONCE: i64 = 50;

/// A week, in seconds.
const WEEK: i64 = 7 * 86_400;

/// Whether a wallet, lower case, was seen to be no contract at or after a unix second.
///
/// # Errors
/// [`DatabaseError`].
pub async fn is_plain(
    database: &Reader,
    chain_id: i64,
    wallet: &str,
    since: i64,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(
        "SELECT 1 AS is_plain FROM plain_wallets
         WHERE chain_id = ?1 AND wallet = ?2 AND checked_at >= ?3",
        [chain_id.into(), wallet.into(), since.into()],
    );
    let found: Vec<serde_json::Value> = database.query(statement).await?;
    Ok(!found.is_empty())
}

/// Notes that a wallet, lower case, is no contract now.
///
/// # Errors
/// [`DatabaseError`].
pub async fn remember(
    database: &Database,
    chain_id: i64,
    wallet: &str,
    now: i64,
) -> Result<(), DatabaseError> {
    let old = Statement::new(
        "DELETE FROM plain_wallets WHERE (chain_id, wallet) IN
           (SELECT chain_id, wallet FROM plain_wallets WHERE checked_at < ?1 LIMIT ?2)",
        [(now - WEEK).into(), FORGOTTEN_AT_ONCE.into()],
    );
    let put = Statement::new(
        "INSERT INTO plain_wallets (chain_id, wallet, checked_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (chain_id, wallet) DO UPDATE SET checked_at = excluded.checked_at",
        [chain_id.into(), wallet.into(), now.into()],
    );
    database.aside(vec![old, put]).await.map(drop)
}
