//! `GET /v1/admin/attention`.

use super::AttentionView;
use axum::extract::State;
use keywright_domain::page::Position;
use keywright_ports::Database;
use keywright_store::operator::attention::{self, AttentionItem};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which items.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttentionFilter {
    /// `open`, the default, or `all` to see resolved items as well.
    #[param(value_type = Option<String>, pattern = "^(open|all)?$")]
    state: Option<AttentionState>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum AttentionState {
    Open,
    All,
}

list_of! {
    /// A page of attention items.
    Items as AttentionPage { attention: AttentionView }
}

/// What the operator has to look at, newest first. 100 a page where no limit is
/// sent, 500 at most.
#[utoipa::path(
    get,
    path = "/v1/admin/attention",
    operation_id = "listAttentionItems",
    tag = "records",
    params(AttentionFilter, PageQuery),
    responses(
        (status = 200, description = "The items.", body = AttentionPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<AttentionFilter>,
) -> Result<AttentionPage, ApiError> {
    let only_open = list.filter.state != Some(AttentionState::All);
    let rows = attention::list(&database, only_open, &list.page).await?;
    let position = |item: &AttentionItem| Position {
        at: item.at,
        id: item.id.clone(),
    };
    Ok(list.answer(rows, position, AttentionView::from))
}
