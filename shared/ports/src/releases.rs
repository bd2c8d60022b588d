//! Release files: an R2 bucket on Workers, a mounted folder elsewhere. Bytes
//! stay in the host where it can hand its own stream to the response.
//!
//! `keywright_web::download` answers requests for a file with what is here; a
//! function calls [`stat`](ReleaseStore::stat) or [`open`](ReleaseStore::open)
//! itself only for what is no download. Keys are paths with `/` between their
//! segments, made of checked names only (`keywright_domain::release`), such as
//! `demo/1.2.0/MANIFEST.json` or `demo/.files/<sha256 in hex>`.

use crate::BoxFuture;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use std::sync::Arc;

/// What there is to know of a file before its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, in unix seconds, where the host knows.
    pub modified: Option<i64>,
}

/// A stretch of a file, inside it: where a caller cannot know the size it asks
/// for [`Extent::WHOLE`] or calls [`stat`](ReleaseStore::stat) first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Bytes left out in front.
    pub offset: u64,
    /// Bytes from there; `None` is to the end.
    pub length: Option<u64>,
}

impl Extent {
    /// All of it.
    pub const WHOLE: Self = Self {
        offset: 0,
        length: None,
    };

    /// How many bytes of a file of `size` bytes it names; none behind its end.
    #[must_use]
    pub fn length_in(self, size: u64) -> u64 {
        let left = size.saturating_sub(self.offset);
        self.length.map_or(left, |length| length.min(left))
    }

    /// Whether it goes on to the end of a file of `size` bytes.
    #[must_use]
    pub fn reaches_end(self, size: u64) -> bool {
        self.offset.saturating_add(self.length_in(size)) >= size
    }
}

/// A file that was opened.
pub struct Release {
    /// The whole file, also where only a stretch of it was asked for.
    pub info: FileInfo,
    /// The bytes of the stretch.
    pub body: ReleaseBody,
}

/// Bytes that pass through the function, as they come.
pub type ByteStream = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The bytes of a file.
pub enum ReleaseBody {
    /// A stream that passes through the function.
    Stream(ByteStream),
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
    /// Names of the plain files inside it, sorted.
    pub files: Vec<String>,
}

/// Why the store did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("release storage: {0}")]
pub struct ReleaseError(pub String);

/// What a host implements. A folder, a symbolic link and whatever lies outside
/// of the store is no file and answers `None`.
pub trait ReleaseStore: Send + Sync {
    /// Looks a file up without opening it; `None` when there is none.
    fn stat<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<FileInfo>, ReleaseError>>;

    /// Opens a stretch of a file; `None` when there is none.
    fn open<'a>(
        &'a self,
        key: &'a str,
        extent: Extent,
    ) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>>;

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
    /// Wraps a host's.
    pub fn new(store: Arc<dyn ReleaseStore>) -> Self {
        Self(store)
    }
}

impl std::ops::Deref for Releases {
    type Target = dyn ReleaseStore;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_stays_inside_its_file() {
        for (offset, length, size, counted, to_end) in [
            (0, None, 10, 10, true),
            (0, None, 0, 0, true),
            (4, None, 10, 6, true),
            (10, None, 10, 0, true),
            (11, None, 10, 0, true),
            (0, Some(10), 10, 10, true),
            (0, Some(9), 10, 9, false),
            (3, Some(4), 10, 4, false),
            (3, Some(u64::MAX), 10, 7, true),
            (u64::MAX, Some(u64::MAX), 10, 0, true),
        ] {
            let extent = Extent { offset, length };
            assert_eq!(extent.length_in(size), counted, "{extent:?} of {size}");
            assert_eq!(extent.reaches_end(size), to_end, "{extent:?} of {size}");
        }
    }
}
