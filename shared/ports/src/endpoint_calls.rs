//! Calls to the webhook endpoints that operators enter: only to a judged address, a few
//! at a time, and with limits, because what answers is nobody we know.

use crate::outbound::{BodyRule, Fetch, FetchError, FetchLimits, TIME_LIMIT};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use keywright_domain::webhook::target::WebhookTarget;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many calls may be open at once. A Worker may have six connections open; one is
/// left for the database.
pub const MAX_OPEN_CALLS: usize = 5;

/// How much of an answer is read, after decompression.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Every call says who calls: firewalls refuse those that do not, and Workers add nothing.
const USER_AGENT: &str = concat!("Keywright/", env!("CARGO_PKG_VERSION"));

/// Calls to webhook endpoints.
#[derive(Clone)]
pub struct EndpointCalls {
    fetch: Arc<dyn Fetch>,
    open: Arc<AtomicUsize>,
}

impl EndpointCalls {
    pub(crate) fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self {
            fetch,
            open: Arc::default(),
        }
    }

    /// Posts a body to an endpoint, following no redirect, and answers what came within
    /// ten seconds and 64 KiB: an answer counts as soon as its status is there.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::TooManyOpen`] if [`MAX_OPEN_CALLS`] are open, which
    /// is a fault of the caller.
    pub async fn post(
        &self,
        target: &WebhookTarget,
        headers: HeaderMap,
        body: String,
    ) -> Result<Response<Bytes>, FetchError> {
        let unreachable = || FetchError::Unreachable(target.host().to_owned());
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.url().parse().map_err(|_| unreachable())?;
        *request.headers_mut() = headers;
        request
            .headers_mut()
            .insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let _open = OpenCall::enter(&self.open)?;
        self.fetch.send(request, LIMITS).await
    }
}

const LIMITS: FetchLimits = FetchLimits {
    time: TIME_LIMIT,
    bytes: MAX_BODY_BYTES,
    body: BodyRule::Beginning,
};

/// One open call; closed when dropped.
struct OpenCall<'a>(&'a AtomicUsize);

impl<'a> OpenCall<'a> {
    fn enter(open: &'a AtomicUsize) -> Result<Self, FetchError> {
        if open.fetch_add(1, Ordering::AcqRel) < MAX_OPEN_CALLS {
            return Ok(Self(open));
        }
        open.fetch_sub(1, Ordering::AcqRel);
        Err(FetchError::TooManyOpen)
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BoxFuture;
    use keywright_domain::webhook::target::TargetRules;
    use std::future::poll_fn;
    use std::task::Poll;

    /// Answers at the second look.
    struct Slow;

    impl Fetch for Slow {
        fn send(
            &self,
            request: Request<Bytes>,
            limits: FetchLimits,
        ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
            assert_eq!(limits.body, BodyRule::Beginning);
            let agent = request.headers()[header::USER_AGENT].to_str();
            assert!(agent.is_ok_and(|agent| agent.starts_with("Keywright/")));
            let mut looks = 0;
            Box::pin(poll_fn(move |context| {
                looks += 1;
                context.waker().wake_by_ref();
                match looks {
                    1 => Poll::Pending,
                    _ => Poll::Ready(Ok(Response::new(Bytes::new()))),
                }
            }))
        }
    }

    #[tokio::test]
    async fn five_calls_are_open_at_most() {
        let calls = EndpointCalls::new(Arc::new(Slow));
        let target =
            WebhookTarget::parse("https://hooks.example.com/", TargetRules::default()).unwrap();
        for _ in 0..2 {
            let post = || calls.post(&target, HeaderMap::new(), String::new());
            let answers = tokio::join!(post(), post(), post(), post(), post(), post());
            let is_ok = [
                answers.0.is_ok(),
                answers.1.is_ok(),
                answers.2.is_ok(),
                answers.3.is_ok(),
                answers.4.is_ok(),
            ];
            assert_eq!(is_ok, [true; 5]);
            assert_eq!(answers.5.unwrap_err(), FetchError::TooManyOpen);
        }
    }
}
