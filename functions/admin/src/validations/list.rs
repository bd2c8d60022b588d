//! `GET /v1/admin/validations`: what was validated.

use crate::Ports;
use crate::span::Span;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_store::seats::validation_log::{self, Filter, Validation};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Validations on a page, usually and at most.
const USUAL: i64 = 200;
const MOST: i64 = 1_000;

/// Which validations; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Of this license.
    license_id: Option<String>,
    /// Of this product.
    product_id: Option<String>,
    /// `ok`, or the reason against it.
    #[param(example = "too_many_machines")]
    result: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(flatten)]
    which: Which,
    #[serde(flatten)]
    span: Span,
    #[serde(flatten)]
    page: PageQuery,
}

/// One validation.
#[derive(Serialize, ToSchema)]
#[schema(as = Validation)]
pub(crate) struct ValidationView {
    /// Later ones have higher numbers.
    id: i64,
    /// RFC 3339.
    at: String,
    /// The license that the key names; null for a key that does not verify.
    #[schema(required)]
    license_id: Option<String>,
    /// The product that the key names.
    #[schema(required)]
    product_id: Option<String>,
    /// The machine that was found or made.
    #[schema(required)]
    machine_id: Option<String>,
    /// SHA-256 of the fingerprint that was sent, in lower-case hex.
    #[schema(required)]
    fingerprint_hash: Option<String>,
    /// `ok`, or the reason against it.
    #[schema(example = "ok")]
    result: String,
    /// The network it came from: the first 24 bits of an IPv4 address, 48 of an
    /// IPv6 address.
    #[schema(example = "192.0.2.0/24")]
    #[schema(required)]
    address_prefix: Option<String>,
    /// The `User-Agent` that was sent, shortened.
    #[schema(required)]
    user_agent: Option<String>,
}

/// Validations, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Validations {
    /// The validations.
    validations: Vec<ValidationView>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl From<Validation> for ValidationView {
    fn from(validation: Validation) -> Self {
        Self {
            id: validation.id,
            at: rfc3339(validation.at),
            license_id: validation.license_id,
            product_id: validation.product_id,
            machine_id: validation.machine_id,
            fingerprint_hash: validation.fingerprint_hash,
            result: validation.result,
            address_prefix: validation.address_prefix,
            user_agent: validation.user_agent,
        }
    }
}

/// What was validated, newest first. 200 a page where no limit is sent, 1000 at
/// most. A validation is listed a moment after its answer.
#[utoipa::path(
    get,
    path = "/v1/admin/validations",
    tag = "records",
    params(Which, Span, PageQuery),
    responses(
        (status = 200, description = "The validations.", body = Validations),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    Query(asked): Query<Asked>,
) -> Result<(HeaderMap, Json<Validations>), ApiError> {
    let page = asked.page.page(USUAL, MOST)?;
    let (from, to) = asked.span.read()?;
    // The log is in the order of its numbers, so a position is a number.
    let before = page.after.as_ref().map(|last| last.id.parse()).transpose();
    let before = before.map_err(|_| {
        ApiError::bad_request("cursor: not one of this list; take next_cursor of the page before")
    })?;
    let filter = Filter {
        license_id: asked.which.license_id,
        product_id: asked.which.product_id,
        result: asked.which.result,
        from,
        to,
    };
    let mut found = validation_log::list(&ports.database, &filter, before, page.limit + 1).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut found, |validation| Position {
        at: validation.at,
        id: validation.id.to_string(),
    });
    let validations = found.into_iter().map(ValidationView::from).collect();
    Ok((
        headers,
        Json(Validations {
            validations,
            next_cursor,
        }),
    ))
}
