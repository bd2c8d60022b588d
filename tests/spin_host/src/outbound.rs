//! Requests that a component sends.

use crate::app::Application;
use crate::hosts::{AllowedHosts, internal_component};
use crate::logs::Logs;
use http::header::HOST;
use http::{Request, Response};
use http_body_util::BodyExt;
use std::sync::{Arc, Weak};
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

/// Ends when the exchange is over, with what went wrong on the connection.
type Exchange = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// Lets out what the component's list allows, and takes requests for another
/// component of the application straight to it.
#[derive(Clone)]
pub(crate) struct Outbound {
    component: Arc<str>,
    allowed: Arc<AllowedHosts>,
    application: Weak<Application>,
    logs: Arc<Logs>,
}

impl Outbound {
    pub(crate) fn new(
        component: &str,
        allowed: AllowedHosts,
        application: Weak<Application>,
        logs: Arc<Logs>,
    ) -> Self {
        Self {
            component: component.into(),
            allowed: Arc::new(allowed),
            application,
            logs,
        }
    }

    async fn send(
        self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<(Response<WasiBody>, Exchange), Error> {
        let url =
            Url::parse(&request.uri().to_string()).map_err(|_| Error::HttpRequestUriInvalid)?;
        if !self.allowed.allows(&url) {
            self.logs.host_line(format!(
                "component `{}`: the request to {} is refused: not in its allowed_outbound_hosts",
                self.component,
                url.origin().ascii_serialization()
            ));
            return Err(Error::HttpRequestDenied);
        }
        if let Some(name) = request.uri().host().and_then(internal_component) {
            let name = name.to_owned();
            let Some(application) = self.application.upgrade() else {
                return Err(Error::ConnectionTerminated);
            };
            // Between components there is no connection that needs it.
            request.headers_mut().remove(HOST);
            let response = application.call(&name, request).await;
            return Ok((response, Box::new(async { Ok(()) })));
        }
        let (response, exchange) = default_send_request(request, options).await?;
        Ok((response.map(BodyExt::boxed_unsync), Box::new(exchange)))
    }
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _consumed: Exchange,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Exchange), Error>> + Send> {
        Box::new(self.clone().send(request, options))
    }
}
