//! `GET /v1/admin/releases`: what was published.

use super::product;
use super::view::ReleaseView;
use axum::extract::State;
use keywright_domain::page::Position;
use keywright_domain::release::Version;
use keywright_ports::Database;
use keywright_store::releases::versions::{self, Release, ReleaseFilter};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which releases; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReleaseListFilter {
    /// Slug of the product.
    #[param(pattern = "^([a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?)?$")]
    product: Option<String>,
    /// The channel they are on.
    #[param(pattern = "^(stable|rc|beta|alpha|dev)?$")]
    channel: Option<String>,
    /// The version.
    #[param(example = "1.2.0")]
    version: Option<String>,
}

list_of! {
    /// A page of releases.
    Releases as ReleasePage { releases: ReleaseView }
}

/// What was published, the newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/releases",
    operation_id = "listReleases",
    tag = "releases",
    params(ReleaseListFilter, PageQuery),
    responses(
        (status = 200, description = "A page of releases.", body = ReleasePage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<ReleaseListFilter>,
) -> Result<ReleasePage, ApiError> {
    let bad = |member: &str, error: &dyn std::fmt::Display| {
        ApiError::bad_request(format!("{member} {error}"))
    };
    let asked = &list.filter;
    let channel = asked.channel.as_deref().map(str::parse).transpose();
    let version = asked
        .version
        .as_deref()
        .map(Version::parse_lenient)
        .transpose();
    let filter = ReleaseFilter {
        product: asked.product.as_deref().map(product).transpose()?,
        channel: channel.map_err(|error| bad("channel", &error))?,
        version: version.map_err(|error| bad("version", &error))?,
    };
    let rows = versions::list(&database, &filter, &list.page).await?;
    let position = |row: &Release| Position {
        at: row.published_at,
        id: row.id.clone(),
    };
    Ok(list.answer(rows, position, ReleaseView::from))
}
