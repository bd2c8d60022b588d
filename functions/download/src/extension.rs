//! `GET /api/v1/licensing/download/{product}/{version}.zip`: the package of a
//! Joomla extension, as Joomla fetches it.

use crate::Ports;
use crate::error::{Body, GateError};
use crate::files;
use crate::gate::{Admitted, GateRefused, GatedVersion};
use crate::manifest_cache::StoredVersion;
use crate::notes::{DownloadNotes, RequestedFile};
use crate::query::GateQuery;
use crate::site;
use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method, Uri};
use keywright_domain::release::manifest::{Artifact, VersionManifest};
use keywright_domain::release::{Platform, ReleaseFile, SiteName, Version};
use keywright_ports::{Later, ReleaseError};
use keywright_web::{Client, Download};

/// The platforms of a package, the first that there is.
const PLATFORMS: [&str; 2] = [Platform::ANY, "any.zip"];

/// The package of an extension. A signed link has `token`, `expires` and
/// `dlid` and is good for five minutes; the form that Joomla makes has the
/// download id alone, also as `amp;dlid`. A license key or a token is taken in the
/// place of a download id, and each of them in the `Authorization` header and in
/// `?token=`. An open product needs none of them.
///
/// With `domain` the site takes one of the license's seats, if it has none.
#[utoipa::path(
    get,
    path = "/api/v1/licensing/download/{product}/{file}",
    operation_id = "downloadExtension",
    tag = "releases",
    params(
        ("product" = String, Path, description = "The product's slug."),
        ("file" = String, Path, description = "The version and `.zip`."),
        ("dlid" = Option<String>, Query, description = "The license's download id, key or token."),
        ("token" = Option<String>, Query, description = "The signature of a link, or the license's token or key."),
        ("expires" = Option<String>, Query, description = "When a link expires, in unix seconds."),
        ("domain" = Option<String>, Query, description = "The host name of the site that it is for."),
    ),
    responses(
        (status = 200, description = "The package.", body = Vec<u8>, content_type = "application/zip"),
        (status = 206, description = "The part of it that `Range` asks for.", body = Vec<u8>, content_type = "application/zip"),
        (status = 304, description = "The client has it."),
        (status = 400, description = "The path or the query breaks its grammar.", body = Body),
        (status = 401, description = "Nothing that opens it, or a token that is not the vendor's.", body = Body),
        (status = 403, description = "It does not open this: `malformed-download-id`, `unknown-download-id`, `not-found`, `invalid-license-key`, `malformed-link`, `invalid-signature`, `link-expired`, `link-too-long`, `wrong-product`, `token-revoked`, `channel-expired`, `entitlement-missing`, `version-below-floor`, `maintenance-expired`, `domain-limit`.", body = Body),
        (status = 404, description = "There is no such package.", body = Body),
        (status = 412, description = "`If-Match` or `If-Unmodified-Since` does not hold.", body = Body),
        (status = 416, description = "The range lies outside of the file.", body = Body),
        (status = 503, description = "No public key is configured, no database is bound to look a download id up in, or something is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
    client: Client,
    Extension(later): Extension<Later>,
) -> Result<Response, GateError> {
    let Path((product, file)) = path.unwrap_or_else(|_| Path(<_>::default()));
    let version = file.strip_suffix(".zip").ok_or_else(GateError::no_file)?;
    let file = ReleaseFile::parse(&product, version, Platform::ANY).map_err(GateError::bad_path)?;
    // Words such as `latest` are none: what is signed has to be one version.
    Version::parse(version).map_err(|_| GateError::no_file())?;
    let mut query = GateQuery::of(&uri)?;
    let domain = query.domain.take();
    let site = domain.as_deref().map(SiteName::parse).transpose();
    let site = site.map_err(|error| GateError::bad_query(format!("domain {error}")))?;
    let notes = DownloadNotes {
        ports: &ports,
        later: &later,
        client: &client,
    };
    let requested = RequestedFile {
        product: &product,
        version,
        platform: Platform::ANY,
        site: site.as_ref().map(SiteName::as_str),
    };
    let gated = GatedVersion {
        ports: &ports,
        product: &file.product,
        version,
        platform: None,
        takes_download_ids: true,
        resuming: None,
    };
    let opened = gated.open(query.presented(&headers)).await;
    let passed = match opened {
        Ok((admitted, stored)) => seated(&ports, admitted, stored, site.as_ref(), &method).await,
        Err(refused) => Err(refused),
    };
    let (admitted, stored) = match passed {
        Ok(passed) => passed,
        Err(refused) => return Err(notes.refused(&requested, refused).await),
    };
    let package = match &stored {
        StoredVersion::Listed(manifest) => {
            let artifact = package_of(manifest).ok_or_else(GateError::no_file)?;
            files::listed(manifest, artifact, admitted.to())
        }
        StoredVersion::Older(_) => {
            let platform = older_package(&ports, &file).await?;
            let key = format!(
                "{product}/{version}/{}",
                platform.ok_or_else(GateError::no_file)?
            );
            Download::new(key)
        }
    };
    let package = Download {
        name: Some(zip_name(package.name, &product, version)),
        content_type: "application/zip",
        ..package
    };
    let answer = files::answer(&ports, &package, &method, &headers).await?;
    let status = answer.status();
    notes.begun(&requested, &admitted, &method, status).await;
    Ok(answer)
}

/// Gives the site its seat; a HEAD changes nothing.
async fn seated(
    ports: &Ports,
    admitted: Admitted,
    stored: StoredVersion,
    site: Option<&SiteName>,
    method: &Method,
) -> Result<(Admitted, StoredVersion), GateRefused> {
    if let (Some(site), Some(license_id)) = (site, &admitted.license_id)
        && method != Method::HEAD
        && let Some(refusal) = site::take_seat(ports, license_id, site).await?
    {
        return Err(GateRefused::by_rule(refusal, &admitted));
    }
    Ok((admitted, stored))
}

/// The package among the files of a version: the one for any platform, else the
/// only one there is.
fn package_of(manifest: &VersionManifest) -> Option<&Artifact> {
    let found = PLATFORMS
        .into_iter()
        .find_map(|platform| manifest.artifact(platform));
    found.or(match manifest.artifacts.as_slice() {
        [only] => Some(only),
        _ => None,
    })
}

/// The same in a folder that is laid out the older way.
async fn older_package(ports: &Ports, file: &ReleaseFile) -> Result<Option<String>, ReleaseError> {
    let folder = format!("{}/{}", file.product, file.version.as_str());
    let listing = ports.releases.list(&folder).await?.unwrap_or_default();
    let is_package = |name: &str| {
        name != "MANIFEST.json"
            && name.strip_suffix(".sig").is_none()
            && keywright_domain::release::Name::parse(name).is_ok()
    };
    let mut files = listing.files;
    files.retain(|name| is_package(name));
    let found = PLATFORMS
        .into_iter()
        .find(|name| files.iter().any(|file| file == name));
    Ok(match (found, files.as_slice()) {
        (Some(name), _) => Some(name.to_owned()),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    })
}

/// The name that it is saved under ends in `.zip`: Joomla goes by that.
fn zip_name(name: Option<String>, product: &str, version: &str) -> String {
    name.filter(|name| name.to_ascii_lowercase().ends_with(".zip"))
        .unwrap_or_else(|| format!("{product}-{version}.zip"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_package_is_the_one_for_any_platform_or_the_only_one() {
        for (platforms, package) in [
            (&[][..], None),
            (&["any"], Some("any")),
            (&["any.zip"], Some("any.zip")),
            (&["any", "any.zip", "x86_64-unknown-linux-gnu"], Some("any")),
            (&["any.zip", "x86_64-unknown-linux-gnu"], Some("any.zip")),
            (
                &["x86_64-unknown-linux-gnu"],
                Some("x86_64-unknown-linux-gnu"),
            ),
            (&["any.deb", "any.rpm"], None),
        ] {
            let file = |platform: &&str| {
                json!({ "platform": platform, "file_name": "a", "size_bytes": 1,
                        "sha256": "0".repeat(64), "sha512": "0".repeat(128), "signature": "" })
            };
            let manifest = json!({
                "format": 1, "product": "demo", "version": "1.0.0", "channel": "stable",
                "built_at_unix": 0, "published_at_unix": 0,
                "artifacts": platforms.iter().map(file).collect::<Vec<_>>(),
            });
            let manifest: VersionManifest = serde_json::from_value(manifest).expect("a manifest");
            let found = package_of(&manifest).map(|artifact| artifact.platform.as_str());
            assert_eq!(found, package, "{platforms:?}");
        }
    }

    #[test]
    fn its_name_ends_in_zip() {
        let name = |name: &str| zip_name(Some(name.to_owned()), "demo", "1.0.0");
        assert_eq!(name("com_demo.zip"), "com_demo.zip");
        assert_eq!(name("com_demo.ZIP"), "com_demo.ZIP");
        assert_eq!(name("demo-1.0.0-any"), "demo-1.0.0.zip");
        assert_eq!(zip_name(None, "demo", "1.0.0"), "demo-1.0.0.zip");
    }
}
