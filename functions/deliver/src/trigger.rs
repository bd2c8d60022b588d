//! A run of the platform's cron trigger. It comes once a minute, and what happens meanwhile
//! should not wait for the next: after its tick it looks again every few seconds, and ticks
//! when there is something to do.

use crate::Ports;
use crate::mail::Mail;
use crate::tick::{self, Budget, TickReport, tick};
use keywright_ports::{DatabaseError, Later};
use keywright_store::events::due_work::{self, Senders};

/// How long it waits between two looks, in milliseconds: the first step of the schedule.
const WAIT: u64 = 5_000;
/// How often it looks: until the trigger comes again, with a margin.
const LOOKS: usize = 9;

/// Ticks, and ticks again as soon as there is something to do, within the budget of one
/// invocation.
///
/// # Errors
/// [`DatabaseError`] ends the run; the next begins with a tick.
pub(crate) async fn run(ports: &Ports, later: &Later) -> Result<(), DatabaseError> {
    let senders = Senders {
        webhooks: ports.vault.is_ok(),
        mail: matches!(ports.mail, Mail::On(_)),
    };
    let mut budget = Budget::of(ports.limits.per_tick, tick::now_millis(ports));
    tick(ports, &mut budget).await?;
    for _ in 0..LOOKS {
        later.sleep(WAIT).await;
        if !budget.look(senders.mail, tick::now_millis(ports)) {
            break;
        }
        if due_work::exists(&ports.database, ports.stamps.now(), senders).await? {
            let report = tick(ports, &mut budget).await?;
            if report == TickReport::default() {
                // What is due cannot be sent now, or nobody wants it.
                break;
            }
        }
    }
    Ok(())
}
