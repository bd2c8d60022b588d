//! Which order a transfer pays: the one whose address and exact amount it has, in
//! time. Anything else is for the operator, with a reason; an order is never
//! guessed.

use super::UNITS_PER_CENT;
use serde::{Deserialize, Serialize};

/// An amount is called too little or too much for an order at the one wallet
/// when it is off by less than this: one USDC.
pub const NEAR: i64 = 100 * UNITS_PER_CENT;

/// A transfer, as far as the rule looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// Micro-units.
    pub amount_units: i64,
    /// Time of its block, in unix seconds.
    pub at: i64,
    /// Whether it is the token that orders ask for.
    pub is_our_token: bool,
}

/// An order that asks for payment at the address of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The order.
    pub invoice_id: &'a str,
    /// Micro-units.
    pub amount_units: i64,
    /// The last second in which it can be paid.
    pub expires_at: i64,
    /// Whether the address is its own; else the amount tells the order.
    pub has_own_address: bool,
    /// Whether it is paid already.
    pub is_settled: bool,
}

/// Why a transfer pays nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Less than an order asks for.
    Underpaid,
    /// More than an order asks for.
    Overpaid,
    /// The exact amount, after the time to pay was over.
    Late,
    /// A token that is not the one orders ask for.
    WrongToken,
    /// For an order that is paid already.
    Duplicate,
    /// Nothing is known that it could be for.
    Unknown,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Underpaid,
        Self::Overpaid,
        Self::Late,
        Self::WrongToken,
        Self::Duplicate,
        Self::Unknown,
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
        }
    }
}

/// What becomes of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It pays this order.
    Settles(&'a str),
    /// It is for the operator.
    Unmatched {
        /// Why.
        reason: Reason,
        /// The order it is for beyond doubt, although it does not pay it: the
        /// address is that order's own, or the exact amount is.
        invoice_id: Option<&'a str>,
    },
}

/// Judges a transfer by the orders at its address, of which those with its exact
/// amount must be among them, and those with the nearest amounts on both sides.
/// Their order does not matter.
#[must_use]
pub fn judge<'a>(paid: Paid, asked: &[Asked<'a>]) -> Verdict<'a> {
    let unmatched = |reason, order: Option<&Asked<'a>>| Verdict::Unmatched {
        reason,
        invoice_id: order.map(|order| order.invoice_id),
    };
    if !paid.is_our_token {
        return unmatched(Reason::WrongToken, None);
    }
    // No two orders hold an amount at an address at once. An order whose hold
    // was over may still be there beside the newer one, which is asked first.
    let exact = |open: bool| {
        asked
            .iter()
            .filter(|order| order.amount_units == paid.amount_units)
            .filter(|order| open != order.is_settled)
            .max_by_key(|order| order.expires_at)
    };
    if let Some(order) = exact(true) {
        return if paid.at <= order.expires_at {
            Verdict::Settles(order.invoice_id)
        } else {
            unmatched(Reason::Late, Some(order))
        };
    }
    if let Some(order) = exact(false) {
        return unmatched(Reason::Duplicate, Some(order));
    }
    if let Some(order) = asked.iter().find(|order| order.has_own_address) {
        let reason = match (order.is_settled, paid.amount_units < order.amount_units) {
            (true, _) => Reason::Duplicate,
            (false, true) => Reason::Underpaid,
            (false, false) => Reason::Overpaid,
        };
        return unmatched(reason, Some(order));
    }
    let nearest = asked
        .iter()
        .filter(|order| !order.is_settled)
        .map(|order| order.amount_units - paid.amount_units)
        .filter(|missing| missing.abs() < NEAR)
        // Of two that are as near, the buyer more likely paid too little.
        .min_by_key(|missing| (missing.abs(), *missing < 0));
    let reason = match nearest {
        Some(missing) if missing > 0 => Reason::Underpaid,
        Some(_) => Reason::Overpaid,
        None => Reason::Unknown,
    };
    unmatched(reason, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PRICE: i64 = 19_000_000;
    const END: i64 = 1_000;

    fn paid(amount_units: i64, at: i64) -> Paid {
        Paid {
            amount_units,
            at,
            is_our_token: true,
        }
    }

    fn at_wallet(invoice_id: &str, amount_units: i64) -> Asked<'_> {
        Asked {
            invoice_id,
            amount_units,
            expires_at: END,
            has_own_address: false,
            is_settled: false,
        }
    }

    fn own(invoice_id: &str) -> Asked<'_> {
        Asked {
            has_own_address: true,
            ..at_wallet(invoice_id, PRICE)
        }
    }

    fn settled(order: Asked<'_>) -> Asked<'_> {
        Asked {
            is_settled: true,
            ..order
        }
    }

    #[test]
    fn only_the_exact_amount_in_time_settles() {
        use Reason::{Duplicate, Late, Overpaid, Underpaid, Unknown};
        let two = [at_wallet("a", PRICE + 7), at_wallet("b", PRICE + 9)];
        let half = [settled(two[0]), two[1]];
        let unmatched = |reason, invoice_id| Verdict::Unmatched { reason, invoice_id };
        #[rustfmt::skip]
        let table: &[(&[Asked<'_>], i64, i64, Verdict<'_>)] = &[
            (&two, PRICE + 7, END, Verdict::Settles("a")),
            (&two, PRICE + 9, END, Verdict::Settles("b")),
            (&two, PRICE + 7, END + 1, unmatched(Late, Some("a"))),
            (&two, PRICE + 8, END, unmatched(Underpaid, None)),
            (&two, PRICE, END, unmatched(Underpaid, None)),
            (&two, PRICE + 10, END, unmatched(Overpaid, None)),
            (&two, PRICE + 7 - NEAR, END, unmatched(Unknown, None)),
            (&two, PRICE + 9 + NEAR, END, unmatched(Unknown, None)),
            (&two, 1, END, unmatched(Unknown, None)),
            (&half, PRICE + 7, END, unmatched(Duplicate, Some("a"))),
            (&half, PRICE + 7, END + 1, unmatched(Duplicate, Some("a"))),
            (&half, PRICE + 9, END, Verdict::Settles("b")),
            (&[], PRICE, END, unmatched(Unknown, None)),
            (&[own("c")], PRICE, END, Verdict::Settles("c")),
            (&[own("c")], PRICE, END + 1, unmatched(Late, Some("c"))),
            (&[own("c")], PRICE - 1, END, unmatched(Underpaid, Some("c"))),
            (&[own("c")], PRICE + 1, END, unmatched(Overpaid, Some("c"))),
            (&[own("c")], 1, END + 9, unmatched(Underpaid, Some("c"))),
            (&[settled(own("c"))], PRICE, END, unmatched(Duplicate, Some("c"))),
            (&[settled(own("c"))], 5, END, unmatched(Duplicate, Some("c"))),
        ];
        for (asked, amount, at, expected) in table {
            assert_eq!(
                judge(paid(*amount, *at), asked),
                *expected,
                "{amount} at {at}"
            );
        }
    }

    #[test]
    fn another_token_never_settles() {
        let bridged = Paid {
            is_our_token: false,
            ..paid(PRICE, 0)
        };
        let verdict = judge(bridged, &[own("c")]);
        let expected = Verdict::Unmatched {
            reason: Reason::WrongToken,
            invoice_id: None,
        };
        assert_eq!(verdict, expected);
    }

    /// An amount is given to somebody else after a while; the first order is
    /// still recorded.
    #[test]
    fn an_amount_that_was_given_out_again_is_the_newer_orders() {
        let old = at_wallet("old", PRICE + 1);
        let new = Asked {
            expires_at: END * 9,
            ..at_wallet("new", PRICE + 1)
        };
        for asked in [
            [old, new],
            [new, old],
            [settled(old), new],
            [new, settled(old)],
        ] {
            let verdict = judge(paid(PRICE + 1, END * 8), &asked);
            assert_eq!(verdict, Verdict::Settles("new"));
        }
    }

    fn orders() -> impl Strategy<Value = Vec<(i64, i64, bool, bool)>> {
        let order = (1..60_i64, 0..40_i64, any::<bool>(), any::<bool>());
        prop::collection::vec(order, 0..6)
    }

    proptest! {
        #[test]
        fn nothing_is_guessed(orders in orders(), amount in 1..60_i64, at in 0..40_i64,
                              is_our_token: bool) {
            let names: Vec<String> = (0..orders.len()).map(|at| at.to_string()).collect();
            let asked: Vec<Asked<'_>> = orders.iter().zip(&names).map(|(order, name)| Asked {
                invoice_id: name,
                amount_units: order.0,
                expires_at: order.1,
                has_own_address: order.2,
                is_settled: order.3,
            }).collect();
            let transfer = Paid { amount_units: amount, at, is_our_token };
            let named = |id: &str| asked.iter().find(|order| order.invoice_id == id).copied();
            match judge(transfer, &asked) {
                Verdict::Settles(id) => {
                    let order = named(id).expect("one of them");
                    prop_assert!(is_our_token && !order.is_settled);
                    prop_assert_eq!(order.amount_units, amount);
                    prop_assert!(at <= order.expires_at);
                }
                Verdict::Unmatched { reason, invoice_id } => {
                    let payable = asked.iter().any(|order| {
                        is_our_token && !order.is_settled && order.amount_units == amount
                            && at <= order.expires_at
                    });
                    prop_assert!(!payable, "an order that is paid exactly and in time is settled");
                    if let Some(id) = invoice_id {
                        let order = named(id).expect("one of them");
                        prop_assert!(order.has_own_address || order.amount_units == amount);
                    }
                    prop_assert_eq!(reason == Reason::WrongToken, !is_our_token);
                }
            }
            let mut turned = asked.clone();
            turned.reverse();
            let unique = {
                let mut amounts: Vec<_> = asked.iter().map(|o| o.amount_units).collect();
                amounts.sort_unstable();
                amounts.windows(2).all(|pair| pair[0] != pair[1])
                    && asked.iter().filter(|o| o.has_own_address).count() < 2
            };
            if unique {
                prop_assert_eq!(judge(transfer, &asked), judge(transfer, &turned));
            }
        }
    }
}
