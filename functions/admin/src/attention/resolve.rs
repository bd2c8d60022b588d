//! `POST /v1/admin/attention/{id}/resolve`.

use super::AttentionView;
use crate::ids::AttentionItemId;
use crate::{Operator, Ports};
use keywright_store::operator::attention;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};

/// Says that something is done.
///
/// Repeating it succeeds and changes nothing more. When the same happens again,
/// it is open again. A body is not needed.
#[utoipa::path(
    post,
    path = "/v1/admin/attention/{id}/resolve",
    operation_id = "resolveAttentionItem",
    tag = "records",
    params(("id" = String, Path, description = "Id of the item.")),
    responses(
        (status = 200, description = "It is done.", body = AttentionView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: AttentionItemId,
) -> Result<Json<AttentionView>, ApiError> {
    let audit_id = ports.stamps.new_id();
    let found = attention::resolve(&ports.database, &actor, &id, &audit_id).await?;
    found
        .map(AttentionView::from)
        .map(Json)
        .ok_or_else(AttentionItemId::unknown)
}
