//! Calls to loopback servers over HTTP, and to another function's router in
//! the same process.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use keywright_ports::BoxFuture;
use keywright_ports::Host;
use keywright_ports::{Fetch, FetchError, FetchLimits};
use std::time::Duration;

/// Outbound HTTP.
#[derive(Clone)]
pub struct HttpFetch {
    client: reqwest::Client,
    /// The shortest time that an answer is waited for, whatever the limit.
    patience: Duration,
}

/// A machine that compiles beside may take this long over an honest answer.
const PATIENCE: Duration = Duration::from_mins(3);

impl HttpFetch {
    /// A client that follows no redirect.
    #[must_use]
    pub fn new() -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Self {
            client: client.unwrap_or_default(),
            patience: Duration::ZERO,
        }
    }

    /// One that waits for minutes, for tests in which every server answers: how fast the
    /// machine is then changes nothing.
    #[must_use]
    pub fn patient() -> Self {
        Self {
            patience: PATIENCE,
            ..Self::new()
        }
    }
}

impl Default for HttpFetch {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetch for HttpFetch {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default().to_owned();
            let answer = async {
                let unreachable = |_| FetchError::Unreachable(host.clone());
                let request = reqwest::Request::try_from(request).map_err(unreachable)?;
                let answer: Response<reqwest::Body> = self
                    .client
                    .execute(request)
                    .await
                    .map_err(unreachable)?
                    .into();
                let (parts, body) = answer.into_parts();
                let body = match Limited::new(body, limits.bytes).collect().await {
                    Ok(body) => body.to_bytes(),
                    Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                        return Err(FetchError::TooLarge(limits.bytes));
                    }
                    Err(_) => return Err(FetchError::Unreachable(host.clone())),
                };
                Ok(Response::from_parts(parts, body))
            };
            tokio::time::timeout(limits.time.max(self.patience), answer)
                .await
                .unwrap_or(Err(FetchError::TimedOut(limits.time)))
        })
    }
}

/// Calls to a router of this process: the sign function in tests.
pub struct RouterFetch {
    /// Ports of the function that answers.
    pub host: Host,
    /// Its routes.
    pub router: Router,
}

impl Fetch for RouterFetch {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(async move {
            let request = request.map(Body::from);
            let (parts, body) = super::serve(&self.host, &self.router, request)
                .await
                .into_parts();
            let body = Limited::new(body, limits.bytes)
                .collect()
                .await
                .map_err(|_| FetchError::TooLarge(limits.bytes))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        })
    }
}
