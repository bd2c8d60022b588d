//! `GET /v1/admin/attention`.

use super::AttentionView;
use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::page::Position;
use keywright_store::operator::attention;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Items a page, where no limit is sent, and at most.
const USUAL: i64 = 100;
const MOST: i64 = 500;

/// Which ones.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// `open`, which is usual, or `all` to see those that are done as well.
    #[param(pattern = "^(open|all)$")]
    state: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(flatten)]
    which: Which,
    #[serde(flatten)]
    page: PageQuery,
}

/// What there is to look at, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Attention)]
pub(crate) struct List {
    /// The items.
    attention: Vec<AttentionView>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// What the operator has to look at, newest first. 100 a page where no limit is
/// sent, 500 at most.
#[utoipa::path(
    get,
    path = "/v1/admin/attention",
    tag = "records",
    params(Which, PageQuery),
    responses(
        (status = 200, description = "What there is.", body = List),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    Query(asked): Query<Asked>,
) -> Result<(HeaderMap, Json<List>), ApiError> {
    let page = asked.page.page(USUAL, MOST)?;
    let only_open = match asked.which.state.as_deref() {
        None | Some("open") => true,
        Some("all") => false,
        Some(_) => return Err(ApiError::bad_request("state: open or all")),
    };
    let mut found = attention::list(&ports.database, only_open, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut found, |item| Position {
        at: item.at,
        id: item.id.clone(),
    });
    let attention = found.into_iter().map(AttentionView::from).collect();
    Ok((
        headers,
        Json(List {
            attention,
            next_cursor,
        }),
    ))
}
