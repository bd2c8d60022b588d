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
use keywright_domain::release::updaters::appcast::{Entry, listed};
use keywright_domain::release::updaters::sparkle::{Archive, Item, archive};
use keywright_domain::release::updaters::{Updater, filled_in};
use keywright_store::releases::release_feed::{Head, Release};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Query as QueryOf};
use serde::Deserialize;
use std::io;

/// Most items of a channel; each may cost a call of sign.
const MOST: usize = 8;

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
/// For each channel from `stable` down to the one that is asked for, the newest version
/// and, where newer ones need a newer macOS, the newest for older systems. An item of another channel than `stable` says which, so that the
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
    let arch = query.arch.as_deref().and_then(filled_in);
    if arch.is_some_and(|arch| !matches!(arch, "aarch64" | "arm64" | "x86_64")) {
        return Err(ApiError::bad_request(
            "arch must be aarch64, arm64 or x86_64",
        ));
    }
    let query = FeedQuery {
        headers: &headers,
        token: query.token,
        staging: query.staging,
        channel: query.channel.as_deref(),
        updater: Some(Updater::Sparkle),
    };
    let opened = OpenedFeed::open(&ports, &product, query).await?;
    let offered = opened.feed.offered(opened.offered(opened.channel), |head| {
        archive(&head.files, arch)
    });
    let entries: Vec<Entry<'_>> = offered
        .iter()
        .map(|(head, archive)| Entry {
            version: &head.version,
            channel: head.channel,
            item: Item::of(&head.version, &head.metadata),
            arm64_only: archive.arm64_only,
        })
        .collect();
    let entries = listed(&entries, MOST);
    let chosen = entries.iter().filter_map(|entry| {
        let found = offered
            .iter()
            .find(|(head, _)| head.version == *entry.version)?;
        Some((found, entry))
    });
    let chosen: Vec<_> = chosen.collect();
    let heads: Vec<&Head> = chosen.iter().map(|((head, _), _)| *head).collect();
    let releases = opened.feed.wholes(&ports.database, &heads).await?;
    let mut items = Vec::new();
    for ((head, archive), entry) in chosen {
        let Some(release) = releases.iter().find(|release| release.id == head.id) else {
            continue;
        };
        let url = opened
            .url(&ports, &release.version, archive.platform)
            .await?;
        let item = Item {
            maximum_system_version: entry.item.maximum_system_version.clone(),
            ..Item::of(&release.version, &release.metadata)
        };
        items.push(ListedItem {
            release,
            archive,
            item,
            url,
        });
    }
    let link = ports.public_url()?;
    let root = [("version", "2.0"), ("xmlns:sparkle", NAMESPACE)];
    let body = Xml::document("rss", &root, |xml| {
        xml.element("channel", &[], |xml| {
            xml.text("title", &[], &opened.feed.name)?;
            xml.text("link", &[], link)?;
            xml.text("description", &[], &opened.feed.description)?;
            items.iter().try_for_each(|item| item.write(xml))
        })
    })?;
    Ok(opened.answer("application/rss+xml; charset=utf-8", body))
}

/// One `<item>`.
struct ListedItem<'a> {
    release: &'a Release,
    archive: &'a Archive<'a>,
    item: Item,
    url: String,
}

impl ListedItem<'_> {
    fn write(&self, xml: &mut Xml) -> io::Result<()> {
        let Self {
            release,
            archive,
            item,
            url,
        } = self;
        let Some(file) = release.file(archive.platform) else {
            return Ok(());
        };
        // Stored since it was published, when it was checked.
        let signature = DetachedSignature::parse(&file.signature).map_err(io::Error::other)?;
        let signature = BASE64.encode(&signature.signature);
        let length = file.size_bytes.to_string();
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
            xml.optional(
                "sparkle:maximumSystemVersion",
                item.maximum_system_version.as_ref(),
            )?;
            if archive.arm64_only {
                xml.text("sparkle:hardwareRequirements", &[], "arm64")?;
            }
            xml.optional("sparkle:releaseNotesLink", item.release_notes_link.as_ref())?;
            if let (Some(notes), None) = (&release.notes, &item.release_notes_link) {
                xml.text("description", &[("sparkle:format", "plain-text")], notes)?;
            }
            let mut enclosure = vec![
                ("url", url.as_str()),
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
}
