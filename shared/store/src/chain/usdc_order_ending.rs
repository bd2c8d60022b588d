//! Ending orders in USDC that were not paid in time.

use super::usdc_orders::ChainToken;
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};

/// Most orders that one call of [`expire`] ends.
pub const EXPIRED_AT_ONCE: usize = 20;

/// Statements that [`expire`] takes.
pub const STATEMENTS_TO_EXPIRE: usize = 6;

/// The open orders whose time was over by `?3`, the time of the chain, numbered
/// from 0, the oldest `?4` of them; those that a payment was seen for are left.
macro_rules! over {
    () => {
        "SELECT o.invoice_id, row_number() OVER (ORDER BY o.expires_at, o.invoice_id) - 1 AS number
         FROM usdc_orders o
         WHERE o.chain_id = ?1 AND o.token = ?2 AND o.is_open = 1 AND o.expires_at < ?3
           AND NOT EXISTS (SELECT 1 FROM chain_transfers t
                           WHERE t.chain_id = o.chain_id AND t.recipient = o.address
                             AND t.amount_units = o.amount_units AND t.state = 'seen')
           AND (o.derivation_index IS NULL
                OR NOT EXISTS (SELECT 1 FROM chain_transfers t
                               WHERE t.chain_id = o.chain_id AND t.recipient = o.address
                                 AND t.token = o.token AND t.state = 'seen'))
         ORDER BY o.expires_at, o.invoice_id LIMIT ?4"
    };
}

/// Ends at most [`EXPIRED_AT_ONCE`] orders that were not paid in time, and returns how
/// many. `read_to` is the time of the last block that was read, in unix seconds. Each order
/// gets an audit entry under one of `audit_ids` and releases the use of its code. Amounts
/// whose reservation is over are released; [`super::address_release`] releases addresses.
pub async fn expire(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    read_to: i64,
    audit_ids: &[String; EXPIRED_AT_ONCE],
) -> Result<usize, DatabaseError> {
    let here = [market.chain_id.into(), (&market.token).into()];
    let limit = i64::try_from(EXPIRED_AT_ONCE).unwrap_or_default();
    let these = || {
        let [chain, token] = here.clone();
        vec![chain, token, read_to.into(), limit.into()]
    };
    let mut audited = these();
    audited.extend([
        actor.at.into(),
        actor.name.as_ref().into(),
        (&actor.request_id).into(),
        serde_json::Value::from(audit_ids.to_vec())
            .to_string()
            .into(),
    ]);
    let audited = Statement::new(
        insert_into_audit!(
            "SELECT ids.value, ?5, ?6, 'invoice.close', 'invoice', f.invoice_id,
                    '{\"status\":\"pending\"}',
                    '{\"status\":\"expired\",\"reason\":\"not paid in time\"}', ?7
             FROM (",
            over!(),
            ") AS f JOIN json_each(?8) AS ids ON ids.key = f.number
             JOIN invoices i ON i.id = f.invoice_id AND i.status = 'pending'"
        ),
        audited,
    );
    let uses = Statement::new(
        concat!(
            "WITH f AS (SELECT r.code_id FROM (",
            over!(),
            ") AS o JOIN redemptions r ON r.invoice_id = o.invoice_id AND r.state = 'reserved')
             UPDATE discount_codes
             SET used_count =
                   max(used_count - (SELECT count(*) FROM f WHERE f.code_id = discount_codes.id), 0)
             WHERE id IN (SELECT code_id FROM f)"
        ),
        these(),
    );
    let mut released = these();
    released.push(actor.at.into());
    let released = Statement::new(
        concat!(
            "UPDATE redemptions SET state = 'released', ended_at = ?5
             WHERE state = 'reserved' AND invoice_id IN (SELECT invoice_id FROM (",
            over!(),
            "))"
        ),
        released,
    );
    let closed = Statement::new(
        concat!(
            "UPDATE invoices SET status = 'expired'
             WHERE status = 'pending' AND id IN (SELECT invoice_id FROM (",
            over!(),
            "))"
        ),
        these(),
    );
    // The order last of all: the statements before read which ones are over.
    let ended = Statement::new(
        concat!(
            "UPDATE usdc_orders SET is_open = 0
             WHERE invoice_id IN (SELECT invoice_id FROM (",
            over!(),
            ")) RETURNING invoice_id"
        ),
        these(),
    );
    let freed = Statement::new(
        "UPDATE usdc_orders SET reserved = 0
         WHERE chain_id = ?1 AND token = ?2 AND reserved = 1 AND is_open = 0
           AND derivation_index IS NULL AND reserved_until < ?3",
        [here[0].clone(), here[1].clone(), read_to.into()],
    );
    let mut batch = Batch::new();
    batch.extend([audited, uses, released, closed]);
    let ended = batch.read::<Row>(ended);
    batch.write(freed);
    Ok(batch.run(database).await?.all(ended)?.len())
}
