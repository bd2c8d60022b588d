//! How often addresses are read behind the cursor, when they are let go, and when
//! work that failed is tried again. Everything is read a second time there, so that
//! a payment which an endpoint left out of an answer is found a little later.

use super::ADDRESS_WATCHED;

/// Addresses in a group: as many as one call can ask for.
pub const GROUP_SIZE: i64 = 1_000;

/// The group of the addresses that no order has of its own: the one wallet.
pub const WALLET_GROUP: i64 = -1;

/// For how long an address is watched after its order's end, in seconds, instead of
/// [`ADDRESS_WATCHED`] while more than [`MANY_GROUPS`] are watched.
pub const WATCHED_AMONG_MANY: i64 = 3 * 86_400;

/// Groups above which addresses are let go sooner.
pub const MANY_GROUPS: usize = 20;

/// Blocks that are left between the cursor and what is read a second time: about a
/// minute, in which an endpoint that lagged has caught up.
pub const SECOND_LOOK_AFTER: i64 = 30;

/// How often in a row work on the chain may fail before it is the operator's.
pub const MAX_FAILURES: i64 = 12;

/// What an order's derivation index has on top of the index for each time that the
/// index was used before.
pub const REUSE: i64 = 1 << 32;

/// The index of the address that an order's derivation index stands for.
#[must_use]
pub const fn index_of(derivation_index: i64) -> i64 {
    derivation_index % REUSE
}

/// The group of the address that an order's derivation index stands for.
#[must_use]
pub const fn group_of(derivation_index: i64) -> i64 {
    index_of(derivation_index) / GROUP_SIZE
}

/// How many blocks a group may be behind before it is read: fewer calls for what
/// is less likely to be paid. `idle` is for how many seconds no order of the group
/// could be paid; negative while one can.
#[must_use]
pub const fn interval(idle: i64) -> i64 {
    match idle {
        ..=3_600 => 30,
        3_601..86_400 => 900,
        86_400..604_800 => 5_400,
        _ => 21_600,
    }
}

/// How urgent a group is that is so many blocks behind; `None` when it is not due.
/// In parts of its interval: so groups with open orders come first, and any other
/// group comes before them once it has waited long enough.
#[must_use]
pub const fn urgency(behind: i64, idle: i64) -> Option<i64> {
    let interval = interval(idle);
    if behind < interval {
        return None;
    }
    Some(behind.saturating_mul(1_000) / interval)
}

/// For how long an address is watched after its order's end, in seconds, while so
/// many groups are.
#[must_use]
pub const fn watched_for(groups: usize) -> i64 {
    if groups > MANY_GROUPS {
        WATCHED_AMONG_MANY
    } else {
        ADDRESS_WATCHED
    }
}

/// After how many seconds work that failed so often in a row is tried again; `None`
/// when it has failed often enough, a day after it first did.
#[must_use]
pub fn retry_after(failures: i64) -> Option<i64> {
    if failures >= MAX_FAILURES {
        return None;
    }
    let minutes = 1_i64 << failures.clamp(0, 9);
    let seconds = minutes * 60;
    Some(if seconds > 21_600 { 21_600 } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_group_is_read_less_and_less_often() {
        let intervals = [-1, 3_600, 3_601, 86_400, 604_800].map(interval);
        assert_eq!(intervals, [30, 30, 900, 5_400, 21_600]);
    }

    #[test]
    fn groups_are_of_a_thousand() {
        assert_eq!(
            [1, 999, 1_000, 12_001, REUSE + 999].map(group_of),
            [0, 0, 1, 12, 0]
        );
    }

    #[test]
    fn work_that_fails_is_given_up_after_a_bounded_time() {
        let waits: Vec<i64> = (0..).map_while(retry_after).collect();
        assert_eq!(waits.len(), 12);
        assert_eq!(waits[..4], [60, 120, 240, 480]);
        let hours: i64 = waits.iter().sum::<i64>() / 3_600;
        assert!((24..48).contains(&hours), "{hours}");
    }

    proptest! {
        /// Whatever the others are like, a group that is not read becomes the most
        /// urgent one in the end.
        #[test]
        fn no_group_waits_for_ever(idle in -10_000..5_000_000_i64, others in 0..1_000_000_i64) {
            let others = urgency(others, -1).unwrap_or(0);
            let behind = (others / 1_000 + 1) * interval(idle) + interval(idle);
            prop_assert!(urgency(behind, idle) > Some(others));
        }

        #[test]
        fn open_orders_come_first_at_the_same_distance(behind in 0..1_000_000_i64,
                                                       idle in 3_601..5_000_000_i64) {
            prop_assert!(urgency(behind, -1) >= urgency(behind, idle));
        }
    }
}
