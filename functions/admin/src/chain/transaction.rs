//! `POST /v1/admin/chain/transactions`.

use super::{JobView, on_blocks, request};
use crate::{Operator, Ports};
use keywright_providers::polygon::Hash;
use keywright_store::chain::chain_job_requests::JobRequest;
use keywright_store::chain::chain_jobs::JobKind;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// The transaction to read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChainTransactionLookup)]
pub(crate) struct TransactionRequest {
    /// 0x and 64 hexadecimal digits.
    #[schema(
        pattern = "^0x[0-9a-fA-F]{64}$",
        example = "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060"
    )]
    tx_hash: String,
    /// A note, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    note: Option<String>,
}

/// Has one transaction read again.
///
/// A tick of `watch` records what it pays to addresses that are watched, and judges that
/// as any other payment. What is recorded already is not recorded twice, and no payment
/// is credited twice. `GET /v1/admin/chain` shows what came of it, and `GET
/// /v1/admin/transfers?tx_hash=` the payments. While the same transaction is still to be
/// read, that request is answered and no other is recorded.
#[utoipa::path(
    post,
    path = "/v1/admin/chain/transactions",
    operation_id = "lookUpTransaction",
    tag = "records",
    request_body = TransactionRequest,
    responses(
        (status = 200, description = "What is to be done.", body = JobView),
        BodyRefusals, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    body: Result<Json<TransactionRequest>, ApiError>,
) -> Result<Json<JobView>, ApiError> {
    let Json(body) = body?;
    let hash = Hash::pasted(&body.tx_hash)
        .map_err(|error| ApiError::bad_request(format!("tx_hash {error}")))?;
    let tx_hash = hash.to_string();
    let wanted = JobRequest {
        tx_hash: Some(&tx_hash),
        ..on_blocks(JobKind::Transaction, [0, 0])
    };
    request(&ports, &actor, wanted, body.note).await.map(Json)
}
