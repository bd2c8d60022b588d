//! Orders to be paid in USDC: what each asks for, and until when.
//!
//! At the one wallet the amount tells the order, so no two orders hold the same
//! amount at the same address at once: a unique index says so, and the statement
//! that records an order picks an amount that nobody holds. An order's end is told
//! by the chain's time, never by the clock's: a payment in time is not missed
//! because it was read late.

use crate::chain::chain_groups;
use crate::operator::audit::{Actor, insert_into_audit};
use crate::sales::invoices::{self, OrderDraft, opened_by, opened_order};
use crate::sales::recent_orders;
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::order::{OrderOpener, OrderProvider};
use keywright_domain::recent_orders::{Kind, Origin};
use keywright_domain::usdc::AMOUNT_KNOWN;
use keywright_domain::usdc::amounts::Amounts;
use keywright_domain::usdc::sharing::Share;
use keywright_domain::usdc::watching;
use keywright_ports::{Database, DatabaseError, Reader, Statement, decode};
use serde::Deserialize;

/// Most orders that one call of [`expire`] ends.
pub const EXPIRED_AT_ONCE: usize = 20;

/// Statements that [`expire`] takes.
pub const STATEMENTS_TO_EXPIRE: usize = 6;

/// A chain and a token on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    /// EIP-155.
    pub chain_id: i64,
    /// Address of the contract, lower case.
    pub token: String,
}

/// How a new order is told from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToldBy {
    /// By its amount: the first of `probes` that no order holds or lately held; where
    /// all of these are taken, the first of `all` that no order holds, from `start` on
    /// in a circle.
    Amount {
        /// Amounts at random, in micro-units.
        probes: Vec<i64>,
        /// All amounts that it may be.
        all: Amounts,
        /// Where the search among all of them begins; one of them.
        start: i64,
    },
    /// By an address of its own.
    Address {
        /// The price in micro-units.
        amount_units: i64,
        /// What the address was derived with; from [`next_index`], and for one order.
        derivation_index: i64,
    },
}

/// What a new order asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// In what it is paid.
    pub market: Market,
    /// Where to, lower case.
    pub address: String,
    /// What tells it from others.
    pub told_by: ToldBy,
    /// The provider's id of the contract.
    pub reference: String,
    /// Where the buyer pays, without what opens the order.
    pub checkout_url: String,
    /// Where the buyer asked to go after paying; `None` where the business sends its
    /// buyers.
    pub redirect_url: Option<String>,
    /// The last second in which it can be paid.
    pub expires_at: i64,
    /// Until when nobody else gets its address and amount.
    pub reserved_until: i64,
}

/// What came of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It is recorded, and asks for so many micro-units.
    Recorded(i64),
    /// Its code has no use left; nothing is recorded.
    Exhausted,
    /// Every amount is held by another order; nothing is recorded.
    Full,
    /// There are too many unpaid orders; nothing is recorded.
    TooMany(recent_orders::OrderCap),
}

/// What a buyer is shown of an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Shown {
    /// EIP-155.
    pub chain_id: i64,
    /// Address of the contract, lower case.
    pub token: String,
    /// Where to pay, lower case.
    pub address: String,
    /// Micro-units.
    pub amount_units: i64,
    /// The last second in which it can be paid.
    pub expires_at: i64,
    /// Where the purchase stands.
    pub status: InvoiceStatus,
    /// Till when the chain was read: the time of the last block.
    pub checked_at: Option<i64>,
    /// The transaction that paid it.
    pub tx_hash: Option<String>,
    /// Its block.
    pub block: Option<i64>,
    /// Whether a payment was seen and is being looked at.
    pub is_seen: i64,
    /// Whether the exact amount came too late.
    pub is_late: i64,
    /// Where the buyer asked to go after paying.
    pub redirect_url: Option<String>,
    /// Where the business sends its buyers after paying: a template.
    pub redirect_template: Option<String>,
}

#[derive(Deserialize)]
struct Amount {
    amount_units: i64,
}

/// For how long an index that no order has is not given out again, in seconds: an
/// order that is being recorded may be about to have it.
const GIVEN_OUT: i64 = 3_600;

/// The next index to derive an address with, of those that are this instance's: of an
/// address that was watched to the end and never paid, or else a new one.
/// [`watching::index_of`] is the index itself.
///
/// # Errors
/// [`DatabaseError`].
pub async fn next_index(database: &Database, share: Share, now: i64) -> Result<i64, DatabaseError> {
    #[derive(Deserialize)]
    struct Given {
        derivation_index: i64,
    }
    let again = Statement::new(
        "UPDATE derivations SET given_at = ?1, times_reused = times_reused + 1
         WHERE derivation_index = (SELECT derivation_index FROM derivations
                                   WHERE is_used = 0 AND given_at < ?1 - ?2
                                     AND derivation_index % ?4 = ?3
                                   ORDER BY derivation_index LIMIT 1)
         RETURNING derivation_index + times_reused * 4294967296 AS derivation_index",
        [
            now.into(),
            GIVEN_OUT.into(),
            share.remainder().into(),
            share.of().into(),
        ],
    );
    let fresh = Statement::new(
        "INSERT INTO derivations (derivation_index, given_at, is_used)
         SELECT next + ((?2 - next) % ?3 + ?3) % ?3, ?1, 0
         FROM (SELECT coalesce(max(derivation_index), 0) + 1 AS next FROM derivations)
         WHERE changes() = 0
         RETURNING derivation_index",
        [now.into(), share.remainder().into(), share.of().into()],
    );
    let answers = database.batch(vec![again, fresh]).await?;
    let given: Vec<Given> = decode(answers.into_iter().flatten().collect())?;
    let first = given.into_iter().next();
    first
        .map(|given| given.derivation_index)
        .ok_or_else(|| DatabaseError::Row("no index was given out".to_owned()))
}

/// Records an order, its amount, and the use of its code, where it has one, in one
/// batch.
///
/// # Errors
/// [`DatabaseError`].
pub async fn place(
    database: &Database,
    invoice: &OrderDraft,
    order: &NewOrder,
    origin: &Origin,
    created_at: i64,
) -> Result<Placed, DatabaseError> {
    let pending = InvoiceStatus::Pending;
    let reference = Some(order.reference.as_str());
    let provider = OrderProvider::Polygon;
    let mut batch = invoices::place(invoice, provider, reference, pending, created_at, None);
    batch.push(recent_orders::count(
        Kind::Unpaid,
        origin,
        &invoice.identity.id,
        created_at,
    ));
    batch.push(Statement::new(
        "UPDATE invoices SET checkout_url = ?2, redirect_url = ?3 WHERE id = ?1",
        [
            (&invoice.identity.id).into(),
            (&order.checkout_url).into(),
            order.redirect_url.as_ref().into(),
        ],
    ));
    if let ToldBy::Address {
        derivation_index, ..
    } = order.told_by
    {
        batch.extend(joining(invoice, order, derivation_index));
    }
    batch.push(match &order.told_by {
        ToldBy::Amount { probes, all, start } => {
            let known_since = created_at - AMOUNT_KNOWN;
            at_free_amount(invoice, order, probes, *all, [*start, known_since])
        }
        ToldBy::Address {
            amount_units,
            derivation_index,
        } => at_own_address(invoice, order, *amount_units, *derivation_index),
    });
    match database.batch(batch).await {
        Ok(mut answers) => {
            let asked: Vec<Amount> = decode(answers.pop().unwrap_or_default())?;
            Ok(asked.first().map_or(Placed::Exhausted, |asked| {
                Placed::Recorded(asked.amount_units)
            }))
        }
        // No amount was free, so the batch was undone as a whole.
        Err(DatabaseError::Constraint(text))
            if text.contains("NOT NULL constraint failed: usdc_orders.amount_units") =>
        {
            Ok(Placed::Full)
        }
        Err(error) => recent_orders::reached_cap(Kind::Unpaid, &error)
            .map(Placed::TooMany)
            .ok_or(error),
    }
}

/// The first of the probes that is free and was not held lately, so that a late payment
/// of another order does not look like one of this. With none, the first of all that is
/// free: where the search begins, or behind one that is held. With none of these either
/// the amount is NULL, which the table refuses.
fn at_free_amount(
    invoice: &OrderDraft,
    order: &NewOrder,
    probes: &[i64],
    all: Amounts,
    [start, known_since]: [i64; 2],
) -> Statement {
    Statement::new(
        "INSERT INTO usdc_orders (invoice_id, chain_id, token, address, amount_units,
                                  derivation_index, expires_at, is_open, reserved, reserved_until)
         SELECT id, ?2, ?3, ?4,
                coalesce(
                  (SELECT p.value FROM json_each(?5) AS p
                   WHERE NOT EXISTS (SELECT 1 FROM usdc_orders AS o
                                     WHERE o.chain_id = ?2 AND o.address = ?4
                                       AND o.amount_units = p.value
                                       AND (o.reserved = 1 OR o.expires_at >= ?6))
                   ORDER BY p.key LIMIT 1),
                  (SELECT c.amount
                   FROM (SELECT ?7 AS amount
                         UNION SELECT ?8
                         UNION SELECT amount_units + ?10 FROM usdc_orders
                         WHERE chain_id = ?2 AND address = ?4 AND reserved = 1
                           AND amount_units BETWEEN ?8 AND ?9 - ?10
                           AND (amount_units - ?8) % ?10 = 0) AS c
                   WHERE NOT EXISTS (SELECT 1 FROM usdc_orders AS o
                                     WHERE o.chain_id = ?2 AND o.address = ?4
                                       AND o.amount_units = c.amount AND o.reserved = 1)
                   ORDER BY c.amount < ?7, c.amount LIMIT 1)),
                NULL, ?11, 1, 1, ?12
         FROM invoices WHERE id = ?1
         RETURNING amount_units",
        [
            (&invoice.identity.id).into(),
            order.market.chain_id.into(),
            (&order.market.token).into(),
            (&order.address).into(),
            serde_json::Value::from(probes.to_vec()).to_string().into(),
            known_since.into(),
            start.into(),
            all.first().into(),
            all.last().into(),
            all.step().into(),
            order.expires_at.into(),
            order.reserved_until.into(),
        ],
    )
}

/// Takes an index into use and lets its address be watched, if the order was recorded.
fn joining(invoice: &OrderDraft, order: &NewOrder, derivation_index: i64) -> [Statement; 2] {
    let used = Statement::new(
        "UPDATE derivations SET is_used = 1
         WHERE derivation_index = ?1 AND EXISTS (SELECT 1 FROM invoices WHERE id = ?2)",
        [
            watching::index_of(derivation_index).into(),
            (&invoice.identity.id).into(),
        ],
    );
    let group = watching::group_of(derivation_index);
    [
        used,
        chain_groups::joined(&order.market, group, &invoice.identity.id, order.expires_at),
    ]
}

fn at_own_address(
    invoice: &OrderDraft,
    order: &NewOrder,
    amount_units: i64,
    derivation_index: i64,
) -> Statement {
    Statement::new(
        "INSERT INTO usdc_orders (invoice_id, chain_id, token, address, amount_units,
                                  derivation_index, expires_at, is_open, reserved, reserved_until)
         SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, 1, 1, ?8 FROM invoices WHERE id = ?1
         RETURNING amount_units",
        [
            (&invoice.identity.id).into(),
            order.market.chain_id.into(),
            (&order.market.token).into(),
            (&order.address).into(),
            amount_units.into(),
            derivation_index.into(),
            order.expires_at.into(),
            order.reserved_until.into(),
        ],
    )
}

/// What the buyer of an order is shown; `None` for one that is paid otherwise.
///
/// # Errors
/// [`DatabaseError`].
pub async fn shown(
    database: &Reader,
    opener: &OrderOpener,
) -> Result<Option<Shown>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT o.chain_id, o.token, o.address, o.amount_units, o.expires_at, i.status,
                c.block_time AS checked_at, t.tx_hash, t.block,
                EXISTS (SELECT 1 FROM chain_transfers s
                        WHERE s.chain_id = o.chain_id AND s.recipient = o.address
                          AND (s.amount_units = o.amount_units OR o.derivation_index IS NOT NULL)
                          AND s.token = o.token AND s.state = 'seen') AS is_seen,
                EXISTS (SELECT 1 FROM chain_transfers l
                        WHERE l.invoice_id = o.invoice_id AND l.reason = 'late'
                          AND l.state = 'unmatched') AS is_late,
                i.redirect_url, m.post_purchase_redirect_url AS redirect_template
         FROM usdc_orders o
         JOIN invoices i ON i.id = o.invoice_id
         JOIN products p ON p.id = i.product_id
         LEFT JOIN merchant_profiles m
           ON m.id = coalesce(p.merchant_profile_id,
                              (SELECT id FROM merchant_profiles WHERE is_default = 1))
         LEFT JOIN chain_cursors c ON c.chain_id = o.chain_id AND c.token = o.token
         LEFT JOIN chain_transfers t
           ON t.invoice_id = o.invoice_id
              AND (t.state = 'credited' OR t.state = 'resolved' AND t.resolution = 'settled')
         WHERE o.invoice_id = ",
            opened_order!()
        ),
        opened_by(opener),
    );
    database.first(statement).await
}

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

/// Ends orders that were not paid in time: `read_to` is the time of the last block
/// that was read, in unix seconds. Each with its audit entry under one of
/// `audit_ids`, and gives the uses of their codes back. Lets go of amounts whose time is over; addresses are let go
/// by [`chain_groups::release`]. Answers how many orders ended.
///
/// # Errors
/// [`DatabaseError`].
pub async fn expire(
    database: &Database,
    actor: &Actor,
    market: &Market,
    read_to: i64,
    audit_ids: &[String; EXPIRED_AT_ONCE],
) -> Result<usize, DatabaseError> {
    let here = [market.chain_id.into(), (&market.token).into()];
    let limit = i64::try_from(EXPIRED_AT_ONCE).unwrap_or_default();
    let these = || {
        let [chain, token] = here.clone();
        vec![chain, token, read_to.into(), limit.into()]
    };
    let mut told = these();
    told.extend([
        actor.at.into(),
        actor.name.as_ref().into(),
        (&actor.request_id).into(),
        serde_json::Value::from(audit_ids.to_vec())
            .to_string()
            .into(),
    ]);
    let told = Statement::new(
        insert_into_audit!(
            "SELECT ids.value, ?5, ?6, 'invoice.close', 'invoice', f.invoice_id,
                    '{\"status\":\"pending\"}',
                    '{\"status\":\"expired\",\"reason\":\"not paid in time\"}', ?7
             FROM (",
            over!(),
            ") AS f JOIN json_each(?8) AS ids ON ids.key = f.number
             JOIN invoices i ON i.id = f.invoice_id AND i.status = 'pending'"
        ),
        told,
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
    let let_go = Statement::new(
        "UPDATE usdc_orders SET reserved = 0
         WHERE chain_id = ?1 AND token = ?2 AND reserved = 1 AND is_open = 0
           AND derivation_index IS NULL AND reserved_until < ?3",
        [here[0].clone(), here[1].clone(), read_to.into()],
    );
    let batch = vec![told, uses, released, closed, ended, let_go];
    let answers = database.batch(batch).await?;
    Ok(answers.get(4).map_or(0, Vec::len))
}
