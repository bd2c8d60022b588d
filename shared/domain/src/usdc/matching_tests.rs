use super::*;
use proptest::prelude::*;

const PRICE: i64 = 19_000_000;
const HOUR: i64 = 3_600;
/// When the first order is made, and the last second in which it can be paid.
const MADE: i64 = 100 * HOUR;
const END: i64 = MADE + HOUR;

fn paid(amount_units: i64, at: i64) -> PaidTransfer {
    PaidTransfer {
        amount_units,
        at,
        is_our_token: true,
    }
}

fn at_wallet(invoice_id: &str, amount_units: i64) -> CandidateOrder<'_> {
    CandidateOrder {
        invoice_id,
        amount_units,
        created_at: MADE,
        expires_at: END,
        has_own_address: false,
        is_settled: false,
        received_units: 0,
    }
}

fn own(invoice_id: &str) -> CandidateOrder<'_> {
    CandidateOrder {
        has_own_address: true,
        ..at_wallet(invoice_id, PRICE)
    }
}

fn settled(order: CandidateOrder<'_>) -> CandidateOrder<'_> {
    CandidateOrder {
        is_settled: true,
        ..order
    }
}

/// The same order so many seconds later.
fn later(order: CandidateOrder<'_>, seconds: i64) -> CandidateOrder<'_> {
    CandidateOrder {
        created_at: order.created_at + seconds,
        expires_at: order.expires_at + seconds,
        ..order
    }
}

fn settles(invoice_id: &str) -> Verdict<'_> {
    Verdict::Settles {
        invoice_id,
        excess_units: 0,
    }
}

const fn unmatched(reason: UnmatchedReason, invoice_id: Option<&str>) -> Verdict<'_> {
    Verdict::Unmatched { reason, invoice_id }
}

#[test]
fn only_the_exact_amount_in_time_settles_at_the_one_wallet() {
    use UnmatchedReason::{Duplicate, Early, Late, Overpaid, Underpaid, Unknown};
    let two = [at_wallet("a", PRICE + 7), at_wallet("b", PRICE + 9)];
    let half = [settled(two[0]), two[1]];
    let table: &[(&[CandidateOrder<'_>], i64, i64, Verdict<'_>)] = &[
        (&two, PRICE + 7, END, settles("a")),
        (&two, PRICE + 9, END, settles("b")),
        (&two, PRICE + 9, MADE, settles("b")),
        (&two, PRICE + 7, END + 1, unmatched(Late, Some("a"))),
        (&two, PRICE + 8, END, unmatched(Underpaid, None)),
        (&two, PRICE, END, unmatched(Underpaid, None)),
        (&two, PRICE + 10, END, unmatched(Overpaid, None)),
        (&two, PRICE + 7 - NEAR, END, unmatched(Unknown, None)),
        (&two, PRICE + 9 + NEAR, END, unmatched(Unknown, None)),
        (&two, 1, END, unmatched(Unknown, None)),
        (&half, PRICE + 7, END, unmatched(Duplicate, Some("a"))),
        (&half, PRICE + 7, END + 1, unmatched(Duplicate, Some("a"))),
        (&half, PRICE + 9, END, settles("b")),
        (&[], PRICE, END, unmatched(Unknown, None)),
        // Of before the order, by more than clocks differ.
        (&two, PRICE + 7, MADE - HOUR, settles("a")),
        (&two, PRICE + 7, MADE - HOUR - 1, unmatched(Early, None)),
        (&two, PRICE + 8, MADE - HOUR - 1, unmatched(Unknown, None)),
    ];
    for (asked, amount, at, expected) in table {
        let verdict = judge(paid(*amount, *at), asked);
        assert_eq!(verdict, *expected, "{amount} at {at}");
    }
}

#[test]
fn the_price_or_more_in_time_settles_at_an_address_of_its_own() {
    use UnmatchedReason::{Duplicate, Early, Late, Underpaid};
    let half = CandidateOrder {
        received_units: PRICE / 2,
        ..own("c")
    };
    let nearly = CandidateOrder {
        received_units: PRICE - 9_999,
        ..own("c")
    };
    let more = |excess_units| Verdict::Settles {
        invoice_id: "c",
        excess_units,
    };
    let table: &[(CandidateOrder<'_>, i64, i64, Verdict<'_>)] = &[
        (own("c"), PRICE, END, settles("c")),
        (own("c"), PRICE, MADE - HOUR, settles("c")),
        (own("c"), PRICE + 1, END, more(1)),
        (own("c"), 5 * PRICE, END, more(4 * PRICE)),
        (own("c"), PRICE - 1, END, unmatched(Underpaid, Some("c"))),
        (half, PRICE - PRICE / 2, END, settles("c")),
        (half, PRICE, END, more(PRICE / 2)),
        (half, PRICE / 2 - 1, END, unmatched(Underpaid, Some("c"))),
        (nearly, 9_999, END, unmatched(Underpaid, Some("c"))),
        (nearly, 10_000, END, more(1)),
        (half, PRICE, END + 1, unmatched(Late, Some("c"))),
        (own("c"), PRICE, END + 1, unmatched(Late, Some("c"))),
        (own("c"), PRICE + 1, END + 1, unmatched(Late, Some("c"))),
        (own("c"), 1, END + 9, unmatched(Underpaid, Some("c"))),
        (
            own("c"),
            PRICE,
            MADE - HOUR - 1,
            unmatched(Early, Some("c")),
        ),
        (
            settled(own("c")),
            PRICE,
            END,
            unmatched(Duplicate, Some("c")),
        ),
        (settled(own("c")), 5, END, unmatched(Duplicate, Some("c"))),
    ];
    for (order, amount, at, expected) in table {
        let verdict = judge(paid(*amount, *at), &[*order]);
        assert_eq!(verdict, *expected, "{amount} at {at}");
    }
}

#[test]
fn another_token_never_settles_and_names_the_order_of_an_own_address() {
    let bridged = PaidTransfer {
        is_our_token: false,
        ..paid(PRICE, MADE)
    };
    let named = unmatched(UnmatchedReason::WrongToken, Some("c"));
    assert_eq!(judge(bridged, &[own("c")]), named);
    let unnamed = unmatched(UnmatchedReason::WrongToken, None);
    assert_eq!(judge(bridged, &[at_wallet("a", PRICE)]), unnamed);
    assert_eq!(judge(bridged, &[]), unnamed);
}

/// An amount is free again when its order's time is over; what was paid before that
/// and is read later is still that order's.
#[test]
fn an_exact_payment_is_the_orders_whose_time_it_was() {
    use UnmatchedReason::{Ambiguous, Duplicate, Late};
    let old = at_wallet("old", PRICE + 1);
    // Right behind the old one, and long after it.
    let next = later(at_wallet("new", PRICE + 1), HOUR + 1);
    let new = later(at_wallet("new", PRICE + 1), 5 * HOUR);
    let inside = END + HOUR / 2;
    let table: &[([CandidateOrder<'_>; 2], i64, Verdict<'_>)] = &[
        ([old, new], END, settles("old")),
        ([old, next], END, settles("old")),
        ([old, new], new.created_at, settles("new")),
        ([old, new], new.expires_at, settles("new")),
        ([settled(old), new], new.expires_at, settles("new")),
        ([settled(old), next], next.created_at, settles("new")),
        ([old, settled(new)], END, settles("old")),
        // The first buyer may be a little late.
        ([old, next], next.created_at, unmatched(Ambiguous, None)),
        ([old, next], END + STRAGGLING, unmatched(Ambiguous, None)),
        (
            [old, settled(next)],
            END + STRAGGLING,
            unmatched(Ambiguous, None),
        ),
        ([old, next], END + STRAGGLING + 1, settles("new")),
        ([old, next], inside, settles("new")),
        (
            [old, settled(next)],
            inside,
            unmatched(Duplicate, Some("new")),
        ),
        // Between them.
        ([old, new], END + 1, unmatched(Late, Some("old"))),
        (
            [old, new],
            new.created_at - HOUR - 1,
            unmatched(Late, Some("old")),
        ),
        ([old, new], new.created_at - 1, unmatched(Ambiguous, None)),
        (
            [settled(old), new],
            new.created_at - 1,
            unmatched(Ambiguous, None),
        ),
        (
            [settled(old), new],
            END + 1,
            unmatched(Duplicate, Some("old")),
        ),
    ];
    for (asked, at, expected) in table {
        let [one, other] = *asked;
        for asked in [[one, other], [other, one]] {
            assert_eq!(judge(paid(PRICE + 1, *at), &asked), *expected, "{at}");
        }
    }
    // Two that ended lately, and neither of them paid.
    let third = later(at_wallet("third", PRICE + 1), 2 * HOUR);
    let verdict = judge(paid(PRICE + 1, third.expires_at + 1), &[old, third]);
    assert_eq!(verdict, unmatched(Ambiguous, None));
}

/// An address that was never paid may be used again.
#[test]
fn an_own_address_that_is_used_again_is_the_orders_whose_time_it_was() {
    let old = own("old");
    let new = later(own("new"), 5 * HOUR);
    for (at, expected) in [
        (MADE, settles("old")),
        (END, settles("old")),
        (END + 1, unmatched(UnmatchedReason::Late, Some("old"))),
        (new.created_at, settles("new")),
        (new.expires_at, settles("new")),
        (
            new.expires_at + 1,
            unmatched(UnmatchedReason::Late, Some("new")),
        ),
    ] {
        for asked in [[old, new], [new, old]] {
            assert_eq!(judge(paid(PRICE, at), &asked), expected, "{at}");
        }
    }
}

type Generated = (i64, i64, i64, bool, bool, i64);

fn orders() -> impl Strategy<Value = Vec<Generated>> {
    let (units, hours) = (
        (1..6_i64).prop_map(|cents| cents * UNITS_PER_CENT),
        0..12_i64,
    );
    let order = (
        units,
        hours,
        1..4_i64,
        any::<bool>(),
        any::<bool>(),
        0..3_i64,
    );
    prop::collection::vec(order, 0..6)
}

proptest! {
    #[test]
    fn nothing_is_guessed(orders in orders(), cents in 1..6_i64, quarters in 0..64_i64,
                          is_our_token: bool) {
        let names: Vec<String> = (0..orders.len()).map(|at| at.to_string()).collect();
        let asked: Vec<CandidateOrder<'_>> = orders.iter().zip(&names).map(|(order, name)| CandidateOrder {
            invoice_id: name,
            amount_units: order.0,
            created_at: order.1 * HOUR,
            expires_at: (order.1 + order.2) * HOUR,
            has_own_address: order.3,
            is_settled: order.4,
            received_units: if order.3 { order.5 * UNITS_PER_CENT } else { 0 },
        }).collect();
        let (at, amount) = (quarters * HOUR / 4, cents * UNITS_PER_CENT);
        let transfer = PaidTransfer { amount_units: amount, at, is_our_token };
        let named = |id: &str| asked.iter().find(|order| order.invoice_id == id).copied();
        match judge(transfer, &asked) {
            Verdict::Settles { invoice_id, excess_units } => {
                let order = named(invoice_id).expect("one of them");
                prop_assert!(is_our_token && !order.is_settled);
                prop_assert_eq!(order.received_units + amount, order.amount_units + excess_units);
                prop_assert!(excess_units == 0 || order.has_own_address && excess_units > 0);
                prop_assert!(at <= order.expires_at && at >= order.created_at - CLOCK_SKEW);
                // Nobody else had the amount at that time.
                let rivals = asked.iter().filter(|other| {
                    !order.has_own_address && !other.has_own_address && other.holds(at)
                        && other.amount_units == amount && other.invoice_id != invoice_id
                });
                prop_assert_eq!(rivals.count(), 0);
            }
            Verdict::Unmatched { reason, invoice_id } => {
                if let Some(id) = invoice_id {
                    let order = named(id).expect("one of them");
                    prop_assert!(order.has_own_address || order.amount_units == amount);
                }
                prop_assert_eq!(reason == UnmatchedReason::WrongToken, !is_our_token);
            }
        }
        let mut turned = asked.clone();
        turned.reverse();
        prop_assert_eq!(judge(transfer, &asked), judge(transfer, &turned));
    }
}
