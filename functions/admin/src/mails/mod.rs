//! Mail as the operator sees it, one route per file: to whom, about what and what became of
//! it. No answer shows what a mail says or its link.

pub(crate) mod drop;
pub(crate) mod list;
pub(crate) mod release;
pub(crate) mod resend;
pub(crate) mod show;
pub(crate) mod status;

use keywright_domain::dates::rfc3339;
use keywright_store::mail::mail_changes::AT_ONCE;
use keywright_store::mail::mail_list::RecordedMail;
use serde::Serialize;
use utoipa::ToSchema;

/// One mail.
#[derive(Serialize, ToSchema)]
#[schema(as = Mail)]
pub(crate) struct MailView {
    /// UUID, made of what it is about, its recipient and its template; the mail API is given
    /// it where it takes an idempotency header.
    id: String,
    /// What it is about: `license:`, `recovery:` or `attention:` and an id. One that was sent
    /// again has `#` and another id behind it.
    fact: String,
    /// When that happened, RFC 3339.
    fact_at: String,
    /// The only recipient.
    recipient: String,
    /// `license_key`, `key_changed`, `recovery` or `attention`.
    #[schema(example = "license_key")]
    template: String,
    /// UUID of the license or the attention item that it is about; null for a recovery.
    #[schema(required)]
    subject_id: Option<String>,
    /// `waiting`; `held`, until you release or drop it; `sent`; `rejected` by the mail API;
    /// `unknown`, whether it was taken, so that it is not repeated by itself; `failed`, for
    /// three days; `dropped`; or `expired`, with its link.
    #[schema(pattern = "^(waiting|held|sent|rejected|unknown|failed|dropped|expired)$")]
    state: String,
    /// Why it is in that state; null where that says all.
    #[schema(required)]
    reason: Option<String>,
    /// How often it was handed over.
    attempts: i64,
    /// Not handed over before this time, RFC 3339; null unless it waits.
    #[schema(required)]
    next_attempt_at: Option<String>,
    /// When its link ends, RFC 3339; null without a link, and before the first attempt.
    #[schema(required)]
    link_expires_at: Option<String>,
    /// The mail API's id of it.
    #[schema(required)]
    message_id: Option<String>,
    /// SHA-256 of subject, text and HTML as they were last handed over, in hex; they are kept
    /// nowhere.
    #[schema(required)]
    digest: Option<String>,
    /// UUID of the mail that was sent again as this one.
    #[schema(required)]
    resend_of: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339; null while it waits or is held.
    #[schema(required)]
    ended_at: Option<String>,
}

impl From<RecordedMail> for MailView {
    fn from(mail: RecordedMail) -> Self {
        Self {
            id: mail.id,
            fact: mail.fact,
            fact_at: rfc3339(mail.fact_at),
            recipient: mail.recipient,
            template: mail.template,
            subject_id: mail.subject_id,
            state: mail.state,
            reason: mail.reason,
            attempts: mail.attempts,
            next_attempt_at: mail.next_attempt_at.map(rfc3339),
            link_expires_at: mail.link_expires_at.map(rfc3339),
            message_id: mail.message_id,
            digest: mail.digest,
            resend_of: mail.resend_of,
            created_at: rfc3339(mail.created_at),
            ended_at: mail.ended_at.map(rfc3339),
        }
    }
}

/// How many held mails were changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeldMails {
    /// Always `true`.
    ok: bool,
    /// How many.
    changed: usize,
    /// True when there may be more: repeat the request.
    more: bool,
}

impl HeldMails {
    fn of(changed: usize) -> Self {
        Self {
            ok: true,
            changed,
            more: i64::try_from(changed) == Ok(AT_ONCE),
        }
    }
}
