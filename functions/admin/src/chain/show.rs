//! `GET /v1/admin/chain`.

use super::JobView;
use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_store::chain::chain_job_requests::{self, ChainStatus};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::Serialize;
use utoipa::ToSchema;

/// Work on a page, usually and at most.
const USUAL: i64 = 50;
const MOST: i64 = 200;

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
#[schema(as = ChainReading)]
pub(crate) struct Reading {
    /// How far, of each token.
    chains: Vec<StandingView>,
    /// Work beside it, newest first.
    jobs: Vec<JobView>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// How far the chain was read, and what is read again, newest first. 50 a page where
/// no limit is sent, 200 at most.
#[utoipa::path(
    get,
    path = "/v1/admin/chain",
    tag = "records",
    params(PageQuery),
    responses(
        (status = 200, description = "How the chain is read.", body = Reading),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    Query(page): Query<PageQuery>,
) -> Result<(HeaderMap, Json<Reading>), ApiError> {
    let page = page.page(USUAL, MOST)?;
    let (chains, mut jobs) = chain_job_requests::list(&ports.database, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut jobs, |job| Position {
        at: job.requested_at,
        id: job.id.clone(),
    });
    Ok((
        headers,
        Json(Reading {
            chains: chains.into_iter().map(StandingView::from).collect(),
            jobs: jobs.into_iter().map(JobView::from).collect(),
            next_cursor,
        }),
    ))
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
