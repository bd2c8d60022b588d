//! `GET /updates/tauri/{product}/{target}/{arch}/{current_version}`: the next
//! version for one installation, or that there is none.

use super::{Query, fixed};
use crate::Ports;
use crate::feed::{FeedQuery, OpenedFeed};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use keywright_domain::dates::rfc3339;
use keywright_domain::release::Version;
use keywright_domain::release::updaters::filled_in;
use keywright_domain::release::updaters::tauri::{Bundle, TARGETS, Target, file, is_readable};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Query as QueryOf};
use serde::Serialize;
use utoipa::ToSchema;

/// A newer version, in the updater's words.
#[derive(Serialize, ToSchema)]
#[schema(as = TauriUpdate)]
pub(crate) struct Update {
    /// The version.
    version: String,
    /// Where to download it.
    url: String,
    /// base64 of the whole minisign signature file.
    signature: String,
    /// What is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<String>,
    /// When it was published, RFC 3339.
    pub_date: String,
}

/// Offers an application built with Tauri its next version
///
/// 204 when it is up to date, or nothing newer is for its system and kind of
/// bundle. A part that the application leaves unfilled (`{{bundle_type}}`, `{{arch}}`) is
/// unknown: then the answer is the newest version, without the system or the architecture
/// for every platform as in `latest.json`, and the updater compares. The endpoint in the application's configuration is
/// `…/updates/tauri/{product}/{{target}}/{{arch}}/{{current_version}}?bundle_type={{bundle_type}}`.
#[utoipa::path(
    get,
    path = "/updates/tauri/{product}/{target}/{arch}/{current_version}",
    operation_id = "getTauriUpdate",
    tag = "updates",
    params(
        ("product" = String, Path, description = "Slug of the product."),
        ("target" = String, Path, description = "`linux`, `windows` or `darwin`."),
        ("arch" = String, Path, description = "`x86_64`, `i686`, `aarch64`, `armv7` or `riscv64`."),
        ("current_version" = String, Path, description = "The installed version."),
        ("bundle_type" = Option<String>, Query, description = "`appimage`, `deb`, `rpm`, `app`, `msi` or `nsis`; without it, or with another value, any."),
        ("channel" = Option<String>, Query, description = "The channel that the installation follows: `stable`, `rc`, `beta`, `alpha` or `dev`. Without it `stable`."),
        ("token" = Option<String>, Query, description = "A token or a license key, where it is not sent as `Authorization: Bearer`."),
        ("staging" = Option<String>, Query, description = "What the installation calls itself, for rollouts in stages."),
    ),
    responses(
        (status = 200, description = "A newer version.", body = Update),
        (status = 204, description = "It is up to date."),
        BadQuery, AccessRefusals, Unknown, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    headers: HeaderMap,
    path: Result<Path<(String, String, String, String)>, PathRejection>,
    query: Result<QueryOf<Query>, ApiError>,
) -> Result<Response, ApiError> {
    let Path((product, os, arch, current)) =
        path.map_err(|_| ApiError::not_found("there is no such product"))?;
    let QueryOf(query) = query?;
    let (Some(os), Some(arch)) = (filled_in(&os), filled_in(&arch)) else {
        return fixed::answer(&ports, &headers, &product, query).await;
    };
    if !TARGETS.contains(&(os, arch)) {
        return Err(ApiError::bad_request(
            "target must be linux, windows or darwin, and arch an architecture that Tauri has for it, such as x86_64 or aarch64",
        ));
    }
    let current = filled_in(&current).map(Version::parse_lenient).transpose();
    let current =
        current.map_err(|error| ApiError::bad_request(format!("current_version {error}")))?;
    let feed_query = FeedQuery {
        headers: &headers,
        token: query.token,
        staging: query.staging,
        channel: query.channel.as_deref(),
        updater: None,
    };
    let opened = OpenedFeed::open(&ports, &product, feed_query).await?;
    let target = Target {
        os,
        arch,
        bundle: query.bundle_type.as_deref().and_then(Bundle::of),
    };
    let newest = opened.feed.newest(opened.offered(opened.channel), |head| {
        is_readable(&head.version)
            .then(|| file(&head.files, target))
            .flatten()
    });
    let is_newer = |version: &Version| current.as_ref().is_none_or(|current| version > current);
    let Some((head, platform)) = newest.filter(|(head, _)| is_newer(&head.version)) else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let release = opened.feed.whole(&ports.database, head).await?;
    let Some((release, file)) = release
        .as_ref()
        .and_then(|release| Some((release, release.file(platform)?)))
    else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let update = Update {
        version: release.version.to_string(),
        url: opened.url(&ports, &release.version, platform).await?,
        signature: super::signature(&file.signature),
        notes: release.notes.clone(),
        pub_date: rfc3339(release.published_at),
    };
    let body =
        serde_json::to_string(&update).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(opened.answer("application/json", body))
}
