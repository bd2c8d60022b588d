//! An application: its routes and its components, ready to serve.

use crate::logs::Logs;
use crate::manifest::{RESERVED_PREFIX, StaticResponse, Target};
use crate::routes::{RouteMatch, Router};
use crate::worker::Instances;
use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderName};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Full};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyHandler;

/// The client address of a call from one component to another.
const INTERNAL_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// What serves requests, shared by the server and the components.
pub(crate) struct Application {
    pub(crate) router: Router,
    pub(crate) components: BTreeMap<String, ProxyHandler<Instances>>,
    pub(crate) logs: Arc<Logs>,
}

impl Application {
    /// Answers a request from outside.
    ///
    /// # Errors
    ///
    /// A request without a host, or with two different ones. Spin closes the
    /// connection on it, without an answer.
    pub(crate) async fn serve(
        &self,
        mut request: Request<WasiBody>,
        client: SocketAddr,
    ) -> Result<Response<WasiBody>, String> {
        request.headers_mut().remove(CONNECTION);
        let path = request.uri().path().to_owned();
        if let Some(rest) = path.strip_prefix(RESERVED_PREFIX) {
            return Ok(match rest {
                "health" => Response::new(full("OK")),
                _ => status(StatusCode::NOT_FOUND),
            });
        }
        let Some(found) = self.router.find(&path) else {
            return Ok(status(StatusCode::NOT_FOUND));
        };
        set_authority(&mut request)?;
        Ok(match found.target {
            Target::Static(response) => self.fixed(response),
            Target::Component(name) => self.run(name, &found, request, client).await,
        })
    }

    /// Answers a request that another component, or a test, sends to a
    /// component by its name. Private components are called this way only.
    pub(crate) async fn call(&self, name: &str, request: Request<WasiBody>) -> Response<WasiBody> {
        let target = Target::Component(name.to_owned());
        let path = request.uri().path().to_owned();
        let found = RouteMatch::internal(&target, &path);
        self.run(name, &found, request, INTERNAL_CLIENT).await
    }

    /// Lets a component answer. Whatever goes wrong in it is a 500 without a
    /// body, and a line in the host's log.
    async fn run(
        &self,
        name: &str,
        found: &RouteMatch<'_>,
        mut request: Request<WasiBody>,
        client: SocketAddr,
    ) -> Response<WasiBody> {
        let outcome = match self.components.get(name) {
            None => Err("there is no such component, or no trigger names it".to_owned()),
            Some(component) => {
                let uri = request.uri().clone();
                match found.add_headers(request.headers_mut(), &uri, client) {
                    Err(why) => Err(why),
                    Ok(()) => component
                        .handle((), request)
                        .await
                        .map_err(|error| format!("{error:?}")),
                }
            }
        };
        outcome.unwrap_or_else(|why| {
            self.logs
                .host_line(format!("component `{name}`: a request failed: {why}"));
            status(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    fn fixed(&self, fixed: &StaticResponse) -> Response<WasiBody> {
        let mut response = Response::builder().status(fixed.status_code);
        for (name, value) in &fixed.headers {
            response = response.header(name, value);
        }
        response
            .body(full(fixed.body.clone()))
            .unwrap_or_else(|error| {
                self.logs
                    .host_line(format!("a static response cannot be sent: {error}"));
                status(StatusCode::INTERNAL_SERVER_ERROR)
            })
    }
}

impl StaticResponse {
    /// Checks what only sending would show.
    pub(crate) fn check(&self) -> Result<(), String> {
        StatusCode::from_u16(self.status_code)
            .map_err(|_| format!("{} is not a status", self.status_code))?;
        for (name, value) in &self.headers {
            HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("`{name}` is not a header"))?;
            HeaderValue::from_str(value)
                .map_err(|_| format!("`{value}` is not a header's value"))?;
        }
        Ok(())
    }
}

/// Completes the address of a request: the wire has the path only.
fn set_authority(request: &mut Request<WasiBody>) -> Result<(), String> {
    let header = match request.headers().get(HOST) {
        None => None,
        Some(value) => Some(
            value
                .to_str()
                .ok()
                .and_then(|host| host.parse::<Authority>().ok())
                .ok_or("the Host header is malformed")?,
        ),
    };
    let mut parts = request.uri().clone().into_parts();
    let authority = match (header, parts.authority.take()) {
        (Some(header), Some(target)) if header != target => {
            return Err("the Host header differs from the request target".to_owned());
        }
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => return Err("there is no Host header".to_owned()),
    };
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| error.to_string())?;
    Ok(())
}

/// An answer without a body.
fn status(status: StatusCode) -> Response<WasiBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// A body that is known in whole.
pub(crate) fn full(bytes: impl Into<Bytes>) -> WasiBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}
