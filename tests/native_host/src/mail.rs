//! A mail binding that is played by the way out: each mail is a POST of its members, and
//! what is answered beside 200 is the code of an error.

use bytes::Bytes;
use http::Request;
use keywright_ports::{
    BodyRule, BoundMail, BoxFuture, Fetch, FetchLimits, MailBinding, MailBindingError, TIME_LIMIT,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where it posts them.
const MAIL_BINDING: &str = "https://mail.example.com/binding";

pub(crate) struct PlayedBinding(pub(crate) Arc<dyn Fetch>);

impl MailBinding for PlayedBinding {
    fn send(&self, mail: BoundMail) -> BoxFuture<'_, Result<String, MailBindingError>> {
        Box::pin(async move {
            let body = json!({ "from": mail.from_address, "from_name": mail.from_name,
                               "to": [mail.to], "reply_to": mail.reply_to,
                               "subject": mail.subject, "text": mail.text, "html": mail.html });
            let refused = |code: Option<&str>| MailBindingError::Refused {
                code: code.map(str::to_owned),
                message: "refused".to_owned(),
            };
            let request = Request::post(MAIL_BINDING)
                .header("user-agent", "Keywright/binding")
                .body(Bytes::from(body.to_string()))
                .map_err(|_| refused(None))?;
            let limits = FetchLimits {
                time: TIME_LIMIT,
                bytes: 64 * 1024,
                body: BodyRule::Whole,
            };
            let answer = self.0.send(request, limits).await;
            let answer = answer.map_err(|_| MailBindingError::TimedOut)?;
            let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            if answer.status() == 200 {
                return Ok(said["id"].as_str().unwrap_or_default().to_owned());
            }
            Err(refused(said["code"].as_str()))
        })
    }
}
