//! Outbound HTTP with an allow-list, a time limit and a size limit.

use crate::BoxFuture;
use bytes::Bytes;
use http::{Request, Response, Uri};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take, body included. Workers end a request's outside
/// calls with the request; ten seconds leave time to answer the caller.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// How large an answer may be. A page of 50 `BTCPay` invoices is about 100 KB.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// How large an answer may be whose size strangers decide, such as the logs of a
/// block. All that fits into one block of Polygon does: some 10,000 events of 640
/// bytes. A quarter of what a Worker may hold, with the copy that collecting makes.
const MAX_LARGE_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// The limits of one call.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// Time for the whole answer.
    pub time: Duration,
    /// Bytes of the answer's body.
    pub bytes: usize,
    /// Which bodies are an answer.
    pub body: BodyRule,
}

/// Which bodies are an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRule {
    /// Those that arrive whole, within both limits.
    Whole,
    /// Any: what has arrived of it when it ends, breaks off or meets a limit. The rest is
    /// not read.
    Beginning,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL is outside the allow-list.
    #[error("{0} is not an allowed host")]
    NotAllowed(String),
    /// The host is not reachable or broke the connection.
    #[error("cannot reach {0}")]
    Unreachable(String),
    /// The host's name has no address now.
    #[error("the name {0} does not resolve")]
    NameUnknown(String),
    /// The connection is not secure: a certificate that is wrong or that nobody vouches
    /// for, or no TLS at all.
    #[error("the TLS connection to {0} failed; check its certificate")]
    NotSecure(String),
    /// More calls were open than the platform takes.
    #[error("too many calls are open")]
    TooManyOpen,
    /// The time limit was over.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The answer was larger than the limit.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// What a host implements: one call, following no redirect.
pub trait Fetch: Send + Sync {
    /// Sends the request and collects the answer.
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>>;
}

/// Outbound HTTP for a function.
#[derive(Clone)]
pub struct Outbound {
    fetch: Arc<dyn Fetch>,
    allowed: Arc<[Origin]>,
}

type Origin = (String, String, u16);

impl Outbound {
    pub(crate) fn new(fetch: Arc<dyn Fetch>, allowed: &[&str]) -> Self {
        let origins = allowed
            .iter()
            .filter_map(|url| origin(&url.parse().ok()?))
            .collect();
        Self {
            fetch,
            allowed: origins,
        }
    }

    /// Sends a request to an allowed host.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::NotAllowed`] before any connection.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        self.send_within(request, TIME_LIMIT).await
    }

    /// As [`Self::send`], for an answer that is worth this time at most.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_within(
        &self,
        request: Request<Bytes>,
        time: Duration,
    ) -> Result<Response<Bytes>, FetchError> {
        self.send_limited(
            request,
            FetchLimits {
                time: time.min(TIME_LIMIT),
                bytes: MAX_ANSWER_BYTES,
                body: BodyRule::Whole,
            },
        )
        .await
    }

    /// As [`Self::send_within`], for an answer whose size strangers decide: up to 8 MiB.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_for_large(
        &self,
        request: Request<Bytes>,
        time: Duration,
    ) -> Result<Response<Bytes>, FetchError> {
        self.send_limited(
            request,
            FetchLimits {
                time: time.min(TIME_LIMIT),
                bytes: MAX_LARGE_ANSWER_BYTES,
                body: BodyRule::Whole,
            },
        )
        .await
    }

    async fn send_limited(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> Result<Response<Bytes>, FetchError> {
        let allowed = origin(request.uri()).is_some_and(|asked| self.allowed.contains(&asked));
        if !allowed {
            let host = request
                .uri()
                .host()
                .unwrap_or("a URL without a host")
                .to_owned();
            return Err(FetchError::NotAllowed(host));
        }
        self.fetch.send(request, limits).await
    }
}

/// Scheme, host and port; `None` for anything but http and https. A user name
/// in the URL (`https://allowed@other`) is not part of the host.
fn origin(uri: &Uri) -> Option<Origin> {
    let scheme = uri.scheme_str()?;
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = uri.host()?.to_ascii_lowercase();
    Some((
        scheme.to_owned(),
        host,
        uri.port_u16().unwrap_or(default_port),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;

    impl Fetch for Echo {
        fn send(
            &self,
            _: Request<Bytes>,
            _: FetchLimits,
        ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
            Box::pin(async { Ok(Response::new(Bytes::new())) })
        }
    }

    async fn allowed(url: &str) -> bool {
        let outbound = Outbound::new(Arc::new(Echo), &["https://pay.example/base", ""]);
        let request = Request::get(url).body(Bytes::new()).expect("a URL");
        outbound.send(request).await.is_ok()
    }

    #[tokio::test]
    async fn only_the_same_origin_is_called() {
        assert!(allowed("https://pay.example/api").await);
        assert!(allowed("https://PAY.example:443/api").await);
        for url in [
            "http://pay.example/api",
            "https://pay.example:444/api",
            "https://pay.example.evil/api",
            "https://pay.example@evil/api",
            "https://evil/pay.example",
        ] {
            assert!(!allowed(url).await, "{url}");
        }
    }

    struct Limits;

    impl Fetch for Limits {
        fn send(
            &self,
            _: Request<Bytes>,
            limits: FetchLimits,
        ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
            Box::pin(async move { Err(FetchError::TimedOut(limits.time)) })
        }
    }

    #[tokio::test]
    async fn a_call_may_have_less_time_and_never_more() {
        let outbound = Outbound::new(Arc::new(Limits), &["https://pay.example"]);
        let request = || {
            Request::get("https://pay.example/")
                .body(Bytes::new())
                .expect("a URL")
        };
        for (seconds, limit) in [(3, 3), (10, 10), (60, 10)] {
            let sent = outbound
                .send_within(request(), Duration::from_secs(seconds))
                .await;
            let limit = FetchError::TimedOut(Duration::from_secs(limit));
            assert_eq!(sent.err(), Some(limit), "{seconds}");
        }
        let sent = outbound.send(request()).await;
        assert_eq!(sent.err(), Some(FetchError::TimedOut(TIME_LIMIT)));
    }
}
