//! `GET /api/v1/licensing/updates/{product}.xml`: what a Joomla site asks. It
//! is always answered 200 with well-formed XML, an empty list included: after
//! anything else Joomla asks again at another path, and shows an error.
//!
//! A stock Joomla sends no key with this request, so the versions are public,
//! and it is the download that asks for one. To a request that does send a good
//! key each entry has a link that opens the download for five minutes.

use crate::Ports;
use crate::xml::Xml;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{Uri, header};
use keywright_domain::release::gate::DownloadRights;
use keywright_domain::release::updaters::joomla::{Extension, package, package_name};
use keywright_domain::release::updaters::{Updater, filled_in, needed};
use keywright_domain::release::{Channel, Platform};
use keywright_ports::Level;
use keywright_services::download_link;
use keywright_services::holder::HeldCredential;
use keywright_store::releases::feed_offers::{Offered, Reach};
use keywright_store::releases::release_feed::{self, Asking, Feed, Head, Release};
use keywright_web::{ApiError, RequestId};
use std::io;

/// Most entries of a channel; each may cost a call of sign.
const MOST: usize = 8;

/// What Joomla appends to the whole URL, behind the query too, when it did not
/// like the answer to the URL itself.
const FALLBACK: &str = "/extension.xml";

/// Lists the versions of a product for Joomla's update check
///
/// For each channel, tagged as Joomla knows them, the newest release and those that sites
/// need which it is not for, by Joomla, PHP or database; the site itself leaves out what
/// it is not to have. Whatever is query, the
/// answer is 200 with an update list, an empty one where there is nothing to
/// tell.
#[utoipa::path(
    get,
    path = "/api/v1/licensing/updates/{product}",
    operation_id = "getJoomlaUpdates",
    tag = "updates",
    params(
        ("product" = String, Path, description = "Slug of the product, and `.xml`."),
        ("dlid" = Option<String>, Query, description = "A download id or a license key. With a good one the links of the answer open the downloads for five minutes. Stock Joomla does not send it here."),
        ("channel" = Option<String>, Query, description = "The least stable channel to list: `stable`, `rc`, `beta`, `alpha` or `dev`, which is all."),
        ("staging" = Option<String>, Query, description = "What the installation calls itself, for rollouts in stages."),
    ),
    responses((status = 200, description = "Joomla's update list.", body = String, content_type = "application/xml"))
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    axum::Extension(RequestId(request_id)): axum::Extension<RequestId>,
    uri: Uri,
    product: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let file = product.map(|Path(file)| file).unwrap_or_default();
    let query = JoomlaQuery::of(uri.query().unwrap_or_default());
    let answer = answer(&ports, &file, &query, &request_id).await;
    // Joomla gets its list even while something is wrong here; the log says what.
    let body = match answer {
        Ok(body) => body,
        Err(error) => {
            let line = format!("no Joomla update list for {file:?}: {}", error.message());
            ports.log.write(Level::Error, &request_id, &line);
            Xml::document("updates", &[], |_| Ok(()))?
        }
    };
    let kept = if query.dlid.is_some() {
        "private, no-store"
    } else {
        "public, max-age=60"
    };
    let headers = [
        (header::CONTENT_TYPE, "application/xml; charset=utf-8"),
        (header::CACHE_CONTROL, kept),
    ];
    Ok((headers, body).into_response())
}

/// `GET /api/v1/licensing/updates/{product}/extension.xml`: the second try of Joomla.
pub(crate) mod fallback {
    use super::Ports;
    use axum::extract::rejection::PathRejection;
    use axum::extract::{Path, State};
    use axum::response::Response;
    use http::Uri;
    use keywright_web::{ApiError, RequestId};

    /// Lists the versions of a product for Joomla's second try
    ///
    /// Joomla asks this where it could not read the answer to the first.
    #[utoipa::path(
        get,
        path = "/api/v1/licensing/updates/{product}/extension.xml",
        operation_id = "getJoomlaUpdatesFile",
        tag = "updates",
        params(("product" = String, Path, description = "Slug of the product, and `.xml`.")),
        responses((status = 200, description = "Joomla's update list.", body = String, content_type = "application/xml"))
    )]
    pub(crate) async fn handler(
        state: State<Ports>,
        request_id: axum::Extension<RequestId>,
        uri: Uri,
        product: Result<Path<String>, PathRejection>,
    ) -> Result<Response, ApiError> {
        super::handler(state, request_id, uri, product).await
    }
}

/// The query, read leniently: nothing in it is a reason for an error.
#[derive(Debug, Default, PartialEq, Eq)]
struct JoomlaQuery {
    dlid: Option<String>,
    channel: Option<Channel>,
    staging: Option<String>,
}

impl JoomlaQuery {
    fn of(text: &str) -> Self {
        let text = text.strip_suffix(FALLBACK).unwrap_or(text);
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            // Where Joomla appends its key to a query, it does so with `&amp;`.
            match name.strip_prefix("amp;").unwrap_or(name) {
                "dlid" if !value.is_empty() => query.dlid = Some(value.into_owned()),
                "channel" => query.channel = value.parse().ok(),
                "staging" if filled_in(&value).is_some() => {
                    query.staging = Some(value.into_owned());
                }
                _ => {}
            }
        }
        query
    }
}

async fn answer(
    ports: &Ports,
    file: &str,
    query: &JoomlaQuery,
    request_id: &str,
) -> Result<String, ApiError> {
    let product = file.strip_suffix(".xml").unwrap_or(file);
    let least = query.channel.unwrap_or(Channel::Dev);
    let dlid = query.dlid.as_deref().zip(ports.keys().ok());
    let credential = dlid.and_then(|(text, keys)| HeldCredential::verify(text, keys).ok());
    let asking = credential
        .as_ref()
        .map_or(Asking::Anybody, HeldCredential::asking);
    let Some(feed) = release_feed::load(
        &ports.database,
        product,
        least,
        asking,
        Some(Updater::Joomla),
    )
    .await?
    else {
        return Xml::document("updates", &[], |_| Ok(()));
    };
    // A license that is not good is as good as none: the versions are public.
    let holder = feed.holder.as_ref().filter(|holder| {
        !feed.is_open()
            && holder.product == feed.product.as_str()
            && holder
                .rights()
                .held()
                .is_in_force(ports.stamps.now())
                .is_ok()
    });
    let client = holder.map(|holder| holder.license_id.as_str());
    let client = query.staging.as_deref().or(client);
    let rights = holder.map(release_feed::Holder::rights);
    let mut chosen = Vec::new();
    for channel in Channel::ALL.into_iter().filter(|one| least.offers(*one)) {
        let offered = Offered {
            channel,
            reach: Reach::Client(client),
            held: rights.as_ref().map(DownloadRights::held),
        };
        chosen.extend(needed_of(&feed, offered));
    }
    let heads: Vec<&Head> = chosen.iter().map(|(head, _)| *head).collect();
    let mut entries = Vec::new();
    for release in feed.wholes(&ports.database, &heads).await? {
        let Some((_, platform)) = chosen.iter().find(|(head, _)| head.id == release.id) else {
            continue;
        };
        let mut url = format!(
            "{}/api/v1/licensing/download/{}/{}",
            ports.public_url()?,
            feed.product,
            package_name(&release.version)
        );
        if let Some(holder) = holder {
            let version = release.version.as_str();
            let (license_id, key) = (&holder.license_id, holder.key_issued_at);
            match download_link::mint(&ports.sign, license_id, key, version).await {
                Ok(link) => url = format!("{url}?{}", link.query()),
                Err(error) => ports
                    .log
                    .write(Level::Error, request_id, &error.to_string()),
            }
        }
        if let Some(file) = release.file(platform) {
            let (sha256, sha512) = (file.sha256.to_string(), file.sha512.to_string());
            entries.push(Entry {
                extension: Extension::of(
                    &feed.product,
                    &feed.name,
                    &feed.description,
                    &release.metadata,
                ),
                release,
                url,
                sha256,
                sha512,
            });
        }
    }
    Xml::document("updates", &[], |xml| {
        entries.iter().try_for_each(|entry| entry.write(xml))
    })
}

/// The releases that some site needs, of those that were published on the channel itself
/// and have a package: the newest, and older ones for sites that it is not for.
fn needed_of<'a>(feed: &'a Feed, offered: Offered<'_>) -> Vec<(&'a Head, &'a Platform)> {
    let extension = |head: &Head| Extension::of(&feed.product, &feed.name, "", &head.metadata);
    let with_package = feed.offered(offered, |head| {
        let platform = package(&head.files).filter(|_| head.channel == offered.channel)?;
        Some((platform, extension(head)))
    });
    let covers = |newer: &(&Head, (&Platform, Extension)),
                  older: &(&Head, (&Platform, Extension))| {
        newer.1.1.covers(&older.1.1)
    };
    let needed = needed(with_package, covers, MOST).into_iter();
    needed
        .map(|(head, (platform, _))| (head, platform))
        .collect()
}

/// One `<update>`.
struct Entry {
    extension: Extension,
    release: Release,
    url: String,
    sha256: String,
    sha512: String,
}

impl Entry {
    fn write(&self, xml: &mut Xml) -> io::Result<()> {
        let Self {
            extension, release, ..
        } = self;
        xml.element("update", &[], |xml| {
            xml.text("name", &[], &extension.name)?;
            xml.text("description", &[], &extension.description)?;
            xml.text("element", &[], &extension.element)?;
            xml.text("type", &[], &extension.kind)?;
            xml.text("client", &[], extension.client)?;
            xml.optional("folder", extension.folder.as_ref())?;
            xml.text("version", &[], release.version.as_str())?;
            if let Some(url) = &extension.info_url {
                xml.text("infourl", &[("title", &extension.name)], url)?;
            }
            xml.optional("changelogurl", extension.changelog_url.as_ref())?;
            xml.element("downloads", &[], |xml| {
                xml.text(
                    "downloadurl",
                    &[("type", "full"), ("format", "zip")],
                    &self.url,
                )
            })?;
            xml.text("sha256", &[], &self.sha256)?;
            xml.text("sha512", &[], &self.sha512)?;
            xml.element("tags", &[], |xml| {
                xml.text("tag", &[], release.channel.as_str())
            })?;
            xml.optional("maintainer", extension.maintainer.as_ref())?;
            xml.optional("maintainerurl", extension.maintainer_url.as_ref())?;
            let platform = [
                ("name", "joomla"),
                ("version", extension.target_platform.as_str()),
            ];
            xml.element("targetplatform", &platform, |_| Ok(()))?;
            xml.optional("php_minimum", extension.php_minimum.as_ref())?;
            if !extension.supported_databases.is_empty() {
                let databases: Vec<(&str, &str)> = extension
                    .supported_databases
                    .iter()
                    .map(|(name, version)| (name.as_str(), version.as_str()))
                    .collect();
                xml.element("supported_databases", &databases, |_| Ok(()))?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query_of(
        dlid: Option<&str>,
        channel: Option<Channel>,
        staging: Option<&str>,
    ) -> JoomlaQuery {
        JoomlaQuery {
            dlid: dlid.map(str::to_owned),
            channel,
            staging: staging.map(str::to_owned),
        }
    }

    #[test]
    fn the_query_is_read_as_joomla_may_write_it() {
        let beta = Some(Channel::Beta);
        for (query, expected) in [
            ("", query_of(None, None, None)),
            ("/extension.xml", query_of(None, None, None)),
            ("dlid=abc", query_of(Some("abc"), None, None)),
            ("dlid=abc/extension.xml", query_of(Some("abc"), None, None)),
            ("dlid=&amp;dlid=abc", query_of(Some("abc"), None, None)),
            (
                "channel=beta&amp;dlid=abc",
                query_of(Some("abc"), beta, None),
            ),
            ("channel=beta/extension.xml", query_of(None, beta, None)),
            (
                "channel=nightly&staging=a%20b&x",
                query_of(None, None, Some("a b")),
            ),
            ("dlid=%FF", query_of(Some("\u{fffd}"), None, None)),
        ] {
            assert_eq!(JoomlaQuery::of(query), expected, "{query}");
        }
    }
}
