//! `GET /releases/{product}/channels/{channel}.json`: a plain feed for whoever
//! looks for updates without an updater's own format.

use crate::Ports;
use crate::error::{Body, GateError};
use crate::files::OPEN;
use crate::latest::encoded;
use crate::newest::{OfferedVersion, RequiredContent, VersionSearch};
use crate::query::{GateQuery, STAGING_ID};
use crate::versions::unknown;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use keywright_domain::dates::rfc3339;
use keywright_domain::release::manifest::{Artifact, VersionManifest};
use keywright_domain::slug::Slug;
use keywright_web::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// Most versions in a feed.
const MOST: usize = 10;

/// What a channel offers.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelFeed {
    /// The product's slug.
    product: String,
    /// The channel.
    channel: &'static str,
    /// The newest version that is offered; null where there is none.
    latest: Option<ChannelRelease>,
    /// The newest versions that are offered, at most ten, the newest first.
    recent: Vec<ChannelRelease>,
}

/// A version of a channel.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct ChannelRelease {
    /// The version.
    version: String,
    /// The channel that it was published on.
    channel: &'static str,
    /// When it was built, RFC 3339.
    built_at: String,
    /// When it was published, RFC 3339.
    published_at: String,
    /// The commit it was built from.
    source_commit: Option<String>,
    /// What is new, for people.
    notes: Option<String>,
    /// An entitlement that a license needs for it.
    requires_entitlement: Option<String>,
    /// Its files.
    artifacts: Vec<ChannelArtifact>,
}

/// A file of a version.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct ChannelArtifact {
    /// What it runs on.
    platform: String,
    /// The name it is saved under.
    file_name: String,
    /// Where it is; a licensed product's takes a token.
    url: String,
    /// The same file at a URL that ends in its name.
    file_url: String,
    /// Its size in bytes.
    size_bytes: u64,
    /// SHA-256 in lower-case hex.
    sha256: String,
    /// SHA-512 in lower-case hex.
    sha512: String,
    /// The vendor's signature, a whole minisign file.
    signature: String,
}

/// What a channel offers, with every file's address, size, digests and
/// signature. Yanked versions are not in it, and a staged rollout counts:
/// without an id an installation sees what everybody gets.
#[utoipa::path(
    get,
    path = "/releases/{product}/channels/{file}",
    operation_id = "getReleaseChannel",
    tag = "releases",
    params(
        ("product" = String, Path, description = "The product's slug."),
        ("file" = String, Path, description = "The channel and `.json`, such as `stable.json`."),
        ("staging" = Option<String>, Query, description = "What the installation calls itself, for staged rollouts."),
        ("x-user-staging-id" = Option<String>, Header, description = "The same, as a header."),
    ),
    responses(
        (status = 200, description = "The channel.", body = ChannelFeed),
        (status = 400, description = "The path or the query breaks its grammar.", body = Body),
        (status = 404, description = "There is no such product or channel.", body = Body),
        (status = 503, description = "The storage is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<([(HeaderName, HeaderValue); 2], Json<ChannelFeed>), GateError> {
    let Path((product, file)) = path.unwrap_or_else(|_| Path(<_>::default()));
    let product =
        Slug::parse(&product).map_err(|error| GateError::bad_path(format!("product {error}")))?;
    let channel = file
        .strip_suffix(".json")
        .and_then(|name| name.parse().ok())
        .ok_or_else(|| {
            let error = GateError::new(StatusCode::NOT_FOUND, "channel not found");
            error.hint("stable.json, rc.json, beta.json, alpha.json and dev.json")
        })?;
    let query = GateQuery::of(&uri)?;
    let client = query.installation(&headers);
    let search = VersionSearch {
        ports: &ports,
        product: &product,
        channel,
        having: RequiredContent::List,
        client,
        most: MOST,
    };
    let found = search.run().await?.ok_or_else(unknown)?;
    let recent: Vec<ChannelRelease> = found
        .iter()
        .filter_map(|found| release(&ports, found))
        .collect();
    let feed = ChannelFeed {
        product: product.into(),
        channel: channel.as_str(),
        latest: recent.first().cloned(),
        recent,
    };
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static(OPEN)),
        (header::VARY, HeaderValue::from_name(STAGING_ID)),
    ];
    Ok((headers, Json(feed)))
}

/// What a manifest says; an older version, of which nothing is known, is not
/// in feeds.
fn release(ports: &Ports, found: &OfferedVersion) -> Option<ChannelRelease> {
    let manifest = found.manifest.as_ref()?;
    let artifacts = manifest.artifacts.iter();
    Some(ChannelRelease {
        version: found.version.to_string(),
        channel: manifest.channel.as_str(),
        built_at: rfc3339(manifest.built_at_unix),
        published_at: rfc3339(manifest.published_at_unix),
        source_commit: manifest.source_commit.clone(),
        notes: manifest.notes.clone(),
        requires_entitlement: manifest.requires_entitlement.clone(),
        artifacts: artifacts
            .filter(|artifact| found.offers(artifact.platform.as_str()))
            .map(|artifact| file(&ports.public_url, manifest, artifact))
            .collect(),
    })
}

fn file(public_url: &str, manifest: &VersionManifest, artifact: &Artifact) -> ChannelArtifact {
    let (product, version) = (&manifest.product, &manifest.version);
    let platform = &artifact.platform;
    let url = format!("{public_url}/releases/{product}/{version}/{platform}");
    ChannelArtifact {
        file_url: format!("{url}/{}", encoded(artifact.file_name.as_str())),
        url,
        platform: platform.to_string(),
        file_name: artifact.file_name.to_string(),
        size_bytes: artifact.size_bytes,
        sha256: artifact.sha256.to_string(),
        sha512: artifact.sha512.to_string(),
        signature: artifact.signature.clone(),
    }
}
