//! The storefront's files in a folder, as on Spin.

use keywright_ports::BoxFuture;
use keywright_ports::{PageError, PageFiles};
use std::io::ErrorKind;
use std::path::PathBuf;

/// The folder `static/`.
pub struct PageFolder(PathBuf);

impl PageFolder {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl PageFiles for PageFolder {
    fn read<'a>(&'a self, file: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, PageError>> {
        Box::pin(async move {
            match std::fs::read(self.0.join(file)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(PageError(error.to_string())),
            }
        })
    }
}
