//! Recording an order in USDC: the index of its address, or an amount that no other order
//! holds.

use super::chain_groups;
use super::usdc_orders::ChainToken;
use crate::sales::invoices::{self, OrderDraft};
use crate::sales::recent_orders;
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::order::OrderProvider;
use keywright_domain::recent_orders::{OrderKind, OrderOrigin};
use keywright_domain::usdc::AMOUNT_KNOWN;
use keywright_domain::usdc::amounts::Amounts;
use keywright_domain::usdc::sharing::Share;
use keywright_domain::usdc::watching;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;

/// What identifies the payment of a new order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderIdentification {
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
pub struct NewUsdcOrder {
    /// In what it is paid.
    pub market: ChainToken,
    /// Where to, lower case.
    pub address: String,
    /// What tells it from others.
    pub told_by: OrderIdentification,
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
pub enum OrderPlacement {
    /// It is recorded, and asks for so many micro-units.
    Recorded(i64),
    /// Its code has no use left, or its cycle is not open any more; nothing is recorded.
    Exhausted,
    /// Every amount is held by another order; nothing is recorded.
    Full,
    /// There are too many unpaid orders; nothing is recorded.
    TooMany(recent_orders::OrderCap),
}

#[derive(Deserialize)]
struct AmountRow {
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
    struct GivenIndex {
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
    let mut batch = Batch::new();
    let again = batch.read::<GivenIndex>(again);
    let fresh = batch.read::<GivenIndex>(fresh);
    let mut rows = batch.run(database).await?;
    let given = rows.first(again)?.or(rows.first(fresh)?);
    given
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
    order: &NewUsdcOrder,
    origin: &OrderOrigin,
    created_at: i64,
) -> Result<OrderPlacement, DatabaseError> {
    let pending = InvoiceStatus::Pending;
    let reference = Some(order.reference.as_str());
    let provider = OrderProvider::Polygon;
    let placed = invoices::place(invoice, provider, reference, pending, created_at, None);
    let mut batch = Batch::new();
    batch.extend(placed);
    batch.write(recent_orders::count(
        OrderKind::Unpaid,
        origin,
        &invoice.identity.id,
        created_at,
    ));
    batch.write(Statement::new(
        "UPDATE invoices SET checkout_url = ?2, redirect_url = ?3 WHERE id = ?1",
        [
            (&invoice.identity.id).into(),
            (&order.checkout_url).into(),
            order.redirect_url.as_ref().into(),
        ],
    ));
    if let OrderIdentification::Address {
        derivation_index, ..
    } = order.told_by
    {
        batch.extend(joining(invoice, order, derivation_index));
    }
    let recorded = batch.read::<AmountRow>(match &order.told_by {
        OrderIdentification::Amount { probes, all, start } => {
            let known_since = created_at - AMOUNT_KNOWN;
            at_free_amount(invoice, order, probes, *all, [*start, known_since])
        }
        OrderIdentification::Address {
            amount_units,
            derivation_index,
        } => at_own_address(invoice, order, *amount_units, *derivation_index),
    });
    match batch.run(database).await {
        Ok(mut rows) => {
            let recorded = rows.first(recorded)?;
            Ok(recorded.map_or(OrderPlacement::Exhausted, |asked| {
                OrderPlacement::Recorded(asked.amount_units)
            }))
        }
        // No amount was free, so the batch was undone as a whole.
        Err(DatabaseError::Constraint(text))
            if text.contains("NOT NULL constraint failed: usdc_orders.amount_units") =>
        {
            Ok(OrderPlacement::Full)
        }
        Err(error) => recent_orders::reached_cap(OrderKind::Unpaid, &error)
            .map(OrderPlacement::TooMany)
            .ok_or(error),
    }
}

/// The first of the probes that is free and was not held lately, so that a late payment
/// of another order does not look like one of this. With none, the first of all that is
/// free: where the search begins, or behind one that is held. With none of these either
/// the amount is NULL, which the table refuses.
fn at_free_amount(
    invoice: &OrderDraft,
    order: &NewUsdcOrder,
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
fn joining(invoice: &OrderDraft, order: &NewUsdcOrder, derivation_index: i64) -> [Statement; 2] {
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
    order: &NewUsdcOrder,
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
