//! `GET /v1/admin/mail`.

use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_ports::{Database, Stamps};
use keywright_store::mail::mail_state;
use keywright_web::openapi::{AccessRefusals, Failures};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// Something that is wrong with the configuration of mail. Values are never shown.
#[derive(Serialize, ToSchema)]
#[schema(as = MailFault)]
pub(crate) struct FaultView {
    /// The name of the configuration to change.
    #[schema(example = "MAIL_TEMPLATE")]
    name: String,
    /// What is wrong, and how to mend it.
    message: String,
}

/// Whether mail is on, and what waits.
#[derive(Serialize, ToSchema)]
#[schema(as = MailStatus)]
pub(crate) struct StatusView {
    /// True when the last tick found mail configured.
    is_on: bool,
    /// What is wrong with its configuration, as the last tick found it.
    faults: Vec<FaultView>,
    /// Mails in 24 hours.
    per_day: i64,
    /// How many were handed over in the last 24 hours.
    today: i64,
    /// How many wait.
    waiting: i64,
    /// How many are held.
    held: i64,
    /// When the oldest held one's fact happened, RFC 3339; null where none is held.
    #[schema(required)]
    held_since: Option<String>,
    /// When a tick with mail last ran, RFC 3339; null if none has.
    #[schema(required)]
    ticked_at: Option<String>,
}

/// Shows whether mail is on, and how much waits or is held.
#[utoipa::path(
    get,
    path = "/v1/admin/mail",
    operation_id = "getMailStatus",
    tag = "mail",
    responses(
        (status = 200, description = "The status.", body = StatusView),
        AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
) -> Result<Json<StatusView>, ApiError> {
    let status = mail_state::status(&database, stamps.now()).await?;
    let status = status.ok_or_else(|| ApiError::internal("mail_state has no row"))?;
    let faults = status.faults.into_iter();
    Ok(Json(StatusView {
        is_on: status.is_on,
        faults: faults
            .map(|fault| FaultView {
                name: fault.name,
                message: fault.message,
            })
            .collect(),
        per_day: status.per_day,
        today: status.today,
        waiting: status.waiting,
        held: status.held,
        held_since: status.held_since.map(rfc3339),
        ticked_at: status.ticked_at.map(rfc3339),
    }))
}
