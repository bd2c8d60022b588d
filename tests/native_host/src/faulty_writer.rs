//! A release store that fails on demand, before or after its write, and that
//! lets other tasks run before each call.

use super::Fault;
use bytes::Bytes;
use keywright_ports::BoxFuture;
use keywright_ports::{Expected, Part, ReleaseWrite, ReleaseWriteError, Tagged};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A store in front of another that breaks one chosen call.
pub struct FaultyWriter {
    inner: Arc<dyn ReleaseWrite>,
    calls: AtomicU64,
    broken_call: AtomicU64,
    is_after: AtomicBool,
}

impl FaultyWriter {
    /// Passes everything on until [`Self::break_call`].
    #[must_use]
    pub fn new(inner: Arc<dyn ReleaseWrite>) -> Self {
        Self {
            inner,
            calls: AtomicU64::new(0),
            broken_call: AtomicU64::new(u64::MAX),
            is_after: AtomicBool::new(false),
        }
    }

    /// Breaks the call number `call` from now on, 0 being the next one.
    pub fn break_call(&self, call: u64, fault: Fault) {
        self.calls.store(0, Ordering::SeqCst);
        self.is_after.store(fault == Fault::After, Ordering::SeqCst);
        self.broken_call.store(call, Ordering::SeqCst);
    }

    /// Passes everything on again. Answers how many calls there were since
    /// [`Self::break_call`].
    pub fn mend(&self) -> u64 {
        self.broken_call.store(u64::MAX, Ordering::SeqCst);
        self.calls.load(Ordering::SeqCst)
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, ReleaseWriteError>> + Send,
    ) -> Result<T, ReleaseWriteError> {
        // Lets others in between any two calls, so that tests see every order.
        tokio::task::yield_now().await;
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let lost = || ReleaseWriteError::Failed("connection lost".to_owned());
        if number != self.broken_call.load(Ordering::SeqCst) {
            return call.await;
        }
        if self.is_after.load(Ordering::SeqCst) {
            call.await?;
        }
        Err(lost())
    }
}

impl ReleaseWrite for FaultyWriter {
    fn begin<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<String, ReleaseWriteError>> {
        Box::pin(self.call(self.inner.begin(key)))
    }

    fn part<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        number: u16,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Part, ReleaseWriteError>> {
        Box::pin(self.call(self.inner.part(key, upload, number, bytes)))
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        parts: Vec<Part>,
    ) -> BoxFuture<'a, Result<(), ReleaseWriteError>> {
        Box::pin(self.call(self.inner.complete(key, upload, parts)))
    }

    fn abort<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
    ) -> BoxFuture<'a, Result<(), ReleaseWriteError>> {
        Box::pin(self.call(self.inner.abort(key, upload)))
    }

    fn size<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<u64>, ReleaseWriteError>> {
        Box::pin(self.call(self.inner.size(key)))
    }

    fn read<'a>(
        &'a self,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Tagged>, ReleaseWriteError>> {
        Box::pin(self.call(self.inner.read(key)))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        expected: Expected,
    ) -> BoxFuture<'a, Result<bool, ReleaseWriteError>> {
        Box::pin(self.call(self.inner.put(key, bytes, expected)))
    }
}
