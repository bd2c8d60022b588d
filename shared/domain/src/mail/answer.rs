//! What the answer of a mail API means. Its status decides, and where it is configured a
//! member of it; everything else is a stranger's text, bounded and cleaned.

use super::encode::one_line;
use super::state::MailOutcome;
use serde_json::Value;

/// The longest reason and message id that are recorded, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// A member of an answer that says whether the mail was taken, such as `success=true`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessMember {
    path: Vec<String>,
    value: String,
}

impl SuccessMember {
    /// Reads `member=value`; a dot leads into an object. `None` for text of another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (path, value) = text.split_once('=')?;
        let path: Vec<String> = path.trim().split('.').map(str::to_owned).collect();
        let value = value.trim().to_owned();
        let is_whole = path.iter().all(|name| !name.is_empty()) && !value.is_empty();
        is_whole.then_some(Self { path, value })
    }

    /// Whether the answer says so; `None` if it does not say.
    fn read(&self, answer: Option<&Value>) -> Option<bool> {
        let found = self
            .path
            .iter()
            .try_fold(answer?, |at, name| at.get(name))?;
        match found {
            Value::String(text) => Some(*text == self.value),
            Value::Number(number) => Some(number.to_string() == self.value),
            Value::Bool(is_so) => Some(*is_so == (self.value == "true")),
            _ => None,
        }
    }
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What became of the mail.
    pub outcome: MailOutcome,
    /// The API's id of it.
    pub message_id: Option<String>,
    /// Why it was not taken, for the operator.
    pub reason: Option<String>,
}

/// Judges an answer. `secret` is what the mail holds and no list may show: an API may
/// repeat what it was sent.
#[must_use]
pub fn judge(
    status: u16,
    body: &[u8],
    success: Option<&SuccessMember>,
    is_idempotent: bool,
    secret: Option<&str>,
) -> Verdict {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let outcome = match (status, success) {
        (200..=299, None) => MailOutcome::Taken,
        (200..=299, Some(member)) => match member.read(json.as_ref()) {
            Some(true) => MailOutcome::Taken,
            Some(false) => MailOutcome::Refused,
            None => MailOutcome::Doubtful,
        },
        // The id is in use: a call before this one is under way, or was taken.
        (409, _) if is_idempotent => MailOutcome::Doubtful,
        // Certainly not taken: a redirect, which is not followed; credentials, the address
        // of the API and its limits, faults of ours or of the moment; and what a proxy says
        // that did not reach the API.
        (
            100..=399 | 401..=405 | 407 | 408 | 415 | 425 | 429 | 503 | 521 | 523 | 525 | 526 | 530,
            _,
        ) => MailOutcome::NotTaken,
        (400..=499, _) => MailOutcome::Refused,
        _ => MailOutcome::Doubtful,
    };
    let clean = |text: &str| {
        let line = one_line(text);
        let line = secret.map_or_else(|| line.clone(), |secret| line.replace(secret, "[link]"));
        let line: String = line.chars().take(MAX_TEXT_CHARS).collect();
        Some(line).filter(|line| !line.is_empty())
    };
    let said = |names: &[&str]| {
        let json = json.as_ref()?;
        names
            .iter()
            .find_map(|name| clean(json.get(name)?.as_str()?))
    };
    let is_taken = outcome == MailOutcome::Taken;
    let message_id = said(&["id", "messageId", "MessageID", "message_id"]).filter(|_| is_taken);
    let reason = said(&["message", "Message", "error", "detail", "title", "name"]);
    let reason = (!is_taken).then(|| match reason {
        Some(said) => format!("the mail API answered {status}: {said}"),
        None => format!("the mail API answered {status}"),
    });
    Verdict {
        outcome,
        message_id,
        reason,
    }
}

/// What an error of Cloudflare's e-mail binding means. Its limits, and a sender or a
/// recipient that the account may not use yet, are no fault of the mail; an error that is
/// not known, or of the delivery itself, leaves it open whether the mail was taken.
#[must_use]
pub fn of_binding(code: Option<&str>) -> MailOutcome {
    match code.unwrap_or_default() {
        "E_RATE_LIMIT_EXCEEDED"
        | "E_DAILY_LIMIT_EXCEEDED"
        | "E_SENDER_NOT_VERIFIED"
        | "E_SENDER_DOMAIN_NOT_AVAILABLE"
        | "E_RECIPIENT_NOT_ALLOWED" => MailOutcome::NotTaken,
        "E_RECIPIENT_SUPPRESSED"
        | "E_VALIDATION_ERROR"
        | "E_FIELD_MISSING"
        | "E_TOO_MANY_RECIPIENTS"
        | "E_CONTENT_TOO_LARGE" => MailOutcome::Refused,
        code if code.starts_with("E_HEADER") => MailOutcome::Refused,
        _ => MailOutcome::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, body: &str, success: Option<&str>) -> MailOutcome {
        let success = success.map(|text| SuccessMember::parse(text).expect("a member"));
        judge(status, body.as_bytes(), success.as_ref(), false, None).outcome
    }

    #[test]
    fn the_status_decides_and_a_member_where_it_is_configured() {
        use MailOutcome::{Doubtful, NotTaken, Refused, Taken};
        let ok = Some("success=true");
        for (status, body, success, expected) in [
            (200, "", None, Taken),
            (202, "Queued", None, Taken),
            (200, r#"{"success":false}"#, None, Taken),
            (200, r#"{"success":false}"#, ok, Refused),
            (200, r#"{"success":true}"#, ok, Taken),
            (200, r#"{"success":"true"}"#, ok, Taken),
            (200, r#"{"success":null}"#, ok, Doubtful),
            (200, "<html>", ok, Doubtful),
            (200, r#"{"ErrorCode":0}"#, Some("ErrorCode=0"), Taken),
            (200, r#"{"ErrorCode":406}"#, Some("ErrorCode = 0"), Refused),
            (200, r#"{"a":{"b":"ok"}}"#, Some("a.b=ok"), Taken),
            (
                400,
                r#"{"message":"E_RECIPIENT_SUPPRESSED"}"#,
                None,
                Refused,
            ),
            (422, "", None, Refused),
            (410, "", None, Refused),
            (409, "", None, Refused),
            (401, "", None, NotTaken),
            (403, "", None, NotTaken),
            (404, "", None, NotTaken),
            (429, "", None, NotTaken),
            (503, "", None, NotTaken),
            (530, "", None, NotTaken),
            (302, "", None, NotTaken),
            (500, "", None, Doubtful),
            (502, "", None, Doubtful),
            (504, "", None, Doubtful),
            (599, "", None, Doubtful),
        ] {
            assert_eq!(outcome(status, body, success), expected, "{status} {body}");
        }
        let used = judge(409, b"", None, true, None);
        assert_eq!(used.outcome, Doubtful);
        for bad in ["success", "=true", "success=", "a..b=c", ""] {
            assert_eq!(SuccessMember::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_binding_says_by_its_code_what_became_of_a_mail() {
        use MailOutcome::{Doubtful, NotTaken, Refused};
        for (code, outcome) in [
            (Some("E_RECIPIENT_SUPPRESSED"), Refused),
            (Some("E_HEADER_NOT_ALLOWED"), Refused),
            (Some("E_HEADERS_TOO_LARGE"), Refused),
            (Some("E_RATE_LIMIT_EXCEEDED"), NotTaken),
            (Some("E_DAILY_LIMIT_EXCEEDED"), NotTaken),
            (Some("E_SENDER_NOT_VERIFIED"), NotTaken),
            (Some("E_DELIVERY_FAILED"), Doubtful),
            (Some("E_INTERNAL_SERVER_ERROR"), Doubtful),
            (Some("E_SOMETHING_NEW"), Doubtful),
            (None, Doubtful),
        ] {
            assert_eq!(of_binding(code), outcome, "{code:?}");
        }
    }

    #[test]
    fn the_rest_of_an_answer_is_cut_cleaned_and_holds_no_link() {
        let body = format!(
            "{{\"message\":\"no\\r\\n\\u0000 https://s/recover/mail/ml_abc {}\"}}",
            "x".repeat(500)
        );
        let refused = judge(422, body.as_bytes(), None, false, Some("ml_abc"));
        let reason = refused.reason.expect("a reason");
        assert!(
            reason.starts_with("the mail API answered 422: no https://s/recover/mail/[link] xxx"),
            "{reason}"
        );
        assert!(reason.chars().count() < 240);
        let taken = judge(
            200,
            br#"{"id":"<1@mg>","message":"Queued"}"#,
            None,
            false,
            None,
        );
        assert_eq!(taken.message_id.as_deref(), Some("<1@mg>"));
        assert_eq!(taken.reason, None);
        for odd in [&b"\xff\xfe"[..], br#"{"id":7}"#, b"\"text\"", b"[1]"] {
            assert_eq!(judge(200, odd, None, false, None).message_id, None);
        }
    }
}
