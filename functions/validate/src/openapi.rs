//! `GET /v1/openapi.json`: what this instance can be asked, described for
//! programs (OpenAPI 3.1). The document is made from all functions' types by a
//! test, checked in, and part of this module.

use axum::response::IntoResponse;
use http::{HeaderValue, header};
use utoipa::ToSchema;

/// `docs/openapi.json` without its white space; see `build.rs`.
const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// An OpenAPI document.
#[derive(ToSchema)]
#[schema(as = OpenApiDocument)]
#[expect(dead_code, reason = "a description; the document is text")]
pub(crate) struct Document {
    /// Version of the description's format.
    #[schema(example = "3.1.0")]
    openapi: String,
}

/// This document.
///
/// Made from the code of this very version.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "getOpenApiDocument",
    tag = "instance",
    responses((status = 200, description = "The document.", body = Document)),
)]
pub(crate) async fn handler() -> impl IntoResponse {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], DOCUMENT)
}
