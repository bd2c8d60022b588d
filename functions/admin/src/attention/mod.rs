//! What the operator has to look at: money that came late, too little or too
//! much, and sales that were withdrawn.

pub(crate) mod list;
pub(crate) mod resolve;

use keywright_domain::dates::rfc3339;
use keywright_store::operator::attention::AttentionItem;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Something to look at.
#[derive(Serialize, ToSchema)]
#[schema(as = AttentionItem)]
pub(crate) struct AttentionView {
    /// UUID.
    id: String,
    /// When it happened, the last time; RFC 3339.
    at: String,
    /// `underpaid`: less than the price came in and the time to pay is over.
    /// `paid_late`: the price came in after that. `overpaid`: more than the
    /// price came in. `paid_invalid`: something was paid and the provider calls
    /// the invoice invalid. `withdrawn`: a settled invoice became invalid and
    /// its license is suspended. `usdc_underpaid`, `usdc_overpaid`, `usdc_late`,
    /// `usdc_wrong_token`, `usdc_duplicate`, `usdc_unknown`, `usdc_early`,
    /// `usdc_ambiguous`: a transfer of USDC pays nothing by itself; `usdc_overpaid`
    /// with an `excess_units` paid more than its order. `usdc_unconfirmed`: the RPC
    /// endpoints did not confirm one, and `said` has what they say. `usdc_reorged`: one that was credited is no longer
    /// part of the chain. `usdc_behind`: the chain was not read for an hour.
    /// `usdc_chain_replaced`: no block that was read is known any more.
    /// `rpc_wrong_chain`, `rpc_disagrees`, `rpc_lies`: an RPC endpoint is not to be
    /// believed and was set aside. `webhook_flaky`, `webhook_failing`, `webhook_gone`,
    /// `webhook_dead_letters`: an endpoint does not take what it is sent. `mail_held`: mails
    /// were planned before a time without ticks, and wait for a decision. `mail_unknown`,
    /// `mail_rejected`, `mail_failed`, `mail_failing`: mails were not sent, or nobody knows.
    #[schema(example = "paid_late")]
    kind: String,
    /// What it is about: `invoice`, `transfer`, `rpc_endpoint`, `chain`, `webhook_endpoint`
    /// or `mail`.
    #[schema(example = "invoice")]
    object_kind: String,
    /// Id of that.
    object_id: String,
    /// What was known when it happened.
    #[schema(value_type = Object)]
    details: Value,
    /// When somebody said that it is done, RFC 3339; null while it is open.
    #[schema(required)]
    resolved_at: Option<String>,
    /// Who said so.
    #[schema(required)]
    resolved_by: Option<String>,
}

impl From<AttentionItem> for AttentionView {
    fn from(item: AttentionItem) -> Self {
        Self {
            id: item.id,
            at: rfc3339(item.at),
            kind: item.kind,
            object_kind: item.object_kind,
            object_id: item.object_id,
            details: item.details,
            resolved_at: item.resolved_at.map(rfc3339),
            resolved_by: item.resolved_by,
        }
    }
}
