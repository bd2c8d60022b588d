//! Machines of a license: who may take a seat, and how often seats may change
//! hands. Step 8 of the evaluation order of `POST /v1/validate` in the Keysat
//! contract.
//!
//! A seat belongs to a machine, told by its fingerprint, from its activation
//! until it is freed. Trust on first use needs no rule of its own: the first
//! machine takes the only seat of a single-seat license, and freeing that
//! machine frees the license for another.

/// How old the last sign of a machine must be before another one is written,
/// in seconds: asking often costs no writes.
pub const REFRESH_AFTER_SECONDS: i64 = 600;

/// The time in which activations are counted against the daily limit, in
/// seconds.
pub const ACTIVATION_WINDOW_SECONDS: i64 = 86_400;

/// The least that the daily limit is where nobody set one: somebody who sets
/// up one machine over and over, to test an installer, is no cheat.
const LEAST_ACTIVATIONS_PER_DAY: i64 = 10;

/// The daily limit of a license for unlimited machines where nobody set one: whoever
/// holds it can add rows, so not without an end. The operator can lift it.
pub const UNLIMITED_ACTIVATIONS_PER_DAY: i64 = 1_000;

/// What a license allows, and what is taken of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// Machines at once; 0 is unlimited.
    pub max_machines: i64,
    /// Activations in 24 hours where somebody set a limit: the license's own,
    /// else its policy's. 0 is unlimited.
    pub max_activations_per_day: Option<i64>,
    /// Machines that hold a seat now.
    pub active: i64,
    /// Machines that were activated in the last 24 hours, also those that were freed since;
    /// each once, however often it came back.
    pub recent: i64,
    /// How often the machine that asks had a seat in the last 24 hours.
    pub returns: i64,
}

/// How often one machine may come back to its seat in 24 hours, where there is a daily limit.
pub const RETURNS_PER_DAY: i64 = 100;

/// Who asks for a seat: the two say "all taken" differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// `POST /v1/validate`, for which a single seat is a binding.
    Validation,
    /// `POST /v1/machines/activate`.
    Activation,
}

/// What to do for a machine that may use the license.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// It has its seat.
    Held {
        /// Whether its last sign is old enough to be written anew.
        refresh: bool,
    },
    /// There is room: activate it.
    Free,
}

/// Why a machine gets no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatRefusal {
    /// The only seat belongs to another machine.
    FingerprintMismatch,
    /// Every seat is taken.
    TooManyMachines,
    /// There is room, but the seats have changed hands too often in 24 hours.
    TooManyActivations,
}

impl Seats {
    /// Decides about a machine. `last_seen` is its last sign in unix seconds
    /// where it holds a seat already; such a machine is never turned away,
    /// also where the license was cut down to fewer seats since.
    ///
    /// # Errors
    /// [`SeatRefusal`].
    pub fn decide(
        self,
        asking: Asking,
        last_seen: Option<i64>,
        now: i64,
    ) -> Result<Seat, SeatRefusal> {
        if let Some(last_seen) = last_seen {
            return Ok(Seat::Held {
                refresh: is_stale(last_seen, now),
            });
        }
        if self.max_machines > 0 && self.active >= self.max_machines {
            return Err(match asking {
                Asking::Validation if self.max_machines == 1 => SeatRefusal::FingerprintMismatch,
                Asking::Validation | Asking::Activation => SeatRefusal::TooManyMachines,
            });
        }
        let limit = activations_per_day(self.max_machines, self.max_activations_per_day);
        // A machine that had a seat today is none more.
        let is_over = match self.returns {
            0 => self.recent >= limit,
            returns => returns >= RETURNS_PER_DAY,
        };
        if limit > 0 && is_over {
            return Err(SeatRefusal::TooManyActivations);
        }
        Ok(Seat::Free)
    }
}

/// Whether a machine's last sign is old enough to be written anew; both in
/// unix seconds.
#[must_use]
pub fn is_stale(last_seen: i64, now: i64) -> bool {
    now.saturating_sub(last_seen) >= REFRESH_AFTER_SECONDS
}

/// How many machines a license activates in 24 hours; 0 is unlimited, which only the
/// operator sets. Where nobody set a limit: unlimited seats have
/// [`UNLIMITED_ACTIVATIONS_PER_DAY`], and any other license may fill its seats twice a
/// day, at least ten times.
#[must_use]
pub fn activations_per_day(max_machines: i64, set: Option<i64>) -> i64 {
    match set {
        Some(limit) => limit,
        None if max_machines == 0 => UNLIMITED_ACTIVATIONS_PER_DAY,
        None => max_machines
            .saturating_mul(2)
            .max(LEAST_ACTIVATIONS_PER_DAY),
    }
}

/// How many of the `active` machines are more than a license allows now. They
/// go on working; they only keep new ones out.
#[must_use]
pub fn machines_over(max_machines: i64, active: i64) -> i64 {
    if max_machines == 0 {
        return 0;
    }
    active.saturating_sub(max_machines).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::MAX_MACHINES;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn seats(max_machines: i64, active: i64, recent: i64, set: Option<i64>) -> Seats {
        Seats {
            max_machines,
            max_activations_per_day: set,
            active,
            recent,
            returns: 0,
        }
    }

    #[test]
    fn a_machine_that_had_a_seat_today_does_not_use_up_the_daily_limit() {
        for (returns, decision) in [
            (0, Err(SeatRefusal::TooManyActivations)),
            (1, Ok(Seat::Free)),
            (RETURNS_PER_DAY - 1, Ok(Seat::Free)),
            (RETURNS_PER_DAY, Err(SeatRefusal::TooManyActivations)),
        ] {
            let of = Seats {
                returns,
                ..seats(1, 0, 10, None)
            };
            assert_eq!(of.decide(Asking::Activation, None, 1_000), decision);
        }
        let of = Seats {
            returns: 9_000,
            ..seats(1, 0, 9_000, Some(0))
        };
        assert_eq!(of.decide(Asking::Validation, None, 1_000), Ok(Seat::Free));
    }

    #[test]
    fn a_new_machine_gets_a_seat_or_the_reason_why_not() {
        use Asking::{Activation, Validation};
        use SeatRefusal::{FingerprintMismatch, TooManyActivations, TooManyMachines};
        for (asking, of, decision) in [
            (Validation, seats(1, 0, 0, None), Ok(Seat::Free)),
            (Validation, seats(1, 1, 1, None), Err(FingerprintMismatch)),
            (Activation, seats(1, 1, 1, None), Err(TooManyMachines)),
            (Validation, seats(3, 2, 2, None), Ok(Seat::Free)),
            (Validation, seats(3, 3, 3, None), Err(TooManyMachines)),
            (Activation, seats(3, 3, 3, None), Err(TooManyMachines)),
            // Cut down to fewer seats than are taken.
            (Validation, seats(1, 3, 3, None), Err(FingerprintMismatch)),
            (Activation, seats(2, 3, 3, None), Err(TooManyMachines)),
            // Unlimited.
            (Validation, seats(0, 9_000, 999, None), Ok(Seat::Free)),
            (
                Validation,
                seats(0, 9_000, 1_000, None),
                Err(TooManyActivations),
            ),
            (
                Activation,
                seats(0, 0, 1_000, None),
                Err(TooManyActivations),
            ),
            (Validation, seats(0, 9_000, 9_000, Some(0)), Ok(Seat::Free)),
            // The daily limit: by default, set, and lifted.
            (Validation, seats(1, 0, 9, None), Ok(Seat::Free)),
            (Validation, seats(1, 0, 10, None), Err(TooManyActivations)),
            (Activation, seats(20, 0, 39, None), Ok(Seat::Free)),
            (Activation, seats(20, 0, 40, None), Err(TooManyActivations)),
            (Validation, seats(1, 0, 2, Some(2)), Err(TooManyActivations)),
            (Validation, seats(1, 0, 999, Some(0)), Ok(Seat::Free)),
            (Validation, seats(0, 5, 5, Some(5)), Err(TooManyActivations)),
            // No room comes before too often.
            (Activation, seats(1, 1, 99, None), Err(TooManyMachines)),
        ] {
            assert_eq!(
                of.decide(asking, None, 1_000),
                decision,
                "{asking:?} {of:?}"
            );
        }
    }

    #[test]
    fn a_machine_with_a_seat_keeps_it_and_is_written_every_ten_minutes() {
        for of in [
            seats(1, 1, 99, None),
            seats(1, 5, 5, Some(1)),
            seats(0, 1, 1, None),
        ] {
            for (last_seen, refresh) in [(1_000, false), (401, false), (400, true), (0, true)] {
                for asking in [Asking::Validation, Asking::Activation] {
                    assert_eq!(
                        of.decide(asking, Some(last_seen), 1_000),
                        Ok(Seat::Held { refresh })
                    );
                }
            }
            // A clock that was set back.
            let held = Ok(Seat::Held { refresh: false });
            assert_eq!(of.decide(Asking::Validation, Some(2_000), 1_000), held);
        }
    }

    #[test]
    fn the_daily_limit_follows_the_seats_where_none_is_set() {
        for (max_machines, set, limit) in [
            (0, None, 1_000),
            (1, None, 10),
            (5, None, 10),
            (6, None, 12),
            (1_000_000, None, 2_000_000),
            (i64::MAX, None, i64::MAX),
            (6, Some(0), 0),
            (0, Some(3), 3),
            (6, Some(1), 1),
        ] {
            assert_eq!(
                activations_per_day(max_machines, set),
                limit,
                "{max_machines} {set:?}"
            );
        }
    }

    /// One thing that happens to a license.
    #[derive(Debug, Clone)]
    enum Step {
        Ask(Asking, u8),
        Free(u8),
        Wait(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let asking = prop_oneof![Just(Asking::Validation), Just(Asking::Activation)];
        prop_oneof![
            4 => (asking, 0_u8..12).prop_map(|(asking, machine)| Step::Ask(asking, machine)),
            2 => (0_u8..12).prop_map(Step::Free),
            1 => (0_i64..40_000).prop_map(Step::Wait),
        ]
    }

    #[test]
    fn machines_over_a_lowered_limit_are_counted() {
        for (max_machines, active, over) in [
            (1, 0, 0),
            (1, 1, 0),
            (1, 2, 1),
            (3, 10, 7),
            (0, 1_000, 0),
            (MAX_MACHINES, MAX_MACHINES, 0),
        ] {
            let counted = machines_over(max_machines, active);
            assert_eq!(counted, over, "{active} of {max_machines}");
        }
    }

    proptest! {
        #[test]
        fn allowed_and_over_are_all_there_are(max in 1..MAX_MACHINES, active in 0..MAX_MACHINES) {
            prop_assert_eq!(active.min(max) + machines_over(max, active), active);
        }

        /// Whatever happens in whatever order: never more machines than seats,
        /// never more machines without a seat of the day before than the limit lets in, and a
        /// machine with a seat keeps it until it is freed.
        #[test]
        fn no_sequence_exceeds_a_limit(
            max_machines in 0_i64..6,
            set in proptest::option::of(0_i64..8),
            steps in proptest::collection::vec(step(), 1..200),
        ) {
            let limit = activations_per_day(max_machines, set);
            let mut now = 1_000_000;
            let mut active: BTreeMap<u8, i64> = BTreeMap::new();
            let mut activations: Vec<(u8, i64)> = Vec::new();
            let mut freed: BTreeMap<u8, i64> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Wait(seconds) => now += seconds,
                    Step::Free(machine) => {
                        if active.remove(&machine).is_some() {
                            freed.insert(machine, now);
                        }
                    }
                    Step::Ask(asking, machine) => {
                        let since = now - ACTIVATION_WINDOW_SECONDS;
                        let recent = activations.iter().filter(|(_, at)| *at > since);
                        let returns = recent.clone().filter(|(of, _)| *of == machine).count();
                        let freed = freed.get(&machine).is_some_and(|at| *at > since);
                        let returns = returns.max(usize::from(freed));
                        let recent: BTreeSet<u8> = recent.map(|(of, _)| *of).collect();
                        let seats = Seats {
                            max_machines,
                            max_activations_per_day: set,
                            active: i64::try_from(active.len()).expect("few"),
                            recent: i64::try_from(recent.len()).expect("few"),
                            returns: i64::try_from(returns).expect("few"),
                        };
                        let held = active.get(&machine).copied();
                        match seats.decide(asking, held, now) {
                            Ok(Seat::Held { refresh }) => {
                                prop_assert_eq!(Some(refresh), held.map(|at| now - at >= 600));
                                if refresh {
                                    active.insert(machine, now);
                                }
                            }
                            Ok(Seat::Free) => {
                                prop_assert!(held.is_none());
                                active.insert(machine, now);
                                let is_within = limit == 0 || seats.recent < limit;
                                prop_assert!(seats.returns > 0 || is_within);
                                activations.push((machine, now));
                            }
                            Err(refusal) => {
                                prop_assert!(held.is_none());
                                let full = max_machines > 0 && seats.active == max_machines;
                                prop_assert_eq!(full, refusal != SeatRefusal::TooManyActivations);
                            }
                        }
                    }
                }
                let taken = i64::try_from(active.len()).expect("few");
                prop_assert!(max_machines == 0 || taken <= max_machines);
            }
        }
    }
}
