//! `GET /updates/electron/{product}/{version}/{file}`: leads to the download of
//! a file that a channel file names. The link is made now, not when the channel
//! file was: somebody may think about an update for longer than a link is good.

use super::Query;
use crate::Ports;
use crate::feed::{FeedQuery, OpenedFeed};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use keywright_domain::release::Channel;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Query as QueryOf};

/// Leads an application that uses electron-updater to a file of a version
///
/// 302 to the download; for the holder of a license a link that opens it for five
/// minutes.
#[utoipa::path(
    get,
    path = "/updates/electron/{product}/{version}/{file}",
    operation_id = "redirectToElectronFile",
    tag = "updates",
    params(
        ("product" = String, Path, description = "Slug of the product."),
        ("version" = String, Path, description = "The version."),
        ("file" = String, Path, description = "A file that a channel file names."),
        ("token" = Option<String>, Query, description = "A token or a license key, where it is not sent as `Authorization: Bearer`."),
    ),
    responses(
        (status = 302, description = "Where the file is."),
        BadQuery, AccessRefusals, Unknown, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    headers: HeaderMap,
    path: Result<Path<(String, String, String)>, PathRejection>,
    query: Result<QueryOf<Query>, ApiError>,
) -> Result<Response, ApiError> {
    let Path((product, version, name)) =
        path.map_err(|_| ApiError::not_found("there is no such product"))?;
    let QueryOf(query) = query?;
    redirect(&ports, &headers, &product, Some(&version), &name, query).await
}

/// The way to the file of this name: of a version, or of the newest version that
/// has one.
pub(super) async fn redirect(
    ports: &Ports,
    headers: &HeaderMap,
    product: &str,
    version: Option<&str>,
    name: &str,
    query: Query,
) -> Result<Response, ApiError> {
    let query = FeedQuery {
        headers,
        token: query.token,
        staging: query.staging,
        channel: Some(Channel::Dev.as_str()),
        updater: None,
    };
    let opened = OpenedFeed::open(ports, product, query).await?;
    let heads = opened.feed.heads.iter();
    let wanted =
        heads.filter(|head| version.is_none_or(|version| head.version.as_str() == version));
    let found = wanted
        .filter_map(|head| {
            let mut files = head.files.iter();
            let file = files.find(|file| file.file_name.as_str() == name)?;
            Some((&head.version, &file.platform))
        })
        .max();
    let (version, platform) =
        found.ok_or_else(|| ApiError::not_found("there is no such file of this product"))?;
    let url = opened.url(ports, version, platform).await?;
    // Slugs, versions, platforms and links have no character that a header
    // could not hold; an address from the configuration may.
    let location = HeaderValue::from_str(&url)
        .map_err(|error| ApiError::internal(format!("PUBLIC_URL: {error}")))?;
    let headers = [
        (header::LOCATION, location),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        ),
    ];
    Ok((StatusCode::FOUND, headers).into_response())
}
