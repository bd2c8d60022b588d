//! `GET /releases/{product}/{version}/{platform}/{file}`: the same file at a URL that ends
//! in its name, which pip, apt and Homebrew go by.

use crate::Ports;
use crate::binary::FileRequest;
use crate::error::{Body, GateError};
use crate::manifest_cache::StoredVersion;
use crate::query::GateQuery;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use keywright_domain::release::ReleaseFile;

/// One file of a version, at a URL that ends in its name
///
/// As `/releases/{product}/{version}/{platform}`, for programs that go by the end of a URL;
/// with `.sig` behind the name the signature. Another name than the one under which the file
/// was published is 404.
#[utoipa::path(
    get,
    path = "/releases/{product}/{version}/{platform}/{file}",
    operation_id = "downloadNamedRelease",
    tag = "releases",
    params(
        ("product" = String, Path, description = "The product's slug."),
        ("version" = String, Path, description = "The version."),
        ("platform" = String, Path, description = "The platform, as at the URL without the name."),
        ("file" = String, Path, description = "The name that the file was published under; and `.sig` for the signature."),
        ("token" = Option<String>, Query, description = "The license's token or its key, or the signature of a link."),
        ("expires" = Option<String>, Query, description = "When a link expires, in unix seconds."),
        ("dlid" = Option<String>, Query, description = "The download id of a link."),
    ),
    responses(
        (status = 200, description = "The file.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part of it that `Range` asks for.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has it."),
        (status = 400, description = "The path or the query breaks its grammar.", body = Body),
        (status = 401, description = "No token, or one that is not the vendor's.", body = Body),
        (status = 403, description = "It does not open this.", body = Body),
        (status = 404, description = "There is no such file, or it has another name.", body = Body),
        (status = 412, description = "`If-Match` or `If-Unmodified-Since` does not hold.", body = Body),
        (status = 416, description = "The range lies outside of the file.", body = Body),
        (status = 503, description = "No public key is configured, or the storage or the database is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<(String, String, String, String)>, PathRejection>,
    request: FileRequest,
) -> Result<Response, GateError> {
    let Path((product, version, platform, name)) = path.unwrap_or_else(|_| Path(<_>::default()));
    let file = ReleaseFile::parse(&product, &version, &platform).map_err(GateError::bad_path)?;
    let query = GateQuery::of(&request.uri)?;
    let manifests = &ports.manifests;
    let stored = manifests.version(&file.product, &version, Some(&platform));
    let (published, is_listed) = match stored.await? {
        StoredVersion::Listed(manifest) => {
            let artifact = manifest.artifact(&platform);
            let artifact = artifact.ok_or_else(GateError::no_file)?;
            (artifact.file_name.to_string(), true)
        }
        // Whether there is one shows when it is opened.
        StoredVersion::Older(_) => (file.file_name(), false),
    };
    if name == published {
        return request.answer(&ports, &file, query).await;
    }
    if name.strip_suffix(".sig") != Some(&published) {
        // The manifest is public, and so are the names in it.
        return Err(if is_listed {
            GateError::no_file().hint(published)
        } else {
            GateError::no_file()
        });
    }
    let signature = ReleaseFile::parse(&product, &version, &format!("{platform}.sig"));
    let signature = signature.map_err(GateError::bad_path)?;
    request.answer(&ports, &signature, query).await
}
