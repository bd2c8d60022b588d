//! Calls to outside hosts by `fetch`, and to the sign function by its service
//! binding.

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use keywright_ports::BoxFuture;
use keywright_ports::{Fetch, FetchError, FetchLimits};
use send_wrapper::SendWrapper;
use std::pin::pin;
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
    within(limits, async {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let unreachable = |_| FetchError::Unreachable(host.clone());
        let request = outgoing(&request).map_err(unreachable)?;
        let answer = send(request).await.map_err(unreachable)?;
        collect(answer, limits.bytes, &host).await
    })
    .await
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

async fn collect(
    answer: Response<Body>,
    limit: usize,
    host: &str,
) -> Result<Response<Bytes>, FetchError> {
    let (parts, body) = answer.into_parts();
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge(limit)),
        Err(_) => Err(FetchError::Unreachable(host.to_owned())),
    }
}

/// The answer, or [`FetchError::TimedOut`] when the time is over first.
async fn within<T>(
    limits: FetchLimits,
    answer: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    match select(pin!(answer), pin!(Delay::from(limits.time))).await {
        Either::Left((result, _)) => result,
        Either::Right(((), _)) => Err(FetchError::TimedOut(limits.time)),
    }
}
