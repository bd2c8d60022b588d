//! `GET /updates/tauri/{product}/latest.json`: the newest version for every
//! installation at once.

use super::Query;
use crate::Ports;
use crate::feed::{FeedQuery, OpenedFeed};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use keywright_domain::dates::rfc3339;
use keywright_domain::release::updaters::tauri::{is_readable, platforms};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Query as QueryOf};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The newest version.
#[derive(Serialize, ToSchema)]
#[schema(as = TauriRelease)]
pub(crate) struct Newest {
    /// The version.
    version: String,
    /// What is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<String>,
    /// When it was published, RFC 3339.
    pub_date: String,
    /// Its files, by `os-arch` and `os-arch-bundle`.
    platforms: BTreeMap<String, Place>,
}

/// A file of it.
#[derive(Serialize, ToSchema)]
#[schema(as = TauriPlatform)]
pub(crate) struct Place {
    /// Where to download it.
    url: String,
    /// base64 of the whole minisign signature file.
    signature: String,
}

/// Lists the newest version for all applications built with Tauri
///
/// The form that Tauri calls static JSON. It is the newest version there is for
/// any system; where systems are published at different times, the route with
/// the installed version in its path serves each of them better.
#[utoipa::path(
    get,
    path = "/updates/tauri/{product}/latest.json",
    operation_id = "getTauriRelease",
    tag = "updates",
    params(
        ("product" = String, Path, description = "Slug of the product."),
        ("channel" = Option<String>, Query, description = "`stable`, `rc`, `beta`, `alpha` or `dev`. Without it `stable`."),
        ("token" = Option<String>, Query, description = "A token or a license key, where it is not sent as `Authorization: Bearer`."),
        ("staging" = Option<String>, Query, description = "What the installation calls itself, for rollouts in stages."),
    ),
    responses(
        (status = 200, description = "The newest version.", body = Newest),
        BadQuery, AccessRefusals, Unknown, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
    query: Result<QueryOf<Query>, ApiError>,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("there is no such product");
    let Path(product) = path.map_err(|_| unknown())?;
    let QueryOf(query) = query?;
    answer(&ports, &headers, &product, query).await
}

/// The answer to one whose system is not known.
pub(super) async fn answer(
    ports: &Ports,
    headers: &HeaderMap,
    product: &str,
    query: Query,
) -> Result<Response, ApiError> {
    let nothing = || ApiError::not_found("nothing is published on this channel yet");
    let query = FeedQuery {
        headers,
        token: query.token,
        staging: query.staging,
        channel: query.channel.as_deref(),
        updater: None,
    };
    let opened = OpenedFeed::open(ports, product, query).await?;
    let newest = opened.feed.newest(opened.offered(opened.channel), |head| {
        let platforms = platforms(&head.files);
        (is_readable(&head.version) && !platforms.is_empty()).then_some(platforms)
    });
    let (head, platforms) = newest.ok_or_else(nothing)?;
    let release = opened.feed.whole(&ports.database, head).await?;
    let release = release.ok_or_else(nothing)?;
    let mut places = BTreeMap::new();
    let mut urls = BTreeMap::new();
    for (name, platform) in platforms {
        let Some(file) = release.file(platform) else {
            continue;
        };
        // One signature opens every file of a version, and a file has several
        // names.
        if !urls.contains_key(platform) {
            let url = opened.url(ports, &release.version, platform).await?;
            urls.insert(platform, url);
        }
        let place = Place {
            url: urls[platform].clone(),
            signature: super::signature(&file.signature),
        };
        places.insert(name, place);
    }
    let newest = Newest {
        version: release.version.to_string(),
        notes: release.notes.clone(),
        pub_date: rfc3339(release.published_at),
        platforms: places,
    };
    let body =
        serde_json::to_string(&newest).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(opened.answer("application/json", body))
}
