//! `POST /v1/admin/chain/rereads`.

use super::{JobView, check_block, on_blocks, request};
use crate::{Operator, Ports};
use keywright_store::chain::chain_jobs::JobKind;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// The most blocks that are read again at once: about three weeks of Polygon.
const MAX_BLOCKS: i64 = 1_000_000;

/// Blocks to read again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChainReread)]
pub(crate) struct RereadRequest {
    /// The first block.
    #[schema(minimum = 0, example = 79_000_000)]
    first_block: i64,
    /// The last block; at most 1,000,000 blocks.
    #[schema(minimum = 0, example = 79_000_100)]
    last_block: i64,
    /// A note, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    note: Option<String>,
}

/// Has blocks read again, for every address that is watched now.
///
/// `watch` does it beside following the chain, a part in each tick. What is recorded
/// already is not recorded twice, and no payment is credited twice. Blocks that the
/// cursor has not come to yet are left to it. While the same blocks are still to be
/// read, that request is answered and no other is recorded.
#[utoipa::path(
    post,
    path = "/v1/admin/chain/rereads",
    operation_id = "rereadChain",
    tag = "records",
    request_body = RereadRequest,
    responses(
        (status = 200, description = "What is to be done.", body = JobView),
        BodyRefusals, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    body: Result<Json<RereadRequest>, ApiError>,
) -> Result<Json<JobView>, ApiError> {
    let Json(body) = body?;
    let first = check_block("first_block", body.first_block)?;
    let last = check_block("last_block", body.last_block)?;
    if last < first {
        return Err(ApiError::bad_request(
            "last_block must not be below first_block",
        ));
    }
    if last - first >= MAX_BLOCKS {
        return Err(ApiError::bad_request(
            "last_block must be less than 1000000 blocks behind first_block; send several requests",
        ));
    }
    let wanted = on_blocks(JobKind::Range, [first, last]);
    request(&ports, &actor, wanted, body.note).await.map(Json)
}
