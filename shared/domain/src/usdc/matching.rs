//! Which order a transfer pays. At the one wallet: the order whose exact amount it
//! has, and whose time to pay holds the time of its block. At an address of an
//! order's own: that order, with the price or more, in one payment or in parts.
//! Anything else is for the operator, with a reason; an order is never guessed.

use super::UNITS_PER_CENT;
use serde::{Deserialize, Serialize};

/// An amount is called too little or too much for an order at the one wallet
/// when it is off by less than this: one USDC.
pub const NEAR: i64 = 100 * UNITS_PER_CENT;

/// How far the time of a block may lie before its order, in seconds: the clock of
/// the server and that of the chain may differ.
pub const CLOCK_SKEW: i64 = 3_600;

/// How long after the end of an unpaid order an exact payment may still be its own
/// rather than the newer order's that has the same amount, in seconds.
pub const STRAGGLING: i64 = 600;

/// A transfer, as far as the rule looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidTransfer {
    /// Micro-units.
    pub amount_units: i64,
    /// Time of its block, in unix seconds.
    pub at: i64,
    /// Whether it is the token that orders ask for.
    pub is_our_token: bool,
}

/// An order that asks for payment at the address of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandidateOrder<'a> {
    /// The order.
    pub invoice_id: &'a str,
    /// Micro-units.
    pub amount_units: i64,
    /// When it was made, in unix seconds.
    pub created_at: i64,
    /// The last second in which it can be paid.
    pub expires_at: i64,
    /// Whether the address is its own; else the amount tells the order.
    pub has_own_address: bool,
    /// Whether it is paid already.
    pub is_settled: bool,
    /// What came before to its own address in time and was too little, in
    /// micro-units, a cent or more at a time.
    pub received_units: i64,
}

impl CandidateOrder<'_> {
    const fn begins_after(&self, at: i64) -> bool {
        self.created_at > at
    }

    const fn ended_before(&self, at: i64) -> bool {
        self.expires_at < at
    }

    const fn holds(&self, at: i64) -> bool {
        !self.begins_after(at) && !self.ended_before(at)
    }

    const fn is_much_younger_than(&self, at: i64) -> bool {
        self.created_at.saturating_sub(at) > CLOCK_SKEW
    }
}

/// Why a transfer pays nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnmatchedReason {
    /// Less than an order asks for.
    Underpaid,
    /// More than an order asks for.
    Overpaid,
    /// Enough, after the time to pay was over.
    Late,
    /// A token that is not the one orders ask for.
    WrongToken,
    /// For an order that is paid already.
    Duplicate,
    /// Nothing is known that it could be for.
    Unknown,
    /// The payment is older than the order that it would pay.
    Early,
    /// More than one order could be meant.
    Ambiguous,
    /// The endpoints did not confirm it.
    Unconfirmed,
}

impl UnmatchedReason {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Underpaid,
        Self::Overpaid,
        Self::Late,
        Self::WrongToken,
        Self::Duplicate,
        Self::Unknown,
        Self::Early,
        Self::Ambiguous,
        Self::Unconfirmed,
    ];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Underpaid => "underpaid",
            Self::Overpaid => "overpaid",
            Self::Late => "late",
            Self::WrongToken => "wrong_token",
            Self::Duplicate => "duplicate",
            Self::Unknown => "unknown",
            Self::Early => "early",
            Self::Ambiguous => "ambiguous",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

/// What becomes of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It pays this order.
    Settles {
        /// The order.
        invoice_id: &'a str,
        /// By how many micro-units the order is overpaid.
        excess_units: i64,
    },
    /// It is for the operator.
    Unmatched {
        /// Why.
        reason: UnmatchedReason,
        /// The order it is for beyond doubt, although it does not pay it: the
        /// address is that order's own, or the exact amount is.
        invoice_id: Option<&'a str>,
    },
}

impl<'a> Verdict<'a> {
    fn unmatched(reason: UnmatchedReason, order: Option<&CandidateOrder<'a>>) -> Self {
        Self::Unmatched {
            reason,
            invoice_id: order.map(|order| order.invoice_id),
        }
    }
}

/// Judges a transfer by the orders at its address: those with its exact amount, also
/// the ones whose time is over, those with the nearest amounts on both sides, and
/// those that have the address for their own. Their order does not matter.
#[must_use]
pub fn judge<'a>(paid: PaidTransfer, asked: &[CandidateOrder<'a>]) -> Verdict<'a> {
    if let Some(order) = owner(paid.at, asked) {
        return at_own_address(paid, order);
    }
    if !paid.is_our_token {
        return Verdict::unmatched(UnmatchedReason::WrongToken, None);
    }
    let shared = || asked.iter().filter(|order| !order.has_own_address);
    let exact: Vec<_> = shared()
        .filter(|order| order.amount_units == paid.amount_units)
        .copied()
        .collect();
    if exact.is_empty() {
        return by_distance(paid, shared());
    }
    by_time(paid.at, &exact)
}

/// The order whose own address was paid: the one whose time to pay it is, else the
/// last one before that, else the first one after it.
fn owner<'o, 'a>(at: i64, asked: &'o [CandidateOrder<'a>]) -> Option<&'o CandidateOrder<'a>> {
    asked
        .iter()
        .filter(|order| order.has_own_address)
        .min_by_key(|order| {
            let distance = if order.begins_after(at) {
                (2, order.created_at - at)
            } else if order.ended_before(at) {
                (1, at - order.expires_at)
            } else {
                (0, 0)
            };
            (distance, order.is_settled, order.invoice_id)
        })
}

fn at_own_address<'a>(paid: PaidTransfer, order: &CandidateOrder<'a>) -> Verdict<'a> {
    // Dust is no part: it is recorded on the word of one endpoint.
    let is_part = paid.amount_units >= UNITS_PER_CENT || paid.amount_units >= order.amount_units;
    let received = order.received_units.saturating_add(paid.amount_units);
    let excess_units = received - order.amount_units;
    let reason = if !paid.is_our_token {
        UnmatchedReason::WrongToken
    } else if order.is_settled {
        UnmatchedReason::Duplicate
    } else if order.is_much_younger_than(paid.at) {
        UnmatchedReason::Early
    } else if excess_units < 0 || !is_part {
        UnmatchedReason::Underpaid
    } else if order.ended_before(paid.at) {
        UnmatchedReason::Late
    } else {
        return Verdict::Settles {
            invoice_id: order.invoice_id,
            excess_units,
        };
    };
    Verdict::unmatched(reason, Some(order))
}

/// At the one wallet, with an amount that orders had exactly: whose time it was.
fn by_time<'a>(at: i64, exact: &[CandidateOrder<'a>]) -> Verdict<'a> {
    let settles = |order: &CandidateOrder<'a>| Verdict::Settles {
        invoice_id: order.invoice_id,
        excess_units: 0,
    };
    let ambiguous = Verdict::unmatched(UnmatchedReason::Ambiguous, None);
    let unpaid = |order: &&CandidateOrder<'_>| !order.is_settled;
    let over = || exact.iter().filter(|order| order.ended_before(at));
    let holding: Vec<_> = exact.iter().filter(|order| order.holds(at)).collect();
    match holding.as_slice() {
        [order] => {
            let is_straggling = |order: &CandidateOrder<'_>| at - order.expires_at <= STRAGGLING;
            if over().filter(unpaid).any(is_straggling) {
                ambiguous
            } else if order.is_settled {
                Verdict::unmatched(UnmatchedReason::Duplicate, Some(order))
            } else {
                settles(order)
            }
        }
        [_, ..] => ambiguous,
        [] => {
            let soon = exact
                .iter()
                .filter(|order| order.begins_after(at) && !order.is_much_younger_than(at));
            let soon: Vec<_> = soon.collect();
            let late: Vec<_> = over().filter(unpaid).collect();
            match (soon.as_slice(), late.as_slice()) {
                // Nobody had the amount before: the clocks differ.
                ([order], []) if over().next().is_none() => {
                    if order.is_settled {
                        Verdict::unmatched(UnmatchedReason::Duplicate, Some(order))
                    } else {
                        settles(order)
                    }
                }
                ([], [order]) => Verdict::unmatched(UnmatchedReason::Late, Some(order)),
                ([], []) => match over().max_by_key(|order| order.expires_at) {
                    Some(order) => Verdict::unmatched(UnmatchedReason::Duplicate, Some(order)),
                    None => Verdict::unmatched(UnmatchedReason::Early, None),
                },
                _ => ambiguous,
            }
        }
    }
}

/// At the one wallet, with an amount that no order has: whether one is near.
fn by_distance<'o, 'a: 'o>(
    paid: PaidTransfer,
    orders: impl Iterator<Item = &'o CandidateOrder<'a>>,
) -> Verdict<'a> {
    let nearest = orders
        .filter(|order| !order.is_settled && !order.is_much_younger_than(paid.at))
        .map(|order| order.amount_units - paid.amount_units)
        .filter(|missing| missing.abs() < NEAR)
        // Of two that are as near, the buyer more likely paid too little.
        .min_by_key(|missing| (missing.abs(), *missing < 0));
    let reason = match nearest {
        Some(missing) if missing > 0 => UnmatchedReason::Underpaid,
        Some(_) => UnmatchedReason::Overpaid,
        None => UnmatchedReason::Unknown,
    };
    Verdict::unmatched(reason, None)
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
