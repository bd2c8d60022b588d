//! `POST /v1/admin/licenses/{id}/download-id`: another download id for a
//! license, when the one it has got around.

use crate::ids::LicenseId;
use crate::{Operator, Ports};
use keywright_domain::release::DownloadId;
use keywright_store::licenses::download_ids;
use keywright_web::openapi::{AccessRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// The new download id.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplacedDownloadId)]
pub(crate) struct Replaced {
    /// 32 hex digits that open the downloads of the license and nothing else.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    download_id: String,
}

/// Gives a license another download id
///
/// The one before opens nothing from then on, and nor do links made for it. Each
/// request without the same `Idempotency-Key` makes another one.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/{id}/download-id",
    operation_id = "replaceDownloadId",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    responses(
        (status = 200, description = "The new id.", body = Replaced),
        AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: LicenseId,
) -> Result<Json<Replaced>, ApiError> {
    let download_id = DownloadId::from_random(ports.stamps.random());
    let audit_id = ports.stamps.new_id();
    let done = download_ids::replace(&ports.database, &actor, &id, &download_id, &audit_id).await?;
    if done {
        Ok(Json(Replaced {
            download_id: download_id.into(),
        }))
    } else {
        Err(LicenseId::unknown())
    }
}
