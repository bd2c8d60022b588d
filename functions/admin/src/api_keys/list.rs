//! `GET /v1/admin/api-keys`: which scoped keys there are.

use super::KeyView;
use axum::extract::State;
use keywright_domain::page::Position;
use keywright_ports::{Database, Stamps};
use keywright_store::operator::api_keys::{self, ApiKey};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, NoFilter, list_of};

list_of! {
    /// A page of scoped keys, revoked ones included.
    ApiKeys as ApiKeyPage { api_keys: KeyView }
}

/// Lists the scoped keys, newest first, without their tokens.
#[utoipa::path(
    get,
    path = "/v1/admin/api-keys",
    operation_id = "listApiKeys",
    tag = "api keys",
    params(PageQuery),
    responses(
        (status = 200, description = "The keys.", body = ApiKeyPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    list: List<NoFilter>,
) -> Result<ApiKeyPage, ApiError> {
    let rows = api_keys::list(&database, &list.page).await?;
    let position = |key: &ApiKey| Position {
        at: key.created_at,
        id: key.id.clone(),
    };
    let now = stamps.now();
    Ok(list.answer(rows, position, |key| KeyView::new(key, now)))
}
