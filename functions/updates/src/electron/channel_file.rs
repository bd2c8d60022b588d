//! `GET /updates/electron/{product}/latest.yml` and its kin: the newest version
//! of a channel for one operating system. The files are asked for beside it.

use super::{Query, file, yaml};
use crate::Ports;
use crate::feed::{FeedQuery, OpenedFeed};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use data_encoding::{BASE64, HEXLOWER};
use http::HeaderMap;
use keywright_domain::dates::rfc3339;
use keywright_domain::release::manifest::Artifact;
use keywright_domain::release::updaters::electron::{ChannelFile, Extras, is_readable};
use keywright_store::releases::feed_offers::{Offered, Reach};
use keywright_store::releases::release_feed::Release;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Query as QueryOf};
use std::fmt::Write as _;

/// Tells electron-updater of the newest version, or leads it to a file
///
/// `latest.yml` for Windows, `latest-mac.yml`, `latest-linux.yml`,
/// `latest-linux-arm64.yml` and so on; another channel stands in place of
/// `latest`. Any other name is that of a file of a release, answered with 302 to
/// its download. A version that is none of Semantic Versioning is passed over, because it
/// would make every check of every installation fail.
#[utoipa::path(
    get,
    path = "/updates/electron/{product}/{file}",
    operation_id = "getElectronUpdates",
    tag = "updates",
    params(
        ("product" = String, Path, description = "Slug of the product."),
        ("file" = String, Path, description = "A channel file, or a file that one names."),
        ("token" = Option<String>, Query, description = "A token or a license key, where it is not sent as `Authorization: Bearer`."),
        ("staging" = Option<String>, Query, description = "What the installation calls itself, for rollouts in stages, where it sends no `x-user-staging-id`."),
    ),
    responses(
        (status = 200, description = "The channel file.", body = String, content_type = "text/yaml"),
        (status = 302, description = "Where the file is."),
        BadQuery, AccessRefusals, Unknown, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    headers: HeaderMap,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<QueryOf<Query>, ApiError>,
) -> Result<Response, ApiError> {
    let Path((product, name)) =
        path.map_err(|_| ApiError::not_found("there is no such product"))?;
    let QueryOf(query) = query?;
    let Some(channel_file) = ChannelFile::parse(&name) else {
        return file::redirect(&ports, &headers, &product, None, &name, query).await;
    };
    let query = FeedQuery {
        headers: &headers,
        token: query.token,
        staging: query.staging,
        channel: Some(channel_file.channel.as_str()),
        updater: None,
    };
    let opened = OpenedFeed::open(&ports, &product, query).await?;
    let usual = opened.offered(opened.channel);
    // Who does not say which installation it is finds out itself whether the
    // rollout has reached it, by the percentage in the file.
    let offered = if opened.client().is_some() {
        usual
    } else {
        Offered {
            reach: Reach::ByClient,
            ..usual
        }
    };
    let newest = opened.feed.newest(offered, |head| {
        let files = channel_file.files(&head.files);
        (is_readable(&head.version) && !files.is_empty()).then_some(files)
    });
    let nothing = || ApiError::not_found("nothing is published on this channel yet");
    let (head, platforms) = newest.ok_or_else(nothing)?;
    let release = opened.feed.whole(&ports.database, head).await?;
    let release = release.ok_or_else(nothing)?;
    let files: Vec<&Artifact> = platforms
        .into_iter()
        .filter_map(|platform| release.file(platform))
        .collect();
    let percent = opened.client().is_none().then_some(release.rollout_percent);
    let body = written(&release, &files, percent).ok_or_else(nothing)?;
    Ok(opened.answer("text/yaml; charset=utf-8", body))
}

/// The channel file; `None` without a file.
fn written(release: &Release, files: &[&Artifact], percent: Option<u8>) -> Option<String> {
    let first = files.first()?;
    let mut yaml = String::new();
    let extras = Extras::of(&release.metadata);
    let sha512 = |file: &Artifact| {
        let digest = HEXLOWER.decode(file.sha512.as_str().as_bytes());
        yaml::text(&BASE64.encode(&digest.unwrap_or_default()))
    };
    let url = |file: &Artifact| yaml::text(&address(release, file));
    // Writing to a string cannot fail.
    let _ = writeln!(yaml, "version: {}", yaml::text(release.version.as_str()));
    let _ = writeln!(yaml, "files:");
    for file in files {
        let _ = writeln!(yaml, "  - url: {}", url(file));
        let _ = writeln!(yaml, "    sha512: {}", sha512(file));
        let _ = writeln!(yaml, "    size: {}", file.size_bytes);
    }
    let _ = writeln!(yaml, "path: {}", url(first));
    let _ = writeln!(yaml, "sha512: {}", sha512(first));
    let published = rfc3339(release.published_at);
    let _ = writeln!(yaml, "releaseDate: {}", yaml::text(&published));
    for (name, value) in [
        ("releaseName", &extras.release_name),
        ("releaseNotes", &release.notes),
        ("minimumSystemVersion", &extras.minimum_system_version),
    ] {
        if let Some(value) = value {
            let _ = writeln!(yaml, "{name}: {}", yaml::text(value));
        }
    }
    if let Some(percent) = percent.filter(|percent| *percent < 100) {
        let _ = writeln!(yaml, "stagingPercentage: {percent}");
    }
    Some(yaml)
}

/// Where a file is, from the channel file: its name, behind the version where
/// the name does not tell that and every version may have a file of this name.
fn address(release: &Release, file: &Artifact) -> String {
    let name = file.file_name.in_url();
    if file.file_name.as_str().contains(release.version.as_str()) {
        name
    } else {
        format!("{}/{name}", release.version)
    }
}
