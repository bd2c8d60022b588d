//! Hands one mail over to the mail API, and says what came of it.

use super::message::Prepared;
use crate::{Ports, answer};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use keywright_domain::mail::answer::{judge, of_binding};
use keywright_domain::mail::api::MailApi;
use keywright_domain::mail::encode::{mailbox, one_line};
use keywright_domain::mail::link::MailLink;
use keywright_domain::mail::settings::{MailSettings, MailTransport};
use keywright_domain::mail::state::MailOutcome;
use keywright_domain::mail::template::MailValues;
use keywright_domain::webhook::retry::retry_after;
use keywright_domain::webhook::target::{TargetRules, WebhookTarget};
use keywright_ports::{BoundMail, FetchError, MailBindingError};
use keywright_store::mail::mail_claims::ClaimedMail;

/// What came of handing a mail over.
pub(super) struct Handover {
    pub(super) outcome: MailOutcome,
    /// The mail API's id of it.
    pub(super) message_id: Option<String>,
    /// Why it was not taken.
    pub(super) reason: Option<String>,
    /// How many seconds the answer asks to wait.
    pub(super) wait: Option<i64>,
}

impl Handover {
    pub(super) fn without_answer(outcome: MailOutcome, reason: &str) -> Self {
        Self {
            outcome,
            message_id: None,
            reason: Some(reason.to_owned()),
            wait: None,
        }
    }
}

/// Hands a mail over.
pub(super) async fn hand_over(
    ports: &Ports,
    settings: &MailSettings,
    mail: &ClaimedMail,
    prepared: &Prepared,
) -> Handover {
    let from_address = settings.from.for_mail();
    let from = mailbox(&prepared.from_name, &from_address);
    let values = MailValues {
        id: &mail.id,
        to: &prepared.to,
        from: &from,
        from_name: &prepared.from_name,
        from_address: &from_address,
        reply_to: prepared.reply_to.as_deref(),
        subject: &prepared.message.subject,
        text: &prepared.message.text,
        html: &prepared.message.html,
    };
    match &settings.transport {
        MailTransport::Api(api) => {
            let secret = prepared.link.as_ref().map(MailLink::as_str);
            call(ports, api, &values, secret).await
        }
        MailTransport::Cloudflare => through_binding(ports, &values).await,
    }
}

async fn through_binding(ports: &Ports, values: &MailValues<'_>) -> Handover {
    let Some(binding) = &ports.mail_binding else {
        let reason = "this function has no e-mail binding";
        return Handover::without_answer(MailOutcome::NotTaken, reason);
    };
    let mail = BoundMail {
        from_name: one_line(values.from_name),
        from_address: values.from_address.to_owned(),
        to: values.to.to_owned(),
        reply_to: values.reply_to.map(str::to_owned),
        subject: values.subject.to_owned(),
        text: values.text.to_owned(),
        html: values.html.to_owned(),
    };
    match binding.send(mail).await {
        Ok(message_id) => Handover {
            outcome: MailOutcome::Taken,
            message_id: Some(one_line(&message_id)),
            reason: None,
            wait: None,
        },
        // The message may repeat what was sent; the code says enough.
        Err(MailBindingError::Refused { code, .. }) => {
            let outcome = of_binding(code.as_deref());
            let reason = code.map_or_else(
                || "the e-mail binding failed without a code".to_owned(),
                |code| format!("the e-mail binding says {}", one_line(&code)),
            );
            Handover::without_answer(outcome, &reason)
        }
        Err(error @ MailBindingError::TimedOut) => {
            Handover::without_answer(MailOutcome::Doubtful, &error.to_string())
        }
    }
}

async fn call(
    ports: &Ports,
    api: &MailApi,
    values: &MailValues<'_>,
    secret: Option<&str>,
) -> Handover {
    let anywhere = TargetRules {
        allows_private: true,
        public_url: None,
    };
    let body = api.template.fill(values);
    let request = WebhookTarget::parse(&api.url, anywhere).ok().zip(headers(
        api,
        &body.content_type,
        values.id,
    ));
    let Some((target, headers)) = request else {
        let reason = "MAIL_URL or a header cannot be sent";
        return Handover::without_answer(MailOutcome::NotTaken, reason);
    };
    let answer = match ports.calls.post(&target, headers, body.body).await {
        Ok(answer) => answer,
        Err(error) => return unanswered(&error),
    };
    let verdict = judge(
        answer.status().as_u16(),
        answer.body(),
        api.success.as_ref(),
        api.idempotency_header.is_some(),
        secret,
    );
    let asked = answer::retry_after(&answer);
    Handover {
        outcome: verdict.outcome,
        message_id: verdict.message_id,
        reason: verdict.reason,
        wait: asked.and_then(|text| retry_after(text, ports.stamps.now())),
    }
}

fn headers(api: &MailApi, content_type: &str, id: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let content_type = HeaderValue::from_str(content_type).ok()?;
    headers.insert(header::CONTENT_TYPE, content_type);
    let own = api.headers.iter();
    let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
    let idempotency = api.idempotency_header.as_deref().map(|name| (name, id));
    for (name, value) in own.chain(idempotency) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    Some(headers)
}

/// What no answer means: with a connection that broke nobody knows.
fn unanswered(error: &FetchError) -> Handover {
    let outcome = match error {
        FetchError::NotAllowed(_)
        | FetchError::NameUnknown(_)
        | FetchError::NotSecure(_)
        | FetchError::TooManyOpen => MailOutcome::NotTaken,
        FetchError::Unreachable(_) | FetchError::TimedOut(_) | FetchError::TooLarge(_) => {
            MailOutcome::Doubtful
        }
    };
    Handover::without_answer(outcome, &error.to_string())
}
