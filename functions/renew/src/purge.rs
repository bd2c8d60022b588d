//! Purges orders that ended unpaid, with what their buyers wrote, old events with their
//! deliveries and mails, and old audit entries.

use crate::Ports;
use crate::cleanup::before;
use keywright_ports::Statement;
use keywright_store::events::event_log;
use keywright_store::operator::audit::Actor;
use keywright_store::operator::audit_pruning;
use keywright_store::sales::abandoned_orders;

/// Orders that one tick purges at most: 288,000 a day at a tick a minute, which is more
/// than the caps on open orders let in.
const ORDERS_PER_TICK: u32 = 200;
/// Events, and deliveries of them, that one tick purges at most.
const EVENTS_PER_TICK: u32 = 500;

/// Statements that a tick takes at most.
pub(crate) const STATEMENTS: usize = 11;

/// The statements that purge a bounded number at `now`, in unix seconds.
pub(crate) fn statements(ports: &Ports, now: i64, request_id: &str) -> Vec<Statement> {
    let mut batch = Vec::new();
    if let Some(days) = ports.abandoned_order_days {
        batch.extend(abandoned_orders::purge(
            before(now, days),
            now,
            ORDERS_PER_TICK,
        ));
    }
    if let Some(days) = ports.event_days {
        let before = before(now, days);
        batch.extend(event_log::purge_deliveries(before, EVENTS_PER_TICK));
        batch.extend(event_log::purge(before, EVENTS_PER_TICK));
        batch.push(event_log::purge_mails(before, now, EVENTS_PER_TICK));
    }
    if let Some(days) = ports.audit_days {
        let actor = Actor {
            name: "renew".into(),
            at: now,
            request_id: request_id.to_owned(),
        };
        let audit_id = ports.stamps.new_id();
        batch.extend(audit_pruning::prune(&actor, before(now, days), &audit_id));
    }
    batch
}
