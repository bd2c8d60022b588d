//! Calls to loopback servers over HTTP, and to another function's router in
//! the same process.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use keywright_ports::BoxFuture;
use keywright_ports::Host;
use keywright_ports::{Fetch, FetchError, FetchLimits, answer_within, host_of};
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
            let host = host_of(&request);
            let head = async {
                let unreachable = |_| FetchError::Unreachable(host.clone());
                let request = reqwest::Request::try_from(request).map_err(unreachable)?;
                let answer = self.client.execute(request).await;
                answer
                    .map(Response::<reqwest::Body>::from)
                    .map_err(|error| fault(&error, &host))
            };
            let over = tokio::time::sleep(limits.time.max(self.patience));
            answer_within(&host, limits, head, over).await
        })
    }
}

/// What the client says of a call that failed.
fn fault(error: &reqwest::Error, host: &str) -> FetchError {
    let text = format!("{error:?}");
    if text.contains("dns error") {
        FetchError::NameUnknown(host.to_owned())
    } else if text.contains("InvalidCertificate") || text.contains("InvalidContentType") {
        FetchError::NotSecure(host.to_owned())
    } else {
        FetchError::Unreachable(host.to_owned())
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
