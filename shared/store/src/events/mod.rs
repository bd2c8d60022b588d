//! What happened in the shop, and who hears of it: the numbered event log, webhook
//! endpoints, deliveries and attempts.

pub mod announcement;
pub mod due_work;
pub mod event_log;
pub mod webhook_claims;
pub mod webhook_deliveries;
pub mod webhook_endpoint_change;
pub mod webhook_endpoints;
pub mod webhook_planning;
pub mod webhook_results;

/// A condition: the endpoint `w` is sent the event `e`. An event is about the product
/// that its data names, or that of its license or release. No endpoint is sent news of
/// itself.
macro_rules! is_subscribed {
    () => {
        "EXISTS (SELECT 1 FROM json_each(w.event_types) AS f
                 WHERE f.value IN ('*', e.event_type,
                                   substr(e.event_type, 1, instr(e.event_type, '.')) || '*'))
         AND (w.product_id IS NULL
              OR w.product_id = coalesce(
                   e.data ->> '$.product_id',
                   (SELECT product_id FROM licenses WHERE id = e.data ->> '$.license_id'),
                   (SELECT product_id FROM releases WHERE id = e.data ->> '$.release_id')))
         AND w.id IS NOT e.data ->> '$.webhook_endpoint_id'"
    };
}
pub(crate) use is_subscribed;
