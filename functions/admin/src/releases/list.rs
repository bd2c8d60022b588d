//! `GET /v1/admin/releases`: what was published.

use super::product;
use super::view::ReleaseView;
use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::page::Position;
use keywright_domain::release::Version;
use keywright_store::releases::versions::{self, ReleaseFilter};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Releases of a page, where no limit is sent and at most.
const USUAL: i64 = 50;
const MOST: i64 = 200;

/// Which releases; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Slug of the product.
    product: Option<String>,
    /// The channel they are on.
    #[param(pattern = "^(stable|rc|beta|alpha|dev)$")]
    channel: Option<String>,
    /// The version.
    #[param(example = "1.2.0")]
    version: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(flatten)]
    which: Which,
    #[serde(flatten)]
    page: PageQuery,
}

/// A page of releases.
#[derive(Serialize, ToSchema)]
#[schema(as = ReleasePage)]
pub(crate) struct Releases {
    /// The newest first.
    releases: Vec<ReleaseView>,
    /// Cursor of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// What was published, the newest first. 50 a page where no limit is sent,
/// 200 at most.
#[utoipa::path(
    get,
    path = "/v1/admin/releases",
    tag = "releases",
    params(Which, PageQuery),
    responses(
        (status = 200, description = "A page of releases.", body = Releases),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    asked: Result<Query<Asked>, ApiError>,
) -> Result<(HeaderMap, Json<Releases>), ApiError> {
    let Query(Asked { which, page }) = asked?;
    let page = page.page(USUAL, MOST)?;
    let bad = |member: &str, error: &dyn std::fmt::Display| {
        ApiError::bad_request(format!("{member}: {error}"))
    };
    let channel = which.channel.map(|channel| channel.parse()).transpose();
    let version = which.version.as_deref().map(Version::parse).transpose();
    let filter = ReleaseFilter {
        product: which.product.as_deref().map(product).transpose()?,
        channel: channel.map_err(|error| bad("channel", &error))?,
        version: version.map_err(|error| bad("version", &error))?,
    };
    let mut rows = versions::list(&ports.database, &filter, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut rows, |row| Position {
        at: row.published_at,
        id: row.id.clone(),
    });
    let releases = rows.into_iter().map(ReleaseView::from).collect();
    Ok((
        headers,
        Json(Releases {
            releases,
            next_cursor,
        }),
    ))
}
