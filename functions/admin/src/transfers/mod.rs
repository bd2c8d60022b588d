//! Transfers of tokens to the vendor's addresses, and what became of them.

pub(crate) mod list;
pub(crate) mod resolve;

use keywright_domain::dates::rfc3339;
use keywright_providers::polygon::{Address, Units};
use keywright_store::chain::transfer_list::TransferRecord;
use keywright_web::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// A transfer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChainTransfer)]
pub(crate) struct TransferView {
    /// UUID.
    id: String,
    /// When it was recorded, RFC 3339.
    recorded_at: String,
    /// `seen`, not judged yet; `credited`, it paid an order; `unmatched`, it is for
    /// the operator; `resolved`, the operator has done something about it;
    /// `reorged`, its block is no longer part of the chain.
    #[schema(example = "unmatched")]
    state: String,
    /// Why it pays nothing by itself: `underpaid`, `overpaid`, `late`,
    /// `wrong_token`, `duplicate`, `unknown`, `early` (it is older than the order),
    /// `ambiguous` (more than one order could be meant) or `unconfirmed` (the RPC
    /// endpoints did not confirm it).
    #[schema(required, example = "late")]
    reason: Option<String>,
    /// EIP-155 id of the chain.
    #[schema(example = 137)]
    chain_id: i64,
    /// The transaction.
    tx_hash: String,
    /// The log's number in its block.
    log_index: i64,
    /// The block.
    block_number: i64,
    /// Time of the block, RFC 3339; null while it is not judged.
    #[schema(required)]
    block_time: Option<String>,
    /// The contract, with the checksum of EIP-55.
    token: String,
    /// Who paid, with the checksum of EIP-55.
    payer: String,
    /// Who got it, with the checksum of EIP-55.
    recipient: String,
    /// Micro-units.
    #[schema(minimum = 1)]
    amount_units: i64,
    /// The same in USDC.
    #[schema(example = "19.000001")]
    amount_display: String,
    /// The order it paid, or the one it is for where that is beyond doubt.
    #[schema(required)]
    invoice_id: Option<String>,
    /// `settled`, `refunded` or `ignored`.
    #[schema(required)]
    resolution: Option<String>,
    /// What the operator wrote.
    #[schema(required)]
    note: Option<String>,
    /// RFC 3339.
    #[schema(required)]
    resolved_at: Option<String>,
    /// Who did.
    #[schema(required)]
    resolved_by: Option<String>,
    /// From when the license runs that this resolution issued, RFC 3339.
    #[schema(required)]
    license_from: Option<String>,
    /// Host of the RPC endpoint that reported it first.
    #[schema(required, example = "polygon.example")]
    found_by: Option<String>,
    /// Hosts of the RPC endpoints that confirmed it.
    #[schema(required, example = "polygon.example, other.example")]
    confirmed_by: Option<String>,
    /// Looks at it that came to nothing, because it was not confirmed.
    #[schema(minimum = 0)]
    tries: i64,
    /// What the RPC endpoints said the last time.
    #[schema(required)]
    put_off_because: Option<String>,
}

impl TryFrom<TransferRecord> for TransferView {
    type Error = ApiError;

    fn try_from(transfer: TransferRecord) -> Result<Self, ApiError> {
        Ok(Self {
            id: transfer.id,
            recorded_at: rfc3339(transfer.recorded_at),
            state: transfer.state,
            reason: transfer.reason,
            chain_id: transfer.chain_id,
            tx_hash: transfer.tx_hash,
            log_index: transfer.log_index,
            block_number: transfer.block,
            block_time: transfer.block_time.map(rfc3339),
            token: address(&transfer.token)?,
            payer: address(&transfer.payer)?,
            recipient: address(&transfer.recipient)?,
            amount_units: transfer.amount_units,
            amount_display: amount(transfer.amount_units)?,
            invoice_id: transfer.invoice_id,
            resolution: transfer.resolution,
            note: transfer.resolution_note,
            resolved_at: transfer.resolved_at.map(rfc3339),
            resolved_by: transfer.resolved_by,
            license_from: transfer.license_from.map(rfc3339),
            found_by: transfer.found_by,
            confirmed_by: transfer.confirmed_by,
            tries: transfer.tries,
            put_off_because: transfer.put_off_because,
        })
    }
}

/// A recorded address with its checksum.
pub(crate) fn address(lower: &str) -> Result<String, ApiError> {
    let address: Result<Address, _> = lower.parse();
    address
        .map(|address| address.to_string())
        .map_err(|error| ApiError::internal(format!("a recorded address: {error}")))
}

/// Recorded micro-units as decimal USDC.
pub(crate) fn amount(units: i64) -> Result<String, ApiError> {
    Units::new(units)
        .map(Units::display)
        .map_err(|error| ApiError::internal(format!("a recorded amount: {error}")))
}
