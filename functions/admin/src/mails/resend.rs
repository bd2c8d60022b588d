//! `POST /v1/admin/mails/{id}/resend`.

use super::MailView;
use crate::ids::MailId;
use crate::{Operator, Ports};
use keywright_store::mail::mail_changes::{self, ResendOutcome};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};

/// Sends a mail again, as a new one with a new link
///
/// About a license it goes to the address that the license has now. Nothing of the earlier
/// mail is kept that could be sent, so it is rendered again. 409 while it waits or is held.
/// A body is not needed.
#[utoipa::path(
    post,
    path = "/v1/admin/mails/{id}/resend",
    operation_id = "resendMail",
    tag = "mail",
    params(("id" = String, Path, description = "UUID of the mail.")),
    responses(
        (status = 200, description = "The new mail, which waits.", body = MailView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: MailId,
) -> Result<Json<MailView>, ApiError> {
    let ids = [ports.stamps.new_id(), ports.stamps.new_id()];
    match mail_changes::resend(&ports.database, &actor, &id, ids).await? {
        ResendOutcome::Waiting(mail) => Ok(Json((*mail).into())),
        ResendOutcome::NotEnded => Err(ApiError::conflict(
            "this mail is still waiting or held; release held mails with POST /v1/admin/mails/release",
        )),
        ResendOutcome::Impossible => Err(ApiError::conflict(
            "the license of this mail has no e-mail address; set its buyer_email first",
        )),
        ResendOutcome::Unknown => Err(MailId::unknown()),
    }
}
