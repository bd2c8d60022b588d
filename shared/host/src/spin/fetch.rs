//! Outbound HTTP over WASI 0.3: to payment providers, and to the private sign
//! component. The manifest's `allowed_outbound_hosts` holds besides ours.

use super::send;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use keywright_ports::BoxFuture;
use keywright_ports::{Fetch, FetchError, FetchLimits};
use spin_sdk::wasip3::clocks::monotonic_clock;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

pub(super) struct SpinFetch;

impl Fetch for SpinFetch {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(send(within(limits.time, answer(request, limits.bytes))))
    }
}

async fn answer(request: Request<Bytes>, limit: usize) -> Result<Response<Bytes>, FetchError> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    let unreachable = || FetchError::Unreachable(host.clone());
    let answer = spin_sdk::http::send(request.map(Full::new))
        .await
        .map_err(|_| unreachable())?;
    let (parts, body) = answer.into_parts();
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge(limit)),
        Err(_) => Err(unreachable()),
    }
}

/// The answer, or [`FetchError::TimedOut`] when the time is over first.
async fn within<T>(
    time: Duration,
    answer: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut answer = pin!(answer);
    let mut timer = pin!(monotonic_clock::wait_for(nanoseconds));
    poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => timer
            .as_mut()
            .poll(context)
            .map(|()| Err(FetchError::TimedOut(time))),
    })
    .await
}
