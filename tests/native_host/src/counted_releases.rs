//! A release store that counts what is asked of it.

use keywright_ports::BoxFuture;
use keywright_ports::{Extent, FileInfo, Listing, Release, ReleaseError, ReleaseStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store in front of another that counts its calls.
pub struct CountedReleases {
    inner: Arc<dyn ReleaseStore>,
    calls: AtomicU64,
}

impl CountedReleases {
    /// Counts the calls of `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn ReleaseStore>) -> Self {
        Self {
            inner,
            calls: AtomicU64::new(0),
        }
    }

    /// Begins to count at 0.
    pub fn count_anew(&self) {
        self.calls.store(0, Ordering::SeqCst);
    }

    /// How many calls there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn counted(&self) -> &dyn ReleaseStore {
        self.calls.fetch_add(1, Ordering::SeqCst);
        &*self.inner
    }
}

impl ReleaseStore for CountedReleases {
    fn stat<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<FileInfo>, ReleaseError>> {
        self.counted().stat(key)
    }

    fn open<'a>(
        &'a self,
        key: &'a str,
        extent: Extent,
    ) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>> {
        self.counted().open(key, extent)
    }

    fn read<'a>(
        &'a self,
        key: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReleaseError>> {
        self.counted().read(key, limit)
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Option<Listing>, ReleaseError>> {
        self.counted().list(folder)
    }
}
