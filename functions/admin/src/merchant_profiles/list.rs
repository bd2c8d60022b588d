//! `GET /v1/admin/merchant-profiles`: the businesses.

use super::ProfileView;
use axum::extract::State;
use keywright_domain::page::Position;
use keywright_ports::Database;
use keywright_store::catalog::merchant_profiles::{self, MerchantProfile};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, NoFilter, list_of};

list_of! {
    /// A page of businesses, the default one among them.
    MerchantProfiles as MerchantProfilePage { merchant_profiles: ProfileView }
}

/// Lists the businesses that sell
///
/// Newest first,
#[utoipa::path(
    get,
    path = "/v1/admin/merchant-profiles",
    operation_id = "listMerchantProfiles",
    tag = "merchant profiles",
    params(PageQuery),
    responses(
        (status = 200, description = "The businesses.", body = MerchantProfilePage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<NoFilter>,
) -> Result<MerchantProfilePage, ApiError> {
    let rows = merchant_profiles::page(&database, &list.page).await?;
    let position = |profile: &MerchantProfile| Position {
        at: profile.created_at,
        id: profile.id.clone(),
    };
    Ok(list.answer(rows, position, ProfileView::from))
}
