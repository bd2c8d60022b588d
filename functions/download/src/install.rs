//! `GET /releases/{product}/install.sh`: the vendor's install script.

use crate::Ports;
use crate::error::{Body, GateError};
use crate::files::OPEN;
use crate::versions::slug;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use keywright_web::Download;

/// The vendor's install script for a product.
#[utoipa::path(
    get,
    path = "/releases/{product}/install.sh",
    operation_id = "getInstallScript",
    tag = "releases",
    params(("product" = String, Path, description = "The product's slug.")),
    responses(
        (status = 200, description = "The script.", body = String, content_type = "text/x-shellscript"),
        (status = 206, description = "The part of it that `Range` asks for.", body = String, content_type = "text/x-shellscript"),
        (status = 304, description = "The client has it."),
        (status = 400, description = "The path breaks its grammar.", body = Body),
        (status = 404, description = "The product has none.", body = Body),
        (status = 412, description = "`If-Match` or `If-Unmodified-Since` does not hold.", body = Body),
        (status = 416, description = "The range lies outside of the file.", body = Body),
        (status = 503, description = "The storage is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    product: Result<Path<String>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, GateError> {
    let product = slug(product)?;
    let script = Download {
        content_type: "text/x-shellscript",
        cache_control: OPEN,
        ..Download::new(format!("{product}/install.sh"))
    };
    let answer = script.answer(&ports.releases, None, &method, &headers);
    answer.await?.ok_or_else(|| {
        GateError::new(StatusCode::NOT_FOUND, "not found")
            .note("this product has no install script")
    })
}
