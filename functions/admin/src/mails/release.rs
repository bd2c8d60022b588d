//! `POST /v1/admin/mails/release`.

use super::HeldMails;
use crate::text::time;
use crate::{Operator, Ports};
use keywright_store::mail::mail_changes;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which held mails.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailRelease {
    /// Only mails about what happened then or later, RFC 3339; without it all of them.
    #[schema(example = "2026-01-31T12:00:00Z")]
    from: Option<String>,
}

/// Lets held mails go, the oldest first
///
/// Up to 1000 a request. After a restored backup some of them may have been sent before.
#[utoipa::path(
    post,
    path = "/v1/admin/mails/release",
    operation_id = "releaseMails",
    tag = "mail",
    request_body = MailRelease,
    responses(
        (status = 200, description = "They wait.", body = HeldMails),
        BodyRefusals, AccessRefusals, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    request: Result<Json<MailRelease>, ApiError>,
) -> Result<Json<HeldMails>, ApiError> {
    let Json(request) = request?;
    let from = request.from.as_deref().map(|from| time("from", from));
    let audit_id = ports.stamps.new_id();
    let from = from.transpose()?;
    let changed = mail_changes::release(&ports.database, &actor, from, audit_id).await?;
    Ok(Json(HeldMails::of(changed)))
}
