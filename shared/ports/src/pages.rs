//! The storefront's files: a mounted folder on Spin. On Workers the platform
//! keeps them as the gateway's assets, and no function reads them.

use crate::BoxFuture;
use std::sync::Arc;

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pages: {0}")]
pub struct PageError(pub String);

/// What a host implements. Files are named by the table of pages only.
pub trait PageFiles: Send + Sync {
    /// Reads a file whole; `None` when there is none.
    fn read<'a>(&'a self, file: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, PageError>>;
}

/// The storefront's files, for reading.
#[derive(Clone)]
pub struct Pages(Arc<dyn PageFiles>);

impl Pages {
    pub(crate) fn new(files: Arc<dyn PageFiles>) -> Self {
        Self(files)
    }

    /// Reads a file whole; `None` when there is none. `file` is its path below
    /// the folder, made of plain names.
    ///
    /// # Errors
    /// [`PageError`] when the host cannot say.
    pub async fn read(&self, file: &str) -> Result<Option<Vec<u8>>, PageError> {
        self.0.read(file).await
    }
}
