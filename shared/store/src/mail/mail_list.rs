//! Mails as operators see them: to whom, about what and what became of them, and never what
//! they say.

use keywright_domain::page::{Page, Position};
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// A mail as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedMail {
    /// UUID, derived from fact, recipient and template.
    pub id: String,
    /// What it is about, such as `license:<id>`.
    pub fact: String,
    /// The only recipient.
    pub recipient: String,
    /// As of [`keywright_domain::mail::MailKind`].
    pub template: String,
    /// The license or attention item that it is about.
    pub subject_id: Option<String>,
    /// When that happened, in unix seconds.
    pub fact_at: i64,
    /// As of [`keywright_domain::mail::state::MailState`].
    pub state: String,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// Not before this unix second.
    pub next_attempt_at: Option<i64>,
    /// When its link ends, in unix seconds.
    pub link_expires_at: Option<i64>,
    /// The mail API's id of it.
    pub message_id: Option<String>,
    /// SHA-256 of what was sent, in hex.
    pub digest: Option<String>,
    /// The mail that was sent again as this one.
    pub resend_of: Option<String>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub ended_at: Option<i64>,
}

/// Which mails; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct MailFilter {
    /// In this state.
    pub state: Option<&'static str>,
    /// To this address.
    pub recipient: Option<String>,
    /// About this license or attention item.
    pub subject_id: Option<String>,
}

/// The statement that reads mails.
macro_rules! select_mails {
    ($rest:literal) => {
        concat!(
            "SELECT id, fact, recipient, template, subject_id, fact_at, state, reason, attempts,
                    next_attempt_at, link_expires_at, message_id, digest, resend_of, created_at,
                    ended_at
             FROM mails ",
            $rest
        )
    };
}
pub(crate) use select_mails;

/// Mails, newest first; one more than the page holds when there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    reader: &Reader,
    filter: &MailFilter,
    page: &Page,
) -> Result<Vec<RecordedMail>, DatabaseError> {
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let statement = Statement::new(
        select_mails!(
            "WHERE (created_at, id) < (?1, ?2)
               AND (?4 IS NULL OR state = ?4) AND (?5 IS NULL OR lower(recipient) = lower(?5))
               AND (?6 IS NULL OR subject_id = ?6)
             ORDER BY created_at DESC, id DESC LIMIT ?3"
        ),
        [
            after.at.into(),
            after.id.into(),
            (page.limit + 1).into(),
            filter.state.into(),
            filter.recipient.as_ref().into(),
            filter.subject_id.as_ref().into(),
        ],
    );
    reader.query(statement).await
}

/// The mail with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(reader: &Reader, id: &str) -> Result<Option<RecordedMail>, DatabaseError> {
    let statement = Statement::new(select_mails!("WHERE id = ?1"), [id.into()]);
    reader.first(statement).await
}
