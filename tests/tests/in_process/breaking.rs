//! Scenarios of which one step breaks: every call to the database, before and after its
//! write, or every request to `BTCPay`.

use bytes::Bytes;
use http::{Request, Response};
use keywright_btcpay_double::{ApiState, BtcPay};
use keywright_native_host::{Fault, HttpFetch};
use keywright_ports::BoxFuture;
use keywright_ports::{Fetch, FetchError, FetchLimits};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Plays a scenario with its first call to the database broken, then with its second, and
/// so on, each before and after its write. The scenario breaks the call that it is given,
/// asserts that all ends well, and answers whether that call was made at all. It must
/// have `at_least` calls, so that a scenario that does nothing cannot pass.
pub(crate) async fn break_every_call(
    at_least: u64,
    mut scenario: impl AsyncFnMut(u64, Fault) -> bool,
) {
    for fault in [Fault::Before, Fault::After] {
        let mut call = 0;
        while scenario(call, fault).await {
            call += 1;
        }
        assert!(call >= at_least, "only {call} calls were broken");
    }
}

/// The same with the requests to the store, in every way in which one can break.
pub(crate) async fn break_every_request(
    at_least: u64,
    mut scenario: impl AsyncFnMut(u64, BrokenRequest) -> bool,
) {
    for fault in [
        BrokenRequest::Unwell,
        BrokenRequest::Cut,
        BrokenRequest::AnswerLost,
        BrokenRequest::NoTime,
    ] {
        let mut request = 0;
        while scenario(request, fault).await {
            request += 1;
        }
        assert!(request >= at_least, "only {request} requests were broken");
    }
}

/// What happens to a request to the store.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BrokenRequest {
    /// The store answers 503 and does nothing.
    Unwell,
    /// The store ends the connection and does nothing.
    Cut,
    /// The store does it and the answer never arrives.
    AnswerLost,
    /// The store does it and takes longer than we wait.
    NoTime,
}

/// The way out, of which one request breaks.
pub(crate) struct BreakingFetch {
    inner: HttpFetch,
    /// What breaks by itself; `None`: a request that breaks is not sent.
    pay: Option<Arc<BtcPay>>,
    sent: AtomicU64,
    broken: u64,
    fault: BrokenRequest,
}

impl BreakingFetch {
    /// Breaks the request number `broken`, 0 being the first one.
    pub(crate) fn new(pay: &Arc<BtcPay>, broken: u64, fault: BrokenRequest) -> Self {
        Self {
            pay: Some(pay.clone()),
            ..Self::without_help(broken, fault)
        }
    }

    /// The same for a provider that is not told to break.
    pub(crate) fn without_help(broken: u64, fault: BrokenRequest) -> Self {
        Self {
            inner: HttpFetch::patient(),
            pay: None,
            sent: AtomicU64::new(0),
            broken,
            fault,
        }
    }

    /// How many requests there were.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Fetch for BreakingFetch {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(async move {
            if self.sent.fetch_add(1, Ordering::SeqCst) != self.broken {
                return self.inner.send(request, limits).await;
            }
            let unreachable = || FetchError::Unreachable("the store".to_owned());
            match (self.fault, &self.pay) {
                (BrokenRequest::Unwell, Some(pay)) => {
                    pay.fail_next(1, 503);
                    self.inner.send(request, limits).await
                }
                (BrokenRequest::Unwell, None) => {
                    let answer = Response::builder().status(503).body(Bytes::new());
                    answer.map_err(|_| unreachable())
                }
                (BrokenRequest::Cut, Some(pay)) => {
                    pay.api(ApiState::Closed);
                    let answer = self.inner.send(request, limits).await;
                    pay.api(ApiState::Up);
                    answer
                }
                (BrokenRequest::Cut, None) => Err(unreachable()),
                (BrokenRequest::AnswerLost, _) => {
                    self.inner.send(request, limits).await?;
                    Err(unreachable())
                }
                (BrokenRequest::NoTime, _) => {
                    self.inner.send(request, limits).await?;
                    Err(FetchError::TimedOut(limits.time))
                }
            }
        })
    }
}
