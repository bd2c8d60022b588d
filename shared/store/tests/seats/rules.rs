//! The database and the rules in `domain` decide alike.

use crate::desk::{Desk, START};
use keywright_domain::seats::{Asking, Seat, SeatRefusal, Seats};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// One thing that happens to the license.
#[derive(Debug, Clone)]
enum Step {
    Activate(u8),
    Free(u8),
    Wait(i64),
    /// The operator sells more or fewer seats.
    Seats(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_u8..10).prop_map(Step::Activate),
        4 => (0_u8..10).prop_map(Step::Free),
        2 => (0_i64..50_000).prop_map(Step::Wait),
        1 => (0_i64..5).prop_map(Step::Seats),
    ]
}

/// What the database holds, kept beside it.
struct Model {
    seats: Seats,
    now: i64,
    active: BTreeMap<u8, String>,
    activations: Vec<(u8, i64)>,
    freed: BTreeMap<u8, i64>,
}

impl Model {
    /// As `machine` finds them.
    fn seats(&self, machine: u8) -> Seats {
        let since = self.now - 86_400;
        let recent = self.activations.iter().filter(|(_, at)| *at > since);
        let returns = recent.clone().filter(|(of, _)| *of == machine).count();
        let freed = self.freed.get(&machine).is_some_and(|at| *at > since);
        let machines: BTreeSet<u8> = recent.map(|(of, _)| *of).collect();
        Seats {
            active: i64::try_from(self.active.len()).expect("few"),
            recent: i64::try_from(machines.len()).expect("few"),
            returns: i64::try_from(returns.max(usize::from(freed))).expect("few"),
            ..self.seats
        }
    }

    async fn play(&mut self, desk: &Desk, step: &Step) {
        match step {
            Step::Wait(seconds) => self.now += seconds,
            Step::Seats(count) => {
                self.seats.max_machines = *count;
                desk.run("UPDATE licenses SET max_machines = ?1", [(*count).into()])
                    .await;
            }
            Step::Free(machine) => {
                let had = self.active.remove(machine).is_some();
                if had {
                    self.freed.insert(*machine, self.now);
                }
                let found = desk.free(&machine.to_string(), self.now).await;
                assert!(found || !had);
            }
            Step::Activate(machine) => self.activate(desk, *machine).await,
        }
    }

    async fn activate(&mut self, desk: &Desk, machine: u8) {
        let held = self.active.get(&machine).cloned();
        let seen = held.as_ref().map(|_| self.now);
        let expected = self
            .seats(machine)
            .decide(Asking::Activation, seen, self.now);
        // Reading decides alike, before and after.
        let before = desk.look_up(&machine.to_string(), self.now).await;
        let read = before.seats().decide(
            Asking::Activation,
            before.last_seen_at.map(|_| self.now),
            self.now,
        );
        assert_eq!(read, expected);
        let (id, after) = desk.activate(&machine.to_string(), self.now).await;
        match expected {
            Ok(Seat::Held { .. }) => assert_eq!(after.machine_id, held),
            Ok(Seat::Free) => {
                assert_eq!(after.machine_id.as_ref(), Some(&id));
                self.active.insert(machine, id);
                self.activations.push((machine, self.now));
            }
            Err(refusal) => {
                assert_eq!(after.machine_id, None);
                let said = after.seats().decide(Asking::Activation, None, self.now);
                assert_eq!(said, Err(refusal));
                assert_ne!(refusal, SeatRefusal::FingerprintMismatch);
            }
        }
        assert_eq!(after.active, self.seats(machine).active);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The SQL and the rule in `domain` decide alike, whatever came before.
    #[test]
    fn the_database_holds_what_the_rules_say(
        max_machines in 0_i64..5,
        of_license in proptest::option::of(0_i64..6),
        of_policy in proptest::option::of(0_i64..6),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let desk = Desk::new(max_machines, of_license, of_policy).await;
            let mut model = Model {
                seats: Seats {
                    max_machines,
                    max_activations_per_day: of_license.or(of_policy),
                    active: 0,
                    recent: 0,
                    returns: 0,
                },
                now: START,
                active: BTreeMap::new(),
                activations: Vec::new(),
                freed: BTreeMap::new(),
            };
            for step in &steps {
                model.play(&desk, step).await;
            }
            let activations = i64::try_from(model.activations.len()).expect("few");
            let freed = activations - model.seats(0).active;
            assert_eq!(desk.events().await, (activations, freed), "one event for each change");
        });
    }
}
