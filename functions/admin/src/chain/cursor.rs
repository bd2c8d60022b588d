//! `POST /v1/admin/chain/cursor`.

use super::{JobView, check_block, on_blocks, request};
use crate::{Operator, Ports};
use keywright_store::chain::chain_jobs::JobKind;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Where the cursor is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChainCursorMove)]
pub(crate) struct CursorMoveRequest {
    /// The block that counts as read: reading goes on behind it.
    #[schema(minimum = 0, example = 79_000_000)]
    block: i64,
    /// A note, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    note: Option<String>,
}

/// Moves the cursor: the chain is read on from behind this block.
///
/// The next tick of `watch` does it, when the block is final. Moving it back reads
/// blocks again and credits nothing twice; until the chain is read up to its newest
/// block again, new payments wait. Moving it forward leaves out the blocks between:
/// nothing that was paid in them is found, unless they are read again.
#[utoipa::path(
    post,
    path = "/v1/admin/chain/cursor",
    operation_id = "moveChainCursor",
    tag = "records",
    request_body = CursorMoveRequest,
    responses(
        (status = 200, description = "What is to be done.", body = JobView),
        BodyRefusals, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    body: Result<Json<CursorMoveRequest>, ApiError>,
) -> Result<Json<JobView>, ApiError> {
    let Json(body) = body?;
    let block = check_block("block", body.block)?;
    let wanted = on_blocks(JobKind::Cursor, [block, block]);
    request(&ports, &actor, wanted, body.note).await.map(Json)
}
