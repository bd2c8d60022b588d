//! `POST /v1/admin/mails/drop`.

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
pub(crate) struct MailDrop {
    /// Mails about what happened before this time, RFC 3339.
    #[schema(
        example = "2026-01-31T12:00:00Z",
        pattern = "^[2-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
    )]
    before: String,
}

/// Drops held mails, the oldest first
///
/// Up to 1000 a request: those about what happened before a time. A dropped mail is listed
/// and can be sent again one by one.
#[utoipa::path(
    post,
    path = "/v1/admin/mails/drop",
    operation_id = "dropMails",
    tag = "mail",
    request_body = MailDrop,
    responses(
        (status = 200, description = "They are dropped.", body = HeldMails),
        BodyRefusals, AccessRefusals, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    request: Result<Json<MailDrop>, ApiError>,
) -> Result<Json<HeldMails>, ApiError> {
    let Json(request) = request?;
    let before = time("before", &request.before)?;
    let audit_id = ports.stamps.new_id();
    let changed = mail_changes::drop_held(&ports.database, &actor, before, audit_id).await?;
    Ok(Json(HeldMails::of(changed)))
}
