//! Calls to outside hosts by `fetch`, and to the sign function by its service
//! binding.

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use keywright_ports::BoxFuture;
use keywright_ports::{Fetch, FetchError, FetchLimits, answer_within, host_of};
use send_wrapper::SendWrapper;
use worker::{Delay, Fetcher, RequestInit, RequestRedirect};

/// Outside hosts.
pub(super) struct GlobalFetch;

/// Another Worker of this instance.
pub(super) struct ServiceFetch(SendWrapper<Fetcher>);

impl ServiceFetch {
    pub(super) fn new(service: Fetcher) -> Self {
        Self(SendWrapper::new(service))
    }
}

impl Fetch for GlobalFetch {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(SendWrapper::new(call(request, limits, async |request| {
            let answer = worker::Fetch::Request(request).send().await?;
            Ok(answer.into())
        })))
    }
}

impl Fetch for ServiceFetch {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(SendWrapper::new(call(request, limits, async |request| {
            Ok(self.0.fetch_request(request).await?.map(Body::new))
        })))
    }
}

/// Sends a request by one of the platform's ways and collects the answer,
/// within the limits.
async fn call(
    request: Request<Bytes>,
    limits: FetchLimits,
    send: impl AsyncFnOnce(worker::Request) -> worker::Result<Response<Body>>,
) -> Result<Response<Bytes>, FetchError> {
    let host = host_of(&request);
    let head = async {
        let unreachable = |_| FetchError::Unreachable(host.clone());
        let request = outgoing(&request).map_err(unreachable)?;
        let answer = send(request).await.map_err(|error| fault(&error, &host))?;
        match answer.status().as_u16() {
            // The platform answers these itself when it reaches no origin.
            530 => Err(FetchError::NameUnknown(host.clone())),
            525 | 526 => Err(FetchError::NotSecure(host.clone())),
            _ => Ok(answer),
        }
    };
    answer_within(&host, limits, head, Delay::from(limits.time)).await
}

/// What the platform's text says of a call that failed.
fn fault(error: &worker::Error, host: &str) -> FetchError {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["DNS"]) {
        FetchError::NameUnknown(host.to_owned())
    } else if says(&["TLS", "SSL", "certificate"]) {
        FetchError::NotSecure(host.to_owned())
    } else {
        FetchError::Unreachable(host.to_owned())
    }
}

/// The request as one of the platform, following no redirect.
fn outgoing(request: &Request<Bytes>) -> worker::Result<worker::Request> {
    let headers = worker::Headers::new();
    for (name, value) in request.headers() {
        let value = value
            .to_str()
            .map_err(|error| worker::Error::RustError(error.to_string()))?;
        headers.append(name.as_str(), value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(request.method().to_string().into())
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual);
    if !request.body().is_empty() {
        let bytes = worker::js_sys::Uint8Array::from(request.body().as_ref());
        init.with_body(Some(bytes.into()));
    }
    worker::Request::new_with_init(&request.uri().to_string(), &init)
}
