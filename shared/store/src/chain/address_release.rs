//! Releasing addresses whose orders ended long enough ago.

use super::usdc_orders::ChainToken;
use keywright_domain::usdc::ADDRESS_WATCHED;
use keywright_ports::{Database, DatabaseError, Statement};

/// Statements that [`release`] takes.
pub const STATEMENTS_TO_RELEASE: usize = 3;

/// Most addresses that one call of [`release`] lets go.
const RELEASED_AT_ONCE: i64 = 200;

/// Addresses of their own that are let go: their orders ended more than
/// `ADDRESS_WATCHED - ?4` seconds ago, by `?3` and by what their groups were read to.
macro_rules! over {
    () => {
        "SELECT o.invoice_id, o.chain_id, o.address, o.derivation_index
         FROM usdc_orders o
         JOIN chain_groups g ON g.chain_id = o.chain_id AND g.token = o.token
           AND g.group_number = o.derivation_index % 4294967296 / 1000
         WHERE o.chain_id = ?1 AND o.token = ?2 AND o.reserved = 1 AND o.is_open = 0
           AND o.derivation_index IS NOT NULL
           AND o.reserved_until < ?3 + ?4 AND o.reserved_until < g.block_time + ?4
         ORDER BY o.reserved_until, o.invoice_id LIMIT ?5"
    };
}

/// Lets go of addresses whose orders ended more than `watched_for` seconds ago, by
/// `read_to` and by the time that their groups were read to. One that was never paid
/// can be given to another order. Groups without any address are watched no longer.
///
/// # Errors
/// [`DatabaseError`].
pub async fn release(
    database: &Database,
    market: &ChainToken,
    read_to: i64,
    watched_for: i64,
) -> Result<(), DatabaseError> {
    let these = || {
        [
            market.chain_id.into(),
            (&market.token).into(),
            read_to.into(),
            (ADDRESS_WATCHED - watched_for).into(),
            RELEASED_AT_ONCE.into(),
        ]
    };
    let free = Statement::new(
        concat!(
            "UPDATE derivations SET is_used = 0, given_at = 0
             WHERE derivation_index IN (
               SELECT o.derivation_index % 4294967296 FROM (",
            over!(),
            ") AS o
               WHERE NOT EXISTS (SELECT 1 FROM chain_transfers t
                                 WHERE t.chain_id = o.chain_id AND t.recipient = o.address))"
        ),
        these(),
    );
    let released = Statement::new(
        concat!(
            "UPDATE usdc_orders SET reserved = 0 WHERE invoice_id IN (SELECT invoice_id FROM (",
            over!(),
            "))"
        ),
        these(),
    );
    let asleep = Statement::new(
        "UPDATE chain_groups SET is_watched = 0
         WHERE chain_id = ?1 AND token = ?2 AND is_watched = 1 AND group_number >= 0
           AND orders_until + ?3 < block_time
           AND NOT EXISTS (
             SELECT 1 FROM usdc_orders o
             WHERE o.chain_id = ?1 AND o.reserved = 1 AND o.derivation_index IS NOT NULL
               AND o.derivation_index % 4294967296
                   BETWEEN group_number * 1000 AND group_number * 1000 + 999)",
        [
            market.chain_id.into(),
            (&market.token).into(),
            watched_for.into(),
        ],
    );
    database.aside(vec![free, released, asleep]).await.map(drop)
}
