//! `GET /v1/admin/chain`.

use super::JobView;
use axum::extract::State;
use http::HeaderMap;
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_ports::Database;
use keywright_store::chain::chain_job_requests::{self, ChainStatus};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, Json, List, NoFilter};
use serde::Serialize;
use utoipa::ToSchema;

/// How far the chain was read for one token.
#[derive(Serialize, ToSchema)]
#[schema(as = ChainStanding)]
pub(crate) struct StandingView {
    /// EIP-155 id of the chain.
    chain_id: i64,
    /// Contract of the token, lower case.
    token: String,
    /// The last block that was read.
    block: i64,
    /// Its time, RFC 3339.
    read_to: String,
    /// Groups of at most a thousand addresses that are watched; one is the wallet's.
    groups: i64,
    /// The last block that was read a second time for all of them.
    #[schema(required)]
    second_block: Option<i64>,
}

/// How the chain is read.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChainReading {
    /// How far, of each token.
    chains: Vec<StandingView>,
    /// Work beside it, newest first.
    jobs: Vec<JobView>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// How far the chain was read, and what is read again, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/chain",
    operation_id = "getChainStatus",
    tag = "records",
    params(PageQuery),
    responses(
        (status = 200, description = "How the chain is read.", body = ChainReading),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<NoFilter>,
) -> Result<(HeaderMap, Json<ChainReading>), ApiError> {
    let (chains, mut jobs) = chain_job_requests::list(&database, &list.page).await?;
    let next = list.cut(&mut jobs, |job| Position {
        at: job.requested_at,
        id: job.id.clone(),
    });
    let reading = ChainReading {
        chains: chains.into_iter().map(StandingView::from).collect(),
        jobs: jobs.into_iter().map(JobView::from).collect(),
        next_cursor: next.cursor,
    };
    Ok((next.headers, Json(reading)))
}

impl From<ChainStatus> for StandingView {
    fn from(standing: ChainStatus) -> Self {
        Self {
            chain_id: standing.chain_id,
            token: standing.token,
            block: standing.block,
            read_to: rfc3339(standing.block_time),
            groups: standing.groups,
            second_block: standing.second_block,
        }
    }
}
