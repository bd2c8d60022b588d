//! `GET /v1/admin/transfers`.

use super::View;
use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::page::Position;
use keywright_domain::usdc::matching::UnmatchedReason;
use keywright_store::chain::transfer_list::{self, TransferFilter};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Transfers a page, where no limit is sent, and at most.
const USUAL: i64 = 100;
const MOST: i64 = 500;

/// The states of a transfer.
const STATES: [&str; 5] = ["seen", "credited", "unmatched", "resolved", "reorged"];

/// Which transfers; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// In this state; `unmatched` are those that somebody has to look at.
    #[param(pattern = "^(seen|credited|unmatched|resolved|reorged)$")]
    state: Option<String>,
    /// For this reason.
    #[param(
        pattern = "^(underpaid|overpaid|late|wrong_token|duplicate|unknown|early|ambiguous|unconfirmed)$"
    )]
    reason: Option<String>,
    /// For this order.
    invoice_id: Option<String>,
    /// Of this transaction.
    tx_hash: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(flatten)]
    which: Which,
    #[serde(flatten)]
    page: PageQuery,
}

/// Transfers, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = ChainTransfers)]
pub(crate) struct List {
    /// The transfers.
    transfers: Vec<View>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Transfers of USDC to the vendor, newest first. 100 a page where no limit is
/// sent, 500 at most.
#[utoipa::path(
    get,
    path = "/v1/admin/transfers",
    tag = "records",
    params(Which, PageQuery),
    responses(
        (status = 200, description = "The transfers.", body = List),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    Query(asked): Query<Asked>,
) -> Result<(HeaderMap, Json<List>), ApiError> {
    let page = asked.page.page(USUAL, MOST)?;
    let filter = TransferFilter {
        state: one_of("state", &STATES, asked.which.state)?,
        reason: one_of(
            "reason",
            &UnmatchedReason::ALL.map(UnmatchedReason::as_str),
            asked.which.reason,
        )?,
        invoice_id: asked.which.invoice_id,
        tx_hash: asked.which.tx_hash.map(|hash| hash.to_ascii_lowercase()),
    };
    let mut found = transfer_list::list(&ports.database, &filter, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut found, |transfer| Position {
        at: transfer.recorded_at,
        id: transfer.id.clone(),
    });
    let transfers = found
        .into_iter()
        .map(View::try_from)
        .collect::<Result<_, _>>()?;
    Ok((
        headers,
        Json(List {
            transfers,
            next_cursor,
        }),
    ))
}

/// A member that has to be one of some words.
fn one_of(member: &str, words: &[&str], said: Option<String>) -> Result<Option<String>, ApiError> {
    let is_known = |word: &String| words.contains(&word.as_str());
    if said.as_ref().is_none_or(is_known) {
        return Ok(said);
    }
    Err(ApiError::bad_request(format!(
        "{member}: one of {}",
        words.join(", ")
    )))
}
