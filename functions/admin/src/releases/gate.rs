//! `PUT /v1/admin/releases/gate/{product}`: who may download a product.

use super::{check_entitlement, product, unknown_product, write};
use crate::{Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::release::manifest::ProductManifest;
use keywright_store::catalog::products;
use keywright_store::releases::release_gates;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who may download.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseGate {
    /// `false` opens the product to everybody.
    requires_license: bool,
    /// An entitlement that a token must have for any version; only where a
    /// license is required.
    #[schema(max_length = 255)]
    requires_entitlement: Option<String>,
}

/// Who may download, as it now is.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordedGate {
    /// Slug of the product.
    product: String,
    /// Whether a license is needed.
    requires_license: bool,
    /// An entitlement that a token must have for any version.
    #[schema(required)]
    requires_entitlement: Option<String>,
    /// Whether this request changed anything.
    changed: bool,
    /// Whether the manifest is in the release storage. `false` on a host that
    /// cannot write there: put `manifest` into the mounted folder, as
    /// `<product>/MANIFEST.json`.
    written: bool,
    /// The product's manifest.
    #[schema(value_type = Object)]
    manifest: ProductManifest,
}

/// Says who may download a product. That is everybody, whoever has a license, or
/// whoever has a license with an entitlement. Until it is said, a license is
/// needed. What changes nothing is a success that is not recorded.
#[utoipa::path(
    put,
    path = "/v1/admin/releases/gate/{product}",
    operation_id = "setReleaseGate",
    tag = "releases",
    params(("product" = String, Path, description = "Slug of the product.")),
    request_body = ReleaseGate,
    responses(
        (status = 200, description = "Who may download.", body = RecordedGate),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    slug: Result<Path<String>, PathRejection>,
    gate: Result<Json<ReleaseGate>, ApiError>,
) -> Result<Json<RecordedGate>, ApiError> {
    let Path(slug) = slug.map_err(|_| ApiError::not_found("there is no such product"))?;
    let Json(gate) = gate?;
    let slug = product(&slug)?;
    if let Some(entitlement) = &gate.requires_entitlement {
        check_entitlement(entitlement)?;
        if !gate.requires_license {
            return Err(ApiError::bad_request(
                "requires_entitlement is only allowed when requires_license is true",
            ));
        }
    }
    let found = products::find(&ports.database, slug.as_str()).await?;
    let found = found.ok_or_else(|| unknown_product(&slug))?;
    let wanted = ProductManifest {
        requires_license: gate.requires_license,
        requires_entitlement: gate.requires_entitlement,
    };
    let audit_id = ports.stamps.new_id();
    let (gate, changed) = release_gates::set(
        &ports.database,
        &actor,
        (&slug, &found.id),
        &wanted,
        &audit_id,
    )
    .await?;
    let written = write::manifests(&ports, &slug).await?;
    Ok(Json(RecordedGate {
        manifest: gate.manifest(),
        product: slug.into(),
        requires_license: gate.requires_license,
        requires_entitlement: gate.requires_entitlement,
        changed,
        written,
    }))
}
