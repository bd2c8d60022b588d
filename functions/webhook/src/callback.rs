//! `/v1/btcpay/authorize/callback`: where the browser of an operator comes back
//! to who agreed on `BTCPay`'s page. `BTCPay` has the browser post a form from
//! another site, so no cookie comes along; the state in the query is what tells
//! that the operator asked for it.

pub(crate) mod get;
pub(crate) mod post;

use crate::page::{Refusal, connected};
use crate::{Ports, connect};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use keywright_ports::Level;

/// What a browser brings.
#[derive(Debug, Default)]
struct Brought {
    state: Option<String>,
    api_key: Option<String>,
}

impl Brought {
    fn of_query(uri: &Uri) -> Self {
        let mut brought = Self::default();
        brought.read(uri.query().unwrap_or_default().as_bytes());
        brought
    }

    /// Takes the members of a query or a form; the first of each counts.
    /// Whatever else is in it, such as a token against forged forms of
    /// `BTCPay`'s own, is passed over.
    fn read(&mut self, form: &[u8]) {
        for (name, value) in form_urlencoded::parse(form) {
            let member = match &*name {
                "state" => &mut self.state,
                "apiKey" => &mut self.api_key,
                _ => continue,
            };
            if member.is_none() && !value.is_empty() {
                *member = Some(value.into_owned());
            }
        }
    }
}

/// Connects the store, and answers the page that says so or why not.
async fn finish(ports: &Ports, request_id: &str, brought: Brought) -> Response {
    match connect_store(ports, request_id, brought).await {
        Ok(done) => connected(&done),
        Err(refusal) => {
            let level = if refusal.status.is_server_error() {
                Level::Error
            } else {
                Level::Warn
            };
            let failure = refusal.failure.as_deref().unwrap_or(&refusal.message);
            let line = format!("no store was connected: {failure}");
            ports.log.write(level, request_id, &line);
            refusal.into_response()
        }
    }
}

async fn connect_store(
    ports: &Ports,
    request_id: &str,
    brought: Brought,
) -> Result<String, Refusal> {
    let bad = |message: &str| Refusal::new(StatusCode::BAD_REQUEST, message);
    let state = brought.state.ok_or_else(|| {
        bad("This address is for coming back from BTCPay; begin with POST /v1/admin/btcpay/connect.")
    })?;
    let api_key = brought.api_key.ok_or_else(|| {
        bad("BTCPay gave no key. Agree on its page, or begin anew; nothing was changed.")
    })?;
    connect::finish(ports, request_id, &state, &api_key).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_member_counts() {
        let uri = "/x?state=a%2Bb&state=c&apiKey=".parse().expect("a URI");
        let mut brought = Brought::of_query(&uri);
        brought.read(b"userId=u&apiKey=k1&permissions%5B%5D=x&apiKey=k2&state=evil");
        assert_eq!(brought.state.as_deref(), Some("a+b"));
        assert_eq!(brought.api_key.as_deref(), Some("k1"));
        brought.read(&[0xff, b'=', 0xff]);
    }
}
