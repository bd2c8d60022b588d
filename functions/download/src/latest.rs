//! `GET /releases/{product}/latest/{platform}`: where the newest version for a
//! platform is.

use crate::Ports;
use crate::error::{Body, GateError};
use crate::newest::{RequiredContent, VersionSearch};
use crate::query::{GateQuery, STAGING_ID};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use keywright_domain::release::{Channel, Name, NotAChannel};
use keywright_domain::slug::Slug;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// Leads to the newest version of a channel that has a file for a platform.
/// Yanked versions are passed over; pre-releases are not on the stable
/// channel, which is the one that counts where none is named. A staged rollout counts as
/// in the feeds: without an id an installation is led to what everybody gets. A token in
/// the query is handed on.
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
        ("staging" = Option<String>, Query, description = "What the installation calls itself, for staged rollouts."),
        ("x-user-staging-id" = Option<String>, Header, description = "The same, as a header."),
    ),
    responses(
        (status = 307, description = "`Location` has the path of the version's file."),
        (status = 400, description = "The path or the query breaks its grammar.", body = Body),
        (status = 404, description = "No version has a file for this platform.", body = Body),
        (status = 503, description = "The storage is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GateError> {
    let Path((product, asked_for)) = path.unwrap_or_else(|_| Path(<_>::default()));
    let product = Slug::parse(&product).map_err(GateError::bad_path)?;
    Name::parse(&asked_for).map_err(GateError::bad_path)?;
    let query = GateQuery::of(&uri)?;
    let channel = channel(query.channel.as_deref())?;
    let platform = match asked_for.as_str() {
        "MANIFEST" => query.platform.as_deref(),
        file => Some(file.strip_suffix(".sig").unwrap_or(file)),
    };
    if let Some(platform) = platform {
        Name::parse(platform).map_err(GateError::bad_query)?;
    }
    let search = VersionSearch {
        ports: &ports,
        product: &product,
        channel,
        having: platform.map_or(RequiredContent::Manifest, RequiredContent::File),
        client: query.installation(&headers),
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
    if let Some(token) = &query.token {
        location.push_str("?token=");
        location.extend(encoded(token));
    }
    redirect(&location, query.token.is_some())
}

/// A channel by its name; stable where none is named.
pub(crate) fn channel(name: Option<&str>) -> Result<Channel, GateError> {
    name.map_or(Ok(Channel::Stable), str::parse)
        .map_err(|error: NotAChannel| GateError::bad_query(error))
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

fn encoded(text: &str) -> PercentEncode<'_> {
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
