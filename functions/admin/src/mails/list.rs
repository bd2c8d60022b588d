//! `GET /v1/admin/mails`.

use super::MailView;
use axum::extract::State;
use keywright_domain::mail::state::MailState;
use keywright_domain::page::Position;
use keywright_ports::Database;
use keywright_store::mail::mail_list::{self, MailFilter, RecordedMail};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which mails.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MailQuery {
    /// `waiting`, `held`, `sent`, `rejected`, `unknown`, `failed`, `dropped`, `expired` or
    /// `all`, the default.
    #[param(value_type = Option<String>,
            pattern = "^(waiting|held|sent|rejected|unknown|failed|dropped|expired|all)?$")]
    state: Option<MailStateFilter>,
    /// An e-mail address.
    recipient: Option<String>,
    /// UUID of a license or of an attention item.
    subject_id: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum MailStateFilter {
    Waiting,
    Held,
    Sent,
    Rejected,
    Unknown,
    Failed,
    Dropped,
    Expired,
    All,
}

impl MailStateFilter {
    const fn state(self) -> Option<MailState> {
        Some(match self {
            Self::Waiting => MailState::Waiting,
            Self::Held => MailState::Held,
            Self::Sent => MailState::Sent,
            Self::Rejected => MailState::Rejected,
            Self::Unknown => MailState::Unknown,
            Self::Failed => MailState::Failed,
            Self::Dropped => MailState::Dropped,
            Self::Expired => MailState::Expired,
            Self::All => return None,
        })
    }
}

list_of! {
    /// A page of mails.
    Mails as MailPage { mails: MailView }
}

/// Lists mails, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/mails",
    operation_id = "listMails",
    tag = "mail",
    params(MailQuery, PageQuery),
    responses(
        (status = 200, description = "The mails.", body = MailPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<MailQuery>,
) -> Result<MailPage, ApiError> {
    let state = list.filter.state.and_then(MailStateFilter::state);
    let filter = MailFilter {
        state: state.map(MailState::as_str),
        recipient: list.filter.recipient.clone(),
        subject_id: list.filter.subject_id.clone(),
    };
    let rows = mail_list::list(&database, &filter, &list.page).await?;
    let position = |mail: &RecordedMail| Position {
        at: mail.created_at,
        id: mail.id.clone(),
    };
    Ok(list.answer(rows, position, MailView::from))
}
