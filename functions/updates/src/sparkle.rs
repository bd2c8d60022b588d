//! `GET /updates/sparkle/{product}/appcast.xml`: what Sparkle asks for a Mac.

use crate::Ports;
use crate::feed::{FeedQuery, OpenedFeed};
use crate::xml::Xml;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use data_encoding::BASE64;
use http::HeaderMap;
use keywright_domain::dates::rfc2822;
use keywright_domain::release::Channel;
use keywright_domain::release::signature::DetachedSignature;
use keywright_domain::release::updaters::sparkle::{Archive, Item, archive};
use keywright_store::releases::release_feed::Release;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Query as QueryOf};
use serde::Deserialize;
use std::io;

/// The prefix `sparkle`.
const NAMESPACE: &str = "http://www.andymatuschak.org/xml-namespaces/sparkle";

#[derive(Default, Deserialize)]
pub(crate) struct Query {
    channel: Option<String>,
    token: Option<String>,
    staging: Option<String>,
    arch: Option<String>,
}

/// Lists the versions of a product for Sparkle
///
/// The newest version of each channel from `stable` down to the one that is
/// asked for. An item of another channel than `stable` says which, so that the
/// application has to allow that channel, too.
#[utoipa::path(
    get,
    path = "/updates/sparkle/{product}/appcast.xml",
    operation_id = "getSparkleAppcast",
    tag = "updates",
    params(
        ("product" = String, Path, description = "Slug of the product."),
        ("channel" = Option<String>, Query, description = "The least stable channel to list: `stable`, `rc`, `beta`, `alpha` or `dev`. Without it `stable`."),
        ("arch" = Option<String>, Query, description = "`aarch64` or `x86_64`, for a product without a universal archive."),
        ("token" = Option<String>, Query, description = "A token or a license key, where it is not sent as `Authorization: Bearer`."),
        ("staging" = Option<String>, Query, description = "What the installation calls itself, for rollouts in stages."),
    ),
    responses(
        (status = 200, description = "The appcast.", body = String, content_type = "application/rss+xml"),
        BadQuery, AccessRefusals, Unknown, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
    query: Result<QueryOf<Query>, ApiError>,
) -> Result<Response, ApiError> {
    let Path(product) = path.map_err(|_| ApiError::not_found("there is no such product"))?;
    let QueryOf(query) = query?;
    let arch = query.arch.as_deref().filter(|arch| !arch.is_empty());
    if arch.is_some_and(|arch| !matches!(arch, "aarch64" | "arm64" | "x86_64")) {
        return Err(ApiError::bad_request("arch: aarch64 or x86_64"));
    }
    let query = FeedQuery {
        headers: &headers,
        token: query.token,
        staging: query.staging,
        channel: query.channel.as_deref(),
    };
    let opened = OpenedFeed::open(&ports, &product, query).await?;
    let mut items = Vec::new();
    for channel in Channel::ALL {
        if !opened.channel.offers(channel) {
            continue;
        }
        let newest = opened.feed.newest(opened.offered(channel), |head| {
            (head.channel == channel)
                .then(|| archive(&head.files, arch))
                .flatten()
        });
        let Some((head, archive)) = newest else {
            continue;
        };
        if let Some(release) = opened.feed.whole(&ports.database, head).await? {
            let url = opened
                .url(&ports, &release.version, archive.platform)
                .await?;
            items.push((release, archive, url));
        }
    }
    let link = ports.public_url()?;
    let root = [("version", "2.0"), ("xmlns:sparkle", NAMESPACE)];
    let body = Xml::document("rss", &root, |xml| {
        xml.element("channel", &[], |xml| {
            xml.text("title", &[], &opened.feed.name)?;
            xml.text("link", &[], link)?;
            xml.text("description", &[], &opened.feed.description)?;
            items
                .iter()
                .try_for_each(|(release, archive, url)| write(xml, release, archive, url))
        })
    })?;
    Ok(opened.answer("application/rss+xml; charset=utf-8", body))
}

/// One `<item>`.
fn write(xml: &mut Xml, release: &Release, archive: &Archive<'_>, url: &str) -> io::Result<()> {
    let Some(file) = release.file(archive.platform) else {
        return Ok(());
    };
    // Stored since it was published, when it was checked.
    let signature = DetachedSignature::parse(&file.signature).map_err(io::Error::other)?;
    let signature = BASE64.encode(&signature.signature);
    let length = file.size_bytes.to_string();
    let item = Item::of(&release.version, &release.metadata);
    xml.element("item", &[], |xml| {
        xml.text("title", &[], release.version.as_str())?;
        xml.optional("link", item.link.as_ref())?;
        xml.text("sparkle:version", &[], &item.build_version)?;
        xml.text("sparkle:shortVersionString", &[], release.version.as_str())?;
        if release.channel != Channel::Stable {
            xml.text("sparkle:channel", &[], release.channel.as_str())?;
        }
        xml.text("pubDate", &[], &rfc2822(release.published_at))?;
        xml.optional(
            "sparkle:minimumSystemVersion",
            item.minimum_system_version.as_ref(),
        )?;
        if archive.arm64_only {
            xml.text("sparkle:hardwareRequirements", &[], "arm64")?;
        }
        xml.optional("sparkle:releaseNotesLink", item.release_notes_link.as_ref())?;
        if let (Some(notes), None) = (&release.notes, &item.release_notes_link) {
            xml.text("description", &[("sparkle:format", "plain-text")], notes)?;
        }
        let mut enclosure = vec![
            ("url", url),
            ("length", length.as_str()),
            ("type", "application/octet-stream"),
            ("sparkle:edSignature", signature.as_str()),
        ];
        if archive.is_package {
            enclosure.push(("sparkle:installationType", "package"));
        }
        xml.element("enclosure", &enclosure, |_| Ok(()))
    })
}
