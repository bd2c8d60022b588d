//! `GET /v1/admin/merchant-profiles`: the businesses.

use super::ProfileView;
use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::page::Position;
use keywright_store::catalog::merchant_profiles;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::Serialize;
use utoipa::ToSchema;

/// Businesses on a page, usually and at most.
const USUAL: i64 = 200;
const MOST: i64 = 1_000;

/// Businesses, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct MerchantProfiles {
    /// The default one among them.
    merchant_profiles: Vec<ProfileView>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// Lists the businesses that sell
///
/// Newest first, 200 a page where no limit is sent, 1000 at most.
#[utoipa::path(
    get,
    path = "/v1/admin/merchant-profiles",
    tag = "merchant profiles",
    params(PageQuery),
    responses(
        (status = 200, description = "The businesses.", body = MerchantProfiles),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    Query(query): Query<PageQuery>,
) -> Result<(HeaderMap, Json<MerchantProfiles>), ApiError> {
    let page = query.page(USUAL, MOST)?;
    let mut profiles = merchant_profiles::page(&ports.database, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut profiles, |profile| Position {
        at: profile.created_at,
        id: profile.id.clone(),
    });
    let merchant_profiles = profiles.into_iter().map(ProfileView::from).collect();
    Ok((
        headers,
        Json(MerchantProfiles {
            merchant_profiles,
            next_cursor,
        }),
    ))
}
