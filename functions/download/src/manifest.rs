//! `GET /releases/{product}/{version}/MANIFEST`: what a version consists of.

use crate::Ports;
use crate::binary::FileRequest;
use crate::error::{Body, GateError};
use crate::files::OPEN;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use keywright_domain::release::Name;
use keywright_domain::release::manifest::version_key;
use keywright_domain::slug::Slug;
use keywright_web::Download;

/// The manifest of a version, as it is stored.
#[utoipa::path(
    get,
    path = "/releases/{product}/{version}/MANIFEST",
    operation_id = "getReleaseManifest",
    tag = "releases",
    params(
        ("product" = String, Path, description = "The product's slug."),
        ("version" = String, Path, description = "The version."),
    ),
    responses(
        (status = 200, description = "The manifest.", body = Object),
        (status = 206, description = "The part of it that `Range` asks for.", body = Vec<u8>, content_type = "application/json"),
        (status = 304, description = "The client has it."),
        (status = 400, description = "The path breaks its grammar.", body = Body),
        (status = 404, description = "There is none.", body = Body),
        (status = 412, description = "`If-Match` or `If-Unmodified-Since` does not hold.", body = Body),
        (status = 416, description = "The range lies outside of the file.", body = Body),
        (status = 503, description = "The storage is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: FileRequest,
) -> Result<Response, GateError> {
    let Path((product, version)) = path.unwrap_or_else(|_| Path(<_>::default()));
    let product = Slug::parse(&product).map_err(GateError::bad_path)?;
    let version = Name::parse(&version).map_err(GateError::bad_path)?;
    answer(&ports, &product, &version, &request).await
}

/// Answers with the manifest of a version.
pub(crate) async fn answer(
    ports: &Ports,
    product: &Slug,
    version: &Name,
    request: &FileRequest,
) -> Result<Response, GateError> {
    let manifest = Download {
        content_type: "application/json",
        cache_control: OPEN,
        ..Download::new(version_key(product, version.as_str()))
    };
    let answer = manifest.answer(&ports.releases, None, &request.method, &request.headers);
    answer.await?.ok_or_else(|| {
        GateError::new(StatusCode::NOT_FOUND, "not found").note("this version has no manifest")
    })
}
