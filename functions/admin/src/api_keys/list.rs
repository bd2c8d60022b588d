//! `GET /v1/admin/api-keys`: which scoped keys there are.

use super::KeyView;
use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::page::Position;
use keywright_store::operator::api_keys;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::Serialize;
use utoipa::ToSchema;

/// Keys on a page, usually and at most.
const USUAL: i64 = 200;
const MOST: i64 = 1_000;

/// Keys, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Keys {
    /// Revoked ones included.
    api_keys: Vec<KeyView>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// The scoped keys, newest first, without their tokens. 200 a page where no
/// limit is sent, 1000 at most.
#[utoipa::path(
    get,
    path = "/v1/admin/api-keys",
    tag = "api keys",
    params(PageQuery),
    responses(
        (status = 200, description = "The keys.", body = Keys),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    Query(query): Query<PageQuery>,
) -> Result<(HeaderMap, Json<Keys>), ApiError> {
    let page = query.page(USUAL, MOST)?;
    let mut keys = api_keys::list(&ports.database, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut keys, |key| Position {
        at: key.created_at,
        id: key.id.clone(),
    });
    let now = ports.stamps.now();
    let api_keys = keys.into_iter().map(|key| KeyView::new(key, now)).collect();
    Ok((
        headers,
        Json(Keys {
            api_keys,
            next_cursor,
        }),
    ))
}
