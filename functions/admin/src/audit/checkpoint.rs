//! `GET /v1/admin/audit/checkpoint`: the signed head of the audit log.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use keywright_ports::Database;
use keywright_store::operator::audit_seal;
use keywright_web::ApiError;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};

/// The signed head of the audit log
///
/// A C2SP `tlog-checkpoint`: a signed note with the name of the log, the number of sealed
/// entries and the root hash of the tree over them. 404 until the first entry is sealed.
/// `keywright audit verify` compares the log with it.
#[utoipa::path(
    get,
    path = "/v1/admin/audit/checkpoint",
    operation_id = "getAuditCheckpoint",
    tag = "records",
    responses(
        (status = 200, description = "The checkpoint.", body = String, content_type = "text/plain"),
        Unknown, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(State(database): State<Database>) -> Result<Response, ApiError> {
    let tree = audit_seal::tree(&database).await?;
    let note = tree.and_then(|tree| tree.note).ok_or_else(|| {
        ApiError::not_found(
            "the audit log is not sealed yet; give the sign function a SEAL_KEY, and let renew tick",
        )
    })?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, note).into_response())
}
