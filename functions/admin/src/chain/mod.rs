//! How the chain is read: where reading stands, blocks that are to be read again, and
//! a cursor that is to be moved. This function cannot ask the chain: it records what
//! is wanted, and `watch` carries it out.

pub(crate) mod cursor;
pub(crate) mod reread;
pub(crate) mod show;
pub(crate) mod transaction;

use crate::Ports;
use crate::text::{self, MAX_NOTE_BYTES};
use keywright_domain::dates::rfc3339;
use keywright_store::chain::chain_job_requests::{self, JobRequest};
use keywright_store::chain::chain_jobs::{ChainJob, JobKind};
use keywright_store::operator::audit::Actor;
use keywright_web::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// The highest block number that is taken: far behind any chain, and far below 2^53, above
/// which D1 does not keep whole numbers, so that counting on from it is exact.
const MAX_BLOCK: i64 = 1 << 40;

/// Work on the chain.
#[derive(Serialize, ToSchema)]
#[schema(as = ChainJob)]
pub(crate) struct JobView {
    /// Id of the work.
    id: String,
    /// `block`: a block whose logs no endpoint gives, read by the receipts of its
    /// transactions; `transaction`: one transaction that is read again; `range`: blocks
    /// that are read again; `cursor`: the cursor is moved.
    kind: &'static str,
    /// The transaction; null for other work.
    #[schema(required)]
    tx_hash: Option<String>,
    /// `open`, `done` or `failed`.
    state: &'static str,
    /// The first block; the one that the cursor is moved to; 0 for a transaction.
    first_block: i64,
    /// The last block.
    last_block: i64,
    /// The next block to read.
    next_block: i64,
    /// How often in a row it could not be done.
    failures: i64,
    /// What could not be done, or what a transaction pays.
    #[schema(required)]
    details: Option<String>,
    /// The operator's note.
    #[schema(required)]
    note: Option<String>,
    /// Who wanted it; `watch` for what reading the chain led to.
    requested_by: String,
    /// RFC 3339.
    requested_at: String,
    /// RFC 3339; null while it is open.
    #[schema(required)]
    ended_at: Option<String>,
}

impl From<ChainJob> for JobView {
    fn from(job: ChainJob) -> Self {
        Self {
            id: job.id,
            kind: job.kind.as_str(),
            tx_hash: job.tx_hash,
            state: job.state.as_str(),
            first_block: job.first_block,
            last_block: job.last_block,
            next_block: job.next_block,
            failures: job.failures,
            details: job.details,
            note: job.note,
            requested_by: job.requested_by,
            requested_at: rfc3339(job.requested_at),
            ended_at: job.ended_at.map(rfc3339),
        }
    }
}

/// Work on these blocks.
const fn on_blocks(kind: JobKind, [first_block, last_block]: [i64; 2]) -> JobRequest<'static> {
    JobRequest {
        kind,
        tx_hash: None,
        first_block,
        last_block,
        note: None,
    }
}

/// Checks a block number.
fn check_block(member: &str, block: i64) -> Result<i64, ApiError> {
    if (0..=MAX_BLOCK).contains(&block) {
        return Ok(block);
    }
    let message = format!("{member} must be a block number from 0 to {MAX_BLOCK}");
    Err(ApiError::bad_request(message))
}

/// Records what is wanted, and answers it.
async fn request(
    ports: &Ports,
    actor: &Actor,
    wanted: JobRequest<'_>,
    note: Option<String>,
) -> Result<JobView, ApiError> {
    let note = text::present(note);
    if let Some(note) = &note {
        text::check("note", note, MAX_NOTE_BYTES)?;
    }
    let wanted = JobRequest {
        note: note.as_deref(),
        ..wanted
    };
    let [id, audit_id] = [ports.stamps.new_id(), ports.stamps.new_id()];
    let job =
        chain_job_requests::request(&ports.database, actor, &wanted, [&id, &audit_id]).await?;
    let job = job.ok_or_else(|| ApiError::internal("a request was not recorded".to_owned()))?;
    Ok(job.into())
}
