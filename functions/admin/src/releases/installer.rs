//! `PUT /v1/admin/releases/installer/{product}`: the script at
//! `/releases/{product}/install.sh`.

use super::{product, unknown_product, write};
use crate::{Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use data_encoding::HEXLOWER;
use keywright_domain::slug::Slug;
use keywright_ports::{Expected, ReleaseWriter};
use keywright_store::catalog::products;
use keywright_store::releases::release_installers;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// Longest script, in bytes.
const MAX_SCRIPT_BYTES: usize = 200_000;
/// How often the script is tried while others write it too.
const TRIES: usize = 5;

/// The script.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Installer {
    /// A shell script, 1 to 200000 bytes that begin with `#!`. Make it with
    /// `keywright release installer`.
    #[schema(max_length = 200_000)]
    script: String,
}

/// What is recorded of the script.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordedInstaller {
    /// Slug of the product.
    product: String,
    /// SHA-256 of the script, in hex.
    sha256: String,
    /// Whether this request changed anything.
    changed: bool,
    /// Whether it is in the release storage. `false` on a host that cannot
    /// write there: put the script into the mounted folder, as
    /// `<product>/install.sh`.
    written: bool,
}

/// Publishes a product's install script, which everybody may read. 503
/// `storage_unavailable` says that it is not visible yet; sending it again
/// makes it so.
#[utoipa::path(
    put,
    path = "/v1/admin/releases/installer/{product}",
    operation_id = "setInstallScript",
    tag = "releases",
    params(("product" = String, Path, description = "Slug of the product.")),
    request_body = Installer,
    responses(
        (status = 200, description = "It is published.", body = RecordedInstaller),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    slug: Result<Path<String>, PathRejection>,
    installer: Result<Json<Installer>, ApiError>,
) -> Result<Json<RecordedInstaller>, ApiError> {
    let Path(slug) = slug.map_err(|_| ApiError::not_found("there is no such product"))?;
    let Json(Installer { script }) = installer?;
    let slug = product(&slug)?;
    crate::text::check("script", &script, MAX_SCRIPT_BYTES)?;
    if !script.starts_with("#!") {
        return Err(ApiError::bad_request(
            "script must be a shell script whose first line starts with #!",
        ));
    }
    let found = products::find(&ports.database, slug.as_str()).await?;
    let found = found.ok_or_else(|| unknown_product(&slug))?;
    let sha256 = HEXLOWER.encode(&Sha256::digest(&script));
    let audit_id = ports.stamps.new_id();
    let changed =
        release_installers::record(&ports.database, &actor, &found.id, &sha256, audit_id).await?;
    if let Some(writer) = &ports.releases {
        put(writer, &slug, script.as_bytes()).await?;
    }
    let written = write::manifests(&ports, &slug).await?;
    Ok(Json(RecordedInstaller {
        product: slug.into(),
        sha256,
        changed,
        written,
    }))
}

/// Writes the script unless it is there already. The last of two who write at
/// once wins.
async fn put(writer: &ReleaseWriter, product: &Slug, script: &[u8]) -> Result<(), ApiError> {
    let key = format!("{product}/install.sh");
    for _ in 0..TRIES {
        let expected = match writer.read(&key).await? {
            Some(there) if there.bytes == script => return Ok(()),
            Some(there) => Expected::Tag(there.tag),
            None => Expected::Nothing,
        };
        if writer.put(&key, script.to_vec(), expected).await? {
            return Ok(());
        }
    }
    Err(ApiError::unavailable(
        "storage_unavailable",
        "the script is being changed by somebody else; send the same request again",
        format!("{key} changed {TRIES} times while it was written"),
    ))
}
