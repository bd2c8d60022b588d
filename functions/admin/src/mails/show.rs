//! `GET /v1/admin/mails/{id}`.

use super::MailView;
use crate::ids::MailId;
use axum::extract::State;
use keywright_ports::Database;
use keywright_store::mail::mail_list;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// A mail: to whom, about what and what became of it.
#[utoipa::path(
    get,
    path = "/v1/admin/mails/{id}",
    operation_id = "getMail",
    tag = "mail",
    params(("id" = String, Path, description = "UUID of the mail.")),
    responses(
        (status = 200, description = "The mail.", body = MailView),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    id: MailId,
) -> Result<Json<MailView>, ApiError> {
    let mail = mail_list::get(&database, &id).await?;
    mail.map(MailView::from)
        .map(Json)
        .ok_or_else(MailId::unknown)
}
