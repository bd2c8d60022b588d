//! `GET /releases/{product}/latest/{platform}`: where the newest version for a
//! platform is.

use crate::Ports;
use crate::binary::FileRequest;
use crate::error::{Body, GateError};
use crate::files::OPEN;
use crate::manifest;
use crate::newest::{RequiredContent, VersionSearch};
use crate::query::{GateQuery, STAGING_ID, WHOLE};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use keywright_domain::release::{Channel, Name, NotAChannel, ReleaseFile, Version};
use keywright_domain::slug::Slug;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// Leads to the newest version of a channel that has a file for a platform.
/// Yanked versions are passed over; pre-releases are not on the stable
/// channel, which is the one that counts where none is named. A staged rollout counts as
/// in the feeds: without an id an installation is led to what everybody gets. A token in
/// the query is handed on. With `direct=1` the answer is the file itself, for clients that
/// do not send `Authorization` again after a redirect; `Content-Location` names the version.
/// A range counts only with `If-Range`, so that two versions are never mixed.
///
/// `latest/{platform}.sig` leads to the signature, `latest/MANIFEST` to the
/// manifest, there with the platform, if any, in `?platform=`.
#[utoipa::path(
    get,
    path = "/releases/{product}/latest/{platform}",
    operation_id = "redirectToLatestRelease",
    tag = "releases",
    params(
        ("product" = String, Path, description = "The product's slug."),
        ("platform" = String, Path, description = "The platform, with `.sig` for its signature; or `MANIFEST`."),
        ("channel" = Option<String>, Query, description = "`stable`, `rc`, `beta`, `alpha` or `dev`; each has also what is more stable."),
        ("platform" = Option<String>, Query, description = "The platform, of `MANIFEST`."),
        ("token" = Option<String>, Query, description = "The license's token, to be handed on."),
        ("direct" = Option<String>, Query, description = "`1`: the answer is the file itself, as at the version's own URL, and no redirect."),
        ("staging" = Option<String>, Query, description = "What the installation calls itself, for staged rollouts."),
        ("x-user-staging-id" = Option<String>, Header, description = "The same, as a header."),
    ),
    responses(
        (status = 200, description = "The file, with `direct=1`.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part of it that `Range` asks for, with `direct=1` and `If-Range`.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has it; with `direct=1`."),
        (status = 307, description = "`Location` has the path of the version's file."),
        (status = 400, description = "The path or the query breaks its grammar.", body = Body),
        (status = 401, description = "With `direct=1`: no token, or one that is not the vendor's.", body = Body),
        (status = 403, description = "With `direct=1`: it does not open this.", body = Body),
        (status = 404, description = "No version has a file for this platform.", body = Body),
        (status = 503, description = "The storage is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<(String, String)>, PathRejection>,
    mut request: FileRequest,
) -> Result<Response, GateError> {
    let Path((product, asked_for)) = path.unwrap_or_else(|_| Path(<_>::default()));
    let product =
        Slug::parse(&product).map_err(|error| GateError::bad_path(format!("product {error}")))?;
    Name::parse(&asked_for).map_err(|error| GateError::bad_path(format!("version {error}")))?;
    let query = GateQuery::of(&request.uri)?;
    let is_direct = query.is_direct()?;
    let channel = channel(query.channel.as_deref())?;
    let platform = match asked_for.as_str() {
        "MANIFEST" => query.platform.as_deref(),
        file => Some(file.strip_suffix(".sig").unwrap_or(file)),
    };
    if let Some(platform) = platform {
        Name::parse(platform).map_err(|error| GateError::bad_query(format!("platform {error}")))?;
    }
    let search = VersionSearch {
        ports: &ports,
        product: &product,
        channel,
        having: platform.map_or(RequiredContent::Manifest, RequiredContent::File),
        client: query.installation(&request.headers),
        most: 1,
    };
    let found = search.run().await?.unwrap_or_default();
    let Some(version) = found.first().map(|found| &found.version) else {
        let error = GateError::new(StatusCode::NOT_FOUND, "no version for this platform");
        return Err(error.hint(format!(
            "GET /releases/{product}/ lists the versions, GET /releases/{product}/channels/{channel}.json what they have"
        )));
    };
    let mut location = format!("/releases/{product}/{version}/{asked_for}");
    if is_direct {
        // The client may have a part of the version that was the newest before.
        request.ignore_range_of_anything();
        return direct(&ports, request, (&product, version), &location, query).await;
    }
    let resumes = is_resuming(&request.headers).then_some((WHOLE, "1"));
    let token = query.token.as_deref().map(|token| ("token", token));
    for (at, (name, value)) in [token, resumes].into_iter().flatten().enumerate() {
        location.push(if at == 0 { '?' } else { '&' });
        location.push_str(name);
        location.push('=');
        location.extend(encoded(value));
    }
    redirect(&location, query.token.is_some())
}

/// Whether a request may go on with a part of another version: it asks for a range, and
/// does not say of what.
fn is_resuming(headers: &HeaderMap) -> bool {
    headers.contains_key(header::RANGE) && !headers.contains_key(header::IF_RANGE)
}

/// Answers with the file itself; `location` is its path.
async fn direct(
    ports: &Ports,
    request: FileRequest,
    (product, version): (&Slug, &Version),
    location: &str,
    query: GateQuery,
) -> Result<Response, GateError> {
    let asked_for = location.rsplit('/').next().unwrap_or_default();
    let mut response = if asked_for == "MANIFEST" {
        let version = Name::parse(version.as_str()).map_err(GateError::bad_path)?;
        manifest::answer(ports, product, &version, &request).await?
    } else {
        let file = ReleaseFile::parse(product.as_str(), version.as_str(), asked_for);
        let file = file.map_err(GateError::bad_path)?;
        request.answer(ports, &file, query).await?
    };
    let headers = response.headers_mut();
    let location = HeaderValue::from_str(location).map_err(GateError::bad_query)?;
    headers.insert(header::CONTENT_LOCATION, location);
    // Another version may be the newest in a moment.
    if headers.get(header::CACHE_CONTROL) == Some(&HeaderValue::from_static(OPEN)) {
        let check = HeaderValue::from_static("public, no-cache");
        headers.insert(header::CACHE_CONTROL, check);
    }
    headers.append(header::VARY, HeaderValue::from_name(STAGING_ID));
    Ok(response)
}

/// A channel by its name; stable where none is named.
pub(crate) fn channel(name: Option<&str>) -> Result<Channel, GateError> {
    name.map_or(Ok(Channel::Stable), str::parse)
        .map_err(|error: NotAChannel| GateError::bad_query(format!("channel {error}")))
}

/// 307 with an empty body.
fn redirect(location: &str, is_private: bool) -> Result<Response, GateError> {
    let location = HeaderValue::from_str(location).map_err(GateError::bad_query)?;
    let cache = if is_private {
        "private, no-store"
    } else {
        "public, no-cache"
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::VARY, HeaderValue::from_name(STAGING_ID)),
    ];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

/// Characters that are percent-encoded: all but the unreserved ones of RFC 3986,
/// section 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(crate) fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ENCODED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_handed_on_encoded() {
        assert_eq!(encoded("aZ09-_.~").to_string(), "aZ09-_.~");
        assert_eq!(encoded("a&b#c").to_string(), "a%26b%23c");
        assert_eq!(encoded("\r\n é+%").to_string(), "%0D%0A%20%C3%A9%2B%25");
    }

    #[test]
    fn the_stable_channel_is_the_usual_one() {
        assert_eq!(channel(None).ok(), Some(Channel::Stable));
        assert_eq!(channel(Some("beta")).ok(), Some(Channel::Beta));
        assert!(channel(Some("nightly")).is_err());
        assert!(channel(Some("")).is_err());
    }
}
