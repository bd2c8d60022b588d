//! Writing release files: an R2 bucket on Workers, a folder in native tests.
//! Spin mounts the folder read-only, so there is none there, and whoever
//! publishes writes the folder.

use crate::BoxFuture;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A small file and the tag that changes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The host's tag of these bytes, for [`Expected::Tag`].
    pub tag: String,
}

/// What has to be there for a file to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// No file.
    Nothing,
    /// The file that had this tag.
    Tag(String),
}

/// One stored part of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number, from 1.
    pub number: u16,
    /// The host's tag of its bytes.
    pub tag: String,
}

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseWriteError {
    /// The upload, or a part of it, is not there any more.
    #[error("the release storage has forgotten the upload: {0}")]
    Gone(String),
    /// Anything else; trying again may help.
    #[error("writing to the release storage: {0}")]
    Failed(String),
}

/// What a host implements. Keys are made from checked names only.
pub trait ReleaseWrite: Send + Sync {
    /// Begins an upload in parts. Answers the host's name for it.
    fn begin<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<String, ReleaseWriteError>>;

    /// Stores a part, in place of one of the same number. Parts of an upload
    /// have one size, at least 5 MiB, but for the last one (a rule of R2).
    fn part<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        number: u16,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Part, ReleaseWriteError>>;

    /// Makes the file of exactly these parts, all at once.
    fn complete<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        parts: Vec<Part>,
    ) -> BoxFuture<'a, Result<(), ReleaseWriteError>>;

    /// Forgets an upload and its parts.
    fn abort<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
    ) -> BoxFuture<'a, Result<(), ReleaseWriteError>>;

    /// The size of a file in bytes; `None` when there is none.
    fn size<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<u64>, ReleaseWriteError>>;

    /// Reads a small file whole; `None` when there is none.
    fn read<'a>(&'a self, key: &'a str)
    -> BoxFuture<'a, Result<Option<Tagged>, ReleaseWriteError>>;

    /// Writes a small file if what is there is still what was expected; one
    /// atomic step. `false`: it was not, and nothing was written.
    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        expected: Expected,
    ) -> BoxFuture<'a, Result<bool, ReleaseWriteError>>;
}

/// The release files, for writing.
#[derive(Clone)]
pub struct ReleaseWriter(Arc<dyn ReleaseWrite>);

impl ReleaseWriter {
    pub(crate) fn new(store: Arc<dyn ReleaseWrite>) -> Self {
        Self(store)
    }
}

impl std::ops::Deref for ReleaseWriter {
    type Target = dyn ReleaseWrite;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}
