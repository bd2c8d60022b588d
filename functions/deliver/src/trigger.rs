//! A run of the platform's cron trigger. It comes once a minute, and what happens meanwhile
//! should not wait for the next: after its tick it ticks again every few seconds. A tick
//! without work is one statement.

use crate::Ports;
use crate::budget::Budget;
use crate::tick::{now_millis, tick};
use keywright_ports::{DatabaseError, Later};

/// How long it waits between two ticks, in milliseconds: the first step of the schedule.
const WAIT: u64 = 5_000;
/// How often it ticks again: until the trigger comes again, with a margin.
const LOOKS: usize = 9;

/// Ticks, and ticks again within the budget of one invocation.
///
/// # Errors
/// [`DatabaseError`] ends the run; the next begins with a tick.
pub(crate) async fn run(ports: &Ports, later: &Later) -> Result<(), DatabaseError> {
    let mut budget = Budget::of(ports.limits.per_tick, now_millis(ports));
    tick(ports, &mut budget).await?;
    for _ in 0..LOOKS {
        later.sleep(WAIT).await;
        if !budget.can_look(now_millis(ports)) {
            break;
        }
        tick(ports, &mut budget).await?;
    }
    Ok(())
}
