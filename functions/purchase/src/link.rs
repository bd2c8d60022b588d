//! `POST /v1/downloads/link`: a download link for the buyer's browser. A browser
//! that follows a link sends no header, and a key has no place in an address.

use crate::Ports;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, header};
use keywright_domain::caller_limits::LINKS;
use keywright_domain::dates::rfc3339;
use keywright_domain::release::gate::GateRefusal;
use keywright_domain::release::{Channel, LATEST, Platform, Version};
use keywright_domain::slug::Slug;
use keywright_license::VerifyKeys;
use keywright_ports::Refusal;
use keywright_services::download_link;
use keywright_services::holder::{HeldCredential, NotHolder};
use keywright_store::licenses::recorded;
use keywright_store::releases::feed_offers::{Offered, Reach};
use keywright_store::releases::release_feed::{self, Feed};
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json, bearer_of};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkRequest {
    /// Slug of the product; needed only to be sure that the license is for it.
    #[schema(example = "demo")]
    product: Option<String>,
    /// A version, or `latest`: the newest one that the license includes and that
    /// has a file for the platform.
    #[schema(example = "latest")]
    version: String,
    /// A Rust target triple, such as `x86_64-unknown-linux-gnu`, or `any`.
    #[schema(example = "x86_64-unknown-linux-gnu")]
    platform: String,
    /// For `latest`: the channel, `stable`, `rc`, `beta`, `alpha` or `dev`.
    /// Without it `stable`.
    channel: Option<String>,
}

/// A link that opens one file.
#[derive(Serialize, ToSchema)]
pub(crate) struct Link {
    /// Opens the file without any key, whoever follows it.
    url: String,
    /// From when on it opens nothing, RFC 3339: in five minutes.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Makes a download link that is good for five minutes
///
/// For the holder of a license: `Authorization: Bearer` and a license key, or a
/// token that names its license (an older one does not, and is 403). 404 when
/// the version or its file for the platform is not there.
#[utoipa::path(
    post,
    path = "/v1/downloads/link",
    operation_id = "createDownloadLink",
    tag = "updates",
    request_body = LinkRequest,
    responses(
        (status = 200, description = "The link.", body = Link),
        BodyRefusals, AccessRefusals, Unknown, Conflict, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    client: Client,
    headers: HeaderMap,
    request: Result<Json<LinkRequest>, ApiError>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(request) = request?;
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&LINKS], &client, now).await?;
    let now = ports.stamps.now();
    let credential = credential(&headers, ports.keys()?, now)?;
    let license_id = credential.license_id().ok_or_else(names_no_license)?;
    let requested = RequestedFile::check(&request)?;
    let license = recorded::find(&ports.database, license_id).await?;
    let license = license.ok_or_else(|| not_holder(NotHolder::NotRecorded))?;
    let recorded = license.product_slug.as_str();
    let product = requested.product.as_ref().map_or(recorded, Slug::as_str);
    credential
        .check_recorded(product, Some(recorded))
        .map_err(not_holder)?;
    let asking = credential.asking();
    let channel = requested
        .version
        .as_ref()
        .map_or(requested.channel, |_| Channel::Dev);
    let feed = release_feed::load(
        &ports.database,
        &license.product_slug,
        channel,
        asking,
        None,
    )
    .await?
    .ok_or_else(|| ApiError::internal("the license's product has no row"))?;
    let version = version(&feed, &requested, channel, &credential, now)?;
    let key = feed.holder.as_ref().map(|holder| holder.key_issued_at);
    let key = key.unwrap_or_default();
    let link = download_link::mint(&ports.sign, &license.id, key, version.as_str());
    let link = link.await.map_err(Refusal::from)?;
    let url = format!(
        "{}/releases/{}/{version}/{}?{}",
        ports.public_url()?,
        feed.product,
        requested.platform,
        link.query()
    );
    let link = Link {
        url,
        expires_at: rfc3339(link.expires),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(link)))
}

/// The caller's license key or token, its signature checked and, of a token, its date.
fn credential(
    headers: &HeaderMap,
    keys: &VerifyKeys,
    now: i64,
) -> Result<HeldCredential, ApiError> {
    let text = bearer_of(headers).ok_or_else(|| {
        ApiError::unauthorized("send the header Authorization: Bearer <license key or token>")
    })?;
    let credential = HeldCredential::verify(text, keys).map_err(|refusal| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            refusal.code(),
            refusal.to_string(),
        )
    })?;
    if let Some(claims) = credential.claims() {
        claims
            .check(&claims.product, now)
            .map_err(|error| refused(error.code(), error.to_string()))?;
    }
    Ok(credential)
}

/// 403 for a credential that does not say which license to make a link for.
fn names_no_license() -> ApiError {
    refused(
        "no-license",
        "an older token or a download id names no license; send the license key, or a newer token",
    )
}

fn not_holder(error: NotHolder) -> ApiError {
    refused(error.code(), error.to_string())
}

/// A checked request.
struct RequestedFile {
    product: Option<Slug>,
    /// `None` for the newest.
    version: Option<Version>,
    platform: Platform,
    channel: Channel,
}

impl RequestedFile {
    fn check(request: &LinkRequest) -> Result<Self, ApiError> {
        let bad = |member: &str, error: &dyn std::error::Error| {
            ApiError::bad_request(format!("{member} {error}"))
        };
        let product = request.product.as_deref().map(Slug::parse).transpose();
        let version = match request.version.as_str() {
            LATEST => None,
            text => Some(Version::parse_lenient(text).map_err(|error| bad("version", &error))?),
        };
        let channel = request.channel.as_deref().map(str::parse).transpose();
        Ok(Self {
            product: product.map_err(|error| bad("product", &error))?,
            version,
            platform: Platform::parse(&request.platform)
                .map_err(|error| bad("platform", &error))?,
            channel: channel
                .map_err(|error: keywright_domain::release::NotAChannel| bad("channel", &error))?
                .unwrap_or_default(),
        })
    }
}

/// The version that the link is for: one that the license, and the token where
/// one was sent, includes and that has a file for the platform.
fn version<'a>(
    feed: &'a Feed,
    requested: &RequestedFile,
    channel: Channel,
    credential: &HeldCredential,
    now: i64,
) -> Result<&'a Version, ApiError> {
    let holder = feed
        .holder
        .as_ref()
        .ok_or_else(|| ApiError::internal("the license vanished between two reads"))?;
    let rights = credential.rights(Some(holder.rights())).unwrap_or_default();
    let held = rights.held();
    held.is_in_force(now).map_err(denied)?;
    let has_file = |head: &release_feed::Head| {
        head.files
            .iter()
            .any(|file| file.platform == requested.platform)
    };
    let Some(version) = &requested.version else {
        let offered = Offered {
            channel,
            reach: Reach::Client(Some(&holder.license_id)),
            held: Some(held),
        };
        let newest = feed.newest(offered, |head| has_file(head).then_some(()));
        let (head, ()) = newest.ok_or_else(|| {
            ApiError::not_found("nothing on this channel is for this platform and license")
        })?;
        return Ok(&head.version);
    };
    let head = feed
        .heads
        .iter()
        .find(|head| head.version == *version && has_file(head))
        .ok_or_else(|| ApiError::not_found("there is no such version for this platform"))?;
    feed.includes(head, held).map_err(denied)?;
    Ok(&head.version)
}

/// The answer when the license opens nothing, or not this.
fn denied(refusal: GateRefusal) -> ApiError {
    refused(refusal.code(), refusal.advice())
}

fn refused(code: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, code, message)
}
