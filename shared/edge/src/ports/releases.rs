//! Release files: an R2 bucket on Workers, a mounted folder elsewhere. Bytes
//! stay in the host where it can hand its own stream to the response.

use crate::BoxFuture;
use axum::body::Body;
use std::sync::Arc;

/// A file that is there.
pub struct Release {
    /// Its size in bytes.
    pub size: u64,
    /// Its bytes.
    pub body: ReleaseBody,
}

/// The bytes of a file.
pub enum ReleaseBody {
    /// A stream that passes through the function.
    Stream(Body),
    /// A stream of the host itself, put into the response as an extension and
    /// taken out again by the host adapter, so that wasm memory never holds it.
    Host(HostBody),
}

/// The host's own stream; only the adapter that made it knows what is inside.
#[derive(Clone)]
pub struct HostBody(pub Arc<dyn std::any::Any + Send + Sync>);

/// What a folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names of the folders inside it, sorted.
    pub folders: Vec<String>,
}

/// Why the store did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("release storage: {0}")]
pub struct ReleaseError(pub String);

/// What a host implements. Keys and folders are made from checked names only.
pub trait ReleaseStore: Send + Sync {
    /// Opens a file; `None` when there is none.
    fn open<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>>;

    /// Reads a small file whole; `None` when there is none or it is larger
    /// than `limit` bytes.
    fn read<'a>(
        &'a self,
        key: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReleaseError>>;

    /// Lists a folder (`""` is the top); `None` when there is none.
    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Option<Listing>, ReleaseError>>;
}

/// The release files, for reading.
#[derive(Clone)]
pub struct Releases(Arc<dyn ReleaseStore>);

impl Releases {
    pub(crate) fn new(store: Arc<dyn ReleaseStore>) -> Self {
        Self(store)
    }
}

impl std::ops::Deref for Releases {
    type Target = dyn ReleaseStore;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}
