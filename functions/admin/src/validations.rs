//! `GET /v1/admin/validations`: what was validated.

use crate::span;
use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_domain::pasted::Pasted;
use keywright_ports::Database;
use keywright_store::seats::validation_log::{self, Validation};
use keywright_web::list::{PageQuery, wrong_cursor};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which validations; all of these have to fit.
#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ValidationFilter {
    /// Of this license.
    #[param(value_type = Option<String>)]
    license_id: Option<Pasted>,
    /// Of this product.
    #[param(value_type = Option<String>)]
    product_id: Option<Pasted>,
    /// `ok`, or the reason against it.
    #[param(example = "too_many_machines")]
    result: Option<String>,
    /// Nothing before this time; RFC 3339.
    #[param(example = "2026-01-01T00:00:00Z", format = DateTime)]
    from: Option<String>,
    /// Only before this time; RFC 3339.
    #[param(example = "2026-02-01T00:00:00Z", format = DateTime)]
    to: Option<String>,
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

list_of! {
    /// A page of validations.
    Validations as ValidationPage { validations: ValidationView }
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

/// Lists what was validated, newest first. A validation is listed a moment after its
/// answer.
#[utoipa::path(
    get,
    path = "/v1/admin/validations",
    operation_id = "listValidations",
    tag = "records",
    params(ValidationFilter, PageQuery),
    responses(
        (status = 200, description = "The validations.", body = ValidationPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<ValidationFilter>,
) -> Result<ValidationPage, ApiError> {
    let asked = list.filter.clone();
    let (from, to) = span::read(asked.from.as_ref(), asked.to.as_ref())?;
    // The log is in the order of its numbers, so a position is a number.
    let after = list.page.after.as_ref();
    let before = after.map(|last| last.id.parse()).transpose();
    let before = before.map_err(|_| wrong_cursor())?;
    let filter = validation_log::Filter {
        license_id: asked.license_id.and_then(Pasted::id),
        product_id: asked.product_id.and_then(Pasted::id),
        result: asked.result,
        from,
        to,
    };
    let rows = validation_log::list(&database, &filter, before, list.page.limit + 1).await?;
    let position = |validation: &Validation| Position {
        at: validation.at,
        id: validation.id.to_string(),
    };
    Ok(list.answer(rows, position, ValidationView::from))
}
