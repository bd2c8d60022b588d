//! `GET /v1/admin/transfers`.

use super::TransferView;
use axum::extract::State;
use keywright_domain::page::Position;
use keywright_domain::pasted::Pasted;
use keywright_domain::usdc::matching::UnmatchedReason;
use keywright_ports::Database;
use keywright_providers::polygon::Hash;
use keywright_store::chain::transfer_list;
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, Listed, list_of};
use serde::Deserialize;
use utoipa::IntoParams;

/// The states of a transfer.
const STATES: [&str; 5] = ["seen", "credited", "unmatched", "resolved", "reorged"];

/// Which transfers; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TransferFilter {
    /// In this state; `unmatched` are those that somebody has to look at.
    #[param(pattern = "^(seen|credited|unmatched|resolved|reorged)?$")]
    state: Option<String>,
    /// For this reason.
    #[param(
        pattern = "^(underpaid|overpaid|late|wrong_token|duplicate|unknown|early|ambiguous|unconfirmed)?$"
    )]
    reason: Option<String>,
    /// For this order.
    #[param(value_type = Option<String>)]
    invoice_id: Option<Pasted>,
    /// Of this transaction.
    tx_hash: Option<String>,
}

list_of! {
    /// A page of transfers.
    Transfers as TransferPage { transfers: TransferView }
}

/// Lists the transfers of USDC to the vendor, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/transfers",
    operation_id = "listTransfers",
    tag = "records",
    params(TransferFilter, PageQuery),
    responses(
        (status = 200, description = "The transfers.", body = TransferPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<TransferFilter>,
) -> Result<Listed<Transfers>, ApiError> {
    let asked = &list.filter;
    let tx_hash = asked.tx_hash.as_deref().map(Hash::pasted).transpose();
    let tx_hash = tx_hash.map_err(|error| ApiError::bad_request(format!("tx_hash {error}")))?;
    let reasons = UnmatchedReason::ALL.map(UnmatchedReason::as_str);
    let filter = transfer_list::TransferFilter {
        state: one_of("state", &STATES, asked.state.as_ref())?,
        reason: one_of("reason", &reasons, asked.reason.as_ref())?,
        invoice_id: asked.invoice_id.clone().and_then(Pasted::id),
        tx_hash: tx_hash.map(|hash| hash.to_string()),
    };
    let mut rows = transfer_list::list(&database, &filter, &list.page).await?;
    let next = list.cut(&mut rows, |transfer| Position {
        at: transfer.recorded_at,
        id: transfer.id.clone(),
    });
    let items = rows.into_iter().map(TransferView::try_from);
    Ok(Listed {
        items: items.collect::<Result<_, _>>()?,
        next,
    })
}

/// A member that has to be one of some words.
fn one_of(member: &str, words: &[&str], sent: Option<&String>) -> Result<Option<String>, ApiError> {
    let is_known = |word: &&String| words.contains(&word.as_str());
    if sent.as_ref().is_none_or(is_known) {
        return Ok(sent.cloned());
    }
    Err(ApiError::bad_request(format!(
        "{member} must be one of {}",
        words.join(", ")
    )))
}
