//! What an operator is told of reading a chain as a whole.

use crate::chain::usdc_orders::ChainToken;
use crate::operator::audit::Actor;
use keywright_ports::{Database, DatabaseError, Statement};
use serde_json::Value;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainTrouble {
    /// What was read last is long ago.
    Behind,
    /// No block is known any more that was read.
    Replaced,
}

impl ChainTrouble {
    const fn kind(self) -> &'static str {
        match self {
            Self::Behind => "usdc_behind",
            Self::Replaced => "usdc_chain_replaced",
        }
    }
}

/// Tells the operator, once until it is over.
///
/// # Errors
/// [`DatabaseError`].
pub async fn report(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    trouble: ChainTrouble,
    details: &Value,
    id: &str,
) -> Result<(), DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         VALUES (?1, ?2, ?3, 'chain', ?4, ?5)
         ON CONFLICT (kind, object_kind, object_id)
         DO UPDATE SET at = excluded.at, details = excluded.details,
                       resolved_at = NULL, resolved_by = NULL
         WHERE attention.resolved_at IS NOT NULL",
        [
            id.into(),
            actor.at.into(),
            trouble.kind().into(),
            market.chain_id.to_string().into(),
            details.to_string().into(),
        ],
    );
    database.batch(vec![insert]).await.map(drop)
}

/// Says that it is over.
///
/// # Errors
/// [`DatabaseError`].
pub async fn resolve(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    trouble: ChainTrouble,
) -> Result<(), DatabaseError> {
    let update = Statement::new(
        "UPDATE attention SET resolved_at = ?1, resolved_by = ?2
         WHERE kind = ?3 AND object_kind = 'chain' AND object_id = ?4 AND resolved_at IS NULL",
        [
            actor.at.into(),
            actor.name.as_ref().into(),
            trouble.kind().into(),
            market.chain_id.to_string().into(),
        ],
    );
    database.batch(vec![update]).await.map(drop)
}
