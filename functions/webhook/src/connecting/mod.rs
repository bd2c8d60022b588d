//! `/v1/btcpay/authorize/callback`: where an operator's browser returns after the operator
//! agreed on `BTCPay`'s page. `BTCPay` has the browser post a form from another site, so no
//! cookie is sent; the state in the query proves that the operator asked for it.

mod finish;
pub(crate) mod get;
mod inspect;
mod page;
pub(crate) mod post;

use crate::Ports;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use keywright_ports::Level;
use page::{ConnectRefusal, connected};

/// The parameters that a browser brings.
#[derive(Debug, Default)]
struct CallbackParameters {
    state: Option<String>,
    api_key: Option<String>,
}

impl CallbackParameters {
    fn of_query(uri: &Uri) -> Self {
        let mut parameters = Self::default();
        parameters.read(uri.query().unwrap_or_default().as_bytes());
        parameters
    }

    /// Takes the members of a query or a form; the first of each counts. Other members,
    /// such as `BTCPay`'s own token against forged forms, are ignored.
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

/// Connects the store, and answers the page with the result.
async fn finish(ports: &Ports, request_id: &str, parameters: CallbackParameters) -> Response {
    match connect_store(ports, request_id, parameters).await {
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
    parameters: CallbackParameters,
) -> Result<String, ConnectRefusal> {
    let bad = |message: &str| ConnectRefusal::new(StatusCode::BAD_REQUEST, message);
    let state = parameters.state.ok_or_else(|| {
        bad("This address is where BTCPay sends you back to; start with POST /v1/admin/btcpay/connect.")
    })?;
    let api_key = parameters.api_key.ok_or_else(|| {
        bad("BTCPay sent no key. Agree on its page, or start again; nothing was changed.")
    })?;
    finish::finish(ports, request_id, &state, &api_key).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_member_counts() {
        let uri = "/x?state=a%2Bb&state=c&apiKey=".parse().expect("a URI");
        let mut parameters = CallbackParameters::of_query(&uri);
        parameters.read(b"userId=u&apiKey=k1&permissions%5B%5D=x&apiKey=k2&state=evil");
        assert_eq!(parameters.state.as_deref(), Some("a+b"));
        assert_eq!(parameters.api_key.as_deref(), Some("k1"));
        parameters.read(&[0xff, b'=', 0xff]);
    }
}
