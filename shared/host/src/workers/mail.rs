//! Mail through Cloudflare's e-mail binding.

use futures_util::future::{Either, select};
use keywright_ports::BoxFuture;
use keywright_ports::{BoundMail, MailBinding, MailBindingError, TIME_LIMIT};
use send_wrapper::SendWrapper;
use std::pin::pin;
use worker::js_sys::{self, Object, Reflect};
use worker::wasm_bindgen::JsValue;
use worker::{Delay, EmailAddress, SendEmail, SendEmailBuilder};

/// The binding.
pub(super) struct BoundSender(SendWrapper<SendEmail>);

impl BoundSender {
    pub(super) fn new(binding: SendEmail) -> Self {
        Self(SendWrapper::new(binding))
    }
}

impl MailBinding for BoundSender {
    fn send(&self, mail: BoundMail) -> BoxFuture<'_, Result<String, MailBindingError>> {
        Box::pin(SendWrapper::new(send(&self.0, mail)))
    }
}

async fn send(binding: &SendEmail, mail: BoundMail) -> Result<String, MailBindingError> {
    let from = EmailAddress::new(&mail.from_name, &mail.from_address);
    let mut builder =
        SendEmailBuilder::builder_with_email_address_and_str(&from, &mail.to, &mail.subject)
            .text(&mail.text)
            .html(&mail.html);
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(reply_to);
    }
    let message = builder.build();
    let headers: JsValue = Object::new().into();
    let is_set = Reflect::set(&headers, &"Auto-Submitted".into(), &"auto-generated".into())
        .and_then(|_| Reflect::set(&message, &"headers".into(), &headers));
    if is_set.is_err() {
        return Err(refused(None, "the mail cannot be made".to_owned()));
    }
    let sent = pin!(binding.send_with_builder(&message));
    match select(sent, pin!(Delay::from(TIME_LIMIT))).await {
        Either::Left((Ok(sent), _)) => Ok(sent.message_id()),
        Either::Left((Err(error), _)) => Err(of_error(&error)),
        Either::Right(_) => Err(MailBindingError::TimedOut),
    }
}

fn of_error(error: &js_sys::Error) -> MailBindingError {
    let code = Reflect::get(error, &"code".into());
    let code = code.ok().and_then(|code| code.as_string());
    refused(code, String::from(error.message()))
}

fn refused(code: Option<String>, message: String) -> MailBindingError {
    MailBindingError::Refused { code, message }
}
